"""Open-model pacing under clocks of every kind."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.load.pacing import PIECE, SHORTEST, due_times


class Time:
    """A clock that only moves when somebody sleeps or works."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@given(st.floats(0.1, 100_000), st.lists(st.floats(0, 2), min_size=1, max_size=50))
def test_times_depend_on_the_rate_alone_and_never_come_early(rate: float, work: list[float]) -> None:
    time = Time()
    for number, (due, seconds) in enumerate(zip(due_times(rate, time.clock, time.sleep), work, strict=False)):
        assert due == 1000.0 + number / rate
        assert time.now >= due
        time.now += seconds


@given(st.floats(0.1, 100_000))
def test_an_idle_writer_gets_each_time_when_it_comes(rate: float) -> None:
    time = Time()
    for due in islice(due_times(rate, time.clock, time.sleep), 50):
        assert 0 <= time.now - due <= SHORTEST + 1e-9


def test_a_stall_is_caught_up_without_a_wait() -> None:
    time = Time()
    times = due_times(10, time.clock, time.sleep)
    next(times)
    time.now += 1.05
    assert list(islice(times, 10)) == pytest.approx([1000.1 + number / 10 for number in range(10)])
    assert time.slept == []
    next(times)
    assert time.slept == pytest.approx([0.05])


def test_a_long_wait_is_cut_into_pieces_that_let_others_work() -> None:
    time, idled = Time(), list[float]()
    times = due_times(0.1, time.clock, time.sleep, lambda: idled.append(time.now))
    list(islice(times, 2))
    assert sum(time.slept) == pytest.approx(10)
    assert max(time.slept) <= PIECE
    assert len(idled) == len(time.slept) >= 50
