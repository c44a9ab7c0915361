"""Enhanced fan-out, as boto3 sees it."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from data_plane import failure
from salespipe.local import daemon

SHARD = "shardId-000000000000"


class Stream:
    def __init__(self, kinesis: Any, name: str) -> None:
        self.kinesis, self.name = kinesis, name
        self._open: list[Any] = []
        self.kinesis.create_stream(StreamName=name, ShardCount=1)
        while self._summary()["StreamStatus"] != "ACTIVE":
            time.sleep(0.05)
        self.arn = self._summary()["StreamARN"]

    def _summary(self) -> Any:
        return self.kinesis.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]

    def put(self, data: bytes) -> None:
        self.kinesis.put_record(StreamName=self.name, Data=data, PartitionKey="k")

    def register(self, name: str = "reader") -> str:
        consumer = self.kinesis.register_stream_consumer(StreamARN=self.arn, ConsumerName=name)["Consumer"]
        return str(consumer["ConsumerARN"])

    def subscribe(self, consumer: str, shard: str = SHARD, **position: Any) -> Iterator[dict[str, Any]]:
        wanted = position or {"Type": "TRIM_HORIZON"}
        answer = self.kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId=shard, StartingPosition=wanted)
        self._open.append(answer["EventStream"])
        return (event["SubscribeToShardEvent"] for event in answer["EventStream"])

    def close(self) -> None:
        for events in self._open:
            events.close()
        self.kinesis.delete_stream(StreamName=self.name, EnforceConsumerDeletion=True)


def later(act: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(0.3, act)
    timer.start()
    return timer


@pytest.fixture
def stream(aws_here: Any, request: pytest.FixtureRequest) -> Iterator[Stream]:
    name = "fan-out-" + re.sub(r"\W", "-", request.node.name)[:80]
    stream = Stream(aws_here.client("kinesis"), name)
    yield stream
    stream.close()


def test_what_is_there_and_what_comes_is_pushed(stream: Stream) -> None:
    stream.put(b"one\xff")
    events = stream.subscribe(stream.register())
    first = next(events)
    assert [record["Data"] for record in first["Records"]] == [b"one\xff"]
    assert first["Records"][0]["SequenceNumber"] == first["ContinuationSequenceNumber"]
    assert first["MillisBehindLatest"] == 0
    timer = later(lambda: stream.put(b"two"))
    assert [record["Data"] for record in next(events)["Records"]] == [b"two"]
    timer.join()


def test_it_goes_on_after_a_sequence_number(stream: Stream) -> None:
    for data in (b"one", b"two", b"three"):
        stream.put(data)
    after = next(stream.subscribe(stream.register("a")))["Records"][0]["SequenceNumber"]
    events = stream.subscribe(stream.register("b"), Type="AFTER_SEQUENCE_NUMBER", SequenceNumber=after)
    assert [record["Data"] for record in next(events)["Records"]] == [b"two", b"three"]


def test_an_empty_shard_says_that_nothing_is_behind(stream: Stream) -> None:
    event = next(stream.subscribe(stream.register(), Type="LATEST"))
    assert (event["Records"], event["MillisBehindLatest"]) == ([], 0)


def test_the_end_of_a_shard_names_its_children(stream: Stream) -> None:
    stream.put(b"one")
    consumer = stream.register()
    events = stream.subscribe(consumer)
    next(events)
    stream.kinesis.split_shard(StreamName=stream.name, ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
    *_, last = events
    assert [child["ShardId"] for child in last["ChildShards"]] == ["shardId-000000000001", "shardId-000000000002"]
    assert {parent for child in last["ChildShards"] for parent in child["ParentShards"]} == {SHARD}


def test_a_second_subscription_within_five_seconds_is_refused(stream: Stream) -> None:
    consumer = stream.register()
    next(stream.subscribe(consumer))
    with pytest.raises(ClientError, match="ResourceInUseException"):
        stream.subscribe(consumer)
    next(stream.subscribe(stream.register("another")))


def test_it_ends_when_the_consumer_is_gone(stream: Stream) -> None:
    consumer = stream.register()
    events = stream.subscribe(consumer)
    next(events)
    timer = later(lambda: stream.kinesis.deregister_stream_consumer(ConsumerARN=consumer))
    assert list(events) == []
    timer.join()
    code, _ = failure(stream.subscribe, consumer)
    assert code == "ResourceNotFoundException"


def test_a_name_is_taken_once_and_an_arn_says_when(stream: Stream) -> None:
    assert re.fullmatch(rf"{re.escape(stream.arn)}/consumer/reader:\d+", stream.register())
    code, _ = failure(stream.register)
    assert code == "ResourceInUseException"


def test_a_consumer_is_the_same_after_a_kill(own_aws: Any) -> None:
    stream = Stream(own_aws.client("kinesis"), "fan-out-killed")
    stream.put(b"one")
    consumer = stream.register()
    os.kill(own_aws.server.pid, signal.SIGKILL)
    while daemon.find(own_aws.data_dir) is not None:
        time.sleep(0.05)
    own_aws.restart()
    stream.kinesis.close()  # connections to what is no more
    assert [record["Data"] for record in next(stream.subscribe(consumer))["Records"]] == [b"one"]
    told = stream.kinesis.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]
    assert told["ConsumerARN"] == consumer
    stream.close()
