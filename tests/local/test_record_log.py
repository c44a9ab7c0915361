import threading
import time

import pytest

from salespipe.local.record_log import RecordLog
from salespipe.local.store import Store


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "data")
    yield store
    store.close()


@pytest.fixture
def log(store, clock):
    return RecordLog(store, clock)


def numbers(records):
    return [record.sequence for record in records]


def test_records_come_back_in_order_with_key_data_and_time(log, clock):
    assert log.append("s", [("a", b"1"), ("b", b"2")]) == [1, 2]
    clock.now = 1_001.5
    assert log.append("s", [("c", b"3")]) == [3]
    assert [(r.sequence, r.arrived, r.key, r.data) for r in log.read("s", 0, 10)] == [
        (1, 1_000.0, "a", b"1"),
        (2, 1_000.0, "b", b"2"),
        (3, 1_001.5, "c", b"3"),
    ]
    assert numbers(log.read("s", 1, 1)) == [2]
    assert log.read("s", 3, 10) == []
    assert log.read("unknown", 0, 10) == []


def test_shards_are_separate(log):
    log.append("s", [("", b"1")])
    log.append("t", [("", b"2")])
    log.append("s", [("", b"3")])
    assert [r.data for r in log.read("s", 0, 10)] == [b"1", b"3"]
    assert [r.data for r in log.read("t", 0, 10)] == [b"2"]
    assert (log.last("s"), log.last("t"), log.last("u")) == (2, 1, 0)


def test_a_read_is_limited_in_bytes_but_gives_at_least_one(log):
    log.append("s", [("", b"x" * 100)] * 5)
    assert numbers(log.read("s", 0, 10, max_bytes=250)) == [1, 2]
    assert numbers(log.read("s", 2, 10, max_bytes=10)) == [3]


def test_append_joins_the_callers_transaction(log, store):
    def fail():
        with store.write():
            log.append("s", [("", b"lost")])
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert log.last("s") == 0
    assert log.append("s", [("", b"kept")]) == [1]


def test_sequences_go_on_after_trimming(log, clock):
    log.append("s", [("", b"old")] * 3)
    clock.now = 2_000.0
    log.append("s", [("", b"new")])
    assert log.trim(1_500.0) == 3
    assert (log.first("s"), log.last("s")) == (4, 4)
    assert numbers(log.read("s", 0, 10)) == [4]
    assert log.trim(3_000.0) == 1
    assert (log.first("s"), log.last("s")) == (5, 4)
    assert log.append("s", [("", b"next")]) == [5]


def test_trimming_in_many_steps_takes_all(log, clock, monkeypatch):
    monkeypatch.setattr("salespipe.local.record_log._TRIM_AT_ONCE", 10)
    log.append("s", [("", b"")] * 95)
    clock.now = 2_000.0
    log.append("s", [("", b"")] * 2)
    assert log.trim(2_000.0) == 95
    assert log.first("s") == 96


def test_trimming_is_limited_to_a_prefix(log, clock):
    for shard in ("a/1", "a/2", "b/1"):
        log.append(shard, [("", b"")])
    clock.now = 2_000.0
    assert log.trim(clock.now, "a/") == 2
    assert log.first("b/1") == 1


def test_before_finds_the_position_of_a_time(log, clock):
    for second in range(10):
        clock.now = 1_000.0 + second
        log.append("s", [("", b""), ("", b"")])
    assert log.before("s", 1_000.0) == 0
    assert log.before("s", 1_000.5) == 2
    assert log.before("s", 1_004.0) == 8
    assert log.before("s", 9_999.0) == 20
    log.trim(1_005.0)
    assert log.before("s", 1_000.0) == 10
    assert log.before("unknown", 1_000.0) == 0


def test_times_never_go_back(log, clock):
    log.append("s", [("", b"")])
    clock.now = 500.0
    log.append("s", [("", b"")])
    assert [record.arrived for record in log.read("s", 0, 10)] == [1_000.0, 1_000.0]


def test_a_shard_can_start_above_zero(log):
    log.create("s", after=1_000)
    log.create("s", after=5_000)
    assert (log.first("s"), log.last("s")) == (1_001, 1_000)
    assert log.append("s", [("", b"")]) == [1_001]
    assert numbers(log.read("s", 0, 10)) == [1_001]


def test_drop_forgets_shards_and_checkpoints(log):
    for shard in ("a/1", "a/2", "b/1"):
        log.append(shard, [("", b"")])
        log.checkpoint("reader", shard, 1)
    log.drop("a/")
    assert log.last("a/1") == 0
    assert log.read("a/2", 0, 10) == []
    assert log.position("reader", "a/1") is None
    assert log.position("reader", "b/1") == 1
    assert log.append("a/3", [("", b"new")]) == [1]
    assert [record.data for record in log.read("a/3", 0, 10)] == [b"new"]


def test_checkpoints_are_kept_for_each_reader_and_shard(log, store, clock):
    assert log.position("r", "s") is None
    log.checkpoint("r", "s", 5)
    log.checkpoint("r", "s", 7)
    log.checkpoint("q", "s", 1)
    assert RecordLog(store, clock).position("r", "s") == 7
    log.forget("r")
    assert log.position("r", "s") is None
    assert log.position("q", "s") == 1


def test_wait_returns_at_once_when_there_is_something(log):
    log.append("s", [("", b"")])
    assert log.wait({"s": 0}, timeout=60)
    assert not log.wait({"s": 1}, timeout=0)


def waiting(log, positions):
    """A thread that waits, once it does."""
    results = []
    thread = threading.Thread(target=lambda: results.append(log.wait(positions, timeout=60)))
    thread.start()
    deadline = time.monotonic() + 30
    while not log._waiting and time.monotonic() < deadline:
        time.sleep(0.001)
    return thread, results


def test_wait_is_not_ended_by_sequences_that_no_record_has(log, clock):
    log.create("young", after=1_000_000)
    log.append("old", [("a", b"1")])
    clock.now += 10
    log.trim(clock.now)

    assert log.last("young") > 0
    assert log.last("old") > 0
    assert not log.wait({"young": 0, "old": 0}, 0.01)
    log.append("young", [("a", b"1")])
    assert log.wait({"young": 0}, 60)


def test_wait_is_woken_by_a_commit_to_any_of_its_shards(log, store):
    thread, results = waiting(log, {"s": 0, "t": 0})
    with store.write():
        log.append("t", [("", b"")])
        assert results == []
    thread.join(30)
    assert results == [True]
    assert not log._waiting


def test_wake_ends_every_wait(log):
    thread, results = waiting(log, {"s": 0})
    log.wake()
    thread.join(30)
    assert results == [False]


def test_eight_writers_lose_nothing(log):
    def work(number):
        for i in range(40):
            log.append("s", [(str(number), f"{number}-{i}".encode())])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = log.read("s", 0, 1_000)
    assert numbers(records) == list(range(1, 321))
    assert len({record.data for record in records}) == 320
    for number in range(8):
        mine = [record.data for record in records if record.key == str(number)]
        assert mine == [f"{number}-{i}".encode() for i in range(40)]
