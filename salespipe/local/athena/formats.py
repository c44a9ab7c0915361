"""Values as Athena prints them in a result: ``1.0E10``, ``[a, b]``, ``{a=1, b=2}``, ``2026-11-22 01:02:03.000``."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from salespipe.local.athena.types import Type

Format = Callable[[Any], str]


def double(value: float) -> str:
    """A double as Java prints it: the fewest digits that tell it apart, an exponent below 1E-3 and from 1E7 on."""
    return _java(value, repr(abs(value)))


def real(value: float) -> str:
    """A 4-byte float likewise: the fewest digits that tell it apart from its 4-byte neighbours."""
    packed = struct.pack("f", value)
    for digits in range(1, 10):
        text = f"{abs(value):.{digits}g}"
        if struct.pack("f", -float(text) if value < 0 else float(text)) == packed:
            return _java(value, text)
    return _java(value, repr(abs(value)))


def _java(value: float, shortest: str) -> str:
    if value != value:  # noqa: PLR0124 - what NaN is
        return "NaN"
    sign = "-" if value < 0 or (value == 0 and str(value).startswith("-")) else ""
    if value in {float("inf"), float("-inf")}:
        return f"{sign}Infinity"
    if value == 0:
        return f"{sign}0.0"
    told = Decimal(shortest).as_tuple()
    digits = "".join(map(str, told.digits)).rstrip("0") or "0"
    exponent = len(told.digits) - 1 + int(told.exponent)
    if not -3 <= exponent < 7:
        return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    return f"{sign}{whole}.{digits[exponent + 1 :] or '0'}"


def _timestamp(value: dt.datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"


def _time(value: dt.time) -> str:
    return f"{value:%H:%M:%S}.{value.microsecond // 1000:03d}"


def _day_interval(value: int) -> str:
    sign, rest = ("-" if value < 0 else ""), abs(value)
    days, rest = divmod(rest, 86_400_000)
    hours, rest = divmod(rest, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds, millis = divmod(rest, 1000)
    return f"{sign}{days} {hours:02d}:{minutes:02d}:{seconds:02d}.{millis:03d}"


def _month_interval(value: int) -> str:
    years, months = divmod(abs(value), 12)
    return f"{'-' if value < 0 else ''}{years}-{months}"


_PLAIN: Final[dict[str, Format]] = {
    "boolean": lambda value: "true" if value else "false",
    "double": double,
    "real": real,
    "decimal": lambda value: f"{value:f}",
    "date": lambda value: value.isoformat() if isinstance(value, dt.date) else str(value),
    "time": _time,
    "timestamp": _timestamp,
    "varbinary": lambda value: bytes(value).hex(" "),
    "interval day to second": _day_interval,
    "interval year to month": _month_interval,
}


def printer(kind: Type) -> Format:
    """What prints the values of a type; NULL inside an array, map or row is ``null``."""
    if kind.name == "array":
        inner = _nullable(printer(kind.of[0]))
        return lambda value: f"[{', '.join(map(inner, value))}]"
    if kind.name == "map":
        key, item = printer(kind.of[0]), _nullable(printer(kind.of[1]))
        return lambda value: f"{{{', '.join(f'{key(k)}={item(v)}' for k, v in value.items())}}}"
    if kind.name == "row":
        fields = [(name, _nullable(printer(of))) for name, of in zip(kind.field_names, kind.of, strict=True)]
        return lambda value: (
            f"{{{', '.join(f'{n}={p(v)}' for (n, p), v in zip(fields, _members(value), strict=True))}}}"
        )
    if kind.name == "timestamp with time zone":
        return lambda value: f"{_timestamp(value)} {kind.zone}"
    return _PLAIN.get(kind.name, str)


def _members(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else list(value)


def _nullable(inner: Format) -> Format:
    return lambda value: "null" if value is None else inner(value)
