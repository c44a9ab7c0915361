"""information_schema: the Glue catalog as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from salespipe.local.athena.plan import Output, Query
from salespipe.local.athena.session import CATALOG
from salespipe.local.athena.types import BIGINT, VARCHAR

if TYPE_CHECKING:
    from salespipe.local.athena.catalog import Catalog

Row = Sequence[str | int | None]


def table(name: str, catalog: Catalog) -> Query | None:
    """The query of one of its tables, ``None`` when there is no such table here."""
    if name == "schemata":
        return _query(("catalog_name", "schema_name"), [(CATALOG, schema) for schema in catalog.databases()])
    if name == "tables":
        return _query(("table_catalog", "table_schema", "table_name", "table_type"), _tables(catalog))
    if name == "views":
        views = [(*row[:3], None) for row in _tables(catalog) if row[3] == "VIEW"]
        return _query(("table_catalog", "table_schema", "table_name", "view_definition"), views)
    if name == "columns":
        names = ("table_catalog", "table_schema", "table_name", "column_name", "ordinal_position", "column_default",
                 "is_nullable", "data_type", "comment", "extra_info")  # fmt: skip
        return _query(names, _columns(catalog))
    return None


def _tables(catalog: Catalog) -> Iterator[Row]:
    for schema in catalog.databases():
        for found in catalog.tables(schema):
            yield (CATALOG, schema, found.name, "VIEW" if found.view_text else "BASE TABLE")


def _columns(catalog: Catalog) -> Iterator[Row]:
    for schema in catalog.databases():
        for found in catalog.tables(schema):
            keys = {key.name for key in found.partition_keys}
            for place, column in enumerate((*found.columns, *found.partition_keys), 1):
                extra = "partition key" if column.name in keys else None
                kind = str(column.type)
                yield (
                    CATALOG,
                    schema,
                    found.name,
                    column.name,
                    place,
                    None,
                    "YES",
                    kind,
                    column.comment or None,
                    extra,
                )


def _query(names: Sequence[str], rows: Iterator[Row] | Sequence[Row]) -> Query:
    lines = [f"({', '.join(map(_cell, row))})" for row in rows]
    columns = ", ".join(f"c{place}" for place in range(len(names)))
    kinds = [BIGINT if name == "ordinal_position" else VARCHAR for name in names]
    cells = ", ".join(f"CAST(c{place} AS {kind.duck}) AS c{place}" for place, kind in enumerate(kinds))
    nothing = f"SELECT {', '.join(f'NULL AS c{place}' for place in range(len(names)))} WHERE false"
    source = f"(VALUES {', '.join(lines)}) AS listed({columns})" if lines else f"({nothing}) AS listed"
    outputs = tuple(Output(name, kind, f"c{n}") for n, (name, kind) in enumerate(zip(names, kinds, strict=True)))
    return Query(f"SELECT {cells} FROM {source}", outputs)


def _cell(value: str | int | None) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
