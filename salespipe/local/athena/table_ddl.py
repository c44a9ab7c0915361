"""CREATE EXTERNAL TABLE in Hive's words -> Glue's TableInput, and back again for SHOW CREATE TABLE."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from salespipe.local.athena.catalog import Table
from salespipe.local.athena.ddl_text import Cursor
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.type_text import parse

_TEXT_IN: Final = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUT: Final = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_LAZY: Final = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_PARQUET: Final = "org.apache.hadoop.hive.ql.io.parquet."
_ORC: Final = "org.apache.hadoop.hive.ql.io.orc.Orc"
# STORED AS: input format, output format, SerDe.
STORED: Final = {
    "TEXTFILE": (_TEXT_IN, _TEXT_OUT, _LAZY),
    "PARQUET": (
        f"{_PARQUET}MapredParquetInputFormat",
        f"{_PARQUET}MapredParquetOutputFormat",
        f"{_PARQUET}serde.ParquetHiveSerDe",
    ),
    "ORC": (f"{_ORC}InputFormat", f"{_ORC}OutputFormat", f"{_ORC}Serde"),
    "JSON": (_TEXT_IN, _TEXT_OUT, "org.apache.hive.hcatalog.data.JsonSerDe"),
}


@dataclass
class _Clauses:
    """What the clauses behind the columns say; ``stored`` is input format, output format and SerDe."""

    keys: list[dict[str, str]] = field(default_factory=list)
    location: str = ""
    serde: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    stored: tuple[str, str, str] = STORED["TEXTFILE"]
    parameters: dict[str, str] = field(default_factory=lambda: {"EXTERNAL": "TRUE"})


def table_input(cursor: Cursor, name: str) -> dict[str, Any]:
    """Glue's TableInput of a table whose name has just been read from ``cursor``.

    Raises ``QuerySyntaxError`` with the position of what is wrong.
    """
    columns = _columns(cursor)
    told = _Clauses()
    while not cursor.ended:
        _clause(cursor, told)
    if not told.location.startswith("s3://"):
        raise QueryError("", "FAILED: SemanticException Table location can not be null")
    twice = {key["Name"] for key in told.keys} & {column["Name"] for column in columns}
    if twice:
        raise QueryError("", "FAILED: SemanticException [Error 10035]: Column repeated in partitioning columns")
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "PartitionKeys": told.keys,
        "Parameters": told.parameters,
        "StorageDescriptor": {
            "Columns": columns,
            "Location": told.location,
            "InputFormat": told.stored[0],
            "OutputFormat": told.stored[1],
            "Compressed": False,
            "SerdeInfo": {"SerializationLibrary": told.serde or told.stored[2], "Parameters": told.properties},
        },
    }


def _clause(cursor: Cursor, told: _Clauses) -> None:
    if cursor.take("COMMENT"):
        told.parameters["comment"] = cursor.string()
    elif cursor.take("PARTITIONED", "BY"):
        told.keys = _columns(cursor)
    elif cursor.take("ROW", "FORMAT", "SERDE"):
        told.serde = cursor.string()
    elif cursor.take("ROW", "FORMAT", "DELIMITED"):
        told.properties.update(_delimited(cursor))
    elif cursor.take("WITH", "SERDEPROPERTIES"):
        told.properties.update(cursor.pairs())
    elif cursor.take("STORED", "AS"):
        told.stored = _stored(cursor, told.stored[2])
    elif cursor.take("LOCATION"):
        told.location = cursor.string()
    elif cursor.take("TBLPROPERTIES"):
        told.parameters.update(cursor.pairs())
    else:
        raise cursor.unexpected("'COMMENT', 'LOCATION', 'PARTITIONED', 'ROW', 'STORED', 'TBLPROPERTIES', 'WITH'")


def _stored(cursor: Cursor, serde: str) -> tuple[str, str, str]:
    if cursor.take("INPUTFORMAT"):
        read = cursor.string()
        cursor.need("OUTPUTFORMAT")
        return read, cursor.string(), serde
    form = cursor.value().upper()
    if form not in STORED:
        told = f"SemanticException Unrecognized file format in STORED AS clause: '{form}'"
        raise QueryError("", f"FAILED: {told}")
    return STORED[form]


def _columns(cursor: Cursor) -> list[dict[str, str]]:
    cursor.need("(")
    columns: list[dict[str, str]] = []
    while not cursor.take(")"):
        column = {"Name": cursor.name(), "Type": cursor.hive_type()}
        try:
            parse(column["Type"])
        except ValueError as error:
            raise QueryError(
                "", f"FAILED: ParseException cannot recognize input near '{column['Type']}' in column type"
            ) from error
        if cursor.take("COMMENT"):
            column["Comment"] = cursor.string()
        columns.append(column)
        if not cursor.take(",") and cursor.peek() != ")":
            raise cursor.unexpected("')', ',', 'COMMENT'")
    return columns


def _delimited(cursor: Cursor) -> dict[str, str]:
    found: dict[str, str] = {}
    while True:
        if cursor.take("FIELDS", "TERMINATED", "BY"):
            found["field.delim"] = found["serialization.format"] = cursor.string()
            if cursor.take("ESCAPED", "BY"):
                found["escape.delim"] = cursor.string()
        elif cursor.take("LINES", "TERMINATED", "BY"):
            found["line.delim"] = cursor.string()
        elif cursor.take("COLLECTION", "ITEMS", "TERMINATED", "BY"):
            found["collection.delim"] = cursor.string()
        elif cursor.take("MAP", "KEYS", "TERMINATED", "BY"):
            found["mapkey.delim"] = cursor.string()
        elif cursor.take("NULL", "DEFINED", "AS"):
            found["serialization.null.format"] = cursor.string()
        else:
            return found


def shown(table: Table) -> list[str]:
    """The lines of SHOW CREATE TABLE."""
    storage = table.raw.get("StorageDescriptor") or {}
    lines = [f"CREATE EXTERNAL TABLE `{table.name}`("]
    foreign = (
        " COMMENT 'from deserializer'" if "lazy" not in table.serde.lower() and "parquet" not in table.serde else ""
    )
    for place, column in enumerate(table.columns):
        ending = ")" if place == len(table.columns) - 1 else ", "
        comment = f" COMMENT '{column.comment}'" if column.comment else foreign
        lines.append(f"  `{column.name}` {column.hive}{comment}{ending}")
    if table.parameters.get("comment"):
        lines.append(f"COMMENT '{table.parameters['comment']}'")
    for place, key in enumerate(table.partition_keys):
        lines += ["PARTITIONED BY ( "] if place == 0 else []
        comment = f" COMMENT '{key.comment}'" if key.comment else ""
        lines.append(f"  `{key.name}` {key.hive}{comment}{')' if place == len(table.partition_keys) - 1 else ', '}")
    lines += ["ROW FORMAT SERDE ", f"  '{table.serde}' "]
    serde = (storage.get("SerdeInfo") or {}).get("Parameters") or {}
    if serde:
        lines += ["WITH SERDEPROPERTIES ( ", *_pairs(serde, ") ")]
    lines += ["STORED AS INPUTFORMAT ", f"  '{table.input_format}' "]
    lines += ["OUTPUTFORMAT ", f"  '{storage.get('OutputFormat') or ''}'", "LOCATION", f"  '{table.location}'"]
    properties = {key: value for key, value in (table.raw.get("Parameters") or {}).items() if key != "EXTERNAL"}
    return [*lines, "TBLPROPERTIES (", *_pairs(properties, ")")] if properties else lines


def _pairs(values: dict[str, str], ending: str) -> list[str]:
    pairs = [f"  '{key}'='{value}'" for key, value in sorted(values.items())]
    return [*(f"{pair}, " for pair in pairs[:-1]), *(f"{pair}{ending}" for pair in pairs[-1:])]
