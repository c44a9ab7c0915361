"""What Glue knows of tables and views, read once: for the guard, for errors, and for completion."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from salespipe.aws import Aws

# How Athena keeps a view's text in Glue: Presto's view definition, JSON in base64.
_VIEW_PREFIX: Final = "/* Presto View: "
_VIEW_SUFFIX: Final = " */"


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a table: its name in lower case, and Hive's name of its type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view. ``location`` ends in a slash and is empty for a view.

    ``sql`` is a view's query, else None; ``schema`` is the database in which its unqualified names are looked up.
    """

    database: str
    name: str
    columns: tuple[Field, ...]
    keys: tuple[Field, ...] = ()
    location: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    sql: str | None = None
    schema: str = ""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Every column that a query may name, the partition columns last, as ``SELECT *`` has them."""
        return self.columns + self.keys

    @property
    def is_view(self) -> bool:
        """Whether it is a view, also one whose text cannot be read."""
        return self.parameters.get("presto_view") == "true" or self.sql is not None

    @property
    def projected(self) -> bool:
        """Whether Athena computes its partitions instead of reading them from the catalogue."""
        return self.parameters.get("projection.enabled", "").lower() == "true"


class Catalogue:
    """The tables of each database, asked of Glue when first needed. Raises what boto3 raises, except for absence."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._databases: dict[str, dict[str, Table]] = {}

    @property
    def database(self) -> str:
        """The pipeline's database, where unqualified names are looked up."""
        return self._aws.names.database

    def tables(self, database: str = "") -> dict[str, Table]:
        """Tables and views of a database by name; none where the database does not exist."""
        name = (database or self.database).lower()
        if name not in self._databases:
            self._databases[name] = {table.name: table for table in _read(self._aws, name)}
        return self._databases[name]

    def table(self, name: str, database: str = "") -> Table | None:
        """One table or view; None where there is none of that name."""
        return self.tables(database).get(name.lower())

    def forget(self) -> None:
        """Ask again next time: something was created, dropped or crawled."""
        self._databases.clear()


def _read(aws: Aws, database: str) -> Iterator[Table]:
    from botocore.exceptions import ClientError

    from salespipe.aws import is_not_found

    try:
        for page in aws.client("glue").get_paginator("get_tables").paginate(DatabaseName=database):
            yield from (parsed(raw, database) for raw in page["TableList"])
    except ClientError as error:
        if not is_not_found(error):
            raise


def parsed(raw: Mapping[str, Any], database: str) -> Table:
    """A table as GetTables shows it."""
    storage = raw.get("StorageDescriptor") or {}
    location = str(storage.get("Location") or "")
    sql, schema = _view(str(raw.get("ViewOriginalText") or ""))
    return Table(
        database=database,
        name=str(raw["Name"]).lower(),
        columns=_fields(storage.get("Columns")),
        keys=_fields(raw.get("PartitionKeys")),
        location=location if not location or location.endswith("/") else f"{location}/",
        parameters=raw.get("Parameters") or {},
        sql=sql,
        schema=schema.lower() or database,
    )


def _view(text: str) -> tuple[str | None, str]:
    """The query and the schema in a view's text as Glue keeps it; None where Athena did not write it."""
    if not text.startswith(_VIEW_PREFIX):
        return None, ""
    try:
        told = json.loads(base64.b64decode(text.removeprefix(_VIEW_PREFIX).removesuffix(_VIEW_SUFFIX), validate=True))
        return str(told["originalSql"]), str(told.get("schema") or "")
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None, ""


def _fields(raw: Any) -> tuple[Field, ...]:
    return tuple(Field(str(one["Name"]).lower(), str(one.get("Type", "string"))) for one in raw or ())
