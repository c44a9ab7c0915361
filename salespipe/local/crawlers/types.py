"""Glue column types: inferred from decoded JSON, merged over many records, and written in Hive's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_INT_MAX: Final = 2**31 - 1
_BIGINT_MAX: Final = 2**63 - 1
_NUMBERS: Final = ("int", "bigint", "double")  # each holds what those before it hold


@dataclass(frozen=True, slots=True)
class Struct:
    """A nested object: its fields' types by name, as they first came."""

    fields: Mapping[str, ColumnType] = field(hash=False)

    def __str__(self) -> str:
        return f"struct<{','.join(f'{name}:{kind or STRING}' for name, kind in self.fields.items())}>"


@dataclass(frozen=True, slots=True)
class Array:
    """An array; None stands for the type of elements that were never seen."""

    element: ColumnType | None

    def __str__(self) -> str:
        return f"array<{self.element or STRING}>"


STRING: Final = "string"
ColumnType = str | Struct | Array | None
"""A scalar type by its name, a nested type, or None for a value that was always null."""

_SCALARS: Final[Mapping[type, ColumnType]] = {type(None): None, bool: "boolean", float: "double"}


def type_of(value: Any) -> ColumnType:
    """The type of one decoded JSON value, as Glue's JSON classifier sees it: int, or bigint where int is too small."""
    if isinstance(value, list):
        return Array(merged_all(map(type_of, value)))
    if isinstance(value, dict) and value:
        return Struct({name: type_of(member) for name, member in value.items()})
    if isinstance(value, int) and not isinstance(value, bool):
        size = abs(value)
        return "int" if size <= _INT_MAX else "bigint" if size <= _BIGINT_MAX else "double"
    return _SCALARS.get(type(value), STRING)


def merged(one: ColumnType, other: ColumnType) -> ColumnType:
    """The type that holds both: the wider number, the union of fields, or string where they have nothing in common."""
    if one == other or other is None:
        return one
    if one is None:
        return other
    if isinstance(one, Struct) and isinstance(other, Struct):
        names = dict.fromkeys((*one.fields, *other.fields))
        return Struct({name: merged(one.fields.get(name), other.fields.get(name)) for name in names})
    if isinstance(one, Array) and isinstance(other, Array):
        return Array(merged(one.element, other.element))
    if one in _NUMBERS and other in _NUMBERS:
        return max(one, other, key=_NUMBERS.index)
    return STRING


def merged_all(types: Iterable[ColumnType]) -> ColumnType:
    """``merged`` over any number of types."""
    found: ColumnType = None
    for kind in types:
        found = merged(found, kind)
    return found


Columns = dict[str, ColumnType]
"""Columns by name in lower case, in order of appearance."""


def merge_columns(one: Columns, other: Mapping[str, ColumnType]) -> Columns:
    """The columns of both, those of ``one`` first."""
    found = dict(one)
    for name, kind in other.items():
        found[name] = merged(found.get(name), kind)
    return found


def columns_of(rows: Iterable[Mapping[str, Any]]) -> Columns:
    """The columns of many decoded JSON objects.

    Records of one producer look alike, so one whose names and types were seen before costs a set look-up and a glance
    at its integers, which may outgrow ``int``.
    """
    found: Columns = {}
    seen: dict[tuple[Any, ...], tuple[str, ...]] = {}
    for row in rows:
        shape = (tuple(row), tuple(map(type, row.values())))
        integers = seen.get(shape)
        if integers is None:
            for name, value in row.items():
                column = name.lower()
                found[column] = merged(found.get(column), type_of(value))
            if not any(isinstance(value, list | dict) for value in row.values()):
                seen[shape] = tuple(name for name, value in row.items() if type(value) is int)
            continue
        for name in integers:
            if not -_INT_MAX <= row[name] <= _INT_MAX:
                column = name.lower()
                found[column] = merged(found[column], type_of(row[name]))
    return found
