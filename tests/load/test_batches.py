"""Batches that keep every key's order."""

import random
import threading

from hypothesis import given, settings
from hypothesis import strategies as st

from salespipe.load.batches import BATCH, BATCH_BYTES, WAITING, Batches
from salespipe.load.writer import Write
from salespipe.orders import Kind


def write(key: str, line: int = 0, size: int = 1) -> Write:
    return Write(Kind.INSERT, key, b"x" * size, 0.0, line)


def filled(*keys: str) -> Batches:
    batches = Batches()
    for line, key in enumerate(keys):
        assert batches.offer(write(key, line), 0)
    return batches


def lines(batch: list[Write]) -> list[int]:
    return [each.line for each in batch]


def test_a_second_write_of_a_key_waits_for_the_first_and_holds_up_nobody_else() -> None:
    batches = filled("a", "b", "a", "c", "a")
    first = batches.take()
    assert lines(first) == [0, 1, 3]
    batches.release(first)
    second = batches.take()
    assert lines(second) == [2]
    batches.release(second)
    assert lines(batches.take()) == [4]


def test_a_key_under_way_in_another_batch_is_left_alone() -> None:
    batches = filled("a")
    first = batches.take()
    for line, key in enumerate(("a", "b"), start=1):
        batches.offer(write(key, line), 0)
    assert lines(batches.take()) == [2]
    batches.close()
    taken: list[list[int]] = []
    waiter = threading.Thread(target=lambda: taken.append(lines(batches.take())))
    waiter.start()
    batches.release(first)
    waiter.join(10)
    assert taken == [[1]]


def test_batches_keep_to_the_limits() -> None:
    batches = filled(*map(str, range(60)))
    assert [len(batches.take()) for _ in range(3)] == [BATCH, BATCH, 10]
    large = Batches()
    for key in "abc":
        large.offer(write(key, size=BATCH_BYTES // 2), 0)
    assert [len(large.take()) for _ in range(2)] == [2, 1]


def test_a_full_queue_refuses_and_a_closed_one_too() -> None:
    batches = filled(*map(str, range(WAITING)))
    assert not batches.offer(write("more"), 0.01)
    batches.take()
    assert batches.offer(write("more"), 0)
    batches.close(discard=True)
    assert not batches.offer(write("late"), 0)
    assert batches.take() == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from("abcdefghij"), max_size=200), st.randoms(use_true_random=False))
def test_workers_side_by_side_keep_every_keys_order(keys: list[str], chance: random.Random) -> None:
    batches = Batches()
    order: dict[str, list[int]] = {key: [] for key in keys}
    lock = threading.Lock()

    def work() -> None:
        while batch := batches.take():
            with lock:
                for each in batch:
                    order[each.key].append(each.line)
            batches.release(batch)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for line, key in enumerate(keys):
        while not batches.offer(write(key, line), 1):
            pass
    batches.close()
    for worker in workers:
        worker.join(20)
        assert not worker.is_alive()
    assert order == {key: [line for line, each in enumerate(keys) if each == key] for key in order}
