"""The one file of list prices."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from salespipe.cost.prices import all_prices, price


def test_every_price_says_where_it_is_from() -> None:
    assert all_prices()
    for one in all_prices():
        assert one.usd > 0, one
        assert one.per, one
        assert one.source, one
        assert one.certainty in {"page", "second hand", "remembered"}, one
        assert re.fullmatch(r"20\d\d(-[01]\d)?", one.as_of), one
        assert re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", one.region), one


def test_a_figure_is_exact() -> None:
    found = price("kinesis_stream_hour", "us-east-1")
    assert found is not None
    assert found.usd == Decimal("0.04")


def test_a_region_without_a_source_is_unknown() -> None:
    assert price("kinesis_stream_hour", "sa-east-1") is None


def test_a_misspelt_name_is_no_gap() -> None:
    with pytest.raises(KeyError):
        price("kinesis_steam_hour", "us-east-1")
