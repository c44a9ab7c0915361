"""The data plane of the local AWS over moto, without a socket, for the tests of DynamoDB, its streams and Kinesis."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.local.api import Cloud
from salespipe.local.cloud import Clients, _session
from salespipe.local.dynamodb.service import DynamoDb
from salespipe.local.dynamodb.streams import DynamoDbStreams
from salespipe.local.front.gateway import Gateway
from salespipe.local.kinesis.service import Kinesis
from salespipe.local.moto.bridge import ACCOUNT, Moto
from salespipe.local.record_log import RecordLog
from salespipe.local.store import Store

REGION = "us-east-1"
ENDPOINT = "http://127.0.0.1:1"
SESSION = _session()  # which keeps the service models that it has read


class Clock:
    """Unix time that a test sets."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Aws:
    """What is in ``folder`` outlives it; open another on the same folder for what a new process would find."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.store = Store(folder)
        self.log = RecordLog(self.store, clock)
        self.moto = Moto(self.store)
        gateway = Gateway(self.moto, ACCOUNT)
        self.client = Clients(gateway, ENDPOINT)
        self.client._session = SESSION
        cloud = Cloud(self.store, self.log, self.client, ENDPOINT, ACCOUNT, clock)
        self.dynamodb = DynamoDb(cloud)
        self.streams = DynamoDbStreams(cloud)
        self.kinesis = Kinesis(cloud)
        self.moto.forwards |= {"dynamodb": self.dynamodb.forward, "kinesis": self.kinesis.forward}
        for service in (self.dynamodb, self.streams, self.kinesis):
            gateway.add(service)
            service.start()

    def close(self) -> None:
        self.moto.close()
        self.store.close()


def create_table(
    db: Any,
    name: str = "orders",
    *,
    view: str | None = "NEW_AND_OLD_IMAGES",
    sort_key: str | None = None,
    kinds: tuple[str, str] = ("S", "S"),
    **more: Any,
) -> dict[str, Any]:
    """An on-demand table whose key is ``orderid`` (and ``sort_key``), as CreateTable describes it."""
    keys = [("orderid", "HASH", kinds[0])] + ([(sort_key, "RANGE", kinds[1])] if sort_key else [])
    described: dict[str, Any] = db.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": role} for key, role, _ in keys],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, _, kind in keys],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": view} if view else {"StreamEnabled": False},
        **more,
    )
    return dict(described["TableDescription"])


def failure(call: Callable[..., object], *args: Any, **named: Any) -> tuple[str, str]:
    """The code and message with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(*args, **named)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
