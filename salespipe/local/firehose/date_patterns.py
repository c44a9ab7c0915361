"""Java's ``DateTimeFormatter`` patterns, as far as they make sense in an object key, formatted in English."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

_MONTHS: Final = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
_DAYS: Final = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()  # noqa: SIM905


class DatePattern:
    """A parsed pattern, for example ``yyyy-MM-dd'T'HH``. Raises ``ValueError`` for a letter that is not supported.

    Source: the pattern letters of java.time.format.DateTimeFormatter, with the US locale for names and weeks.
    """

    def __init__(self, text: str) -> None:
        self._parts: list[str | tuple[Callable[[datetime, int], str], int]] = []
        position = 0
        while position < len(text):
            character = text[position]
            if character == "'":
                position = self._literal(text, position + 1)
            elif character.isascii() and character.isalpha():
                end = position
                while end < len(text) and text[end] == character:
                    end += 1
                if character not in _FIELDS:
                    raise ValueError(f"Unknown pattern letter: {character}")
                if end - position > _LONGEST.get(character, 9):
                    raise ValueError(f"Too many pattern letters: {character}")
                self._parts.append((_FIELDS[character], end - position))
                position = end
            elif character in "{}#":
                raise ValueError(f"Pattern includes reserved character: '{character}'")
            else:
                # Brackets mark optional sections, which are always present when formatting.
                self._parts.append("" if character in "[]" else character)
                position += 1

    def _literal(self, text: str, start: int) -> int:
        """Read a quoted literal, in which two quotes are one; returns where it ends."""
        end = text.find("'", start)
        if end < 0:
            raise ValueError(f"Pattern ends with an incomplete string literal: {text}")
        self._parts.append(text[start:end] if end > start else "'")
        return end + 1

    def format(self, moment: datetime) -> str:
        """The text for an aware ``moment``."""
        return "".join(part if isinstance(part, str) else part[0](moment, part[1]) for part in self._parts)


def _year(year: int, count: int) -> str:
    return f"{year % 100:02d}" if count == 2 else f"{year:0{count}d}"


def _named(names: list[str], number: int, count: int) -> str:
    """1 and 2 letters: the number; 3: three letters of the name; 4: the name; 5: its first letter."""
    if count < 3:
        return f"{number:0{count}d}"
    name = names[number - 1]
    return {3: name[:3], 4: name, 5: name[0]}[count]


def _weekday(moment: datetime, count: int) -> str:
    return _named(_DAYS, moment.isoweekday(), max(count, 3))


def _localized_weekday(moment: datetime, count: int) -> str:
    if count < 3:
        return f"{moment.isoweekday() % 7 + 1:0{count}d}"
    return _weekday(moment, count)


def _week(moment: datetime) -> tuple[int, int]:
    """Week-based year and week of the US: weeks begin on Sunday, and 1 January is in the first week of its year."""
    sunday_based = moment.isoweekday() % 7
    day_of_year = moment.timetuple().tm_yday
    week = (day_of_year - sunday_based + 12) // 7
    days_in_year = datetime(moment.year, 12, 31).timetuple().tm_yday
    if day_of_year - sunday_based + 6 >= days_in_year:
        return moment.year + 1, 1
    return moment.year, week


def _offset(moment: datetime, count: int, *, zulu: bool) -> str:
    """Java's X (``zulu``) and x: +01, +0100, +01:00 by the number of letters."""
    offset = moment.utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset is not None else 0
    if zulu and not minutes:
        return "Z"
    sign, minutes = "-" if minutes < 0 else "+", abs(minutes)
    hours, rest = divmod(minutes, 60)
    if count == 1:
        return f"{sign}{hours:02d}" + (f"{rest:02d}" if rest else "")
    return f"{sign}{hours:02d}{':' if count in {3, 5} else ''}{rest:02d}"


def _zone_z(moment: datetime, count: int) -> str:
    """Java's Z: +0100, GMT+01:00 with 4 letters, +01:00 with 5."""
    if count == 4:
        return _gmt(moment, count)
    return _offset(moment, 3, zulu=True) if count == 5 else _offset(moment, 2, zulu=False)


def _gmt(moment: datetime, count: int) -> str:
    offset = _offset(moment, 3, zulu=False)
    if offset == "+00:00":
        return "GMT"
    return f"GMT{offset}" if count == 4 else "GMT" + offset.removesuffix(":00").replace("+0", "+").replace("-0", "-")


def _fraction(moment: datetime, count: int) -> str:
    return f"{moment.microsecond * 1000:09d}"[:count]


def _nanosecond(moment: datetime, count: int) -> str:
    return f"{moment.microsecond * 1000:0{count}d}"


def _day_millisecond(moment: datetime) -> int:
    return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1000 + moment.microsecond // 1000


_FIELDS: Final[dict[str, Callable[[datetime, int], str]]] = {
    "G": lambda _moment, count: {4: "Anno Domini", 5: "A"}.get(count, "AD"),
    "y": lambda moment, count: _year(moment.year, count),
    "u": lambda moment, count: _year(moment.year, count),
    "Y": lambda moment, count: _year(_week(moment)[0], count),
    "D": lambda moment, count: f"{moment.timetuple().tm_yday:0{count}d}",
    "M": lambda moment, count: _named(_MONTHS, moment.month, count),
    "L": lambda moment, count: _named(_MONTHS, moment.month, count),
    "d": lambda moment, count: f"{moment.day:0{count}d}",
    "Q": lambda moment, count: f"{(moment.month + 2) // 3:0{count}d}",
    "q": lambda moment, count: f"{(moment.month + 2) // 3:0{count}d}",
    "w": lambda moment, count: f"{_week(moment)[1]:0{count}d}",
    "E": _weekday,
    "e": _localized_weekday,
    "c": _localized_weekday,
    "a": lambda moment, _count: "PM" if moment.hour >= 12 else "AM",
    "h": lambda moment, count: f"{(moment.hour + 11) % 12 + 1:0{count}d}",
    "K": lambda moment, count: f"{moment.hour % 12:0{count}d}",
    "k": lambda moment, count: f"{moment.hour or 24:0{count}d}",
    "H": lambda moment, count: f"{moment.hour:0{count}d}",
    "m": lambda moment, count: f"{moment.minute:0{count}d}",
    "s": lambda moment, count: f"{moment.second:0{count}d}",
    "S": _fraction,
    "A": lambda moment, count: f"{_day_millisecond(moment):0{count}d}",
    "n": _nanosecond,
    "N": lambda moment, count: f"{_day_millisecond(moment) * 1_000_000:0{count}d}",
    "V": lambda moment, _count: str(moment.tzinfo),
    "z": lambda moment, _count: moment.tzname() or "",
    "O": _gmt,
    "X": lambda moment, count: _offset(moment, count, zulu=True),
    "x": lambda moment, count: _offset(moment, count, zulu=False),
    "Z": _zone_z,
}
# Where Java allows fewer letters than any count that we would format.
_LONGEST: Final = {
    **dict.fromkeys("dhHkKmswQq", 2),
    "Q": 2,
    "q": 2,
    "a": 1,
    "D": 3,
    **dict.fromkeys("MLEecGXxZ", 5),
    **dict.fromkeys("VzO", 4),
}
