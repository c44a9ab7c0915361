"""Parquet and Arrow files, by pyarrow: Athena's types stay, and what the query took is in the schema's metadata.

Texts of no type of Arrow's own (JSON, times with a zone) stay the texts that Athena prints, and so do arrays, maps and
rows: Athena does not name the types within (ColumnInfo says ``array``), nor quote what it prints, so that ``[a, b]``
may be one element or two.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any, BinaryIO, Final

import msgspec

from salespipe.errors import Exit, SalespipeError
from salespipe.query.formats import Writer
from salespipe.query.model import Answer, Column, distinct

# How much is one row group, bytes of Athena's CSV.
_GROUP: Final = 8 * 2**20
STATISTICS: Final = b"salespipe.statistics"


def writer(name: str) -> Writer:
    """What writes ``parquet`` or ``arrow``. Raises ``SalespipeError`` where pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        raise SalespipeError(
            "MissingExtra",
            f"The format {name} needs pyarrow, which is not installed.",
            hint="python3 -m pip install 'salespipe[arrow]'",
            exit_code=Exit.USAGE,
        )
    return partial(_write, name)


def _write(name: str, answer: Answer, out: BinaryIO, header: bool) -> int:  # noqa: ARG001 - a Writer
    import pyarrow as pa

    if not answer.columns:
        raise SalespipeError("NoColumns", f"The statement has no result to write as {name}.", exit_code=Exit.USAGE)
    fields = list(zip(distinct([each.name for each in answer.columns]), map(_type, answer.columns), strict=True))
    took = msgspec.json.encode(answer.statistics)
    schema = pa.schema(fields, metadata={STATISTICS: took})
    count = 0
    with _opened(name, out, schema) as file:
        for group in _groups(answer.blocks):
            table = _table(group, answer.columns, schema)
            file.write_table(table)
            count += table.num_rows
    return count


def _opened(name: str, out: BinaryIO, schema: Any) -> Any:
    if name == "arrow":
        import pyarrow as pa

        return pa.ipc.new_file(out, schema)
    from pyarrow import parquet

    return parquet.ParquetWriter(out, schema, compression="zstd")


def _groups(blocks: Iterator[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for block in blocks:
        held.append(block)
        size += len(block)
        if size >= _GROUP:
            yield b"".join(held)
            held, size = [], 0
    if size:
        yield b"".join(held)


def _table(group: bytes, columns: tuple[Column, ...], schema: Any) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    # By number: names may be empty, or come twice.
    names = [str(number) for number in range(len(columns))]
    binary = [column.type == "varbinary" for column in columns]
    types = [pa.string() if is_hex else field.type for is_hex, field in zip(binary, schema, strict=True)]
    table = csv.read_csv(
        pa.BufferReader(group),
        read_options=csv.ReadOptions(use_threads=False, block_size=len(group) + 1, column_names=names),
        parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types=dict(zip(names, types, strict=True)),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    made = [
        pa.array([None if text is None else bytes.fromhex(text) for text in held.to_pylist()], pa.binary())
        if is_hex
        else held
        for is_hex, held in zip(binary, table.columns, strict=True)
    ]
    return pa.table(made, schema=schema)


def _type(column: Column) -> Any:
    import pyarrow as pa

    if column.type == "decimal" and column.precision:
        return pa.decimal128(column.precision, column.scale)
    simple = {
        "boolean": pa.bool_(),
        "tinyint": pa.int8(),
        "smallint": pa.int16(),
        "integer": pa.int32(),
        "bigint": pa.int64(),
        "float": pa.float32(),
        "real": pa.float32(),
        "double": pa.float64(),
        "date": pa.date32(),
        "time": pa.time32("ms"),
        "timestamp": pa.timestamp("ms"),
        "varbinary": pa.binary(),
    }
    return simple.get(column.type, pa.string())
