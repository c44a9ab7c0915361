"""The formats that queries write tables in: what DuckDB's COPY is told, and what Glue's table says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from salespipe.local.athena.catalog import Table
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.json_lines import JsonSchema
from salespipe.local.athena.table_ddl import STORED
from salespipe.local.athena.types import Type, quoted
from salespipe.local.athena.write_statements import Write

_KNOWN: Final = ("AVRO", "ION", "ORC", "PARQUET", "TEXTFILE", "JSON", "ICEBERG")
_WRITTEN: Final = ("PARQUET", "JSON", "TEXTFILE")
# Athena's compression -> DuckDB's for Parquet, DuckDB's for text, ending of a text object's name.
_COMPRESSIONS: Final = {
    "NONE": ("uncompressed", "none", ""),
    "GZIP": ("gzip", "gzip", ".gz"),
    "ZSTD": ("zstd", "zstd", ".zst"),
    "SNAPPY": ("snappy", "", ""),
    "LZ4": ("lz4_raw", "", ""),
}
_PROPERTIES: Final = frozenset(
    [
        "format",
        "external_location",
        "partitioned_by",
        "write_compression",
        "parquet_compression",
        "compression",
        "field_delimiter",
        "compression_level",
        "is_external",
    ]
)
_DELIMITER: Final = "\x01"


@dataclass(frozen=True, slots=True)
class Format:
    """How objects are written: ``name`` is PARQUET, JSON or TEXTFILE; ``keys`` are the names of columns in JSON."""

    name: str
    compression: str = "GZIP"
    delimiter: str = _DELIMITER
    keys: tuple[str, ...] = ()

    @property
    def ending(self) -> str:
        """Of an object's name; Athena's Parquet objects have none."""
        return "" if self.name == "PARQUET" else _COMPRESSIONS[self.compression][2]

    @property
    def options(self) -> str:
        """What DuckDB's COPY is told."""
        parquet, text, _ = _COMPRESSIONS[self.compression]
        if self.name == "PARQUET":
            return f"FORMAT parquet, COMPRESSION {parquet}"
        if self.name == "JSON":
            return f"FORMAT json, COMPRESSION {text}"
        delimiter = self.delimiter.replace("'", "''")
        return (
            f"FORMAT csv, COMPRESSION {text}, HEADER false, DELIMITER '{delimiter}', QUOTE '', ESCAPE '', NULLSTR '\\N'"
        )

    def cell(self, sql: str, kind: Type, place: int, name: str) -> str:
        """A column of what COPY writes.

        Raises ``QueryError`` for a type that this format does not hold here.
        """
        if self.name != "PARQUET" and (kind.name == "varbinary" or (self.name == "TEXTFILE" and kind.of)):
            told = f"Type {kind} of column '{name}' cannot be written as {self.name} locally"
            raise QueryError("NOT_SUPPORTED", told)
        key = self.keys[place] if self.keys else name
        return f"CAST({sql} AS {'VARCHAR' if self.name == 'TEXTFILE' else kind.duck}) AS {quoted(key)}"

    def table_input(self, name: str, columns: list[dict[str, str]], keys: int, location: str) -> dict[str, Any]:
        """Glue's TableInput of a table in this format; the last ``keys`` columns are its partition keys."""
        read, written, serde = STORED[self.name]
        delimited = {"field.delim": self.delimiter, "serialization.format": self.delimiter}
        return {
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": columns[len(columns) - keys :],
            "Parameters": {
                "EXTERNAL": "TRUE",
                "has_encrypted_data": "false",
                "classification": {"PARQUET": "parquet", "JSON": "json"}.get(self.name, "csv"),
                "write.compression": self.compression,
            },
            "StorageDescriptor": {
                "Columns": columns[: len(columns) - keys],
                "Location": location,
                "InputFormat": read,
                "OutputFormat": written,
                "Compressed": False,
                "SerdeInfo": {
                    "SerializationLibrary": serde,
                    "Parameters": delimited if self.name == "TEXTFILE" else {"serialization.format": "1"},
                },
            },
        }


def asked(write: Write) -> Format:
    """The format that CREATE TABLE AS or UNLOAD asks for; both write Parquet in GZIP by default.

    Raises ``QueryError``.
    """
    for name in write.properties:
        if name in {"bucketed_by", "bucket_count", "table_type", "orc_compression"}:
            raise QueryError("NOT_SUPPORTED", f"The table property {name} is not supported locally")
        if name not in _PROPERTIES:
            told = f"Catalog 'awsdatacatalog' table property '{name}' does not exist"
            raise QueryError("INVALID_TABLE_PROPERTY", f"line 1:1: {told}")
    form = write.text("format").upper()
    if not form and not write.names:
        raise QueryError("INVALID_PROCEDURE_ARGUMENT", "line 1:1: UNLOAD needs the property 'format'")
    form = form or "PARQUET"
    if form not in _KNOWN:
        told = f"Invalid value for catalog 'awsdatacatalog' table property 'format': Invalid value [{form}]"
        raise QueryError("INVALID_TABLE_PROPERTY", f"line 1:1: {told}. Valid values: [{', '.join(_KNOWN)}]")
    given = [write.text(name) for name in ("write_compression", "parquet_compression", "compression")]
    delimiter = write.text("field_delimiter") or _DELIMITER
    return _made(form, next((one for one in given if one), "GZIP"), {"\\t": "\t"}.get(delimiter, delimiter))


def of_table(table: Table) -> Format:
    """The format in which a table's objects are.

    Raises ``QueryError`` for one that is not written here.
    """
    serde = table.serde.lower()
    told = table.parameters
    compression = told.get("write.compression") or told.get("parquet.compression") or "GZIP"
    if "parquet" in serde:
        return _made("PARQUET", compression)
    if "json" in serde:
        return _made("JSON", compression, keys=JsonSchema.of(table).keys)
    if "lazysimple" in serde:
        if told.get("skip.header.line.count", "0") not in {"", "0"}:
            word = "skip.header.line.count"
            raise QueryError("NOT_SUPPORTED", f"Inserting into Hive table with {word} property not supported")
        return _made("TEXTFILE", compression, table.serde_parameters.get("field.delim", _DELIMITER))
    raise QueryError("NOT_SUPPORTED", f"Writing with the SerDe {table.serde} is not supported locally")


def _made(name: str, compression: str, delimiter: str = _DELIMITER, keys: tuple[str, ...] = ()) -> Format:
    if name not in _WRITTEN:
        raise QueryError("NOT_SUPPORTED", f"Writing {name} is not supported locally")
    word = {"UNCOMPRESSED": "NONE"}.get(compression.upper(), compression.upper())
    place = 0 if name == "PARQUET" else 1
    if word not in _COMPRESSIONS or not _COMPRESSIONS[word][place]:
        raise QueryError("NOT_SUPPORTED", f"Writing {name} with the compression {word} is not supported locally")
    if len(delimiter) != 1:
        raise QueryError("INVALID_TABLE_PROPERTY", "line 1:1: field_delimiter must be a single character")
    return Format(name, word, delimiter, keys)
