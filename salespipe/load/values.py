"""The types of attributes, and how a value of a file becomes one."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from salespipe.load.attributes import MAX_DIGITS, Rejected

ORDER_ID: Final = "orderid"
TEXT: Final = "text"
INTEGER: Final = "integer"
NUMBER_TYPE: Final = "number"
TIME: Final = "time"

# What an order's attributes are, whatever the file has.
KNOWN: Final = (
    dict.fromkeys(
        (
            ORDER_ID,
            "customer_id",
            "customer_name",
            "region",
            "product_id",
            "product_name",
            "category",
            "channel",
            "payment_method",
            "status",
        ),
        TEXT,
    )
    | dict.fromkeys(("created_at", "updated_at"), TIME)
    | dict.fromkeys(("price", "amount"), NUMBER_TYPE)
    | {"quantity": INTEGER}
)

NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?").fullmatch
# In a column of unknown meaning 007 is a code, not a number.
PLAIN_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?").fullmatch

_NAMES: Final = {
    "bool": "boolean",
    "int": NUMBER_TYPE,
    "float": NUMBER_TYPE,
    "Decimal": NUMBER_TYPE,
    "str": TEXT,
    "datetime": TIME,
    "dict": "map",
    "list": "list",
}

Convert = Callable[[str, Any], Any]


def inferred(values: Iterable[Any], *, typed: bool) -> str:
    """The type of a column of unknown meaning, from some of its values: of text, numbers only if all of it is."""
    there = [value for value in values if value is not None and value != ""]
    if not typed:
        numbers = there and all(len(value) <= MAX_DIGITS and PLAIN_NUMBER(value) for value in there)
        return NUMBER_TYPE if numbers else TEXT
    kinds = {_kind(value) for value in there}
    return kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "unknown"


def converter(kind: str, *, guessed: bool) -> Convert:
    """How a value becomes one of that type; ``guessed`` when the values alone told it."""
    if guessed and kind == NUMBER_TYPE:
        return _plain_number
    return as_it_is if guessed else {TEXT: as_text, TIME: as_time, INTEGER: as_integer, NUMBER_TYPE: as_decimal}[kind]


def as_text(source: str, value: Any) -> str:
    """Text without the spaces around it, and numbers as they are written."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # 7.0 is what a table with gaps makes of an id
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Rejected(f"{source}: {reprlib.repr(value)} is not text")
    return str(value)


def as_decimal(source: str, value: Any) -> Decimal:
    """A number with every digit that it has."""
    text = value.strip() if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not NUMBER(text):
        raise Rejected(f"{source}: {reprlib.repr(value)} is not a number")
    return Decimal(text)


def as_integer(source: str, value: Any) -> int:
    """A whole number."""
    number = as_decimal(source, value)
    if number.adjusted() > MAX_DIGITS or number != number.to_integral_value():
        raise Rejected(f"{source}: {reprlib.repr(value)} is not a whole number")
    return int(number)


def as_time(source: str, value: Any) -> str:
    """A date or time as ISO 8601 in UTC with milliseconds; without an offset it is UTC already."""
    return _iso(moment_of(source, value))


def moment_of(source: str, value: Any) -> datetime:
    """A date or time in UTC. Raises ``Rejected`` for anything else."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise Rejected(f"{source}: {reprlib.repr(value)} is not a date")
    try:
        return _parsed(value.strip())
    except (ValueError, OverflowError):
        raise Rejected(
            f"{source}: {reprlib.repr(value)} is not a date like 1997-01-31 or 1997-01-31T12:00:00Z"
        ) from None


def as_it_is(_: str, value: Any) -> Any:
    """A value as the file has it; times become text."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, date) else value


def _plain_number(source: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if len(value) > MAX_DIGITS or not PLAIN_NUMBER(value):
        raise Rejected(
            f"{source}: {reprlib.repr(value)} is not a number like those above it (--map …={source}:text takes all)"
        )
    return Decimal(value)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


@lru_cache(maxsize=4096)
def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _kind(value: Any) -> str:
    name = type(value).__name__
    return _NAMES.get(name, name)
