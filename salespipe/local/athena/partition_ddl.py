"""ALTER TABLE and MSCK REPAIR TABLE: partitions, properties and columns of a table in Glue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from salespipe.local.athena.catalog import Catalog, Table
from salespipe.local.athena.ddl_text import Cursor
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.objects import listed

_BATCH: Final = 100  # BatchCreatePartition's limit (service model)
# What Glue answers for a table but does not take back in a TableInput.
_INPUT: Final = ("Name", "Description", "Owner", "Retention", "StorageDescriptor", "PartitionKeys", "ViewOriginalText",
                 "ViewExpandedText", "TableType", "Parameters")  # fmt: skip


def alter(cursor: Cursor, table: Table, glue: Any) -> None:
    """The change that ``cursor`` has come to: ADD/DROP PARTITION, SET TBLPROPERTIES, SET LOCATION, ADD COLUMNS.

    Raises ``QueryError`` for others.
    """
    if cursor.take("ADD"):
        lenient = cursor.take("IF", "NOT", "EXISTS")
        if cursor.peek() == "PARTITION":
            _add(cursor, table, glue, lenient=lenient)
        else:
            cursor.need("COLUMNS")
            _add_columns(cursor, table, glue)
    elif cursor.take("DROP"):
        _drop(cursor, table, glue, lenient=cursor.take("IF", "EXISTS"))
    elif cursor.take("SET", "TBLPROPERTIES"):
        wanted = _input(table)
        wanted["Parameters"] = {**(wanted.get("Parameters") or {}), **cursor.pairs()}
        glue.update_table(DatabaseName=table.database, TableInput=wanted)
    elif cursor.take("SET", "LOCATION"):
        wanted = _input(table)
        wanted["StorageDescriptor"] = {**wanted["StorageDescriptor"], "Location": cursor.string()}
        glue.update_table(DatabaseName=table.database, TableInput=wanted)
    else:
        raise QueryError("NOT_SUPPORTED", f"ALTER TABLE ... {cursor.peek()} is not supported locally")


def _input(table: Table) -> dict[str, Any]:
    return {key: table.raw[key] for key in _INPUT if table.raw.get(key) is not None}


def _add_columns(cursor: Cursor, table: Table, glue: Any) -> None:
    cursor.need("(")
    columns = []
    while not cursor.take(")"):
        columns.append({"Name": cursor.name(), "Type": cursor.hive_type()})
        cursor.take(",")
    wanted = _input(table)
    storage = wanted["StorageDescriptor"]
    wanted["StorageDescriptor"] = {**storage, "Columns": [*storage.get("Columns", ()), *columns]}
    glue.update_table(DatabaseName=table.database, TableInput=wanted)


def _spec(cursor: Cursor, table: Table) -> tuple[str, ...]:
    cursor.need("PARTITION", "(")
    given: dict[str, str] = {}
    while not cursor.take(")"):
        name = cursor.name()
        cursor.need("=")
        given[name] = cursor.value()
        if not cursor.take(",") and cursor.peek() != ")":
            raise cursor.unexpected("')', ','")
    keys = [key.name for key in table.partition_keys]
    if set(given) != set(keys):
        told = f"Partition spec {{{', '.join(given)}}} contains non-partition columns"
        raise QueryError("", f"FAILED: SemanticException [Error 10098]: {told}")
    return tuple(given[key] for key in keys)


def _add(cursor: Cursor, table: Table, glue: Any, *, lenient: bool) -> None:
    while cursor.peek() == "PARTITION":
        values = _spec(cursor, table)
        keys = [key.name for key in table.partition_keys]
        path = "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))
        location = cursor.string() if cursor.take("LOCATION") else f"{table.location.rstrip('/')}/{path}"
        try:
            wanted = _partition(table, values, location)
            glue.create_partition(DatabaseName=table.database, TableName=table.name, PartitionInput=wanted)
        except ClientError as error:
            if str(error.response.get("Error", {}).get("Code")) != "AlreadyExistsException":
                raise
            if not lenient:
                told = f"AlreadyExistsException(message:Partition already exists: [{', '.join(values)}])"
                raise QueryError("", f"FAILED: Execution Error, return code 1: {told}") from error
    cursor.done()


def _drop(cursor: Cursor, table: Table, glue: Any, *, lenient: bool) -> None:
    while cursor.peek() == "PARTITION":
        values = _spec(cursor, table)
        try:
            glue.delete_partition(DatabaseName=table.database, TableName=table.name, PartitionValues=list(values))
        except ClientError as error:
            if not lenient:
                shown = ", ".join(values)
                raise QueryError(
                    "", f"FAILED: SemanticException [Error 10006]: Partition not found [{shown}]"
                ) from error
        cursor.take(",")
    cursor.done()


def _partition(table: Table, values: tuple[str, ...], location: str) -> dict[str, Any]:
    storage = table.raw.get("StorageDescriptor") or {}
    return {"Values": list(values), "StorageDescriptor": {**storage, "Location": location}}


def register(table: Table, locations: Mapping[tuple[str, ...], str], glue: Any) -> None:
    """Add partitions, by their values, to the catalog."""
    missing = list(locations)
    for start in range(0, len(missing), _BATCH):
        inputs = [_partition(table, values, locations[values]) for values in missing[start : start + _BATCH]]
        glue.batch_create_partition(DatabaseName=table.database, TableName=table.name, PartitionInputList=inputs)


def repair(table: Table, catalog: Catalog, s3: Any) -> list[str]:
    """Add the Hive-style partitions (``dt=2026-11-22/``) that only S3 has. Returns what Athena says then."""
    keys = [key.name for key in table.partition_keys]
    if not keys:
        return []
    base = table.location if table.location.endswith("/") else f"{table.location}/"
    known = {partition.values for partition in catalog.partitions(table)}
    found: dict[tuple[str, ...], str] = {}
    for one in listed(s3, base):
        folders = one.location[len(base) :].split("/")[: len(keys)]
        pairs = [folder.split("=", 1) for folder in folders if "=" in folder]
        if [name.lower() for name, _ in pairs] == keys:
            found[tuple(value for _, value in pairs)] = f"{base}{'/'.join(folders)}"
    missing = sorted(values for values in found if values not in known)
    register(table, {values: found[values] for values in missing}, catalog.glue)
    if not missing:
        return []
    shown = [f"{table.name}:{found[values][len(base) :]}" for values in missing]
    return [
        f"Partitions not in metastore:\t{chr(9).join(shown)}",
        *(f"Repair: Added partition to metastore {one}" for one in shown),
    ]
