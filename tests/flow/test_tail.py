"""Finding the newest records of a stream, in simulated time."""

from __future__ import annotations

import pytest
from pipeline_world import World

from salespipe.flow.delays import AwsTime
from salespipe.flow.tail import Tail, newest


@pytest.mark.parametrize("page", [1, 7, 10_000])
@pytest.mark.parametrize("ago", [0.0, 5.0, 3000.0, 80_000.0])
def test_the_newest_of_each_shard_is_found_however_old(ago: float, page: int) -> None:
    world = World(target="local", shards=3)
    world.page = page
    for number in range(300):
        world.arrive(b"%d" % number, shard=number % 2)
        world.now += 0.01 * (number % 50)
    world.now += ago
    shards = list(world.shards)
    assert [(arrival.shard, int(arrival.sequence)) for arrival in newest(world.aws)] == [
        (shards[0], world.shards[shards[0]].records[-1][1]),
        (shards[1], world.shards[shards[1]].records[-1][1]),
    ]


def test_an_event_is_known_by_its_id_and_time_and_place_in_the_tables_stream() -> None:
    world = World()
    event = world.write(through=0.5)
    world.sleep(3)
    (arrival,) = newest(world.aws)
    assert arrival.event_id == event
    assert arrival.change == world.table[0][2] if world.table else None
    assert arrival.created is not None
    assert 0 <= (arrival.at - arrival.created).total_seconds() < 2


def test_a_second_look_goes_on_in_the_children_of_a_shard_that_ended() -> None:
    world = World()
    tail = Tail(world.aws, AwsTime(world.aws.clock))
    assert tail.open()
    world.arrive(b"one")
    assert tail.look()
    assert not tail.look()
    (parent,) = world.shards.values()
    parent.closed, parent.children = True, ["shardId-000000000001"]
    world.shards["shardId-000000000001"] = type(parent)()
    world.arrive(b"two", shard=1)
    assert tail.look()
    assert [shard.newest.shard for shard in tail.shards if shard.newest] == list(world.shards)


@pytest.mark.parametrize("stream", [None, {"StreamStatus": "DELETING"}, {"StreamStatus": "CREATING"}])
def test_without_a_stream_there_is_nothing(stream: dict[str, str] | None) -> None:
    world = World()
    world.stream = stream
    assert newest(world.aws) == ()
