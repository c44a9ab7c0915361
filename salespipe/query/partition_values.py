"""What an expression over partition columns and literals comes to; what is not understood is unknown.

Athena's rules: text is compared by its characters, a date meets a timestamp at its midnight, the time zone is UTC.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlglot import exp

KEY: Final = "\0key"
"""The table name that marks a column as a partition column of the scan in question."""

UNKNOWN: Final = object()

_HIVE_NULL: Final = "__HIVE_DEFAULT_PARTITION__"
_TEXTS: Final = ("string", "varchar")
_INTEGERS: Final = frozenset({"tinyint", "smallint", "int", "integer", "bigint"})
_DIRECTIVES: Final = re.compile(r"(?:%[YmdHMS]|[^%])*")
_JODA: Final = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_SPANS: Final = {
    "WEEK": timedelta(weeks=1),
    "DAY": timedelta(days=1),
    "HOUR": timedelta(hours=1),
    "MINUTE": timedelta(minutes=1),
    "SECOND": timedelta(seconds=1),
}


def typed(text: str, kind: str) -> Any:
    """A partition value, which is text in a path, as its column's Hive type; unknown for types not understood here."""
    kind = kind.lower()
    if text == _HIVE_NULL:
        return None
    if kind.startswith(_TEXTS):
        return text
    if kind in _INTEGERS:
        return int(text) if re.fullmatch(r"-?\d+", text, re.ASCII) else UNKNOWN
    return _date(text) if kind == "date" else UNKNOWN


class Values:
    """Evaluates expressions for one partition: ``bound`` are its values by column, ``now`` is an aware moment."""

    def __init__(self, bound: Mapping[str, Any], now: datetime) -> None:
        self._bound = bound
        self._now = now.astimezone(UTC).replace(tzinfo=None)

    def of(self, node: Any) -> Any:
        """The value: str, int, Decimal, date, naive datetime, bool, None for NULL, or ``UNKNOWN``."""
        make = _MAKERS.get(type(node))
        try:
            return UNKNOWN if make is None else make(self, node)
        except (ValueError, OverflowError, ArithmeticError):
            return UNKNOWN  # a text that is no date, say: Athena fails there, or finds NULL

    def column(self, node: exp.Column) -> Any:
        """A partition column's value."""
        return self._bound.get(node.name, UNKNOWN) if node.table == KEY else UNKNOWN

    def today(self, _: exp.Expr) -> date:
        """``current_date``."""
        return self._now.date()

    def moment(self, _: exp.Expr) -> datetime:
        """``now()``."""
        return self._now


def _literal(_: Values, node: exp.Literal) -> Any:
    if node.is_string:
        return node.name
    return int(node.name) if node.name.isdigit() else Decimal(node.name)


def _negative(values: Values, node: exp.Neg) -> Any:
    value = values.of(node.this)
    return -value if _number(value) else UNKNOWN


def _cast(values: Values, node: exp.Cast) -> Any:
    value, to = values.of(node.this), node.to
    if value is UNKNOWN or value is None or to.expressions:
        return value if value is None else UNKNOWN
    if to.is_type("date"):
        return _as_date(value)
    if to.is_type("timestamp"):
        return _as_moment(value)
    if to.is_type("varchar", "text"):
        return str(value) if isinstance(value, str | int | date) and not isinstance(value, bool | datetime) else UNKNOWN
    if to.is_type("tinyint", "smallint", "int", "bigint") and isinstance(value, str | int):
        return int(value) if re.fullmatch(r"-?\d+", str(value), re.ASCII) else UNKNOWN
    return UNKNOWN


def _to_date(values: Values, node: exp.Expr) -> Any:
    return _as_date(values.of(node.this))


def _formatted(values: Values, node: exp.TimeToStr) -> Any:
    return _written(values.of(node.this), node.args["format"].name)


def _parsed(values: Values, node: exp.StrToTime) -> Any:
    text, pattern = values.of(node.this), node.args["format"].name
    understood = isinstance(text, str) and _DIRECTIVES.fullmatch(pattern)
    return datetime.strptime(text, pattern) if understood else UNKNOWN


def _added(values: Values, node: exp.DateAdd) -> Any:
    return _later(values.of(node.this), values.of(node.expression), node.args["unit"].name, 1)


def _sum(values: Values, node: exp.Binary) -> Any:
    sign = -1 if isinstance(node, exp.Sub) else 1
    value, other = values.of(node.this), node.expression
    if isinstance(other, exp.Interval):
        return _later(value, values.of(other.this), other.args["unit"].name, sign)
    more = values.of(other)
    return value + sign * more if _number(value) and _number(more) else UNKNOWN


def _truncated(values: Values, node: exp.Expr) -> Any:
    value, unit = values.of(node.this), node.args["unit"].name.upper()
    if not isinstance(value, date):
        return UNKNOWN
    day = value.date() if isinstance(value, datetime) else value
    starts = {"DAY": day, "MONTH": day.replace(day=1), "YEAR": day.replace(month=1, day=1)}
    if unit in starts:
        return _as_moment(starts[unit]) if isinstance(value, datetime) else starts[unit]
    if unit == "HOUR" and isinstance(value, datetime):
        return value.replace(minute=0, second=0, microsecond=0)
    return UNKNOWN


def _joined(values: Values, node: exp.Expr) -> Any:
    parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
    texts = [values.of(part) for part in parts]
    return "".join(texts) if all(isinstance(text, str) for text in texts) else UNKNOWN


def _part(values: Values, node: exp.Substring) -> Any:
    text, start = values.of(node.this), values.of(node.args.get("start"))
    length = values.of(node.args["length"]) if node.args.get("length") is not None else None
    if not isinstance(text, str) or not isinstance(start, int) or start < 1 or not (length is None or _count(length)):
        return UNKNOWN
    return text[start - 1 :] if length is None else text[start - 1 : start - 1 + length]


def _named(values: Values, node: exp.Anonymous) -> Any:
    if node.name.lower() != "format_datetime" or len(node.expressions) != 2:
        return UNKNOWN
    pattern = node.expressions[1].name
    if set(re.findall("[A-Za-z]+", pattern)) - set(_JODA) or re.search("[%']", pattern):
        return UNKNOWN
    return _written(values.of(node.expressions[0]), re.sub("[A-Za-z]+", lambda found: _JODA[found[0]], pattern))


def _written(value: Any, pattern: str) -> Any:
    if not isinstance(value, date) or value.year < 1000 or not _DIRECTIVES.fullmatch(pattern):
        return UNKNOWN
    return value.strftime(pattern)


def _later(value: Any, count: Any, unit: str, sign: int) -> Any:
    if isinstance(count, str) and re.fullmatch(r"-?\d+", count, re.ASCII):
        count = int(count)
    if not isinstance(value, date) or not isinstance(count, int):
        return UNKNOWN
    unit = unit.upper().removesuffix("S")
    if unit in {"MONTH", "YEAR"}:
        months = value.year * 12 + value.month - 1 + sign * count * (12 if unit == "YEAR" else 1)
        year, month = divmod(months, 12)
        day = min(value.day, calendar.monthrange(year, month + 1)[1])
        return value.replace(year=year, month=month + 1, day=day)
    if unit not in _SPANS or (unit not in {"DAY", "WEEK"} and not isinstance(value, datetime)):
        return UNKNOWN
    return value + sign * count * _SPANS[unit]


def _as_date(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else _date(value)


def _date(value: Any) -> Any:
    understood = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII)
    return date.fromisoformat(value) if understood else UNKNOWN


def _as_moment(value: Any) -> Any:
    if isinstance(value, date):
        return value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d(\.\d{1,6})?)?)?", value, re.ASCII):
        return datetime.fromisoformat(value)
    return UNKNOWN


def _number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _count(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


_MAKERS: Final[dict[type, Callable[[Values, Any], Any]]] = {
    exp.Column: Values.column,
    exp.Paren: lambda values, node: values.of(node.this),
    exp.Literal: _literal,
    exp.Boolean: lambda _, node: bool(node.this),
    exp.Null: lambda *_: None,
    exp.Neg: _negative,
    exp.Cast: _cast,
    exp.Date: _to_date,
    exp.TsOrDsToDate: _to_date,
    exp.CurrentDate: Values.today,
    exp.CurrentTimestamp: Values.moment,
    exp.Localtimestamp: Values.moment,
    exp.TimeToStr: _formatted,
    exp.StrToTime: _parsed,
    exp.DateAdd: _added,
    exp.Add: _sum,
    exp.Sub: _sum,
    exp.TimestampTrunc: _truncated,
    exp.DateTrunc: _truncated,
    exp.DPipe: _joined,
    exp.Concat: _joined,
    exp.Substring: _part,
    exp.Anonymous: _named,
}
