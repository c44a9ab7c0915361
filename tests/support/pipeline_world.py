"""A pipeline in simulated time, as AWS's API shows it: what is written moves on when its time has come."""

from __future__ import annotations

import base64
import gzip
import heapq
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from hashlib import blake2b
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from salespipe.aws import Aws
from salespipe.config import Config

START = datetime(2026, 3, 4, 11, 59, 0, tzinfo=UTC).timestamp()
CALL_SECONDS = 0.02


@dataclass
class Shard:
    """A Kinesis shard: (arrival, sequence number, data) in order."""

    records: list[tuple[float, int, bytes]] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    closed: bool = False


class World:
    """The clock starts at ``START``; ``skew`` is how far this machine's clock is ahead of AWS's, in seconds.

    Every call takes a little time. ``empty`` is how many GetRecords of Kinesis answer with nothing before the records
    that there are. Whatever is in ``pipe``, ``firehose`` and so on is what the API describes.
    """

    def __init__(self, *, target: str = "aws", shards: int = 1, skew: float = 0.0, **config: Any) -> None:
        self.now = START
        self.skew = skew
        self.empty = 0
        self.page = 10_000
        self.lag = 0.0  # until the table's stream shows a write
        self.shards = {f"shardId-{number:012d}": Shard() for number in range(shards)}
        self.stream: dict[str, Any] | None = {"StreamStatus": "ACTIVE", "RetentionPeriodHours": 24}
        self.stream_created = START - 30 * 3600
        self.table: list[tuple[float, str, int]] | None = []
        self.readable = True
        self.pipe: dict[str, Any] | None = {"CurrentState": "RUNNING"}
        self.firehose: dict[str, Any] | None = {"DeliveryStreamStatus": "ACTIVE"}
        self.function: dict[str, Any] | None = {"Configuration": {"State": "Active"}}
        self.bucket = True
        self.letters = 0
        self.objects: dict[str, tuple[float, bytes]] = {}
        self.calls: list[tuple[str, str, float]] = []
        self.said: list[str] = []
        self._written = 0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self.aws = Aws(Config(target=target, **config), clock=lambda: self.now, sleep=self.sleep)
        self.aws._account = "123456789012"
        self.aws._clients = {
            name: _Client(self, name, kind)
            for name, kind in {
                "kinesis": _Kinesis,
                "dynamodb": _DynamoDb,
                "dynamodbstreams": _Streams,
                "pipes": _Pipes,
                "firehose": _Firehose,
                "lambda": _Lambda,
                "sqs": _Sqs,
                "s3": _S3,
                "cloudwatch": _CloudWatch,
            }.items()
        }

    def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        while self._due and self._due[0][0] <= until:
            self.now, _, act = heapq.heappop(self._due)
            act()
        self.now = max(self.now, until)

    def local_now(self) -> datetime:
        return datetime.fromtimestamp(self.now + self.skew, UTC)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self._written += 1
        heapq.heappush(self._due, (self.now + seconds, self._written, act))

    def write(
        self, *, through: float | None = 0.5, delivered: float | None = 100.0, shard: int = 0, failed: bool = False
    ) -> str:
        """Write an order: in Kinesis after ``through`` seconds and in S3 ``delivered`` seconds later, or never."""
        self._written += 1
        number = self._written
        event_id = f"event-{number}"
        assert self.table is not None
        self.table.append((self.now, event_id, 1000 + number))
        change = {"ApproximateCreationDateTime": int(self.now), "SequenceNumber": str(1000 + number)}
        data = json.dumps({"eventID": event_id, "eventName": "INSERT", "dynamodb": change}).encode()
        if through is not None:
            self.later(through, lambda: self.arrive(data, event_id, delivered, shard=shard, failed=failed))
        return event_id

    def arrive(
        self, data: bytes, event_id: str = "", delivered: float | None = None, *, shard: int = 0, failed: bool = False
    ) -> None:
        """Put a record into Kinesis now, to be delivered after so many seconds."""
        self._written += 1
        arrived = self.now
        list(self.shards.values())[shard].records.append((arrived, 10**20 + self._written, data))
        if delivered is not None:
            self.later(delivered, lambda: self.deliver(arrived, data, event_id, failed=failed))

    def deliver(self, arrived: float, data: bytes, event_id: str, *, failed: bool = False) -> None:
        hour = datetime.fromtimestamp(arrived, UTC)
        if failed:
            body = json.dumps({"errorCode": "X", "rawData": base64.b64encode(data).decode()}).encode()
            key = f"errors/processing-failed/{hour:%Y/%m/%d}/{len(self.objects)}.gz"
        else:
            body = json.dumps({"orderid": "o", "event_id": event_id}).encode() + b"\n"
            key = f"order_events/dt={hour:%Y-%m-%d}/hour={hour:%H}/{len(self.objects)}.gz"
        self.objects[key] = (self.now, gzip.compress(body))

    def lake(self) -> set[str]:
        """The event ids that are in the bucket, whether as events or as failures."""
        found = set()
        for _, body in self.objects.values():
            line = json.loads(gzip.decompress(body))
            raw = json.loads(base64.b64decode(line["rawData"])) if "rawData" in line else {}
            found.add(line.get("event_id") or raw.get("eventID"))
        return found

    def asked(self, operation: str) -> int:
        return sum(1 for _, name, _ in self.calls if name == operation)


class _Client:
    """Calls of one service: each is noted, takes its time, and answers with AWS's Date."""

    def __init__(self, world: World, name: str, kind: Callable[[World], Any]) -> None:
        self._world, self._name, self._api = world, name, kind(world)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        call = getattr(self._api, operation)

        def run(**params: Any) -> Any:
            self._world.sleep(CALL_SECONDS)
            self._world.calls.append((self._name, operation, self._world.now))
            answer = call(**params) or {}
            headers = {"date": formatdate(int(self._world.now), usegmt=True)}
            return {**answer, "ResponseMetadata": {"HTTPHeaders": headers}}

        return run

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(paginate=lambda **params: iter([getattr(self, operation)(**params)]))


def refused(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


def _there(described: dict[str, Any] | None, code: str = "ResourceNotFoundException") -> dict[str, Any]:
    if described is None:
        raise refused(code)
    return described


def _at(when: float) -> datetime:
    return datetime.fromtimestamp(when, UTC)


class _Kinesis:
    def __init__(self, world: World) -> None:
        self.world = world
        self._empty: dict[str, int] = {}

    def describe_stream_summary(self, **_: Any) -> Any:
        created = {"StreamCreationTimestamp": _at(self.world.stream_created)}
        return {"StreamDescriptionSummary": {**created, **_there(self.world.stream)}}

    def list_shards(self, **_: Any) -> Any:
        keys = ("ParentShardId", "AdjacentParentShardId")
        return {
            "Shards": [
                {"ShardId": name, **dict(zip(keys, shard.parents, strict=False))}
                for name, shard in self.world.shards.items()
            ]
        }

    def get_shard_iterator(self, ShardId: str, ShardIteratorType: str, **where: Any) -> Any:  # noqa: N803 - AWS's
        _there(self.world.stream)
        records = self.world.shards[ShardId].records
        if ShardIteratorType == "AT_TIMESTAMP":
            began = where["Timestamp"].timestamp()
            if began > self.world.now + 1:
                raise refused("InvalidArgumentException", "The timestampInMillis parameter cannot be greater than now")
            start = sum(1 for at, _, _ in records if at < began)
        else:
            assert ShardIteratorType == "AFTER_SEQUENCE_NUMBER"
            start = sum(1 for _, number, _ in records if number <= int(where["StartingSequenceNumber"]))
        return {"ShardIterator": f"{ShardId} {start} {self.world.now} {self.world.empty}"}

    def get_records(self, ShardIterator: str, Limit: int) -> Any:  # noqa: N803 - AWS's
        _there(self.world.stream)
        name, start, issued, empty = ShardIterator.split()
        if self.world.now - float(issued) > 300:
            raise refused("ExpiredIteratorException")
        shard = self.world.shards[name]
        left = shard.records[int(start) :]
        page = left[: min(Limit, self.world.page)] if empty == "0" else []
        after = int(start) + len(page)
        unread = [at for at, _, _ in left[len(page) :]]
        behind = max(1, int(1000 * (self.world.now - unread[0]))) if unread else 0
        answer: dict[str, Any] = {
            "Records": [
                {"Data": data, "SequenceNumber": str(number), "ApproximateArrivalTimestamp": _at(at)}
                for at, number, data in page
            ],
            "MillisBehindLatest": 1000 if empty != "0" else behind,
        }
        if shard.closed and after == len(shard.records) and empty == "0":
            answer["ChildShards"] = [
                {"ShardId": child, "ParentShards": self.world.shards[child].parents} for child in shard.children
            ]
        else:
            answer["NextShardIterator"] = f"{name} {after} {self.world.now} {max(0, int(empty) - 1)}"
        return answer


class _DynamoDb:
    def __init__(self, world: World) -> None:
        self.world = world

    def describe_table(self, **_: Any) -> Any:
        if self.world.table is None:
            raise refused("ResourceNotFoundException")
        return {"Table": {"LatestStreamArn": "arn:stream"}}


class _Streams:
    def __init__(self, world: World) -> None:
        self.world = world

    def describe_stream(self, **_: Any) -> Any:
        if not self.world.readable:
            raise refused("AccessDeniedException")
        shard = {"ShardId": "shard-1", "SequenceNumberRange": {"StartingSequenceNumber": "1000"}}
        return {"StreamDescription": {"Shards": [shard]}}

    def get_shard_iterator(self, ShardIteratorType: str, SequenceNumber: str = "0", **_: Any) -> Any:  # noqa: N803
        assert (SequenceNumber == "0") == (ShardIteratorType == "TRIM_HORIZON")
        return {"ShardIterator": SequenceNumber}

    def get_records(self, ShardIterator: str) -> Any:  # noqa: N803 - AWS's
        assert self.world.table is not None
        shown = [change for change in self.world.table if change[0] + self.world.lag <= self.world.now]
        left = [change for change in shown if change[2] > int(ShardIterator)][:3]
        return {
            "NextShardIterator": str(left[-1][2]) if left else ShardIterator,
            "Records": [
                {
                    "eventID": event_id,
                    "dynamodb": {"ApproximateCreationDateTime": _at(int(at)), "SequenceNumber": str(number)},
                }
                for at, event_id, number in left
            ],
        }


class _Pipes:
    def __init__(self, world: World) -> None:
        self.world = world

    def describe_pipe(self, **_: Any) -> Any:
        return _there(self.world.pipe, "NotFoundException")


class _Firehose:
    def __init__(self, world: World) -> None:
        self.world = world

    def describe_delivery_stream(self, **_: Any) -> Any:
        return {"DeliveryStreamDescription": _there(self.world.firehose)}


class _Lambda:
    def __init__(self, world: World) -> None:
        self.world = world

    def get_function(self, **_: Any) -> Any:
        return _there(self.world.function)


class _Sqs:
    def __init__(self, world: World) -> None:
        self.world = world

    def get_queue_url(self, **_: Any) -> Any:
        return {"QueueUrl": "https://queue"}

    def get_queue_attributes(self, **_: Any) -> Any:
        return {"Attributes": {"ApproximateNumberOfMessages": str(self.world.letters)}}


class _S3:
    def __init__(self, world: World) -> None:
        self.world = world

    def head_bucket(self, **_: Any) -> None:
        if not self.world.bucket:
            raise refused("404")

    def list_objects_v2(self, Prefix: str, Delimiter: str = "", **_: Any) -> Any:  # noqa: N803 - AWS's
        if not self.world.bucket:
            raise refused("NoSuchBucket")
        keys = [key for key in self.world.objects if key.startswith(Prefix)]
        if Delimiter:
            return {"CommonPrefixes": [{"Prefix": kind} for kind in sorted(set(_folders(keys, Prefix)))]}
        whole = {key: _at(int(self.world.objects[key][0])) for key in keys}
        return {"Contents": [{"Key": key, "LastModified": at} for key, at in whole.items()]}

    def get_object(self, Key: str, IfNoneMatch: str = "", **_: Any) -> Any:  # noqa: N803 - AWS's
        if not self.world.bucket or Key not in self.world.objects:
            raise refused("NoSuchKey")
        body = self.world.objects[Key][1]
        tag = f'"{blake2b(body).hexdigest()}"'
        if IfNoneMatch == tag:
            raise refused("304", "Not Modified")
        return {"Body": StreamingBody(io.BytesIO(body), len(body)), "ETag": tag}


class _CloudWatch:
    """Knows nothing, as of a pipeline that nothing has passed."""

    def __init__(self, world: World) -> None:
        self.world = world

    def get_metric_data(self, **_: Any) -> Any:
        return {"MetricDataResults": []}


def _folders(keys: list[str], prefix: str) -> Iterator[str]:
    for key in keys:
        yield prefix + key.removeprefix(prefix).partition("/")[0] + "/"
