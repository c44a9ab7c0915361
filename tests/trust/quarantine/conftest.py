"""A pipeline on the local AWS whose records fail on demand."""

from __future__ import annotations

import gzip
import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from salespipe import lifecycle
from salespipe.aws import Aws
from salespipe.config import Config, Delivery
from salespipe.local import daemon
from salespipe.pipeline import pipeline
from salespipe.query import athena
from salespipe.query.crawl import crawl
from salespipe.resources import bundle
from salespipe.trust.quarantine import reading
from salespipe.trust.quarantine.chosen import choose
from salespipe.trust.quarantine.index import Record
from salespipe.trust.quarantine.reading import Quarantine
from salespipe.trust.quarantine.replay import Replay
from salespipe.trust.quarantine.results import Replayed

# Nothing waits in a buffer.
CONFIG = Config(delivery=Delivery(buffer_seconds=0, transform_buffer_seconds=0))
BROKEN = {
    "raise": b"def handler(event, context=None):\n    raise RuntimeError('broken by hand')\n",
    "refuse": b"def handler(event, context=None):\n"
    b"    return {'records': [{**each, 'result': 'ProcessingFailed'} for each in event['records']]}\n",
    "drop": b"def handler(event, context=None):\n"
    b"    return {'records': [{**each, 'result': 'Dropped'} for each in event['records']]}\n",
}


@dataclass
class Pipe:
    folder: Path
    aws: Aws = field(init=False)

    def __post_init__(self) -> None:
        self.aws = self.connected()

    def connected(self) -> Aws:
        return Aws(CONFIG, endpoint=daemon.start(self.folder, 0).endpoint)

    def heal(self) -> None:
        for _ in lifecycle.up(self.aws, pipeline(self.aws)):
            pass

    def broken(self, how: str) -> None:
        code = bundle.pack({"handler.py": BROKEN[how]})
        name = self.aws.names.function("transform")
        self.aws.client("lambda").update_function_code(FunctionName=name, ZipFile=code)

    def write(self, *orders: str) -> None:
        for order in orders:
            item = {"orderid": {"S": order}, "price": {"N": "2.5"}, "quantity": {"N": "2"}}
            self.aws.client("dynamodb").put_item(TableName=self.aws.names.table, Item=item)

    def put(self, *data: bytes) -> None:
        records = [{"Data": each, "PartitionKey": "one"} for each in data]
        self.aws.client("kinesis").put_records(StreamName=self.aws.names.stream, Records=records)

    def plant(self, *data: bytes, attempts: int = 4, ended: int = 0, kind: str = "processing-failed") -> str:
        """An object as Firehose writes it of what failed."""
        now = int(time.time() * 1000) - 60_000
        lines = [
            {
                "attemptsMade": attempts,
                "arrivalTimestamp": now,
                "errorCode": "Lambda.FunctionError",
                "errorMessage": "it failed",
                "attemptEndingTimestamp": ended or now + 1000,
                "rawData": b64encode(each).decode(),
                "lambdaArn": self.aws.names.function_arn("transform"),
            }
            for each in data
        ]
        return self.plant_raw(f"{kind}/2026/01/02/x-{uuid4()}.gz", *(json.dumps(each).encode() for each in lines))

    def plant_raw(self, name: str, *lines: bytes) -> str:
        key = self.aws.names.errors_prefix + name
        body = b"".join(line + b"\n" for line in lines)
        body = gzip.compress(body) if name.endswith(".gz") else body
        self.aws.client("s3").put_object(Bucket=self.aws.names.bucket, Key=key, Body=body)
        return key

    def opened(self, aws: Aws | None = None, *, hold: bool = False) -> AbstractContextManager[Quarantine]:
        return reading.opened(aws or self.aws, reading.listed(aws or self.aws), hold=hold)

    def records(self) -> dict[str, Record]:
        with self.opened() as found:
            return {each.id: each for each in found.index.records()}

    def quarantined(self, count: int) -> dict[str, Record]:
        """Once so many records lie there."""
        for _ in range(300):
            if len(found := self.records()) >= count:
                break
            time.sleep(0.05)
        assert len(found) == count
        return found

    def replay(self, *ids: str, aws: Aws | None = None, error: str | None = None, **options: Any) -> Replayed:
        with self.opened(aws, hold=True) as found:
            choose(found.index, ids, error, everything=not ids and error is None)
            return Replay(aws or self.aws, found, **options).run()

    def error_objects(self) -> list[str]:
        answer = self.aws.client("s3").list_objects_v2(Bucket=self.aws.names.bucket, Prefix="errors/")
        return [each["Key"] for each in answer.get("Contents", [])]

    def lines(self, key: str) -> list[bytes]:
        body = self.aws.client("s3").get_object(Bucket=self.aws.names.bucket, Key=key)["Body"].read()
        return list((gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).splitlines())

    def delivered(self) -> list[str]:
        """The orders of all lines of the lake."""
        answer = self.aws.client("s3").list_objects_v2(Bucket=self.aws.names.bucket, Prefix="order_events/")
        lines = (line for each in answer.get("Contents", []) for line in self.lines(each["Key"]))
        return sorted(json.loads(line)["orderid"] for line in lines)

    def in_view(self, pattern: str) -> list[str]:
        crawl(self.aws)
        rows = athena.run(self.aws, f"SELECT orderid FROM orders WHERE orderid LIKE '{pattern}' ORDER BY 1").rows
        return [str(row[0]) for row in rows]

    def letters(self) -> int:
        """How many messages there are, whoever holds them."""
        sqs, names = self.aws.client("sqs"), ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = sqs.get_queue_url(QueueName=self.aws.names.queue)["QueueUrl"]
        return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))

    def clean(self) -> None:
        """Whatever a test left."""
        sqs, s3 = self.aws.client("sqs"), self.aws.client("s3")
        url = sqs.get_queue_url(QueueName=self.aws.names.queue)["QueueUrl"]
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for each in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        for key in self.error_objects():
            s3.delete_object(Bucket=self.aws.names.bucket, Key=key)


def event(order: str, number: int = 1, kind: str = "INSERT", **more: Any) -> bytes:
    """An event as the pipe sends it."""
    return json.dumps(
        {
            "eventID": f"{order}-{number}".ljust(32, "0"),
            "eventName": kind,
            "dynamodb": {
                "ApproximateCreationDateTime": 1_763_769_600,
                "Keys": {"orderid": {"S": order}},
                "NewImage": {"orderid": {"S": order}, "price": {"N": "19.90"}, "quantity": {"N": "1"}},
                "SequenceNumber": str(number).zfill(21),
            },
            "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/OrdersRawTable/stream/x",
            **more,
        }
    ).encode()


@pytest.fixture(scope="session")
def make_event() -> Callable[..., bytes]:
    return event


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipe]:
    folder = tmp_path_factory.mktemp("quarantine")
    try:
        pipe = Pipe(folder)
        pipe.heal()
        yield pipe
    finally:
        daemon.stop(folder)


@pytest.fixture
def pipe(standing: Pipe) -> Iterator[Pipe]:
    yield standing
    standing.clean()
