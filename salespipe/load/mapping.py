"""From a file's columns to an order's attributes: which, under what name, of what type."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from salespipe.errors import Exit, SalespipeError
from salespipe.load.attributes import MAX_DIGITS, Rejected

if TYPE_CHECKING:
    from salespipe.load.records import Record

ORDER_ID: Final = "orderid"
TEXTS: Final = frozenset(
    {
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
    }
)
MOMENTS: Final = frozenset({"created_at", "updated_at"})
DECIMALS: Final = frozenset({"price", "amount"})
INTEGERS: Final = frozenset({"quantity"})

NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?").fullmatch
# In a column of unknown meaning 007 is a code, not a number.
PLAIN_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?").fullmatch

Convert = Callable[[str, Any], Any]


class Column(NamedTuple):
    """A column to take: its name in the file, the attribute it becomes, and how."""

    source: str
    attribute: str
    convert: Convert


def parse_mapping(text: str) -> dict[str, str]:
    """``orderid=order_no,amount=dollars`` as attribute -> column. Raises ``SalespipeError`` (exit 2) if it is not."""
    mapping: dict[str, str] = {}
    for part in text.split(","):
        attribute, equals, column = (piece.strip() for piece in part.partition("="))
        if not (attribute and equals and column) or attribute in mapping:
            why = "is mapped twice" if attribute in mapping else "is not ATTRIBUTE=COLUMN"
            raise SalespipeError(
                "BadMapping",
                f"--map: {part.strip()!r} {why}.",
                hint="Write it like --map orderid=order_no,amount=dollars",
                exit_code=Exit.USAGE,
            )
        mapping[attribute] = column
    return mapping


def plan(
    columns: Sequence[str], mapping: Mapping[str, str] | None, key: str, *, typed: bool, name: str
) -> list[Column]:
    """Which columns of the file ``name`` to take, the table's key first.

    With a mapping (attribute -> column) those it names, and no others; without one, all. ``key`` is the table's
    partition key; ``orderid`` stands for it. ``typed`` says that values have types already.

    Raises ``SalespipeError`` (exit 2) when a mapped column is not there, or nothing is mapped to the key.
    """
    taken = dict(mapping) if mapping else {column: column for column in columns}
    if key not in taken and ORDER_ID in taken:
        taken[key] = taken.pop(ORDER_ID)
    for source in taken.values():
        if source not in columns:
            near = difflib.get_close_matches(source, columns, n=1, cutoff=0.5)
            raise SalespipeError(
                "NoSuchColumn",
                f"{name} has no column {source!r}; it has {', '.join(columns) or 'none'}.",
                hint=f"Did you mean {near[0]}?" if near else "Name one of these in --map.",
                exit_code=Exit.USAGE,
            )
    if key not in taken:
        raise SalespipeError(
            "NoKey",
            f"Nothing says which column of {name} is the order's id; it has {', '.join(columns) or 'none'}.",
            hint=f"Add --map {key}=COLUMN, which must be different for every order.",
            exit_code=Exit.USAGE,
        )
    ordered = {key: taken.pop(key), **taken}
    return [Column(source, attribute, _converter(attribute, key, typed)) for attribute, source in ordered.items()]


def item_of(record: Record, columns: Sequence[Column]) -> dict[str, Any]:
    """A record as an item. What is empty or null is left out.

    Raises ``Rejected`` for a record that could not be read and for a value of the wrong type.
    """
    if record.fault:
        raise Rejected(record.fault)
    item = {}
    for source, attribute, convert in columns:
        value = record.values.get(source)
        if value is not None and value != "":
            item[attribute] = convert(source, value)
    return item


def _converter(attribute: str, key: str, typed: bool) -> Convert:
    if attribute == key or attribute in TEXTS:
        return _text
    if attribute in MOMENTS:
        return _moment
    if attribute in INTEGERS:
        return _integer
    if attribute in DECIMALS:
        return _decimal
    return _as_it_is if typed else _guessed


def _text(source: str, value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Rejected(f"{source}: {reprlib.repr(value)} is not text")
    return str(value)


def _decimal(source: str, value: Any) -> Decimal:
    text = value.strip() if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not NUMBER(text):
        raise Rejected(f"{source}: {reprlib.repr(value)} is not a number")
    return Decimal(text)


def _integer(source: str, value: Any) -> int:
    number = _decimal(source, value)
    if number.adjusted() > MAX_DIGITS or number != number.to_integral_value():
        raise Rejected(f"{source}: {reprlib.repr(value)} is not a whole number")
    return int(number)


def _moment(source: str, value: Any) -> str:
    """A date or time as ISO 8601 in UTC with milliseconds; without an offset it is UTC already."""
    if not isinstance(value, str):
        raise Rejected(f"{source}: {reprlib.repr(value)} is not a date")
    try:
        return _iso(value.strip())
    except ValueError:
        raise Rejected(
            f"{source}: {reprlib.repr(value)} is not a date like 1997-01-31 or 1997-01-31T12:00:00Z"
        ) from None


@lru_cache(maxsize=4096)
def _iso(text: str) -> str:
    moment = datetime.fromisoformat(text)
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _guessed(_: str, value: str) -> str | Decimal:
    return Decimal(value) if len(value) <= MAX_DIGITS and PLAIN_NUMBER(value) else value


def _as_it_is(_: str, value: Any) -> Any:
    return value
