from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from salespipe.local.api import Call, Cloud
from salespipe.local.athena import Athena
from salespipe.local.athena.catalog import Catalog, Table
from salespipe.local.athena.engine import Job, run
from salespipe.local.athena.formats import printer
from salespipe.local.athena.objects import ObjectCache
from salespipe.local.athena.plan import Output
from salespipe.local.athena.running import Connections
from salespipe.local.athena.session import Session
from salespipe.local.record_log import RecordLog
from salespipe.local.store import Store

REGION = "us-east-1"
BUCKET = "lake"
OUTPUT = "s3://lake/results/"
NOW = 1_795_320_000.0  # 2026-11-22 04:00:00 UTC
OPENX = "org.openx.data.jsonserde.JsonSerDe"
TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"


class Clients:
    """Plain boto3 clients inside moto, made once."""

    def __init__(self) -> None:
        self.made: dict[tuple[str, str], Any] = {}

    def __call__(self, service: str, region: str) -> Any:
        if (service, region) not in self.made:
            self.made[service, region] = boto3.client(service, region_name=region)
        return self.made[service, region]


@dataclass
class World:
    """An Athena with its S3 and Glue, and the few steps that most tests take."""

    athena: Athena
    cloud: Cloud
    clients: Clients
    now: list[float] = field(default_factory=lambda: [NOW])

    @property
    def s3(self) -> Any:
        return self.clients("s3", REGION)

    @property
    def glue(self) -> Any:
        return self.clients("glue", REGION)

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        answer = self.athena.handlers[operation](Call("athena", operation, REGION, "123456789012", params=params))
        assert isinstance(answer, dict)
        return answer

    def start(self, sql: str, **params: Any) -> str:
        context = {"Catalog": "AwsDataCatalog", "Database": params.pop("database", "shop")}
        params = {"ResultConfiguration": {"OutputLocation": OUTPUT}, "QueryExecutionContext": context, **params}
        return str(self.call("StartQueryExecution", QueryString=sql, **params)["QueryExecutionId"])

    def wait(self, identifier: str, seconds: float = 60) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            told: dict[str, Any] = self.call("GetQueryExecution", QueryExecutionId=identifier)["QueryExecution"]
            if told["Status"]["State"] not in {"QUEUED", "RUNNING"}:
                return told
            time.sleep(0.005)
        raise AssertionError(f"query {identifier} did not end")

    def run(self, sql: str, **params: Any) -> dict[str, Any]:
        return self.wait(self.start(sql, **params))

    def result(self, sql: str, **params: Any) -> dict[str, Any]:
        told = self.run(sql, **params)
        assert told["Status"]["State"] == "SUCCEEDED", told["Status"]
        return self.call("GetQueryResults", QueryExecutionId=told["QueryExecutionId"])

    def rows(self, sql: str, **params: Any) -> list[list[str | None]]:
        """The rows of a query without the header."""
        data = self.result(sql, **params)["ResultSet"]["Rows"][1:]
        return [[cell.get("VarCharValue") for cell in row["Data"]] for row in data]

    def one(self, expression: str) -> tuple[str | None, str]:
        """The value and type of a single expression."""
        result = self.result(f"SELECT {expression}")["ResultSet"]
        return result["Rows"][1]["Data"][0].get("VarCharValue"), result["ResultSetMetadata"]["ColumnInfo"][0]["Type"]

    def lines(self, sql: str, **params: Any) -> list[str]:
        """The lines of SHOW, DESCRIBE or DDL."""
        data = self.result(sql, **params)["ResultSet"]["Rows"]
        return [row["Data"][0]["VarCharValue"] for row in data]

    def failure(self, sql: str, **params: Any) -> str:
        told = self.run(sql, **params)
        assert told["Status"]["State"] == "FAILED", told["Status"]
        return str(told["Status"]["StateChangeReason"])

    def put(self, key: str, *records: Any) -> None:
        """An object of JSON lines; a record that is text is put as it is."""
        lines = "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in records)
        body = gzip.compress(lines.encode()) if key.endswith(".gz") else lines.encode()
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def table(self, name: str, columns: str, *, keys: str = "", **more: Any) -> None:
        """A JSON table below s3://lake/<name>/; ``columns`` as ``"a int, b string"``."""
        storage = {
            "Columns": fields(columns),
            "Location": more.pop("location", f"s3://{BUCKET}/{name}/"),
            "InputFormat": TEXT_INPUT,
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": more.pop("serde", OPENX),
                "Parameters": more.pop("serde_parameters", {}),
            },
        }
        self.glue.create_table(
            DatabaseName="shop",
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "PartitionKeys": fields(keys),
                "Parameters": more.pop("parameters", {"classification": "json"}),
                "StorageDescriptor": storage,
            },
        )

    def partition(self, table: str, *values: str, location: str) -> None:
        self.glue.create_partition(
            DatabaseName="shop",
            TableName=table,
            PartitionInput={"Values": list(values), "StorageDescriptor": {"Location": location}},
        )


def fields(text: str) -> list[dict[str, str]]:
    depth, parts = 0, [""]
    for letter in text:
        depth += {"<": 1, "(": 1, ">": -1, ")": -1}.get(letter, 0)
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    pairs = [part.split(None, 1) for part in parts if part.strip()]
    return [{"Name": name, "Type": kind.strip()} for name, kind in pairs]


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            environment.setenv(name, "testing")
        environment.delenv("AWS_PROFILE", raising=False)
        with mock_aws():
            made = Clients()
            yield made
            for client in made.made.values():
                client.close()


class NoTables(Catalog):
    """A catalog of one empty database."""

    def databases(self) -> list[str]:
        return ["shop"]

    def table(self, database: str, name: str) -> Table | None:  # noqa: ARG002 - there is none of any name
        return None


@pytest.fixture
def compute(tmp_path: Path) -> Callable[[str], tuple[list[str], list[list[str | None]]]]:
    """Runs a query without tables: the columns with their types, and the rows as Athena prints them."""
    cache = ObjectCache(tmp_path / "objects")

    def computed(sql: str) -> tuple[list[str], list[list[str | None]]]:
        types: list[str] = []
        rows: list[list[str | None]] = []

        def consume(outputs: Sequence[Output], found: Iterator[Sequence[Any]]) -> None:
            types.extend(f"{output.name} {output.type}" for output in outputs)
            printers = [printer(output.type) for output in outputs]
            for row in found:
                pairs = zip(printers, row, strict=True)
                rows.append([None if value is None else shown(value) for shown, value in pairs])

        run(Job(sql, Session(NoTables(None), "shop", NOW)), None, cache, Connections(), consume)
        return types, rows

    return computed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def world(clients: Clients, store: Store) -> Iterator[World]:
    now = [NOW]
    log = RecordLog(store, lambda: now[0])
    cloud = Cloud(store, log, clients, "http://127.0.0.1:1", "123456789012", lambda: now[0])
    made = World(Athena(cloud), cloud, clients, now)
    made.s3.create_bucket(Bucket=BUCKET)
    made.glue.create_database(DatabaseInput={"Name": "shop"})
    made.athena.start()
    yield made
    made.athena.stop()
    for one in made.s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        made.s3.delete_object(Bucket=BUCKET, Key=one["Key"])
    made.s3.delete_bucket(Bucket=BUCKET)
    for database in made.glue.get_databases()["DatabaseList"]:
        made.glue.delete_database(Name=database["Name"])
