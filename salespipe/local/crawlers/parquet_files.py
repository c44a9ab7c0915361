"""Parquet objects: their columns, in Hive's types, read from the file's own schema."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any, Final

from salespipe.local.crawlers.formats import NOTHING, PARQUET, Sample
from salespipe.local.crawlers.types import Columns

if TYPE_CHECKING:
    from duckdb.sqltypes import DuckDBPyType

_SCALARS: Final = {
    "boolean": "boolean",
    "tinyint": "tinyint",
    "smallint": "smallint",
    "integer": "int",
    "bigint": "bigint",
    "utinyint": "smallint",
    "usmallint": "int",
    "uinteger": "bigint",
    "ubigint": "decimal(20,0)",
    "float": "float",
    "double": "double",
    "date": "date",
    "blob": "binary",
}


def parquet_sample(data: bytes) -> Sample:
    """The sample of a whole Parquet object; UNKNOWN when it cannot be read."""
    import duckdb

    with tempfile.NamedTemporaryFile(suffix=".parquet") as file, duckdb.connect() as database:
        file.write(data)
        file.flush()
        try:
            found = database.read_parquet(file.name)
        except duckdb.Error:
            return Sample(NOTHING, {}, 0, len(data))
        columns: Columns = {name.lower(): _hive(kind) for name, kind in zip(found.columns, found.types, strict=True)}
        [(records,)] = found.count("*").fetchall()
    return Sample(PARQUET, columns, records, len(data))


def _hive(kind: DuckDBPyType) -> str:
    """DuckDB's type in Hive's words; what Hive has no type for is text."""
    name = kind.id
    children: dict[str, Any] = dict(kind.children) if name in {"list", "map", "struct", "decimal"} else {}
    if name == "list":
        return f"array<{_hive(children['child'])}>"
    if name == "map":
        return f"map<{_hive(children['key'])},{_hive(children['value'])}>"
    if name == "struct":
        return f"struct<{','.join(f'{member}:{_hive(child)}' for member, child in children.items())}>"
    if name == "decimal":
        return f"decimal({children['precision']},{children['scale']})"
    return "timestamp" if name.startswith("timestamp") else _SCALARS.get(name, "string")
