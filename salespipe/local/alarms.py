"""How CloudWatch evaluates an alarm on one metric: CloudWatch user guide, "Using Amazon CloudWatch alarms".

The rules are those of "Evaluating an alarm" and of "Configuring how CloudWatch alarms treat missing data". How many
data points beyond the evaluation periods CloudWatch looks at is not said; its examples have two more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

OK: Final = "OK"
ALARM: Final = "ALARM"
INSUFFICIENT: Final = "INSUFFICIENT_DATA"

_BEYOND: Final = 2
_MINUTE: Final = 60

# How a comparison is made, and how a reason names it.
_COMPARISONS: Final[Mapping[str, tuple[Callable[[float, float], bool], str]]] = {
    "GreaterThanThreshold": (lambda value, threshold: value > threshold, "greater than"),
    "GreaterThanOrEqualToThreshold": (lambda value, threshold: value >= threshold, "greater than or equal to"),
    "LessThanThreshold": (lambda value, threshold: value < threshold, "less than"),
    "LessThanOrEqualToThreshold": (lambda value, threshold: value <= threshold, "less than or equal to"),
}
_TREATED: Final = {"breaching": "Breaching", "notBreaching": "NonBreaching"}


@dataclass(frozen=True, slots=True)
class Rule:
    """What PutMetricAlarm says of one alarm: ``breaching`` (M) out of ``periods`` (N) of ``period`` seconds each."""

    statistic: str
    period: int
    periods: int
    breaching: int
    threshold: float
    comparison: str
    missing: str = "missing"

    @property
    def known(self) -> bool:
        """Whether it is one of those that are evaluated here: a static threshold."""
        return self.comparison in _COMPARISONS and self.period > 0


@dataclass(frozen=True, slots=True)
class Datum:
    """What was published for a time (Unix seconds): one value, or a set of statistics."""

    at: float
    count: float
    total: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state that an alarm should have, why, and the same as CloudWatch's JSON."""

    state: str
    reason: str
    data: str


@dataclass(frozen=True, slots=True)
class _Point:
    """The value of the period that began at ``start`` (Unix seconds), ``age`` periods before the newest whole one."""

    start: float
    age: int
    value: float
    count: float
    bad: bool


def earliest(rule: Rule, now: float) -> float:
    """The time (Unix seconds) before which no datum matters."""
    return _end(now) - (rule.periods + _BEYOND) * rule.period


def evaluate(rule: Rule, data: Sequence[Datum], state: str, now: float) -> Verdict:
    """The state that follows from ``data``, an alarm's whole periods being told from ``now``; ``state`` is its own."""
    points = _points(rule, data, now)
    if len(points) >= rule.periods:  # data points beyond them make up for missing ones
        window, missing = points[: rule.periods], 0
    else:
        window, missing = points, rule.periods - len(points)
    bad = sum(point.bad for point in window)
    new = _state(rule, window, bad, missing, state)
    return Verdict(new, _reason(rule, window, missing, new), _data(rule, window, now))


def _state(rule: Rule, window: list[_Point], bad: int, missing: int, state: str) -> str:
    if bad >= rule.breaching:
        return ALARM
    if not missing or rule.missing == "notBreaching":
        return OK
    if rule.missing == "breaching":
        return ALARM if bad + missing >= rule.breaching else OK
    if not window:
        return state if rule.missing == "ignore" else INSUFFICIENT
    if rule.missing == "ignore":
        return state if bad else OK
    # Breaching as long ago as the alarm asks for, and nothing since that would say otherwise.
    old = window[-1].bad and window[-1].age + 1 >= rule.breaching and bad == len(window)
    return ALARM if old else OK


def _end(now: float) -> float:
    return now // _MINUTE * _MINUTE


def _points(rule: Rule, data: Sequence[Datum], now: float) -> list[_Point]:
    """The newest first; a period in which nothing was published has none."""
    end, first = _end(now), earliest(rule, now)
    periods: dict[int, list[Datum]] = {}
    for datum in data:
        if first <= datum.at < end:
            periods.setdefault(int((end - datum.at - 1e-6) // rule.period), []).append(datum)
    breaches = _COMPARISONS[rule.comparison][0]
    found = []
    for age, inside in sorted(periods.items()):
        value = float(_value(rule.statistic, inside))
        count = sum(datum.count for datum in inside)
        found.append(_Point(end - (age + 1) * rule.period, age, value, count, breaches(value, rule.threshold)))
    return found


def _value(statistic: str, data: Sequence[Datum]) -> float:
    total, count = sum(datum.total for datum in data), sum(datum.count for datum in data)
    return {
        "Sum": total,
        "SampleCount": count,
        "Average": total / count if count else 0.0,
        "Minimum": min(datum.least for datum in data),
        "Maximum": max(datum.most for datum in data),
    }[statistic]


def _reason(rule: Rule, window: list[_Point], missing: int, state: str) -> str:
    """In CloudWatch's words, as its notifications have them."""
    if state == INSUFFICIENT:
        return f"Insufficient Data: {_counted(rule.periods)} {'was' if rule.periods == 1 else 'were'} unknown."
    treated = ""
    if missing:
        how = _TREATED.get(rule.missing, "Missing")
        treated = f"{missing} missing {'datapoint was' if missing == 1 else 'datapoints were'} treated as [{how}]"
    if not window:
        periods = f"{rule.periods} period{'' if rule.periods == 1 else 's'}"
        return f"Threshold Crossed: no datapoints were received for {periods} and {treated}."
    shown = [point for point in window if point.bad == (state == ALARM)] or window
    values = ", ".join(f"{point.value} ({_moment(point.start):%d/%m/%y %H:%M:%S})" for point in shown)
    out_of = f"{len(shown)} out of the last {rule.periods} datapoints [{values}]"
    verb, negated = ("was" if len(shown) == 1 else "were"), "" if state == ALARM else "not "
    least = rule.breaching if state == ALARM else rule.periods - rule.breaching + 1
    way = "OK -> ALARM" if state == ALARM else "ALARM -> OK"
    return (
        f"Threshold Crossed: {out_of} {verb} {negated}{_COMPARISONS[rule.comparison][1]} the threshold "
        f"({rule.threshold}) (minimum {_counted(least)} for {way} transition)"
        + (f" and {treated}." if treated else ".")
    )


def _counted(number: int) -> str:
    return f"{number} datapoint{'' if number == 1 else 's'}"


def _data(rule: Rule, window: list[_Point], now: float) -> str:
    said: dict[str, Any] = {"version": "1.0", "queryDate": _stamp(now)}
    if window:
        said["startDate"] = _stamp(window[-1].start)
    said |= {
        "statistic": rule.statistic,
        "period": rule.period,
        "recentDatapoints": [point.value for point in reversed(window)],
        "threshold": rule.threshold,
        "evaluatedDatapoints": [
            {"timestamp": _stamp(point.start), "sampleCount": point.count, "value": point.value} for point in window
        ],
    }
    return json.dumps(said, separators=(",", ":"))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)


def _stamp(seconds: float) -> str:
    return _moment(seconds).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
