"""What is fetched and shown as things come and go, in simulated time."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pipeline_world import World, refused

from counted import Counted
from salespipe.aws import Aws
from salespipe.errors import SalespipeError
from salespipe.flow.snapshot import Flow
from salespipe.watch.fetched import Fetched
from salespipe.watch.live import Live
from salespipe.watch.model import Choice, Snapshot, Window
from salespipe.watch.watcher import Watcher

PRODUCTS = "products/products.json"


class Kept:
    """A recorder in memory."""

    def __init__(self) -> None:
        self.events: list[Fetched] = []
        self.closed = False

    def keep(self, event: Fetched) -> None:
        self.events.append(event)

    def close(self) -> None:
        self.closed = True


class Watching:
    """A watcher of a world, without a thread."""

    def __init__(self, world: World, choice: Choice | None = None, reach: Callable[[], Aws] | None = None) -> None:
        self.world = world
        self.reached = 0
        self.reach = reach or (lambda: world.aws)
        self.recorder = Kept()
        self.live = Live(self._reach, clock=world.aws.clock, now=world.local_now)
        self.watcher = Watcher(
            self.live, Counted, choice or Choice(), recorder=self.recorder, clock=world.aws.clock, every=0.5
        )
        self.posted: list[Snapshot] = []

    def _reach(self) -> Aws:
        self.reached += 1
        return self.reach()

    def run(self, seconds: float) -> Snapshot:
        until = self.world.now + seconds
        while self.world.now < until:
            pause = self.watcher.step()
            newest = self.watcher.newest
            if newest is not None and (not self.posted or self.posted[-1] is not newest):
                self.posted.append(newest)
            self.world.sleep(max(0.01, min(pause, until - self.world.now)))
        assert self.watcher.newest is not None
        return self.watcher.newest


@pytest.fixture
def world() -> World:
    return World(target="local")


def seen(snapshot: Snapshot) -> tuple[int, str | None]:
    return snapshot.board.events, snapshot.failure.code if snapshot.failure else None


def test_a_record_is_in_the_next_snapshot(world: World) -> None:
    watching = Watching(world)
    watching.run(2)
    world.arrive(b"one")
    began = world.now
    watching.run(1)
    first = next(snapshot for snapshot in watching.posted if snapshot.board.events)
    assert (first.at.timestamp() - began) < 1
    assert (first.pipeline, first.where) == (world.aws.config.name, world.aws.where)
    assert isinstance(first.flow, Flow)
    assert not first.reading.filling


def test_snapshots_come_twice_a_second_while_records_do_and_once_a_second_else(world: World) -> None:
    watching = Watching(world)
    watching.run(1)
    before = len(watching.posted)
    for _ in range(100):
        world.arrive(b"one")
        watching.run(0.1)
    busy = len(watching.posted) - before
    watching.run(10)
    assert 15 <= busy <= 22
    assert 8 <= len(watching.posted) - before - busy <= 15


def test_a_choice_is_answered_at_once(world: World) -> None:
    watching = Watching(world)
    watching.run(2)
    count = len(watching.posted)
    watching.watcher.ask(Choice(window=Window.MINUTE, region="north"))
    watching.watcher.step()
    assert watching.watcher.newest is not None
    assert watching.watcher.newest.board.choice.region == "north"
    assert watching.watcher.newest is not watching.posted[count - 1]


def test_it_reads_back_for_the_window_and_the_one_before(world: World) -> None:
    for number in range(120):
        world.arrive(b"%d" % number)
        world.now += 60
    watching = Watching(world, Choice(window=Window.QUARTER))
    snapshot = watching.run(2)
    assert snapshot.board.filled_since == pytest.approx(
        datetime.fromtimestamp(world.now - 2, UTC) - timedelta(minutes=30), abs=timedelta(seconds=16)
    )
    assert snapshot.board.events == 30


def test_a_longer_window_reads_back_further_beside_what_is_shown(world: World) -> None:
    for number in range(240):
        world.arrive(b"%d" % number)
        world.now += 60
    watching = Watching(world, Choice(window=Window.MINUTE))
    assert watching.run(2).board.events < 5
    world.page = 10
    watching.watcher.ask(Choice(window=Window.HOUR))
    shown = watching.run(0.15)
    assert shown.board.events < 5
    assert shown.reading.filling
    done = watching.run(5)
    assert done.board.events == 120
    assert not done.reading.filling
    watching.watcher.ask(Choice(window=Window.MINUTE))
    assert watching.run(2).board.events == 120
    assert [type(event).__name__ for event in watching.recorder.events].count("Opened") == 2


def test_it_reads_back_to_the_oldest_delivery_unless_that_is_long_ago(world: World) -> None:
    def deliver(hours: float) -> None:
        at = datetime.fromtimestamp(world.now - hours * 3600, UTC).isoformat()
        rows = [{"product_id": "p", "stocked_at": at}, {"product_id": "q", "stocked_at": "no time"}]
        body = b"".join(json.dumps(row).encode() + b"\n" for row in rows) + b"not json\n"
        world.objects[PRODUCTS] = (world.now, body)

    deliver(3)
    snapshot = Watching(world).run(1)
    assert snapshot.board.unreadable == 2  # the rows that the books were given
    assert snapshot.at - snapshot.board.filled_since > timedelta(hours=2.9)
    deliver(7)
    snapshot = Watching(world).run(1)
    assert snapshot.at - snapshot.board.filled_since < timedelta(minutes=31)


def test_reference_data_is_given_again_only_when_it_changed(world: World) -> None:
    world.objects[PRODUCTS] = (world.now, b'{"product_id": "p"}\n')
    watching = Watching(world)
    watching.run(20)
    given = [event for event in watching.recorder.events if type(event).__name__ == "Stocked"]
    world.objects[PRODUCTS] = (world.now, b'{"product_id": "p"}\n{"product_id": "q"}\n')
    snapshot = watching.run(5)
    assert len(given) == 1
    assert snapshot.board.unreadable == 2


def test_what_the_stream_no_longer_keeps_is_not_said_to_be_filled(world: World) -> None:
    world.now = datetime(2026, 3, 4, 23, tzinfo=UTC).timestamp()
    watching = Watching(world, Choice(window=Window.TODAY))
    snapshot = watching.run(2)
    assert snapshot.at - snapshot.board.filled_since == pytest.approx(timedelta(hours=24), abs=timedelta(seconds=3))
    watching.run(30)
    assert [type(event).__name__ for event in watching.recorder.events].count("Opened") == 1


def test_quarantined_records_are_counted_whether_packed_or_not(world: World) -> None:
    for _ in range(3):
        world.write(delivered=1, failed=True)
    world.sleep(5)
    world.objects["errors/processing-failed/plain"] = (world.now, b"{}\n{}\n")
    assert Watching(world).run(1).quarantined == 5


def test_the_stream_vanishes_and_another_one_comes(world: World) -> None:
    watching = Watching(world)
    world.arrive(b"one")
    assert seen(watching.run(2)) == (1, None)
    was, world.stream = world.stream, None
    gone = watching.run(5)
    assert seen(gone) == (1, "NotDeployed")
    assert gone.failure is not None
    assert gone.failure.hint == "salespipe up"
    assert len([snapshot for snapshot in watching.posted if snapshot.failure]) == 2  # what failed, and why
    world.stream, world.stream_created = was, world.now
    for shard in world.shards.values():
        shard.records.clear()
    world.arrive(b"two")
    world.arrive(b"three")
    assert seen(watching.run(3)) == (2, None)


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException", "AccessDeniedException"])
def test_credentials_expire_and_are_looked_for_anew(world: World, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    watching = Watching(world)
    world.arrive(b"one")
    watching.run(2)
    world.arrive(b"two")
    kinesis = world.aws.client("kinesis")._api

    def refuse(**_: object) -> None:
        raise refused(code, "The security token included in the request is expired")

    with monkeypatch.context() as patch:
        patch.setattr(kinesis, "get_records", refuse)
        failed = watching.run(3)
    assert seen(failed) == (1, code)
    assert failed.failure is not None
    assert failed.at <= failed.failure.since
    assert watching.reached > 2
    assert seen(watching.run(3)) == (2, None)


def test_the_server_goes_and_comes_back(world: World) -> None:
    up = True

    def reach() -> Aws:
        if not up:
            raise SalespipeError("NotRunning", "The local AWS is not running.", hint="salespipe up")
        return world.aws

    watching = Watching(world, reach=reach)
    world.arrive(b"one")
    watching.run(2)
    kinesis = world.aws.client("kinesis")._api
    ask = type(kinesis).get_records

    def get_records(**asked: Any) -> Any:
        if not up:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
        return ask(kinesis, **asked)

    kinesis.get_records = get_records
    up = False
    failed = watching.run(4)
    assert seen(failed) == (1, "NotRunning")
    asked = watching.watcher.ask(Choice(window=Window.MINUTE))
    assert asked is None
    other = watching.run(1)
    assert (other.board.choice.window, other.at, seen(other)) == (Window.MINUTE, failed.at, (1, "NotRunning"))
    world.arrive(b"two")
    up = True
    assert seen(watching.run(3)) == (2, None)


def test_what_one_shard_gave_is_not_lost_when_the_next_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(target="local", shards=2)
    watching = Watching(world)
    watching.run(2)
    world.arrive(b"one")
    world.arrive(b"two", shard=1)
    kinesis = world.aws.client("kinesis")._api
    ask = type(kinesis).get_records

    def get_records(**asked: Any) -> Any:
        if asked["ShardIterator"].startswith("shardId-000000000001"):
            raise refused("InternalFailure")
        return ask(kinesis, **asked)

    with monkeypatch.context() as patch:
        patch.setattr(kinesis, "get_records", get_records)
        watching.run(2)
    assert watching.run(3).board.events == 2


def test_nothing_was_ever_there(world: World) -> None:
    world.stream = None
    snapshot = Watching(world).run(3)
    assert seen(snapshot) == (0, "NotDeployed")


def test_figures_that_may_not_be_seen_keep_nothing_from_being_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Operation")

    monkeypatch.setattr(world.aws.client("cloudwatch")._api, "get_metric_data", refuse)
    for name in ("get_object", "list_objects_v2"):
        monkeypatch.setattr(world.aws.client("s3")._api, name, refuse)
    world.arrive(b"one")
    snapshot = Watching(world).run(3)
    assert seen(snapshot) == (1, None)
    assert snapshot.flow is not None
    assert [problem.partition(":")[0] for problem in snapshot.flow.problems] == ["metrics", PRODUCTS, "errors/"]
    assert (snapshot.objects, snapshot.quarantined) == (None, None)


def test_that_it_reads_back_does_not_make_the_stream_look_late(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.arrive(b"old")
    world.sleep(600)
    began = world.now

    def told(MetricDataQueries: list[dict[str, Any]], **_: object) -> Any:  # noqa: N803 - AWS's
        """As CloudWatch tells it, in each minute: of ours in the first, of somebody else's later."""
        minutes = [
            datetime.fromtimestamp(at // 60 * 60, UTC) for at in (began, world.now) if at - began > 120 or at == began
        ]
        ages = [600_000.0] * len(minutes)
        return {
            "MetricDataResults": [
                {"Id": query["Id"], "Timestamps": minutes, "Values": ages}
                for query in MetricDataQueries
                if query["MetricStat"]["Metric"]["MetricName"] == "GetRecords.IteratorAgeMilliseconds"
            ]
        }

    monkeypatch.setattr(world.aws.client("cloudwatch")._api, "get_metric_data", told)
    watching = Watching(world, Choice(window=Window.QUARTER))

    def verdict(snapshot: Snapshot) -> str:
        assert snapshot.flow is not None
        return next(stage.verdict for stage in snapshot.flow.stages if stage.name == "stream")

    assert verdict(watching.run(10)) == "idle"
    assert verdict(watching.run(180)) == "behind"


def test_another_choice_can_be_asked_for_beside_the_one_that_is_shown(world: World) -> None:
    watching = Watching(world, Choice(window=Window.MINUTE))
    assert watching.watcher.board(Choice()) is None
    world.arrive(b"one")
    watching.run(2)
    board = watching.watcher.board(Choice(window=Window.HOUR))
    assert board is not None
    assert (board.choice.window, board.events) == (Window.HOUR, 1)
    later = watching.run(2)
    assert later.board.choice.window is Window.MINUTE
    assert later.at - later.board.filled_since > timedelta(hours=1)  # it was read back for the other


def test_the_thread_ends_when_it_is_told_to_and_the_recording_with_it() -> None:
    class Still:
        closed = False

        def take(self, _: Window) -> Iterable[Fetched]:
            return ()

        def pause(self) -> float:
            return 3600.0

        def now(self) -> datetime:
            return datetime(2026, 3, 4, tzinfo=UTC)

        def forget(self) -> None: ...

        def close(self) -> None:
            self.closed = True

    still, kept = Still(), Kept()
    watcher = Watcher(still, Counted, Choice(), recorder=kept, every=3600)  # type: ignore[arg-type]
    watcher.start()
    first = watcher.wait(10)
    assert first is not None
    assert watcher.wait(0) is None
    assert watcher.newest is first
    watcher.ask(Choice(window=Window.HOUR))
    second = watcher.wait(10)
    assert second is not None
    assert second.board.choice.window is Window.HOUR
    watcher.stop()
    assert still.closed
    assert kept.closed
    assert not any(thread.name == "watcher" for thread in threading.enumerate())
