"""A DynamoDB of one table behind a real boto3 client, without a socket, that can be told to misbehave."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config as BotoConfig

from salespipe.aws import Aws
from salespipe.config import Config, Table

# One session, so that botocore reads its models once.
SESSION = boto3.session.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="us-east-1")

Answer = tuple[int, dict[str, Any]]


class Raw(io.BytesIO):
    """A body as urllib3 gives it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


class Dynamo:
    """Takes BatchWriteItem as the client sent it, and keeps what happened to every key in order.

    ``weather`` may answer a call instead, given its number and requests; ``capacity`` is how many requests of a call
    are processed, the rest are sent back.
    """

    def __init__(self, table: str = "OrdersRawTable", key: str = "orderid") -> None:
        self.table, self.key = table, key
        self.status = "ACTIVE"
        self.items: dict[str, dict[str, Any]] = {}
        self.history: dict[str, list[dict[str, Any] | None]] = {}
        self.calls: list[int] = []
        self.capacity: Callable[[int], int] = lambda size: size
        self.weather: Callable[[int, list[dict[str, Any]]], Answer | None] = lambda _call, _requests: None
        self._lock = threading.Lock()
        self.client = SESSION.client(
            "dynamodb", endpoint_url="http://127.0.0.1:9", config=BotoConfig(retries={"total_max_attempts": 1})
        )
        self.client.meta.events.register("before-send.dynamodb", self._answer)

    def aws(self, **times: Any) -> Aws:
        """An ``Aws`` whose DynamoDB this is."""
        config = Config(table=Table(name=self.table, partition_key=self.key))
        aws = Aws(config, endpoint="http://127.0.0.1:9", **times)
        aws._clients["dynamodb"] = self.client
        return aws

    def _answer(self, request: Any, **_: object) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).split(".")[1]
        status, answer = getattr(self, operation)(json.loads(request.body))
        return AWSResponse(request.url, status, {}, Raw(json.dumps(answer).encode()))

    def DescribeTable(self, params: dict[str, Any]) -> Answer:  # noqa: N802 (AWS's name)
        if params["TableName"] != self.table:
            return error("ResourceNotFoundException", "Requested resource not found")
        return 200, {
            "Table": {
                "TableStatus": self.status,
                "KeySchema": [{"AttributeName": self.key, "KeyType": "HASH"}],
            }
        }

    def BatchWriteItem(self, params: dict[str, Any]) -> Answer:  # noqa: N802 (AWS's name)
        ((table, requests),) = params["RequestItems"].items()
        assert table == self.table
        with self._lock:
            self.calls.append(len(requests))
            if answer := self.weather(len(self.calls), requests):
                return answer
            keys = [self._key_of(request) for request in requests]
            assert len(set(keys)) == len(keys) <= 25
            processed = self.capacity(len(requests))
            for key, request in zip(keys[:processed], requests[:processed], strict=True):
                item = request.get("PutRequest", {}).get("Item")
                self.history.setdefault(key, []).append(item)
                if item is None:
                    self.items.pop(key, None)
                else:
                    self.items[key] = item
        back = requests[processed:]
        said: dict[str, Any] = {"UnprocessedItems": {table: back} if back else {}}
        if params.get("ReturnConsumedCapacity") == "TOTAL":
            said["ConsumedCapacity"] = [{"TableName": table, "CapacityUnits": float(processed)}]
        return 200, said

    def _key_of(self, request: dict[str, Any]) -> str:
        held = request["PutRequest"]["Item"] if "PutRequest" in request else request["DeleteRequest"]["Key"]
        return str(held[self.key]["S"])


def error(code: str, message: str, status: int = 400) -> Answer:
    """An error as DynamoDB words it."""
    return status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message}


@pytest.fixture
def dynamo() -> Iterator[Dynamo]:
    server = Dynamo()
    yield server
    server.client.close()
