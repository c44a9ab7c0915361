"""Quantiles out of buckets, against the sorted list."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.load.latency import Latencies, Spread


@given(st.lists(st.floats(2e-5, 1000), min_size=1, max_size=200), st.floats(0.01, 1))
def test_a_quantile_is_within_two_percent_of_the_exact_one(seconds: list[float], share: float) -> None:
    latencies = Latencies()
    latencies.record(seconds)
    exact = sorted(seconds)[math.ceil(share * len(seconds) - 1e-9) - 1]
    assert latencies.quantile(share) == pytest.approx(exact, rel=0.02)


def test_nothing_and_the_absurd_have_a_place_too() -> None:
    latencies = Latencies()
    assert latencies.quantile(0.5) == 0
    latencies.record((-1.0, 0.0, 1e9))
    assert latencies.quantile(0.5) < 1e-4
    assert latencies.quantile(1) > 3600


@given(st.lists(st.lists(st.floats(-1, 100), max_size=25), max_size=20))
def test_a_spread_is_the_standard_deviation_of_all_that_was_recorded(pieces: list[list[float]]) -> None:
    spread = Spread()
    for piece in pieces:
        spread.record(piece)
    everything = [each for piece in pieces for each in piece]
    expected = statistics.pstdev(everything) if everything else 0.0
    assert spread.deviation == pytest.approx(expected, abs=1e-4, rel=1e-6)
