"""Firehose's record format conversion: JSON records to Parquet, with the schema of a Glue table.

Source: Firehose developer guide, "Convert input data format" and its error handling; service model,
DataFormatConversionConfiguration. DuckDB writes the Parquet, and is imported when there is some to write.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import msgspec

from salespipe.local.api import AwsError, ClientFactory
from salespipe.local.firehose.json_rows import READERS, Column, RowError, RowReader, documents
from salespipe.local.record_log import Record

if TYPE_CHECKING:
    from salespipe.local.athena.types import Type

ERROR_TYPE: Final = "format-conversion-failed"
_CODECS: Final = frozenset({"SNAPPY", "GZIP", "UNCOMPRESSED"})


@dataclass(frozen=True)
class Conversion:
    """What a delivery stream converts by. ``keys`` are JSON's keys of columns that are called otherwise there."""

    database: str
    table: str
    region: str
    catalog: str = ""
    version: str = "LATEST"
    codec: str = "SNAPPY"
    lower: bool = True
    underscores: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)


def conversion_of(destination: Mapping[str, Any], region: str) -> Conversion | None:
    """What a destination's DataFormatConversionConfiguration asks for, None when it is not enabled.

    ``region`` is the delivery stream's. Raises ``AwsError`` InvalidArgumentException.
    """
    given = destination.get("DataFormatConversionConfiguration") or {}
    if not given or not given.get("Enabled", True):
        return None
    schema, read, write = (
        given.get(name) or {}
        for name in ("SchemaConfiguration", "InputFormatConfiguration", "OutputFormatConfiguration")
    )
    for name in ("RoleARN", "DatabaseName", "TableName"):
        if not schema.get(name):
            raise _refused(f"SchemaConfiguration.{name} is required when data format conversion is enabled.")
    if destination["CompressionFormat"] != "UNCOMPRESSED":
        raise _refused("CompressionFormat must be UNCOMPRESSED when data format conversion is enabled.")
    if destination["BufferingHints"]["SizeInMBs"] < 64:
        raise _refused("BufferingHints.SizeInMBs must be at least 64 when data format conversion is enabled.")
    serializer = write.get("Serializer") or {}
    if "OrcSerDe" in serializer:
        raise _refused("OrcSerDe is not supported by this local AWS, only ParquetSerDe.")
    if "ParquetSerDe" not in serializer:
        raise _refused("OutputFormatConfiguration.Serializer must have a ParquetSerDe.")
    codec = (serializer["ParquetSerDe"] or {}).get("Compression", "SNAPPY")
    if codec not in _CODECS:
        raise _refused(f"ParquetSerDe.Compression must be one of {', '.join(sorted(_CODECS))}, not {codec}.")
    open_x = _deserializer(read.get("Deserializer") or {})
    return Conversion(
        database=schema["DatabaseName"],
        table=schema["TableName"],
        region=schema.get("Region") or region,
        catalog=schema.get("CatalogId") or "",
        version=schema.get("VersionId") or "LATEST",
        codec=codec,
        lower=open_x.get("CaseInsensitive", True),
        underscores=open_x.get("ConvertDotsInJsonKeysToUnderscores", False),
        keys=open_x.get("ColumnToJsonKeyMappings") or {},
    )


def _deserializer(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """OpenXJsonSerDe's settings, which for HiveJsonSerDe are the defaults."""
    if "HiveJsonSerDe" in given:
        if (given["HiveJsonSerDe"] or {}).get("TimestampFormats"):
            raise _refused("HiveJsonSerDe.TimestampFormats is not supported by this local AWS.")
        return {}
    if "OpenXJsonSerDe" not in given:
        raise _refused("InputFormatConfiguration.Deserializer must have an OpenXJsonSerDe or a HiveJsonSerDe.")
    return given["OpenXJsonSerDe"] or {}


def _refused(message: str) -> AwsError:
    return AwsError("InvalidArgumentException", message)


class TableError(AwsError):
    """The table cannot be converted by; ``log_code`` is what the delivery stream's log calls that."""

    def __init__(self, message: str, log_code: str) -> None:
        super().__init__("InvalidArgumentException", message)
        self.log_code = f"DataFormatConversion.{log_code}"


def check_table(client: ClientFactory, definition: Mapping[str, Any]) -> None:
    """Raise ``AwsError`` when a delivery stream is to convert by a table that it cannot."""
    conversion = conversion_of(definition["Destination"], definition["DeliveryStreamARN"].split(":")[3])
    if conversion is not None:
        table_columns(client, conversion)


class Converter:
    """Converts what is delivered. ``sequence_number`` is a record's as clients see it, ``clock`` Unix seconds."""

    def __init__(
        self, client: ClientFactory, sequence_number: Callable[[int], str], clock: Callable[[], float]
    ) -> None:
        self._client = client
        self._sequence_number = sequence_number
        self._clock = clock

    def convert(self, data: Sequence[bytes], sources: Sequence[Record], conversion: Conversion) -> tuple[bytes, bytes]:
        """A Parquet file, and lines of an error object for what does not fit; each empty when there is nothing.

        ``sources`` are the records that ``data`` was made of. Raises ``TableError``.
        """
        columns = table_columns(self._client, conversion)
        reader = RowReader(columns, conversion.lower, conversion.underscores)
        rows: list[dict[str, Any]] = []
        errors: list[bytes] = []
        for piece, source in zip(data, sources, strict=True):
            try:
                rows += [reader.row(document) for document in documents(piece)]
            except RowError as error:
                errors.append(self._error(piece, source, error, conversion))
        return parquet(rows, columns, conversion.codec) if rows else b"", b"".join(errors)

    def _error(self, piece: bytes, source: Record, error: RowError, conversion: Conversion) -> bytes:
        line = {
            "attemptsMade": 1,
            "arrivalTimestamp": int(source.arrived * 1000),
            "lastErrorCode": error.code,
            "lastErrorMessage": str(error),
            "attemptEndingTimestamp": int(self._clock() * 1000),
            "rawData": b64encode(piece).decode("ascii"),
            "sequenceNumber": self._sequence_number(source.sequence),
            "subSequenceNumber": None,
            "dataCatalogTable": {
                "catalogId": conversion.catalog or None,
                "databaseName": conversion.database,
                "tableName": conversion.table,
                "region": conversion.region,
                "versionId": conversion.version,
            },
        }
        return msgspec.json.encode(line) + b"\n"


def table_columns(client: ClientFactory, conversion: Conversion) -> list[Column]:
    """The columns that the Glue table has now, or had in the version that is asked for. Raises ``TableError``."""
    from salespipe.local.athena.type_text import parse

    glue = client("glue", conversion.region)
    place = {"DatabaseName": conversion.database}
    try:
        if conversion.version == "LATEST":
            table = glue.get_table(**place, Name=conversion.table)["Table"]
        else:
            version = glue.get_table_version(**place, TableName=conversion.table, VersionId=conversion.version)
            table = version["TableVersion"]["Table"]
    except glue.exceptions.EntityNotFoundException:
        raise TableError(
            "The specified table/database could not be found. Please ensure that the table/database exists and that "
            "the values provided in the schema configuration are correct, especially with regards to casing.",
            "EntityNotFound",
        ) from None
    columns: list[Column] = []
    for given in table.get("StorageDescriptor", {}).get("Columns", []):
        name = given["Name"].lower()
        try:
            kind = parse(given["Type"])
        except ValueError:
            kind = None
        if kind is None or not _readable(kind):
            raise TableError(f"The schema is invalid. Column {name} has the type {given['Type']}.", "InvalidSchema")
        key = conversion.keys.get(name, name)
        columns.append(Column(name, kind, key.lower() if conversion.lower else key))
    if not columns:
        raise TableError("The schema is invalid. The specified table has no columns.", "InvalidSchema")
    return columns


def _readable(kind: Type) -> bool:
    return kind.name in {*READERS, "decimal", "array", "map", "row"} and all(_readable(of) for of in kind.of)


def parquet(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column], codec: str) -> bytes:
    """A Parquet file of rows."""
    import duckdb

    types = ", ".join(f"{_quoted(column.name)}: {_quoted(column.type.duck)}" for column in columns)
    with TemporaryDirectory(prefix="firehose-") as folder:
        lines, made = Path(folder, "rows.json"), Path(folder, "rows.parquet")
        lines.write_bytes(msgspec.json.Encoder().encode_lines(rows))
        with closing(duckdb.connect(config={"threads": 1})) as connection:
            connection.execute(
                f"COPY (SELECT * FROM read_json({_quoted(str(lines))}, format = 'newline_delimited',"
                f" columns = {{{types}}})) TO {_quoted(str(made))} (FORMAT parquet, COMPRESSION {codec})"
            )
        return made.read_bytes()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
