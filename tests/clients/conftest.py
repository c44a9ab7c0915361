"""The local AWS in a process of its own, for clients that know nothing of us, and a small lake for those that read.

Each test skips when its client is not installed; ``.ci/run`` installs them all.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from salespipe.local import daemon

REGION = "us-east-1"
ACCESS_KEY = "anyone"
SECRET_KEY = "anything"
PATIENCE = 60.0
BUCKET = "clients-lake"
ORDERS = (
    {"orderid": "o-1", "quantity": 2, "price": 1.5, "region": "north", "created_at": "2026-01-01 09:00:00"},
    {"orderid": "o-2", "quantity": 1, "price": 20.25, "region": "south", "created_at": "2026-01-01 10:30:00"},
    {"orderid": "o-3", "quantity": 5, "price": 0.2, "region": "north", "created_at": "2026-01-02 00:00:00"},
    {"orderid": 'o "4", more', "quantity": None, "price": None, "region": "west", "created_at": "2026-01-02 23:59:59"},
)
COLUMNS = (
    ("orderid", "string"),
    ("quantity", "int"),
    ("price", "double"),
    ("region", "string"),
    ("created_at", "timestamp"),
)


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the local AWS answers."""
    folder = tmp_path_factory.mktemp("aws")
    yield daemon.start(folder, 0).endpoint
    daemon.stop(folder)


class Cli:
    """The ``aws`` program and what a user has in its environment: an endpoint, a region, credentials of nobody."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        self.folder = folder
        # Not AWS_ENDPOINT_URL alone: the CLI's own rule for SQS puts AWS's host before that variable.
        self._program = (str(Path(sys.executable).with_name("aws")), "--endpoint-url", endpoint)
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "anyone",
            "AWS_SECRET_ACCESS_KEY": "anything",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
        }

    def __call__(self, *words: str, **options: Any) -> Any:
        """Run ``aws WORDS --option value``; its JSON, or its text where that is not JSON, or None for silence."""
        done = self._run(*words, **options)
        assert done.returncode == 0, f"aws {' '.join(words)}: {done.stderr}"
        try:
            return json.loads(done.stdout) if done.stdout else None
        except ValueError:
            return done.stdout

    def refused(self, *words: str, **options: Any) -> str:
        """What a call that must fail says."""
        done = self._run(*words, **options)
        assert done.returncode != 0, done.stdout
        return done.stderr.strip()

    def until(self, found: Callable[[], Any], what: str) -> Any:
        """Ask again until there is something."""
        deadline = time.monotonic() + PATIENCE
        while not (result := found()):
            assert time.monotonic() < deadline, f"no {what} within {PATIENCE:.0f} s"
            time.sleep(0.2)
        return result

    def query(self, sql: str, workgroup: str) -> list[list[str | None]]:
        """Athena's rows, the header first."""
        started = self("athena", "start-query-execution", query_string=sql, work_group=workgroup)
        execution = started["QueryExecutionId"]

        def ended() -> dict[str, Any] | None:
            status = self("athena", "get-query-execution", query_execution_id=execution)["QueryExecution"]["Status"]
            return status if status["State"] not in {"QUEUED", "RUNNING"} else None

        status = self.until(ended, "answer")
        assert status["State"] == "SUCCEEDED", status
        answer = self("athena", "get-query-results", query_execution_id=execution)
        return [[cell.get("VarCharValue") for cell in row["Data"]] for row in answer["ResultSet"]["Rows"]]

    def _run(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [*self._program, *words]
        for name, value in options.items():
            command.append(f"--{name.replace('_', '-')}")
            if value is not True:
                command.append(value if isinstance(value, str) else json.dumps(value))
        return subprocess.run(
            command,
            env=self._environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
        )


@pytest.fixture(scope="module")
def aws(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    return Cli(endpoint, tmp_path_factory.mktemp("user"))


@pytest.fixture
def environment(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user exports to reach the endpoint, and nothing of the account that this machine may have."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)


@pytest.fixture(scope="session")
def lake(endpoint: str) -> str:
    """The name of a database with one table, ``orders``: gzipped JSON lines, in a partition for each day."""
    database = "clients"
    s3, glue, athena = (_client(name, endpoint) for name in ("s3", "glue", "athena"))
    s3.create_bucket(Bucket=BUCKET)
    glue.create_database(DatabaseInput={"Name": database})
    location = f"s3://{BUCKET}/orders/"
    glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": "orders",
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [{"Name": "dt", "Type": "string"}],
            "StorageDescriptor": _storage(location),
        },
    )
    for day in sorted({str(order["created_at"])[:10] for order in ORDERS}):
        lines = "".join(json.dumps(order) + "\n" for order in ORDERS if str(order["created_at"]).startswith(day))
        s3.put_object(Bucket=BUCKET, Key=f"orders/dt={day}/part.json.gz", Body=gzip.compress(lines.encode()))
        glue.create_partition(
            DatabaseName=database,
            TableName="orders",
            PartitionInput={"Values": [day], "StorageDescriptor": _storage(f"{location}dt={day}/")},
        )
    athena.create_work_group(
        Name="clients",
        Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/results/"}},
    )
    for client in (s3, glue, athena):
        client.close()
    return database


def _storage(location: str) -> dict[str, Any]:
    return {
        "Columns": [{"Name": name, "Type": kind} for name, kind in COLUMNS],
        "Location": location,
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
    }


def _client(service: str, endpoint: str) -> Any:
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(account_id_endpoint_mode="disabled"),
    )
