"""From a file's columns to an order's attributes: which, under what name, of what type."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from salespipe.errors import Exit, SalespipeError
from salespipe.load.attributes import Rejected
from salespipe.load.values import INTEGER, KNOWN, NUMBER_TYPE, ORDER_ID, TEXT, TIME, Convert, converter, inferred

if TYPE_CHECKING:
    from salespipe.load.lines import Record
    from salespipe.load.records import Records

# What may stand behind a column's name in a mapping.
TYPES: Final = (TEXT, INTEGER, NUMBER_TYPE, TIME)
_MANY: Final = 30
_LONG: Final = 60


class Column(NamedTuple):
    """A column to take: its name in the file, the attribute it becomes, of what type, and how."""

    source: str
    attribute: str
    type: str
    convert: Convert


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a file's columns: those that are taken, the table's key first, and the names of the others."""

    columns: tuple[Column, ...]
    dropped: tuple[str, ...]

    def source_of(self, attribute: str) -> str | None:
        """The column that becomes an attribute, if there is one."""
        return next((column.source for column in self.columns if column.attribute == attribute), None)


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


def plan(records: Records, mapping: Mapping[str, str] | None, key: str) -> Plan:
    """Which columns of a file to take, and as what.

    With a mapping (attribute -> column, or column:type with one of ``TYPES``) those it names, and no others; without
    one, all that have a name. ``key`` is the table's partition key; ``orderid`` stands for it. Types that neither the
    mapping nor an order's own attributes say are inferred from the first rows.

    Raises ``SalespipeError`` (exit 2) when a mapped column is not there or there twice, or nothing is mapped to the
    key.
    """
    columns, name = records.columns, records.source.name
    taken = dict(mapping) if mapping else {column: column for column in columns if column}
    if key not in taken and ORDER_ID in taken:
        taken[key] = taken.pop(ORDER_ID)
    if key not in taken:
        raise SalespipeError(
            "NoKey",
            f"Nothing says which column of {name} is the order's id; it has {listed(columns)}.",
            hint=f"Add --map {key}=COLUMN, which must be different for every order.",
            exit_code=Exit.USAGE,
        )
    ordered = {key: taken.pop(key), **taken}
    chosen = tuple(_column(attribute, source, records, key) for attribute, source in ordered.items())
    used = {column.source for column in chosen}
    return Plan(chosen, tuple(dict.fromkeys(column for column in columns if column not in used)))


def check_column(source: str, records: Records, hint: str) -> None:
    """Raise ``SalespipeError`` (exit 2), with the nearest name or else ``hint``, unless a column is there, once."""
    columns, name = records.columns, records.source.name
    if source not in columns:
        near = difflib.get_close_matches(source, columns, n=1, cutoff=0.5)
        raise SalespipeError(
            "NoSuchColumn",
            f"{name} has no column {source!r}; it has {listed(columns)}.",
            hint=f"Did you mean {near[0]}?" if near else hint,
            exit_code=Exit.USAGE,
        )
    if Counter(columns)[source] > 1:
        raise SalespipeError(
            "ColumnTwice",
            f"{name} has more than one column {source!r}.",
            hint="Give each its own name in the header, or leave it out of --map.",
            exit_code=Exit.USAGE,
        )


def listed(columns: Sequence[str]) -> str:
    """The names of columns for a message: no more, and no longer ones, than somebody reads."""
    names = [name if len(name) <= _LONG else f"{name[:_LONG]}..." for name in columns[:_MANY]]
    more = f" and {len(columns) - _MANY:,} more" if len(columns) > _MANY else ""
    return f"{', '.join(names)}{more}" if names else "none"


def item_of(record: Record, columns: Sequence[Column]) -> dict[str, Any]:
    """A record as an item. What is empty or null is left out.

    Raises ``Rejected`` for a record that could not be read and for a value of the wrong type.
    """
    if record.fault:
        raise Rejected(record.fault)
    item = {}
    for source, attribute, _, convert in columns:
        value = record.values.get(source)
        if value is not None and value != "":
            item[attribute] = convert(source, value)
    return item


def _column(attribute: str, source: str, records: Records, key: str) -> Column:
    name, _, kind = source.rpartition(":")
    if source not in records.columns and kind in TYPES:
        source = name
    else:
        kind = ""
    check_column(source, records, "Name one of these in --map.")
    kind = TEXT if attribute == key else kind or KNOWN.get(attribute, "")
    if kind:
        return Column(source, attribute, kind, converter(kind, guessed=False))
    kind = inferred((record.values.get(source) for record in records.sample), typed=records.typed)
    return Column(source, attribute, kind, converter(kind, guessed=True))
