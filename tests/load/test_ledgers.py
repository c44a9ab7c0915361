"""What a load's ledger has is what DynamoDB acknowledged, however the load ends."""

import random
import resource
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from salespipe.errors import SalespipeError
from salespipe.ledger import Ledgers, Reading, read
from salespipe.ledger.fingerprint import NOTHING, of_attributes
from salespipe.load.generate import generate
from salespipe.load.replay import replay
from salespipe.load.report import LoadError, Progress
from salespipe.orders import Kind


class Time:
    """A clock that moves only by sleeping."""

    def __init__(self) -> None:
        self.now = 50.0
        self._lock = threading.Lock()

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


def ledgers_of(dynamo: Any, home: Path) -> Ledgers:
    aws = dynamo.aws(sleep=lambda _: None)
    aws._account = "123456789012"
    return Ledgers(aws, home)


def only_reading(home: Path) -> Reading:
    (path,) = home.glob("ledgers/*/*.ledger")
    return read(path)


def claimed(reading: Reading) -> dict[str, list[bytes]]:
    """What a ledger has of each key, in order."""
    found: dict[str, list[bytes]] = defaultdict(list)
    for entry in reading:
        assert (entry.kind is Kind.DELETE) == (entry.fingerprint == NOTHING)
        found[entry.key].append(entry.fingerprint)
    return dict(found)


def happened(dynamo: Any) -> dict[str, list[bytes]]:
    """What has happened to each key, in order."""
    return {
        key: [of_attributes(item) if item else NOTHING for item in history] for key, history in dynamo.history.items()
    }


def test_every_write_of_generated_orders_is_recorded(dynamo: Any, tmp_path: Path) -> None:
    chance = random.Random(2)  # noqa: S311 (weather)
    dynamo.capacity = lambda size: chance.randrange(size + 1)
    ledgers = ledgers_of(dynamo, tmp_path)
    time = Time()
    aws = dynamo.aws(clock=time.clock, sleep=time.sleep)
    summary = generate(aws, rate=100, count=3000, seed=5, ledgers=ledgers)
    reading = only_reading(tmp_path)
    assert claimed(reading) == happened(dynamo)
    assert reading.entries == summary.acknowledged == 3000
    assert reading.told() == []
    assert (reading.header.command, reading.header.seed) == ("generate", 5)
    assert {entry.kind for entry in reading} == set(Kind)


def test_every_row_of_a_file_is_recorded_with_its_line(dynamo: Any, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("orderid,price\na-1,1.50\n,7\na-2,2\na-1,3.00\n")
    ledgers = ledgers_of(dynamo, tmp_path / "home")
    replay(ledgers.aws, file, ledgers=ledgers)
    reading = only_reading(tmp_path / "home")
    assert claimed(reading) == happened(dynamo)
    assert sorted((entry.line, entry.key) for entry in reading) == [(2, "a-1"), (4, "a-2"), (5, "a-1")]
    assert reading.closed


def test_an_interrupted_load_has_recorded_exactly_what_arrived(dynamo: Any, tmp_path: Path) -> None:
    """Ctrl-C comes while every worker has a batch under way, which the table then takes."""
    ledgers = ledgers_of(dynamo, tmp_path)
    interrupted, gate = threading.Event(), threading.Semaphore(12)

    def weather(_call: int, _requests: list[dict[str, Any]]) -> None:
        if not gate.acquire(blocking=False):
            interrupted.wait(10)

    def on_progress(progress: Progress) -> None:
        if progress.acknowledged:
            threading.Timer(0.05, interrupted.set).start()
            raise KeyboardInterrupt

    dynamo.weather = weather
    summary = generate(ledgers.aws, rate=100_000, ledgers=ledgers, on_progress=on_progress)
    reading = only_reading(tmp_path)
    assert summary.interrupted
    assert claimed(reading) == happened(dynamo)
    assert reading.entries == summary.acknowledged > 0
    assert reading.closed


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes: the system then takes a part of a write, or nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_ends_the_load_and_says_what_is_missing(dynamo: Any, tmp_path: Path) -> None:
    workers = 3
    ledgers = ledgers_of(dynamo, tmp_path)
    with room_for(20_000), pytest.raises(LoadError) as raised:
        generate(ledgers.aws, rate=100_000, workers=workers, ledgers=ledgers)
    reading = only_reading(tmp_path)
    recorded, there = claimed(reading), happened(dynamo)
    unrecorded = raised.value.summary.acknowledged - reading.entries
    assert (reading.torn, reading.damage, reading.closed) == (0, [], False)
    assert all(there[key][: len(contents)] == contents for key, contents in recorded.items())
    assert sum(map(len, there.values())) - reading.entries == unrecorded
    assert 0 < unrecorded <= workers * 25
    assert raised.value.code == "NotRecorded"
    assert f"{unrecorded:,} write" in raised.value.message
    assert "File too large" in raised.value.message


def test_where_no_ledger_can_be_kept_nothing_is_written(dynamo: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    orders = tmp_path / "orders.csv"
    orders.write_text("orderid\na-1\n")
    ledgers = ledgers_of(dynamo, tmp_path / "file")
    for load in (
        lambda ledgers: generate(dynamo.aws(), rate=1000, count=5, ledgers=ledgers),
        lambda ledgers: replay(dynamo.aws(), orders, ledgers=ledgers),
    ):
        with pytest.raises(SalespipeError, match="cannot be recorded") as raised:
            load(ledgers)
        assert "--no-ledger" in raised.value.hint
        assert dynamo.calls == []
        assert load(None).acknowledged in {1, 5}
        dynamo.calls.clear()
