"""Open-model pacing under clocks of every kind."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.load.pacing import PIECE, ROUNDING, SHORTEST, Ramp, Schedule, Shaped, Steady, due_times, due_within
from salespipe.orders import PROFILES, Rhythm


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
    for number, (due, seconds) in enumerate(zip(due_times(Steady(rate), time.clock, time.sleep), work, strict=False)):
        assert due == 1000.0 + number / rate
        assert time.now >= due
        time.now += seconds


@given(st.floats(0.1, 100_000))
def test_an_idle_writer_gets_each_time_when_it_comes(rate: float) -> None:
    time = Time()
    for due in islice(due_times(Steady(rate), time.clock, time.sleep), 50):
        assert 0 <= time.now - due <= SHORTEST + 1e-9


def test_a_stall_is_caught_up_without_a_wait() -> None:
    time = Time()
    times = due_times(Steady(10), time.clock, time.sleep)
    next(times)
    time.now += 1.05
    assert list(islice(times, 10)) == pytest.approx([1000.1 + number / 10 for number in range(10)])
    assert time.slept == []
    next(times)
    assert time.slept == pytest.approx([0.05])


def test_a_long_wait_is_cut_into_pieces_that_let_others_work() -> None:
    time, idled = Time(), list[float]()
    times = due_times(Steady(0.1), time.clock, time.sleep, lambda: idled.append(time.now))
    list(islice(times, 2))
    assert sum(time.slept) == pytest.approx(10)
    assert max(time.slept) <= PIECE
    assert len(idled) == len(time.slept) >= 50


def test_a_ramp_is_as_fast_as_its_line_says_and_then_stays_so() -> None:
    ramp = Ramp(50, 5000, 60)
    assert due_within(ramp, 60) == (50 + 5000) / 2 * 60
    for second in range(59):
        assert due_within(ramp, second + 1) - due_within(ramp, second) == pytest.approx(
            50 + 82.5 * (second + 0.5), abs=1
        )
    assert due_within(ramp, 70) - due_within(ramp, 69) == 5000


@given(st.floats(0.1, 10_000), st.floats(0.1, 10_000), st.floats(0.1, 100))
def test_a_ramp_up_or_down_never_turns_back(first: float, last: float, seconds: float) -> None:
    ramp = Ramp(first, last, seconds)
    ends = round((first + last) / 2 * seconds)
    numbers = [*range(50), *range(max(50, ends - 20), max(50, ends - 20) + 40)]
    times = [ramp.due(number) for number in numbers]
    assert times[0] == 0
    assert times == sorted(times)
    assert ramp.due(ends + 100_000) - ramp.due(ends) == pytest.approx(100_000 / last, rel=1e-3)


def test_a_profile_shapes_the_rate_and_keeps_its_mean() -> None:
    day = Rhythm.of(PROFILES["flash-sale"], start=0)
    shaped = Shaped(20, day)
    assert due_within(shaped, 300) == 20 * 300
    assert due_within(shaped, 75) - due_within(shaped, 50) == pytest.approx(25 * 20 * day.factor(60), abs=1)


@pytest.mark.parametrize("schedule", [Steady(3), Ramp(1, 9, 4), Ramp(9, 1, 4), Shaped(5, Rhythm(PROFILES["daily"]))])
@given(seconds=st.floats(0, 1000))
def test_what_is_due_within_a_time_is_counted_exactly(schedule: Schedule, seconds: float) -> None:
    count = due_within(schedule, seconds)
    assert schedule.due(count) >= seconds - ROUNDING
    assert count == 0 or schedule.due(count - 1) < seconds
