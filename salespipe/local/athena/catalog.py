"""The Glue Data Catalog as Athena reads it: databases, tables, partitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.type_text import parse
from salespipe.local.athena.types import VARCHAR, Type


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; ``hive`` is its type as Glue spells it."""

    name: str
    type: Type
    hive: str = "string"
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of the catalog: its values as text, in the order of the keys, and its location."""

    values: tuple[str, ...]
    location: str


@dataclass(frozen=True)
class Table:
    """A Glue table or view; ``view_text`` is empty for a table. ``parameters`` have lower-case names."""

    database: str
    name: str
    columns: tuple[Column, ...] = ()
    partition_keys: tuple[Column, ...] = ()
    location: str = ""
    serde: str = ""
    serde_parameters: Mapping[str, str] = field(default_factory=dict)
    input_format: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    view_text: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def projected(self) -> bool:
        """Whether partitions come from projection, and the catalog's are ignored."""
        return self.parameters.get("projection.enabled", "").lower() == "true"


class Catalog:
    """Reads one region's catalog through Glue's API; tables are read once for each statement."""

    def __init__(self, glue: Any) -> None:
        self.glue = glue
        self._tables: dict[tuple[str, str], Table | None] = {}
        self._databases: list[str] | None = None

    def databases(self) -> list[str]:
        """Names of all databases, sorted; ``default`` is always there, as in Athena."""
        if self._databases is None:
            found = _pages(self.glue.get_databases, "DatabaseList")
            self._databases = sorted({"default", *(str(one["Name"]).lower() for one in found)})
        return self._databases

    def has_database(self, name: str) -> bool:
        """Whether there is such a database."""
        return name in self.databases() or name == "information_schema"

    def tables(self, database: str) -> list[Table]:
        """The tables and views of a database, by name; none when there is no such database."""
        try:
            found = _pages(self.glue.get_tables, "TableList", DatabaseName=database)
        except ClientError as error:
            if _absent(error):
                return []
            raise
        return sorted((table_of(database, one) for one in found), key=lambda one: one.name)

    def table(self, database: str, name: str) -> Table | None:
        """A table or view, ``None`` when there is none."""
        key = (database, name)
        if key not in self._tables:
            try:
                answer = self.glue.get_table(DatabaseName=database, Name=name)
                self._tables[key] = table_of(database, answer["Table"])
            except ClientError as error:
                if not _absent(error):
                    raise
                self._tables[key] = None
        return self._tables[key]

    def partitions(self, table: Table) -> list[Partition]:
        """The partitions that the catalog holds for a table."""
        found = _pages(self.glue.get_partitions, "Partitions", DatabaseName=table.database, TableName=table.name)
        return [
            Partition(tuple(map(str, one["Values"])), str(one.get("StorageDescriptor", {}).get("Location") or ""))
            for one in found
        ]


def table_of(database: str, raw: Mapping[str, Any]) -> Table:
    """A table from Glue's description of it."""
    storage = raw.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    parameters = {str(key).lower(): str(value) for key, value in (raw.get("Parameters") or {}).items()}
    return Table(
        database=database,
        name=str(raw["Name"]).lower(),
        columns=columns_of(storage.get("Columns") or ()),
        partition_keys=columns_of(raw.get("PartitionKeys") or ()),
        location=str(storage.get("Location") or ""),
        serde=str(serde.get("SerializationLibrary") or ""),
        serde_parameters={str(key).lower(): str(value) for key, value in (serde.get("Parameters") or {}).items()},
        input_format=str(storage.get("InputFormat") or ""),
        parameters=parameters,
        view_text=str(raw.get("ViewOriginalText") or "") if raw.get("TableType") == "VIRTUAL_VIEW" else "",
        raw=raw,
    )


def columns_of(described: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """Columns from Glue's list.

    Raises ``QueryError`` for a type that Athena does not have.
    """
    made = []
    for one in described:
        hive = str(one.get("Type") or "string")
        try:
            kind = parse(hive) if hive else VARCHAR
        except ValueError as error:
            raise QueryError("HIVE_INVALID_METADATA", f"Unknown type '{hive}' of column '{one['Name']}'") from error
        made.append(Column(str(one["Name"]).lower(), kind, hive, str(one.get("Comment") or "")))
    return tuple(made)


def _absent(error: ClientError) -> bool:
    return str(error.response.get("Error", {}).get("Code")) == "EntityNotFoundException"


def _pages(call: Any, key: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        answer = call(**params, **token)
        found.extend(answer.get(key) or ())
        if not answer.get("NextToken"):
            return found
        token = {"NextToken": answer["NextToken"]}
