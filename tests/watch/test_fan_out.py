"""Enhanced fan-out on the local AWS in a process of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from counted import Counted
from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.local import daemon
from salespipe.watch.fan_out import FanOut, price
from salespipe.watch.live import Live
from salespipe.watch.model import Choice, Snapshot, Window
from salespipe.watch.watcher import Watcher


@pytest.fixture
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """A local AWS with a stream of two shards, and nothing else."""
    folder = tmp_path_factory.mktemp("fan-out")
    aws = Aws(Config(), endpoint=daemon.start(folder, 0).endpoint)
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName=aws.names.stream, ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName=aws.names.stream, WaiterConfig={"Delay": 1})
    yield aws
    for client in aws._clients.values():
        client.close()
    daemon.stop(folder)


def put(aws: Aws, first: int, count: int) -> None:
    records = [{"Data": b"%d" % number, "PartitionKey": str(number)} for number in range(first, first + count)]
    aws.client("kinesis").put_records(StreamName=aws.names.stream, Records=records)


def consumers(aws: Aws) -> list[str]:
    told = aws.client("kinesis").list_stream_consumers(StreamARN=aws.names.stream_arn)
    return [consumer["ConsumerName"] for consumer in told["Consumers"]]


def until(watcher: Watcher, wanted: Callable[[Snapshot], bool]) -> Snapshot:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        seen = watcher.wait(1)
        if seen is not None and wanted(seen):
            return seen
    pytest.fail(f"not within 60 s: {watcher.newest}")


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name in {"watcher", "watch-fan-out"}]


def test_what_is_pushed_is_read_once_and_nothing_is_left_behind(aws: Aws) -> None:
    put(aws, 0, 100)
    source = Live(lambda: aws, clock=time.monotonic, reader=FanOut)
    watcher = Watcher(source, Counted, Choice(window=Window.MINUTE), every=0.1)
    watcher.start()
    try:
        seen = until(watcher, lambda snapshot: snapshot.board.events >= 100)
        assert seen.failure is None
        assert seen.reading.enhanced
        assert not until(watcher, lambda snapshot: not snapshot.reading.filling).reading.filling
        assert len(consumers(aws)) == 1
        put(aws, 100, 50)
        assert until(watcher, lambda snapshot: snapshot.board.events >= 150).board.events == 150
    finally:
        watcher.stop()
    assert consumers(aws) == []
    assert threads() == []


def test_a_split_is_followed(aws: Aws) -> None:
    put(aws, 0, 20)
    source = Live(lambda: aws, clock=time.monotonic, reader=FanOut)
    watcher = Watcher(source, Counted, Choice(window=Window.MINUTE), every=0.1)
    watcher.start()
    try:
        until(watcher, lambda snapshot: snapshot.board.events == 20)
        aws.client("kinesis").split_shard(
            StreamName=aws.names.stream, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**125)
        )
        put(aws, 20, 30)
        seen = until(watcher, lambda snapshot: snapshot.board.events >= 50)
        assert seen.board.events == 50
        assert len(until(watcher, lambda snapshot: len(snapshot.reading.shards) == 3).reading.shards) == 3
    finally:
        watcher.stop()
    assert threads() == []


def test_a_consumer_that_is_gone_is_registered_anew(aws: Aws) -> None:
    put(aws, 0, 10)
    source = Live(lambda: aws, clock=time.monotonic, reader=FanOut)
    watcher = Watcher(source, Counted, Choice(window=Window.MINUTE), every=0.1)
    watcher.start()
    try:
        until(watcher, lambda snapshot: snapshot.board.events == 10)
        (name,) = consumers(aws)
        told = aws.client("kinesis").describe_stream_consumer(StreamARN=aws.names.stream_arn, ConsumerName=name)
        arn = told["ConsumerDescription"]["ConsumerARN"]
        aws.client("kinesis").deregister_stream_consumer(ConsumerARN=arn)
        put(aws, 10, 10)
        assert until(watcher, lambda snapshot: snapshot.board.events >= 20).board.events == 20
    finally:
        watcher.stop()
    assert consumers(aws) == []


def test_the_price_is_by_the_mode_of_the_stream() -> None:
    assert price("ON_DEMAND") == "0.05 USD for each GB that is read"
    assert "0.015 USD an hour for each shard" in price("PROVISIONED")
