"""Views as Athena keeps them in Glue: a VIRTUAL_VIEW whose text is Presto's view definition in base64."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.plan import Output
from salespipe.local.athena.session import CATALOG

if TYPE_CHECKING:
    from salespipe.local.athena.catalog import Table

_PREFIX: Final = "/* Presto View: "
_SUFFIX: Final = " */"


@dataclass(frozen=True, slots=True)
class View:
    """A view's query, the database in which its unqualified names are looked up, and its column names."""

    schema: str
    name: str
    sql: str
    database: str
    columns: tuple[str, ...]


def decoded(table: Table) -> View:
    """The definition that a Glue table holds.

    Raises ``QueryError`` INVALID_VIEW when it is not one that Athena wrote.
    """
    text = table.view_text
    try:
        told = json.loads(base64.b64decode(text.removeprefix(_PREFIX).removesuffix(_SUFFIX), validate=True))
        columns = tuple(str(column["name"]).lower() for column in told["columns"])
        return View(
            table.database, table.name, str(told["originalSql"]), str(told.get("schema") or table.database), columns
        )
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        shown = f"{CATALOG}.{table.database}.{table.name}"
        raise QueryError("INVALID_VIEW", f"Invalid view definition of '{shown}'") from error


def table_input(name: str, sql: str, schema: str, outputs: tuple[Output, ...]) -> dict[str, Any]:
    """Glue's TableInput of a view.

    Raises ``QueryError`` for columns that a view cannot have: no name, one name twice, a type that Hive lacks.
    """
    seen: set[str] = set()
    for output in outputs:
        if output.name in seen:
            raise QueryError("DUPLICATE_COLUMN_NAME", f"Column name '{output.name}' specified more than once")
        seen.add(output.name)
        if not output.type.storable:
            raise QueryError("NOT_SUPPORTED", f"Unsupported Hive type: {output.type}")
    definition = {
        "originalSql": sql,
        "catalog": CATALOG,
        "schema": schema,
        "columns": [{"name": output.name, "type": str(output.type)} for output in outputs],
    }
    text = base64.b64encode(json.dumps(definition, separators=(",", ":")).encode()).decode()
    return {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "PartitionKeys": [],
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "StorageDescriptor": {
            "Columns": [{"Name": output.name, "Type": output.type.hive} for output in outputs],
            "Location": "",
            "SerdeInfo": {},
        },
        "ViewOriginalText": f"{_PREFIX}{text}{_SUFFIX}",
        "ViewExpandedText": "/* Presto View */",
    }
