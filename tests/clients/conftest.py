"""The local AWS in a process of its own, for clients that know nothing of us, and a small lake for those that read.

Each test skips when its client is not installed; ``.ci/run`` installs them all.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from salespipe.local import daemon

REGION = "us-east-1"
ACCESS_KEY = "anyone"
SECRET_KEY = "anything"
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
