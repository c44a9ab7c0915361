"""JSON lines, and one JSON document with what the query took.

Decimals and large integers are numbers with every digit. JSON has no NaN and no Infinity: these are texts. Arrays,
maps, rows, dates and times are the texts that Athena prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isfinite
from typing import BinaryIO, Final

import msgspec

from salespipe.query import records
from salespipe.query.model import Answer, Value, distinct

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
# Rows that are encoded at a time.
_BATCH: Final = 1000


def lines(answer: Answer, out: BinaryIO, header: bool) -> int:  # noqa: ARG001 - a Writer
    """Write an object for each row, on a line of its own."""
    count = 0
    for batch in _batches(answer):
        out.write(_ENCODER.encode_lines(batch))
        count += len(batch)
    return count


def document(answer: Answer, out: BinaryIO, header: bool) -> int:  # noqa: ARG001 - a Writer
    """Write ``{"id", "columns", "rows", "statistics"}`` on one line; the rows are objects."""
    columns = [{"name": each.name, "type": each.type} for each in answer.columns]
    out.write(b'{"id":' + _ENCODER.encode(answer.id) + b',"columns":' + _ENCODER.encode(columns) + b',"rows":[')
    count = 0
    for batch in _batches(answer):
        out.write((b"," if count else b"") + _ENCODER.encode(batch)[1:-1])
        count += len(batch)
    took = replace(answer.statistics, rows=count)
    out.write(b'],"statistics":' + _ENCODER.encode(took) + b"}\n")
    return count


def _batches(answer: Answer) -> Iterator[list[dict[str, Value]]]:
    names = distinct([column.name for column in answer.columns])
    floats = any(column.type in {"double", "float", "real"} for column in answer.columns)
    batch: list[dict[str, Value]] = []
    for row in records.typed(answer.blocks, answer.columns):
        batch.append(dict(zip(names, map(_finite, row) if floats else row, strict=True)))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _finite(value: Value) -> Value:
    if isinstance(value, float) and not isfinite(value):
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(str(value), "NaN")
    return value
