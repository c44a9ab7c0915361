"""How a load is meant to go: its end, its rate at any moment, and how long it takes still."""

from __future__ import annotations

import pytest

from salespipe.load.course import GRACE, Course, schedule_of
from salespipe.load.pacing import Ramp, Shaped, Steady
from salespipe.orders import PROFILES
from salespipe.orders.profiles import STEADY


def test_it_ends_with_the_time_or_the_count_whichever_comes_first() -> None:
    assert Course.of(Steady(50), duration=20, count=None) == Course(Steady(50), 1000, 20 + GRACE)
    assert Course.of(Steady(50), duration=20, count=10).total == 10
    assert Course.of(Steady(50), duration=20, count=10**6).total == 1000
    assert Course.of(Steady(50), duration=None, count=None) == Course(Steady(50), None, None)


def test_a_steady_rate_is_exact_at_any_moment() -> None:
    course = Course.of(Steady(0.3), duration=None, count=7)
    assert (course.rate(0.0), course.rate(100.0), course.mean(0.0), course.mean(5.0)) == (0.3, 0.3, 0.3, 0.3)


def test_a_ramps_rate_is_that_of_the_moment_and_its_mean_that_of_the_time_so_far() -> None:
    course = Course.of(Ramp(0.001, 1000, 10), duration=20, count=None)
    assert course.rate(5.0) == pytest.approx(500, rel=0.02)
    assert course.rate(15.0) == pytest.approx(1000, rel=0.01)
    assert course.mean(10.0) == pytest.approx(500, rel=0.01)
    assert course.mean(20.0) == pytest.approx(750, rel=0.001)
    assert course.mean(25.0) == pytest.approx(750, rel=0.001)


def test_a_profile_shapes_the_rate_and_a_ramp_takes_its_place() -> None:
    day = {"start": 0.0, "time_scale": 200_000.0, "duration": 60.0}
    shaped, rhythm = schedule_of(100, profile=PROFILES["daily"], ramp=None, **day)
    assert isinstance(shaped, Shaped)
    assert shaped.rhythm is rhythm
    assert schedule_of(100, profile=STEADY, ramp=None, **day)[0] == Steady(100)
    assert schedule_of(100, profile=STEADY, ramp=Ramp(1, 2, 3), **day)[0] == Ramp(1, 2, 3)
    course = Course.of(shaped, duration=60, count=None)
    assert course.total == 6000
    assert course.mean(60.0) == pytest.approx(100, abs=0.001)


def test_what_is_done_and_what_is_left() -> None:
    course = Course.of(Steady(10), duration=None, count=101)
    assert (course.done(0), course.done(101)) == (0.0, 1.0)
    assert course.left(4.0, 40) == pytest.approx(6.0)
    # Beyond its time it goes on as fast as it went so far.
    assert course.left(20.0, 50) == pytest.approx(51 * 20 / 50)
    endless = Course.of(Steady(10), duration=None, count=None)
    assert (endless.done(5), endless.left(1.0, 5)) == (None, None)


def test_a_run_that_lags_behind_ends_with_its_grace_all_the_same() -> None:
    course = Course.of(Steady(1000), duration=10, count=None)
    assert course.left(10.5, 100) == pytest.approx(GRACE - 0.5)
    assert course.left(12.0, 100) == 0.0


def test_a_run_too_short_for_its_profile_is_done_at_once() -> None:
    course = Course.of(Steady(10), duration=1e-9, count=None)
    assert (course.total, course.done(0), course.left(0.0, 0)) == (0, 1.0, 0.0)
