"""Quantiles out of buckets, against the sorted list."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.load.latency import Latencies


@given(st.lists(st.floats(2e-5, 1000), min_size=1, max_size=200), st.floats(0.01, 1))
def test_a_quantile_is_within_two_percent_of_the_exact_one(seconds: list[float], share: float) -> None:
    latencies = Latencies()
    for each in seconds:
        latencies.record(each)
    exact = sorted(seconds)[math.ceil(share * len(seconds) - 1e-9) - 1]
    assert latencies.quantile(share) == pytest.approx(exact, rel=0.02)


def test_nothing_and_the_absurd_have_a_place_too() -> None:
    latencies = Latencies()
    assert latencies.quantile(0.5) == 0
    for each in (-1.0, 0.0, 1e9):
        latencies.record(each)
    assert latencies.quantile(0.5) < 1e-4
    assert latencies.quantile(1) > 3600
