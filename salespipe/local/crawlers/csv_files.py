"""Delimited text, as Glue's built-in and custom CSV classifiers see it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from salespipe.local.crawlers.types import STRING, Columns, ColumnType, merged

_DELIMITERS: Final = (",", "|", "\t", ";", "\x01")  # those of the built-in classifier, AWS Glue developer guide
_HEADER_LENGTH: Final = 150
_TYPED_ROWS: Final = 1_000


@dataclass(frozen=True, slots=True)
class CsvSettings:
    """What a custom classifier prescribes; the defaults leave everything to be found out.

    ``contains_header`` is UNKNOWN, PRESENT or ABSENT; ``serde`` is OpenCSVSerDe, LazySimpleSerDe or None.
    """

    delimiter: str = ""
    quote: str = '"'
    contains_header: str = "UNKNOWN"
    header: tuple[str, ...] = ()
    single_column: bool = False
    serde: str = "None"


@dataclass(frozen=True, slots=True)
class CsvShape:
    """What was found: columns, the delimiter, whether the first line is a header, and how many lines are rows."""

    columns: Columns
    delimiter: str
    has_header: bool
    rows: int


def settings_of(classifier: dict[str, Any]) -> CsvSettings:
    """The settings of a ``CsvClassifier`` as the Glue API describes it."""
    return CsvSettings(
        delimiter=classifier.get("Delimiter", ""),
        quote=classifier.get("QuoteSymbol", '"'),
        contains_header=classifier.get("ContainsHeader", "UNKNOWN"),
        header=tuple(classifier.get("Header", ())),
        single_column=bool(classifier.get("AllowSingleColumn")),
        serde=classifier.get("Serde", "None"),
    )


def csv_shape(text: str, settings: CsvSettings) -> CsvShape | None:
    """The shape of ``text``, whole lines only, or None when it is not delimited text."""
    for delimiter in (settings.delimiter,) if settings.delimiter else _DELIMITERS:
        rows = _rows(text, delimiter, settings.quote)
        if rows is None:
            continue
        width = Counter(map(len, rows)).most_common(1)[0][0]
        # AWS asks for two columns and two rows; a header alone says nothing about types.
        if (width < 2 and not settings.single_column) or (len(rows) < 2 and settings.contains_header == "UNKNOWN"):
            continue
        if sum(len(row) == width for row in rows) * 10 < len(rows) * 9:
            continue
        return _shape(rows, width, delimiter, settings)
    return None


def _rows(text: str, delimiter: str, quote: str) -> list[list[str]] | None:
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter, quotechar=quote or '"') if row]
    except csv.Error:
        return None
    return rows or None


def _shape(rows: Sequence[list[str]], width: int, delimiter: str, settings: CsvSettings) -> CsvShape:
    first, rest = rows[0], rows[1 : _TYPED_ROWS + 1]
    below = [_column_type([row[index] for row in rest if len(row) == width]) for index in range(width)]
    has_header = settings.contains_header == "PRESENT" or (
        settings.contains_header == "UNKNOWN" and len(first) == width and _is_header(first, below)
    )
    types = below if has_header else [merged(_cell_type(cell), kind) for cell, kind in zip(first, below, strict=False)]
    names: Sequence[str] = settings.header or (first if has_header else [f"col{index}" for index in range(width)])
    columns: Columns = {}
    for name, kind in zip(names, types, strict=False):
        columns[name.strip().lower()] = kind or STRING
    return CsvShape(columns, delimiter, has_header, len(rows) - has_header)


def _is_header(first: Sequence[str], below: Sequence[ColumnType]) -> bool:
    """Whether the names are names, each once, and something below them is not text (AWS's rules)."""
    names = [cell.strip() for cell in first]
    return (
        all(name and len(name) <= _HEADER_LENGTH and _cell_type(name) == STRING for name in names)
        and len(set(names)) == len(names)
        and any(kind not in {STRING, None} for kind in below)
    )


def _column_type(cells: Sequence[str]) -> ColumnType:
    found: ColumnType = None
    for cell in cells:
        found = merged(found, _cell_type(cell))
    return found


def _cell_type(cell: str) -> ColumnType:
    """bigint, double, boolean or string; None for an empty cell. CSV integers are bigint, unlike JSON's."""
    text = cell.strip()
    if not text:
        return None
    if text.lower() in {"true", "false"}:
        return "boolean"
    digits = text.removeprefix("-").removeprefix("+")
    if digits.isdecimal() and digits.isascii():
        return "bigint" if len(digits) <= 18 else STRING
    if not digits[:1].isdigit() and digits[:1] != ".":
        return STRING  # float() also takes "nan" and "infinity"
    try:
        float(text.replace("_", "x"))
    except ValueError:
        return STRING
    return "double"
