"""Reading the stream politely and wholly, in simulated time."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from pipeline_world import World, refused

from salespipe.aws import Aws
from salespipe.errors import Exit, SalespipeError
from salespipe.flow.delays import AwsTime
from salespipe.watch.reader import Pace, Reader, described


class Reading:
    """A reader of a world, and what it has read."""

    def __init__(self, world: World, back: float = 600.0) -> None:
        self.world = world
        self.time = AwsTime(world.aws.clock, world.local_now)
        self.pace = Pace(world.aws.config.target, world.aws.clock)
        since = datetime.fromtimestamp(world.now - back, UTC)
        self.reader = Reader(world.aws, since, self.time, self.pace)
        self.reader.open(world.aws)
        self.data: list[bytes] = []

    def once(self) -> int:
        """One round; how many shards were asked."""
        asked = 0
        for batch in self.reader.read():
            asked += 1
            self.data += batch
        return asked

    def run(self, seconds: float) -> None:
        until = self.world.now + seconds
        while self.world.now < until:
            self.once()
            self.world.sleep(max(0.01, min(self.reader.pause(), until - self.world.now)))


def asks(world: World) -> list[float]:
    return [at for _, operation, at in world.calls if operation == "get_records"]


def fill(world: World, count: int, shard: int = 0, seconds: float = 60.0) -> list[bytes]:
    data = [b"%d/%d" % (shard, number) for number in range(count)]
    for each in data:
        world.arrive(each, shard=shard)
        world.now += seconds / count
    return data


@pytest.mark.parametrize("page", [1, 7, 10_000])
def test_everything_is_read_once_and_in_order_of_its_shard(page: int) -> None:
    world = World(target="local", shards=2)
    world.page = page
    written = fill(world, 40) + fill(world, 40, shard=1)
    reading = Reading(world)
    reading.run(30)
    assert Counter(reading.data) == Counter(written)
    assert [each for each in reading.data if each.startswith(b"1/")] == written[40:]


def test_a_shard_is_asked_once_a_second_at_most_on_aws_however_much_there_is() -> None:
    world = World(shards=1)
    world.page = 10
    fill(world, 300)
    reading = Reading(world)
    reading.run(60)
    times = asks(world)
    assert len(reading.data) == 300
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.999


def test_no_more_than_a_megabyte_is_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    for _ in range(100):
        world.arrive(b"x" * 20_000)
    reading = Reading(world)
    limits: list[int] = []
    kinesis, ask = world.aws.client("kinesis")._api, type(world.aws.client("kinesis")._api).get_records
    monkeypatch.setattr(kinesis, "get_records", lambda **asked: limits.append(asked["Limit"]) or ask(kinesis, **asked))
    world.page = 10
    reading.run(20)
    assert limits[0] == 1000
    assert set(limits[1:]) == {50}
    assert len(reading.data) == 100


def test_being_throttled_makes_it_wait_longer_each_time_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    written = fill(world, 5)
    reading = Reading(world)
    kinesis, ask = world.aws.client("kinesis")._api, type(world.aws.client("kinesis")._api).get_records
    busy = [True] * 4

    def get_records(**asked: object) -> object:
        if busy:
            busy.pop()
            raise refused("ProvisionedThroughputExceededException")
        return ask(kinesis, **asked)

    monkeypatch.setattr(kinesis, "get_records", get_records)
    reading.once()
    (lag,) = reading.reader.reading().shards
    assert lag.throttled
    assert reading.data == []
    times = [world.now]
    for _ in range(4):
        world.sleep(reading.reader.pause())
        reading.once()
        times.append(world.now)
    pauses = [round(later - earlier) for earlier, later in pairwise(times)]
    assert pauses == [2, 4, 8, 16]
    assert reading.data == written
    assert not reading.reader.reading().shards[0].throttled


def test_an_iterator_that_has_expired_is_made_anew_where_it_was() -> None:
    world = World()
    written = fill(world, 3)
    reading = Reading(world)
    reading.run(5)
    world.sleep(400)
    written += fill(world, 3, seconds=1)
    reading.run(5)
    assert reading.data == written


def test_it_begins_a_minute_before_it_is_asked_to_and_not_with_what_is_older() -> None:
    world = World()
    fill(world, 10, seconds=1000)
    reading = Reading(world, back=300)
    reading.run(3)
    assert reading.data == [b"0/%d" % number for number in range(7, 10)]  # each hundred seconds


def test_the_children_of_a_shard_are_read_after_it_and_those_of_a_merge_after_both() -> None:
    world = World(shards=2)
    first, second = world.shards
    world.page = 3
    written = fill(world, 9, seconds=9) + fill(world, 5, shard=1, seconds=5)
    kind = type(world.shards[first])
    for parent in (first, second):
        world.shards[parent].closed, world.shards[parent].children = True, ["shardId-merged"]
    world.shards["shardId-merged"] = kind(parents=[first, second])
    written += fill(world, 4, shard=2, seconds=4)
    reading = Reading(world)
    reading.run(20)
    assert Counter(reading.data) == Counter(written)
    assert reading.data[-4:] == written[-4:]


def test_a_split_while_reading_is_followed() -> None:
    world = World()
    written = fill(world, 3)
    reading = Reading(world)
    reading.run(3)
    (parent,) = world.shards
    world.shards[parent].closed, world.shards[parent].children = True, ["shardId-a", "shardId-b"]
    for child in ("shardId-a", "shardId-b"):
        world.shards[child] = type(world.shards[parent])(parents=[parent])
    written += fill(world, 2, shard=1, seconds=2) + fill(world, 2, shard=2, seconds=2)
    reading.run(10)
    assert Counter(reading.data) == Counter(written)
    assert {lag.shard for lag in reading.reader.reading().shards} == {"shardId-a", "shardId-b"}


def test_it_fills_until_every_shard_was_read_to_its_end() -> None:
    world = World(shards=2)
    world.page = 10
    fill(world, 100)
    world.sleep(120)
    reading = Reading(world)
    reading.once()
    seen = reading.reader.reading()
    assert seen.filling
    assert seen.read_to is not None
    assert seen.read_to < reading.time.now() - timedelta(seconds=60)
    reading.run(12)
    seen = reading.reader.reading()
    assert not seen.filling
    assert [lag.behind_seconds for lag in seen.shards] == [0.0, 0.0]
    world.arrive(b"later")
    assert not reading.reader.reading().filling


def test_how_long_the_pipe_took_is_told() -> None:
    world = World()
    reading = Reading(world)
    for _ in range(3):
        world.write(through=4.0)
        world.sleep(10.0)
    reading.run(3)
    seen = reading.reader.reading()
    assert seen.pipe_seconds is not None
    assert 4.0 <= seen.pipe_seconds <= (seen.pipe_seconds_max or 0) < 5.0 + 0.1


def test_reading_goes_on_with_another_server_where_it_was() -> None:
    world = World(target="local")
    written = fill(world, 3)
    reading = Reading(world)
    reading.run(1)
    again = Aws(world.aws.config, clock=world.aws.clock, sleep=world.aws.sleep)
    again._account, again._clients = world.aws._account, world.aws._clients
    written += fill(world, 3, seconds=1)
    reading.reader.open(again)
    assert reading.reader.reading().filling
    reading.run(1)
    assert reading.data == written


@pytest.mark.parametrize("stream", [None, {"StreamStatus": "DELETING"}, {"StreamStatus": "CREATING"}])
def test_without_a_stream_it_says_what_makes_one(stream: dict[str, str] | None) -> None:
    world = World()
    world.stream = stream
    with pytest.raises(SalespipeError) as caught:
        described(world.aws, AwsTime(world.aws.clock))
    assert (caught.value.code, caught.value.exit_code, caught.value.hint) == (
        "NotDeployed",
        Exit.NOT_DEPLOYED,
        "salespipe up",
    )
