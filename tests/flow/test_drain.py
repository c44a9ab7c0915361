"""Waiting for delivery, in simulated time: a drain may only end when what was written lies in the bucket."""

from __future__ import annotations

import random
from typing import Any

import pytest
from pipeline_world import START, World

from salespipe.errors import SalespipeError
from salespipe.flow import drain
from salespipe.flow.delays import longest_delay


def drained(world: World, **how: Any) -> float:
    """The simulated seconds that a drain takes."""
    began = world.now
    drain.drain(world.aws, progress=world.said.append, now=world.local_now, **how)
    return world.now - began


def not_drained(world: World, **how: Any) -> SalespipeError:
    with pytest.raises(SalespipeError) as caught:
        drained(world, **how)
    assert caught.value.code == "NotDrained"
    assert "salespipe down --no-drain" in caught.value.hint
    return caught.value


def long_ago(world: World, seconds: float = 7200) -> str:
    event = world.write(delivered=100)
    world.sleep(seconds)
    return event


@pytest.mark.parametrize("shards", [1, 4])
def test_an_idle_pipeline_is_drained_at_once_here_and_within_seconds_on_aws(shards: int) -> None:
    here, there = World(target="local", shards=shards), World(target="aws", shards=shards)
    for world in (here, there):
        long_ago(world)
    assert drained(here) < 1  # a call takes 0.02 s in these tests
    assert drained(there) < 25
    assert there.asked("get_records") < 60


def test_a_pipeline_that_never_saw_an_order_is_drained() -> None:
    assert drained(World(target="local")) < 1
    assert drained(World()) < 25


@pytest.mark.parametrize("seed", range(12))
def test_whatever_was_written_before_is_in_the_bucket_at_the_end(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same tests each time
    target = chance.choice(["aws", "local"])
    world = World(target=target, shards=chance.choice([1, 2, 4]), skew=chance.choice([-90.0, 0.0, 90.0]))
    scale = 1.0 if target == "aws" else 0.02
    written, ready = set(), [world.now] * len(world.shards)
    for _ in range(chance.randrange(1, 100)):
        shard = chance.randrange(len(world.shards))
        # A shard is delivered in its order, whenever that is.
        ready[shard] = max(ready[shard], world.now + chance.uniform(1, 150) * scale)
        wait, failed = ready[shard] - world.now, chance.random() < 0.1
        written.add(world.write(through=0.3 * scale, delivered=wait, shard=shard, failed=failed))
        world.sleep(chance.expovariate(1) * chance.choice([0.05, 3.0]))
    drained(world)
    assert world.lake() == written


def test_a_backlog_in_the_pipe_is_waited_for_past_the_budget_while_it_comes_nearer() -> None:
    world = World()
    times = [2.0 + 8.0 * number for number in range(120)]
    written = {world.write(through=time, delivered=1100 - time) for time in times}
    assert 1100 < drained(world) < 1200
    assert world.lake() == written


def test_a_slow_firehose_is_waited_for_past_the_budget_while_it_delivers() -> None:
    world = World(shards=4)
    written = {world.write(delivered=400.0 * (shard + 1), shard=shard) for shard in range(4)}
    assert 1600 < drained(world) < 1700
    assert world.lake() == written


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
@pytest.mark.parametrize("target", ["aws", "local"])
def test_a_clock_that_is_wrong_by_an_hour_does_no_harm(target: str, skew: float) -> None:
    world = World(target=target, skew=skew)
    event = world.write(through=0.1, delivered=3)
    world.sleep(1)
    assert drained(world) < 30
    assert event in world.lake()


def test_objects_are_read_once_and_again_for_what_was_seen_later() -> None:
    world = World()
    first = world.write(through=0.0, delivered=100)
    world.sleep(1)
    s3 = world.aws.client("s3")._api
    listed, second = s3.list_objects_v2, []

    def just_before(**params: Any) -> Any:
        if not second and "Delimiter" not in params:
            second.append(world.write(through=0.0, delivered=0.0))
            world.sleep(0)
        return listed(**params)

    s3.list_objects_v2 = just_before
    drained(world)
    assert world.lake() == {first, *second}
    assert world.asked("get_object") == 3


def test_a_record_that_comes_late_through_the_pipe_is_seen_in_the_tables_stream() -> None:
    world = World()
    event = world.write(through=120.0, delivered=10)
    assert drained(world) > 130
    assert event in world.lake()
    assert any("waiting for the pipe" in word for word in world.said)


def test_a_write_that_the_tables_stream_does_not_show_yet_is_waited_for() -> None:
    world = World()
    world.lag = 13.0
    event = world.write(through=13.5, delivered=10)
    drained(world)
    assert event in world.lake()


def test_a_table_with_more_than_one_look_shows_is_read_to_its_end() -> None:
    world = World(target="local")
    world.pipe = {"CurrentState": "STOPPED"}
    for _ in range(20):
        world.deliver(world.now, b"", world.write(through=None))
    world.write(through=None)
    assert "STOPPED" in not_drained(world).message


def test_only_the_objects_of_the_newest_are_read() -> None:
    world = World()
    for _ in range(5):
        long_ago(world, 1800)
    drained(world)
    assert world.asked("get_object") == 1


def test_pages_far_from_the_end_may_be_empty() -> None:
    world = World()
    event = world.write(delivered=50)
    world.sleep(5)
    world.empty = 3
    drained(world)
    assert event in world.lake()


def test_the_newest_of_very_many_records_is_found_with_few_reads() -> None:
    world = World(target="local")
    world.page = 100
    for _ in range(20_000):
        world.arrive(b"{}")
        world.now += 0.001
    last = world.write(through=0.0, delivered=3.0)
    world.sleep(0.5)
    drained(world)
    assert last in world.lake()
    assert world.asked("get_records") < 100


def test_each_shard_is_read_at_most_once_a_second_on_aws() -> None:
    world = World(shards=2)
    world.write(delivered=30)
    world.write(delivered=40, shard=1)
    drained(world)
    times = [at for service, name, at in world.calls if (service, name) == ("kinesis", "get_records")]
    assert all(later - earlier > 0.9 for earlier, later in zip(times, times[2:], strict=False))


def test_a_closed_shard_is_read_to_its_end_and_its_children_after_it() -> None:
    world = World(shards=1)
    event = world.write(delivered=80)
    world.sleep(1)

    def split() -> None:
        (shard,) = world.shards.values()
        shard.closed, shard.children = True, ["shardId-000000000001"]
        world.shards["shardId-000000000001"] = type(shard)()

    world.later(5, split)
    world.later(8, lambda: late.append(world.write(delivered=150, shard=1)))
    late: list[str] = []
    drained(world)
    assert world.lake() == {event, *late}
    assert late


def test_an_iterator_that_expired_is_asked_for_anew() -> None:
    world = World()
    event = world.write(delivered=100)
    world.sleep(2)
    nap = world.aws.sleep
    world.aws.sleep = lambda seconds: nap(seconds + 310)
    drained(world, patience=5000)
    assert event in world.lake()


def test_what_lies_in_the_errors_is_delivered() -> None:
    world = World()
    world.write(delivered=30, failed=True)
    drained(world)
    assert world.lake() == {"event-1"}


@pytest.mark.parametrize("body", [b"not JSON", b'{"some": "thing"}', b"\x00\xff"])
def test_a_record_of_somebody_elses_is_found_by_its_body_or_left_by_its_age(body: bytes) -> None:
    found, lost = World(), World()
    found.arrive(body, delivered=20, failed=True)
    lost.arrive(body)
    assert drained(found) < 60
    assert 60 < drained(lost) < 1.5 * longest_delay(lost.aws)


def test_what_firehose_began_after_is_never_delivered_and_not_waited_for() -> None:
    world = World()
    world.write(delivered=None)
    world.sleep(100)
    world.firehose = {
        "DeliveryStreamStatus": "ACTIVE",
        "Source": {"KinesisStreamSourceDescription": {"DeliveryStartTimestamp": world.local_now()}},
    }
    assert drained(world) < 30


def test_a_stuck_firehose_is_named_with_what_it_waits_for() -> None:
    world = World()
    world.write(delivered=None)
    world.function = {"Configuration": {"State": "Active"}, "Concurrency": {"ReservedConcurrentExecutions": 0}}
    error = not_drained(world, patience=100)
    assert "Firehose salespipe-dev-orders is ACTIVE" in error.message
    assert "reserved concurrency is 0" in error.message
    assert world.now - START < 130


def test_what_has_been_stuck_for_long_is_still_stuck() -> None:
    world = World()
    long_ago(world)
    world.write(delivered=None)
    world.sleep(5 * 3600)
    assert "11:" not in not_drained(world, patience=60).message
    world.function = None
    assert "transform salespipe-dev-transform is gone" in not_drained(world, patience=60).message


def test_an_object_under_the_hour_of_a_much_older_record_is_found() -> None:
    world = World()
    world.write(through=0.0, delivered=None)
    world.sleep(1)
    (shard,) = world.shards.values()
    at, _, data = shard.records[-1]
    world.later(400, lambda: world.deliver(at - 5 * 3600, data, "event-1"))
    assert drained(world) > 390


def test_orders_that_keep_coming_are_named_with_their_rate() -> None:
    world = World()

    def more() -> None:
        world.write(delivered=100)
        world.later(0.5, more)

    more()
    message = not_drained(world).message
    assert "orders keep coming" in message
    assert "2.0 a second" in message or "1.9 a second" in message


def test_settle_ends_where_orders_keep_coming_once_the_earlier_ones_are_delivered() -> None:
    world = World()
    before = {world.write(through=5.0, delivered=110) for _ in range(5)}

    def more() -> None:
        world.write(delivered=100)
        world.later(0.5, more)

    more()
    drain.settle(world.aws, now=world.local_now)
    assert before <= world.lake()
    assert world.now - START < 200


def test_settle_names_the_way_to_crawl_without_the_rest() -> None:
    world = World()
    world.write(delivered=None)
    with pytest.raises(SalespipeError, match="Firehose salespipe-dev-orders") as caught:
        drain.settle(world.aws, now=world.local_now)
    assert "salespipe crawl --no-wait" in caught.value.hint


def test_a_stopped_pipe_is_named_when_it_holds_orders_and_not_waited_for_when_it_does_not() -> None:
    world = World()
    world.pipe = {"CurrentState": "STOPPED", "StateReason": "by somebody"}
    long_ago(world, 600)
    assert drained(world) < 30
    world.write(through=None)
    error = not_drained(world)
    assert "the pipe salespipe-dev-orders is STOPPED (by somebody)" in error.message


def test_a_stopped_pipe_whose_table_cannot_be_read_may_hold_anything() -> None:
    world = World()
    world.pipe, world.readable = {"CurrentState": "STOPPED"}, False
    assert "STOPPED" in not_drained(world).message
    world.pipe = {"CurrentState": "RUNNING"}
    assert drained(world) < 60


def test_what_a_filter_drops_is_not_waited_for() -> None:
    world = World()
    world.pipe = {
        "CurrentState": "RUNNING",
        "SourceParameters": {"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}},
    }
    world.write(through=None)
    assert drained(world) < 60


def test_what_went_to_the_dead_letter_queue_is_not_waited_for_and_a_failing_pipe_is() -> None:
    world = World()
    world.write(through=None)
    assert "the pipe salespipe-dev-orders is RUNNING" in not_drained(world).message
    world.letters = 1
    assert drained(world) < 2 * longest_delay(world.aws)


@pytest.mark.parametrize("gone", ["pipe", "stream", "firehose", "bucket", "table"])
def test_a_stage_that_is_not_there_is_not_waited_for(gone: str) -> None:
    world = World()
    long_ago(world, 600)
    setattr(world, gone, False if gone == "bucket" else None)
    assert drained(world) < 30
    if gone in {"stream", "firehose", "bucket"}:
        assert "nothing is under way" in world.said[-1]


def test_a_stream_that_is_deleted_meanwhile_ends_the_wait() -> None:
    world = World()
    world.write(through=None)
    world.later(5, lambda: setattr(world, "stream", None))
    assert "RUNNING" in not_drained(world, patience=60).message
