"""Dates, times, time zones and their formats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.functions.registry import declared, local
from salespipe.local.athena.plan import Expr
from salespipe.local.athena.types import Type

_TABLE: Final = """
year(D) -> bigint = year({l0})
quarter(D) -> bigint = quarter({l0})
month(D) -> bigint = month({l0})
week(D) -> bigint = week({l0})
week_of_year(D) -> bigint = week({l0})
day(D) -> bigint = day({l0})
day_of_month(D) -> bigint = day({l0})
day_of_week(D) -> bigint = isodow({l0})
dow(D) -> bigint = isodow({l0})
day_of_year(D) -> bigint = dayofyear({l0})
doy(D) -> bigint = dayofyear({l0})
year_of_week(D) -> bigint = isoyear({l0})
yow(D) -> bigint = isoyear({l0})
hour(timestamp) -> bigint = hour({l0})
hour(timestamp with time zone) -> bigint = hour({l0})
minute(timestamp) -> bigint = minute({l0})
minute(timestamp with time zone) -> bigint = minute({l0})
second(timestamp) -> bigint = second({l0})
second(timestamp with time zone) -> bigint = second({l0})
millisecond(timestamp) -> bigint = (millisecond({l0}) % 1000)
millisecond(timestamp with time zone) -> bigint = (millisecond({l0}) % 1000)
last_day_of_month(D) -> date = last_day({l0})
date(varchar) -> date = trino_date({0})
date(D) -> date = CAST({l0} AS DATE)
date_trunc(varchar, D) -> D = @date_trunc
date_add(varchar, bigint, D) -> D = @date_add
date_diff(varchar, D, D) -> bigint = @date_diff
date_format(D, varchar) -> varchar = @date_format
date_parse(varchar, varchar) -> timestamp = @date_parse
format_datetime(D, varchar) -> varchar = @format_datetime
parse_datetime(varchar, varchar) -> timestamp with time zone = @parse_datetime
from_unixtime(double) -> timestamp with time zone = to_timestamp(round({0}, 3))
from_unixtime(double, varchar) -> timestamp with time zone = @zoned
from_unixtime_nanos(bigint) -> timestamp with time zone = to_timestamp({0} / 1000000000.0)
to_unixtime(timestamp with time zone) -> double = epoch({0})
to_unixtime(timestamp) -> double = epoch({0})
to_unixtime(date) -> double = epoch(CAST({0} AS TIMESTAMP))
from_iso8601_timestamp(varchar) -> timestamp with time zone = trino_iso_timestamp({0})
from_iso8601_date(varchar) -> date = trino_date({0})
to_iso8601(timestamp) -> varchar = strftime({0}, '%Y-%m-%dT%H:%M:%S.%g')
to_iso8601(timestamp with time zone) -> varchar = strftime({l0}, '%Y-%m-%dT%H:%M:%S.%gZ')
to_iso8601(date) -> varchar = strftime({0}, '%Y-%m-%d')
at_timezone(timestamp with time zone, varchar) -> timestamp with time zone = @zoned
with_timezone(timestamp, varchar) -> timestamp with time zone = @with_timezone
to_milliseconds(interval day to second) -> bigint = epoch_ms({0})
human_readable_seconds(double) -> varchar = CAST(to_seconds({0}) AS VARCHAR)
"""

_UNITS: Final = ("millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")


def _unit(args: Sequence[Expr]) -> str:
    unit = str(args[0].value).lower()
    if unit not in _UNITS:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid {args[-1].type.name.upper()} field")
    if args[-1].type.name == "date" and unit in _UNITS[:4]:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"'{unit}' is not a valid DATE field")
    return unit


def _returned(sql: str, kind: Type) -> str:
    """A computed local time as a value of ``kind`` again."""
    if kind.name == "timestamp with time zone":
        return f"timezone('{kind.zone}', {sql})"
    return f"CAST({sql} AS {kind.duck})"


def _date_trunc(args: Sequence[Expr], _result: Type) -> str:
    return _returned(f"date_trunc('{_unit(args)}', {local(args[1])})", args[1].type)


def _date_add(args: Sequence[Expr], _result: Type) -> str:
    unit, amount = _unit(args), args[1].sql
    step = (
        f"(CAST({amount} AS INTEGER) * INTERVAL 3 MONTH)"
        if unit == "quarter"
        else f"to_{unit}s({_whole(amount, unit)})"
    )
    return _returned(f"({local(args[2])} + {step})", args[2].type)


def _whole(amount: str, unit: str) -> str:
    return f"CAST({amount} AS {'INTEGER' if unit in {'year', 'month', 'week', 'day'} else 'BIGINT'})"


def _date_diff(args: Sequence[Expr], _result: Type) -> str:
    """Whole units that have passed: DuckDB's date_sub, not its date_diff, which counts the boundaries between."""
    return f"date_sub('{_unit(args)}', {local(args[1])}, {local(args[2])})"


_MYSQL: Final = {
    "a": "%a", "b": "%b", "c": "%-m", "d": "%d", "e": "%-d", "f": "%f", "H": "%H", "h": "%I", "I": "%I", "i": "%M",
    "j": "%j", "k": "%-H", "l": "%-I", "M": "%B", "m": "%m", "p": "%p", "r": "%I:%M:%S %p", "S": "%S", "s": "%S",
    "T": "%H:%M:%S", "v": "%V", "W": "%A", "x": "%G", "Y": "%Y", "y": "%y", "%": "%%",
}  # fmt: skip


def mysql_format(pattern: str) -> str:
    """MySQL's date format, which date_format and date_parse take, as strftime's."""
    out, letters = "", iter(pattern)
    for letter in letters:
        if letter != "%":
            out += letter
            continue
        code = next(letters, "")
        if code in "DUuVwX":
            raise QueryError("INVALID_FUNCTION_ARGUMENT", f"%{code} not supported in date format string")
        out += _MYSQL.get(code, code)
    return out


_JODA: Final = {
    "yyyy": "%Y", "YYYY": "%Y", "y": "%Y", "Y": "%Y", "yy": "%y", "YY": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m",
    "M": "%-m", "dd": "%d", "d": "%-d", "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M",
    "ss": "%S", "s": "%-S", "SSS": "%g", "a": "%p", "EEEE": "%A", "EEE": "%a", "E": "%a", "DDD": "%j", "D": "%-j",
    "ww": "%V", "w": "%V", "xxxx": "%G", "e": "%u", "Z": "+0000", "ZZ": "+00:00", "ZZZ": "UTC", "z": "UTC",
}  # fmt: skip


def joda_format(pattern: str, *, parsing: bool = False) -> str:
    """Joda's date format, which format_datetime and parse_datetime take, as strftime's."""
    out, at = "", 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "'":
            end = pattern.find("'", at + 1)
            out += pattern[at + 1 : end] or "'"
            at = end + 1
            continue
        run = len(pattern[at:]) - len(pattern[at:].lstrip(letter))
        word = letter * run
        if letter.isalpha():
            if word not in _JODA:
                raise QueryError("INVALID_FUNCTION_ARGUMENT", f"Invalid pattern: {pattern}")
            out += "%z" if parsing and letter == "Z" else _JODA[word]
        else:
            out += word.replace("%", "%%")
        at += run
    return out


def _literal(value: Expr) -> str:
    if not isinstance(value.value, str):
        raise QueryError("NOT_SUPPORTED", "A date format or time zone that is not a literal is not supported locally")
    return value.value


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _date_format(args: Sequence[Expr], _result: Type) -> str:
    return f"strftime({local(args[0])}, {_text(mysql_format(_literal(args[1])))})"


def _format_datetime(args: Sequence[Expr], _result: Type) -> str:
    return f"strftime({local(args[0])}, {_text(joda_format(_literal(args[1])))})"


def _date_parse(args: Sequence[Expr], _result: Type) -> str:
    return f"trino_strptime({args[0].sql}, {_text(mysql_format(_literal(args[1])))})"


def _parse_datetime(args: Sequence[Expr], _result: Type) -> str:
    pattern = joda_format(_literal(args[1]), parsing=True)
    parsed = f"trino_strptime({args[0].sql}, {_text(pattern)})"
    return parsed if "%z" in pattern else f"timezone('UTC', {parsed})"


def _with_timezone(args: Sequence[Expr], _result: Type) -> str:
    return f"timezone({_text(_literal(args[1]))}, {args[0].sql})"


def _zoned(args: Sequence[Expr], _result: Type) -> str:
    return args[0].sql if args[0].type.name == "timestamp with time zone" else f"to_timestamp(round({args[0].sql}, 3))"


ZONED: Final = frozenset({"at_timezone", "with_timezone", "from_unixtime"})
"""Functions whose last argument names the zone in which their result is seen."""

FUNCTIONS: Final = tuple(
    declared(
        _TABLE,
        {
            "date_trunc": _date_trunc,
            "date_add": _date_add,
            "date_diff": _date_diff,
            "date_format": _date_format,
            "date_parse": _date_parse,
            "format_datetime": _format_datetime,
            "parse_datetime": _parse_datetime,
            "with_timezone": _with_timezone,
            "zoned": _zoned,
        },
    )
)

_FAIL: Final = "CAST(CAST(CAST(chr(31) || {} || chr(31) AS INTEGER) AS VARCHAR) AS {})"

MACROS: Final = {
    "trino_date": r"""(t) AS CASE WHEN regexp_full_match(t, '\s*[+-]?\d+-\d{1,2}-\d{1,2}\s*')
        AND TRY_CAST(t AS DATE) IS NOT NULL THEN CAST(t AS DATE)
        WHEN t IS NOT NULL THEN """
    + _FAIL.format("'INVALID_CAST_ARGUMENT: Value cannot be cast to date: ' || t", "DATE")
    + " END",
    # Trino wants a space between date and time; its own texts end in a zone or in nothing.
    "trino_timestamp": r"""(t) AS CASE
        WHEN regexp_full_match(t, '[+-]?\d+-\d{1,2}-\d{1,2}( \d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?')
        AND TRY_CAST(t AS TIMESTAMP) IS NOT NULL THEN trino_millis(CAST(t AS TIMESTAMP))
        WHEN t IS NOT NULL THEN """
    + _FAIL.format("'INVALID_CAST_ARGUMENT: Value cannot be cast to timestamp: ' || t", "TIMESTAMP")
    + " END",
    "trino_timestamp_tz": r"""(t) AS CASE
        WHEN regexp_full_match(t, '[+-]?\d+-\d{1,2}-\d{1,2}( \d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?' ||
            '( ?([+-]\d{2}:?\d{2}|Z|[A-Za-z_/]+))?')
        AND TRY_CAST(t AS TIMESTAMPTZ) IS NOT NULL THEN CAST(t AS TIMESTAMPTZ)
        WHEN t IS NOT NULL THEN """
    + _FAIL.format("'INVALID_CAST_ARGUMENT: Value cannot be cast to timestamp with time zone: ' || t", "TIMESTAMPTZ")
    + " END",
    "trino_iso_timestamp": r"""(t) AS CASE
        WHEN regexp_full_match(t, '\d{4}-\d{2}-\d{2}(T\d{2}(:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?')
        AND TRY_CAST(replace(t, 'T', ' ') AS TIMESTAMPTZ) IS NOT NULL
        THEN timezone('UTC', date_trunc('millisecond', timezone('UTC', CAST(replace(t, 'T', ' ') AS TIMESTAMPTZ))))
        WHEN t IS NOT NULL THEN """
    + _FAIL.format("'INVALID_FUNCTION_ARGUMENT: Invalid format: \"' || t || '\"'", "TIMESTAMPTZ")
    + " END",
    "trino_strptime": "(t, f) AS CASE WHEN t IS NULL THEN NULL ELSE coalesce(try_strptime(t, f), "
    + _FAIL.format("'INVALID_FUNCTION_ARGUMENT: Invalid format: \"' || t || '\"'", "TIMESTAMP")
    + ") END",
    # Athena keeps milliseconds; Trino rounds to them.
    "trino_millis": "(x) AS date_trunc('millisecond', x + to_microseconds(500))",
}
