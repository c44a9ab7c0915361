"""``rate(...)`` and ``cron(...)`` as EventBridge and Glue understand them, in UTC."""

from __future__ import annotations

import calendar
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

_RATE: Final = re.compile(r"rate\((\d+) (minutes?|hours?|days?)\)")
_CRON: Final = re.compile(r"cron\(([^()]*)\)")
_SECONDS: Final = {"minute": 60, "hour": 3600, "day": 86_400}
_MONTHS: Final = tuple(calendar.month_abbr[number].upper() for number in range(1, 13))
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2199


@dataclass(frozen=True, slots=True)
class Rate:
    """Every ``seconds`` from the moment of enabling."""

    seconds: int

    def next_after(self, moment: float, since: float) -> float | None:
        """The first due time after ``moment``, of those that count from ``since``; Unix times in seconds."""
        passed = max(0, int((moment - since) // self.seconds))
        return since + (passed + 1) * self.seconds


@dataclass(frozen=True, slots=True)
class Cron:
    """AWS's six fields. Days are texts, since L, W and # depend on the month."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: str
    months: tuple[int, ...]
    weekdays: str
    years: tuple[int, ...]

    def next_after(self, moment: float, since: float) -> float | None:  # noqa: ARG002 - for Rate's sake
        """The first matching minute after ``moment`` (Unix seconds), or None when there is none left."""
        start = datetime.fromtimestamp(moment, UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        for day in self._days_from(start.date()):
            for hour in self.hours:
                for minute in self.minutes:
                    due = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                    if due >= start:
                        return due.timestamp()
        return None

    def _days_from(self, start: date) -> Iterator[date]:
        for year in self.years:
            for month in self.months:
                if (year, month) < (start.year, start.month):
                    continue
                for number in self._days_of(year, month):
                    if (day := date(year, month, number)) >= start:
                        yield day

    def _days_of(self, year: int, month: int) -> list[int]:
        last = calendar.monthrange(year, month)[1]
        if self.weekdays == "?":
            found = _month_days(self.days, year, month, last)
        else:
            found = _week_days(self.weekdays, year, month, last)
        return sorted(day for day in set(found) if 1 <= day <= last)


Expression = Rate | Cron


def parse_expression(text: str) -> Expression:
    """The schedule that ``text`` means. Raises ``ValueError`` for what AWS does not take."""
    if rate := _RATE.fullmatch(text):
        count, unit = int(rate[1]), rate[2]
        if count < 1 or (count == 1) == unit.endswith("s"):
            raise ValueError(f"{text}: 1 goes with a singular unit, any other number with a plural one.")
        return Rate(count * _SECONDS[unit.removesuffix("s")])
    cron = _CRON.fullmatch(text)
    if cron is None:
        raise ValueError(f"{text} is neither rate(value unit) nor cron(six fields).")
    fields = cron[1].upper().split()
    if len(fields) != 6:
        raise ValueError(f"{text} has {len(fields)} fields instead of six.")
    minutes, hours, days, months, weekdays, years = fields
    if (days == "?") == (weekdays == "?"):
        raise ValueError(f"{text}: exactly one of day-of-month and day-of-week is a question mark.")
    found = Cron(
        _numbers(minutes, 0, 59),
        _numbers(hours, 0, 23),
        days,
        _numbers(months, 1, 12, _MONTHS),
        weekdays,
        _numbers(years, _FIRST_YEAR, _LAST_YEAR),
    )
    found._days_of(2024, 1)  # noqa: SLF001 - says at once what is wrong with the days
    return found


def _month_days(text: str, year: int, month: int, last: int) -> Collection[int]:
    """The days of a month that a day-of-month field means: L is the last, 3W the weekday nearest to the 3rd."""
    if text == "L":
        return [last]
    if text == "LW":
        return [_nearest_weekday(year, month, last, last)]
    if found := re.fullmatch(r"(\d+)W", text):
        [day] = _numbers(found[1], 1, 31)
        return [_nearest_weekday(year, month, day, last)] if day <= last else []
    return _numbers(text, 1, 31)


def _nearest_weekday(year: int, month: int, day: int, last: int) -> int:
    weekday = calendar.weekday(year, month, day)
    if weekday == calendar.SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == calendar.SUNDAY:
        return day + 1 if day < last else day - 2
    return day


def _week_days(text: str, year: int, month: int, last: int) -> Collection[int]:
    """The days of a month that a day-of-week field means: 6L is the last Friday, 3#2 the second Tuesday."""
    first = (calendar.weekday(year, month, 1) + 1) % 7 + 1  # 1 is Sunday
    if text == "L":
        text = "SAT"
    if found := re.fullmatch(r"(\w+)#([1-5])", text):
        [weekday] = _numbers(found[1], 1, 7, _DAYS)
        return [1 + (weekday - first) % 7 + 7 * (int(found[2]) - 1)]
    if found := re.fullmatch(r"(\w+)L", text):
        [weekday] = _numbers(found[1], 1, 7, _DAYS)
        return [max(range(1 + (weekday - first) % 7, last + 1, 7))]
    weekdays = _numbers(text, 1, 7, _DAYS)
    return [day for day in range(1, last + 1) if (first + day - 2) % 7 + 1 in weekdays]


def _numbers(text: str, low: int, high: int, names: Collection[str] = ()) -> tuple[int, ...]:
    """The numbers that a field of values, ranges, steps and lists means, sorted."""
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        if span == "*":
            first, end = low, high
        else:
            begin, dash, until = span.partition("-")
            first = _number(begin, names, low)
            end = _number(until, names, low) if dash else (high if slash else first)
        width = int(step) if step.isdecimal() else 0 if slash else 1
        if not (low <= first <= high and low <= end <= high and width > 0):
            raise ValueError(f"{part} is not within {low}-{high} or has no valid step.")
        # FRI-MON goes over the end of the week.
        found.update(range(first, end + 1, width) if first <= end else (*range(first, high + 1), *range(low, end + 1)))
    return tuple(sorted(found))


def _number(text: str, names: Collection[str], low: int) -> int:
    if text in names:
        return list(names).index(text) + low
    if not text.isdecimal():
        raise ValueError(f"{text or 'an empty field'} is not a number.")
    return int(text)
