"""What the view must show of a lake record, column by column, as Athena writes it into a result.

Most values have one form that can be told beforehand, so that a row is compared by one digest. Where that differs, the
row is looked at again, value by value: a column has one type for all orders, and what does not fit it reads as NULL, or
as its JSON where the column is a text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from salespipe.query.model import Column
from salespipe.query.views import OUTCOME

Cell = str | None

_INTEGERS: Final = frozenset({"tinyint", "smallint", "integer", "bigint"})
_DOUBLES: Final = frozenset({"double", "float", "real"})
_TEXTS: Final = frozenset({"varchar", "char", "string"})
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII).fullmatch
_WIDE: Final = Context(prec=400)
_UNFIT: Final = "\0"
"""Stands for a value that is to be looked at; no text of Athena's is equal to it."""
_ANY: Final = "*"


class Rows:
    """The columns of the view, and digests of its rows and of the lake records that they are made of."""

    def __init__(self, columns: Sequence[Column], key: str) -> None:
        self.columns = columns
        self.key = next((place for place, column in enumerate(columns) if column.name == key.lower()), -1)
        self._shown = [place for place, column in enumerate(columns) if column.name != OUTCOME]
        self._names = [columns[place].name for place in self._shown]
        self._of_values = [_of_value(columns[place]) for place in self._shown]
        self._of_cells = [_of_cell(columns[place]) for place in self._shown]
        self._named = lru_cache(maxsize=1024)(self._find)

    def of_record(self, record: Mapping[str, Any]) -> int:
        """The digest of the row that a lake record must be."""
        names = self._named(tuple(record))
        return hash(
            tuple(
                [
                    None if name is None or (value := record[name]) is None else form(value)
                    for name, form in zip(names, self._of_values, strict=True)
                ]
            )
        )

    def of_row(self, cells: Sequence[Cell]) -> int:
        """The digest of a row of the view."""
        return hash(
            tuple(
                [
                    None if (cell := cells[place]) is None else form(cell)
                    for place, form in zip(self._shown, self._of_cells, strict=True)
                ]
            )
        )

    def differing(self, record: Mapping[str, Any], cells: Sequence[Cell]) -> list[str]:
        """The columns in which a row is not what the lake record must be, whatever their types make of its values."""
        names = self._named(tuple(record))
        return [
            self.columns[place].name
            for place, name in zip(self._shown, names, strict=True)
            if not _fits(self.columns[place], None if name is None else record[name], cells[place])
        ]

    def _find(self, names: tuple[str, ...]) -> list[str | None]:
        """The record's name of each column: Athena ignores case."""
        lowered = {name.lower(): name for name in names}
        return [lowered.get(name) for name in self._names]


def _of_value(column: Column) -> Callable[[Any], str]:  # noqa: PLR0911 - as many types
    if column.type in _TEXTS:
        return _text
    if column.type in _INTEGERS:
        return _integer
    if column.type in _DOUBLES:
        return _double
    if column.type == "decimal":
        return lambda value: _decimal(value, column.precision, column.scale)
    if column.type.startswith("timestamp"):
        return _timestamp
    if column.type == "boolean":
        return lambda value: str(value).lower() if isinstance(value, bool) else _UNFIT
    return lambda _: _ANY


def _of_cell(column: Column) -> Callable[[str], str]:
    if column.type in _DOUBLES:
        return lambda cell: repr(float(cell))
    if column.type in _TEXTS or column.type in _INTEGERS or column.type in {"decimal", "boolean"}:
        return str
    if column.type.startswith("timestamp"):
        return lambda cell: cell[:23]
    return lambda _: _ANY


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _UNFIT


def _integer(value: Any) -> str:
    return str(value) if type(value) is int else _UNFIT


def _double(value: Any) -> str:
    return repr(float(value)) if type(value) is int or type(value) is Decimal else _UNFIT


@lru_cache(maxsize=8192)
def _decimal(value: Any, precision: int, scale: int) -> str:
    """A number that Athena has as a double first, then rounded half up."""
    if type(value) is not int and type(value) is not Decimal:
        return _UNFIT
    try:
        rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, _WIDE)
    except (InvalidOperation, OverflowError):
        return _UNFIT
    return f"{rounded:f}" if abs(rounded) < Decimal(10) ** (precision - scale) else _UNFIT


def _timestamp(value: Any) -> str:
    return f"{value[:10]} {value[11:23]}" if isinstance(value, str) and _ISO(value) else _UNFIT


def _fits(column: Column, value: Any, cell: Cell) -> bool:
    """Whether Athena may show ``cell`` for a JSON value in a column of that type."""
    if value is None:
        return cell is None
    told = _of_value(column)(value)
    if cell is None:
        return told == _UNFIT and column.type not in _TEXTS
    if told not in {_UNFIT, _ANY}:
        return _of_cell(column)(cell) == told
    if column.type in _TEXTS:
        return _same_json(cell, value)
    if column.type.startswith("timestamp"):
        return _same_time(cell, value)
    return True


def _same_json(cell: str, value: Any) -> bool:
    """Whether a text is the value's JSON; where it is no JSON, its form is nobody's promise."""
    try:
        told = json.loads(cell, parse_float=Decimal)
    except (ValueError, RecursionError):
        return True
    return bool(told == value or str(told) == str(value)) or not isinstance(value, int | Decimal | bool)


def _same_time(cell: str, value: Any) -> bool:
    """Whether a timestamp is what an ISO 8601 text says; Athena reads more forms of it than Python does."""
    try:
        told = datetime.fromisoformat(str(value))
    except ValueError:
        return True
    told = told.replace(tzinfo=told.tzinfo or UTC).astimezone(UTC)
    shown = datetime.fromisoformat(cell).replace(tzinfo=UTC)
    return abs((told - shown).total_seconds()) < 0.001
