"""Record format conversion: JSON as rows of a Glue table, and rows as Parquet."""

from __future__ import annotations

import io
import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from moto import mock_aws

from salespipe.local.athena.type_text import parse
from salespipe.local.firehose.conversion import Conversion, Converter, TableError, table_columns
from salespipe.local.firehose.json_rows import Column, RowError, RowReader, documents
from salespipe.local.record_log import Record

REGION = "eu-west-1"
CONVERSION = Conversion("lake", "orders", REGION)


def value(kind: str, given: Any, **options: bool) -> Any:
    """What a column of a Hive type makes of a JSON value."""
    reader = RowReader([Column("c", parse(kind), "c")], **options)
    return reader.row({"c": given})["c"]


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("string", "mug", "mug"),
        ("string", 5, "5"),
        ("string", True, "true"),
        ("string", {"a": [1]}, '{"a":[1]}'),
        ("string", None, None),
        ("int", 2**31 - 1, 2**31 - 1),
        ("bigint", "-12", -12),
        ("boolean", "TRUE", True),
        ("double", 3, 3.0),
        ("float", "1.5", 1.5),
        ("decimal(10,2)", 12.345, "12.35"),
        ("decimal(10,2)", "7", "7.00"),
        ("date", "2026-11-22", "2026-11-22"),
        ("timestamp", "2026-11-22T10:00:00.5Z", "2026-11-22 10:00:00.500000"),
        ("timestamp", "2026-11-22T10:00:00+02:00", "2026-11-22 08:00:00"),
        ("timestamp", "2026-11-22 10:00:00", "2026-11-22 10:00:00"),
        ("timestamp", 1_763_805_600, "2025-11-22 10:00:00"),
        ("timestamp", 1_763_805_600_123, "2025-11-22 10:00:00.123000"),
        ("timestamp", "1763805600", "2025-11-22 10:00:00"),
        ("array<int>", [1, None, "2"], [1, None, 2]),
        ("struct<a:int,b:string>", {"A": 1, "z": 2}, {"a": 1, "b": None}),
        ("map<string,double>", {"K": 1}, {"K": 1.0}),
    ],
)
def test_values_that_fit(kind: str, given: Any, expected: Any) -> None:
    assert value(kind, given) == expected


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("int", 2**31),
        ("tinyint", 128),
        ("int", 1.5),
        ("int", "many"),
        ("int", True),
        ("bigint", 2**63),
        ("boolean", 1),
        ("double", "n/a"),
        ("double", [1]),
        ("double", False),
        ("decimal(4,2)", 100),
        ("decimal(4,2)", "NaN"),
        ("decimal(4,2)", "x"),
        ("date", "22.11.2026"),
        ("date", 5),
        ("timestamp", "yesterday"),
        ("timestamp", "2026-13-01"),
        ("array<int>", 1),
        ("struct<a:int>", "a"),
        ("struct<a:int>", {"a": "b"}),
        ("map<string,int>", [1]),
    ],
)
def test_values_that_do_not_fit(kind: str, given: Any) -> None:
    with pytest.raises(RowError, match="Data does not match the schema") as caught:
        value(kind, given)
    assert caught.value.code == "DataFormatConversion.MalformedData"


def test_how_keys_are_found() -> None:
    columns = [Column("at", parse("string"), "created.at"), Column("id", parse("int"), "ID")]
    assert RowReader(columns, lower=False).row({"created.at": "now", "id": 1, "ID": 2}) == {"at": "now", "id": 2}
    columns = [Column("created_at", parse("string"), "created_at")]
    assert RowReader(columns, underscores=True).row({"Created.At": "now"}) == {"created_at": "now"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "MalformedData"),
        (b" \n", "MalformedData"),
        (b"[1]", "MalformedData"),
        (b'"text"', "MalformedData"),
        (b"{", "ParseError"),
        (b'{"a": 1} x', "ParseError"),
        (b"\xff", "ParseError"),
    ],
)
def test_records_that_are_no_objects(data: bytes, code: str) -> None:
    with pytest.raises(RowError) as caught:
        documents(data)
    assert caught.value.code == f"DataFormatConversion.{code}"


def test_a_record_may_hold_several_objects() -> None:
    assert documents(b'{"a": 1}{"a": 2}\n {"a": 3}\n') == [{"a": 1}, {"a": 2}, {"a": 3}]


@pytest.fixture
def glue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws(), closing(boto3.client("glue", REGION)) as client:
        client.create_database(DatabaseInput={"Name": "lake"})
        yield client


def table(glue: Any, **columns: str) -> None:
    glue.create_table(
        DatabaseName="lake",
        TableInput={
            "Name": "orders",
            "StorageDescriptor": {"Columns": [{"Name": name, "Type": kind} for name, kind in columns.items()]},
            "PartitionKeys": [{"Name": "day", "Type": "string"}],
        },
    )


def rows(parquet: bytes, folder: Path) -> tuple[list[tuple[Any, ...]], list[tuple[str, str]], str]:
    """Rows, columns with DuckDB's types, and the codec of a Parquet file."""
    path = folder / "found.parquet"
    path.write_bytes(parquet)
    with closing(duckdb.connect()) as connection:
        found = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
        columns = [(column[0], str(column[1])) for column in found.description or []]
        values = found.fetchall()
        (codec,) = connection.execute("SELECT DISTINCT compression FROM parquet_metadata(?)", [str(path)]).fetchall()
    return values, columns, str(codec[0])


def test_rows_become_parquet_of_the_tables_types_and_the_rest_error_lines(glue: Any, tmp_path: Path) -> None:
    kinds = {
        "orderid": "string",
        "it's": "int",
        "price": "decimal(10,2)",
        "at": "timestamp",
        "on": "date",
        "tags": "array<string>",
        "who": "struct<name:string,age:int>",
        "extra": "map<string,double>",
        "paid": "boolean",
    }
    table(glue, **kinds)
    good = {
        "OrderId": "o-1",
        "it's": 2,
        "price": 9.9,
        "at": "2026-11-22T10:00:00.25Z",
        "on": "2026-11-22",
        "tags": ["new", None],
        "who": {"name": "Nadia"},
        "extra": {"rate": 1},
        "paid": True,
        "unknown": 1,
    }
    data = [json.dumps(good).encode() + b"\n", b"{", b'{"it\'s": "many"}', b'{"orderid": "o-2"}{"orderid": "o-3"}']
    sources = [Record(number, 100.0 + number, "key", b"before") for number in range(1, 5)]
    converter = Converter(lambda *_: glue, lambda sequence: f"49{sequence}", lambda: 200.5)
    parquet, errors = converter.convert(data, sources, CONVERSION)
    found, columns, codec = rows(parquet, tmp_path)
    assert codec == "SNAPPY"
    assert columns == [
        ("orderid", "VARCHAR"),
        ("it's", "INTEGER"),
        ("price", "DECIMAL(10,2)"),
        ("at", "TIMESTAMP"),
        ("on", "DATE"),
        ("tags", "VARCHAR[]"),
        ("who", 'STRUCT("name" VARCHAR, age INTEGER)'),
        ("extra", "MAP(VARCHAR, DOUBLE)"),
        ("paid", "BOOLEAN"),
    ]
    at = datetime(2026, 11, 22, 10, 0, 0, 250_000)
    assert found[0] == (
        *("o-1", 2, Decimal("9.90"), at, date(2026, 11, 22), ["new", None]),
        *({"name": "Nadia", "age": None}, {"rate": 1.0}, True),
    )
    assert [row[0] for row in found] == ["o-1", "o-2", "o-3"]
    lines = [json.loads(line) for line in errors.splitlines()]
    assert [line["lastErrorCode"].partition(".")[2] for line in lines] == ["ParseError", "MalformedData"]
    assert [b64decode(line["rawData"]) for line in lines] == data[1:3]
    assert lines[1] == {
        "attemptsMade": 1,
        "arrivalTimestamp": 103_000,
        "lastErrorCode": "DataFormatConversion.MalformedData",
        "lastErrorMessage": 'Data does not match the schema. For input string: "many"',
        "attemptEndingTimestamp": 200_500,
        "rawData": lines[1]["rawData"],
        "sequenceNumber": "493",
        "subSequenceNumber": None,
        "dataCatalogTable": {
            "catalogId": None,
            "databaseName": "lake",
            "tableName": "orders",
            "region": REGION,
            "versionId": "LATEST",
        },
    }


def test_nothing_good_makes_no_parquet(glue: Any) -> None:
    table(glue, a="int")
    converter = Converter(lambda *_: glue, str, lambda: 1.0)
    parquet, errors = converter.convert([b"x"], [Record(1, 1.0, "k", b"x")], CONVERSION)
    assert parquet == b""
    assert len(io.BytesIO(errors).readlines()) == 1


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "The specified table has no columns"),
        ({"a": "binary"}, "Column a has the type binary"),
        ({"a": "array<what>"}, "Column a has the type"),
    ],
)
def test_tables_that_cannot_be_converted_by(glue: Any, columns: dict[str, str], message: str) -> None:
    with pytest.raises(TableError, match="could not be found"):
        table_columns(lambda *_: glue, CONVERSION)
    table(glue, **columns)
    with pytest.raises(TableError, match=message):
        table_columns(lambda *_: glue, CONVERSION)
