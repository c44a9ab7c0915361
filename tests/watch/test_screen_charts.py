"""What the columns of a chart stand for."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import NOW
from salespipe.watch.model import Point, Sales
from salespipe.watch.terminal import charts, layout, words
from salespipe.watch.terminal.lines import cells, clean, fit

START = NOW - timedelta(minutes=15)


def points(*orders: int, step: float = 15.0) -> tuple[Point, ...]:
    return tuple(
        Point(start=START + timedelta(seconds=step) * at, sales=Sales(placed=count, orders=count))
        for at, count in enumerate(orders)
    )


def rates(made: tuple[Point, ...], seconds: float, columns: int) -> list[float | None]:
    return charts.rates(made, START + timedelta(seconds=seconds), columns, lambda sales: float(sales.orders), START)


def test_a_column_for_each_step_is_its_rate_a_minute() -> None:
    assert rates(points(1, 0, 3), 45, 3) == pytest.approx([4.0, 0.0, 12.0])


def test_columns_share_steps_by_time() -> None:
    assert rates(points(2, 4), 30, 1) == pytest.approx([12.0])
    assert rates(points(1, 0), 30, 4) == pytest.approx([4.0, 4.0, 0.0, 0.0])


def test_the_step_that_goes_on_counts_for_the_time_that_has_passed() -> None:
    assert rates(points(3, 3), 25, 5)[-1] == pytest.approx(18.0)


def test_a_step_that_has_just_begun_is_no_peak() -> None:
    assert max(rate or 0 for rate in rates(points(4, 4, 1), 30.5, 61)) < 20


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=120), st.integers(1, 200), st.floats(0.1, 15.0))
def test_nothing_is_lost_between_steps_and_columns(counts: list[int], columns: int, last: float) -> None:
    seconds = 15.0 * (len(counts) - 1) + last
    found = rates(points(*counts), seconds, columns)
    assert sum(rate or 0 for rate in found) * seconds / columns / 60 == pytest.approx(sum(counts), rel=1e-4, abs=1e-6)


def test_what_was_not_read_is_not_nothing() -> None:
    known = charts.rates(
        points(0, 0, 6, 6),
        START + timedelta(seconds=60),
        4,
        lambda sales: float(sales.orders),
        START + timedelta(seconds=30),
    )
    assert known == [None, None, 24.0, 24.0]
    assert charts.sparks(known, 24.0) == "··██"


def test_little_is_seen_beside_much() -> None:
    assert charts.sparks([0.0, 0.001, 50.0, 100.0], 100.0) == " ▁▄█"
    assert charts.sparks([0.0, 0.0], 0.0) == "  "


@given(st.lists(st.integers(1, 60), min_size=1, max_size=5), st.integers(6, 60))
def test_lists_fill_the_height_and_no_more(natural: list[int], room: int) -> None:
    tall = layout.heights(natural, room)
    assert 1 <= len(tall) <= len(natural)
    assert sum(tall) + len(tall) - 1 <= max(room, 5)
    if len(tall) > 1:
        assert all(has <= wants for has, wants in zip(tall, natural, strict=False))


@pytest.mark.parametrize(
    ("value", "width", "text"),
    [
        ("41088.4", 12, "41,088.40"),
        ("5981235", 9, "5,981,235"),
        ("59812350", 9, "59.8M"),
        ("999999", 6, "1.00M"),
        ("7900044120.74", 9, "7.90bn"),
        ("0", 9, "0.00"),
        ("-1234.5", 9, "-1,234.50"),
        ("1e20", 8, "100000000tn"),
    ],
)
def test_amounts_are_as_exact_as_there_is_room(value: str, width: int, text: str) -> None:
    assert words.money(Decimal(value), width) == text


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        (0, 0, ("", "")),
        (5, 0, ("new", "good")),
        (0, 5, ("▼ 100%", "worse")),
        (126, 100, ("▲ 26%", "good")),
        (100.4, 100, ("=", "dim")),
        (1200, 100, ("▲ x12", "good")),
        (10**9, 100, ("▲ x10M", "good")),
    ],
)
def test_changes_are_told_at_a_glance(now: float, before: float, told: tuple[str, str]) -> None:
    assert words.change(now, before) == told


def test_more_of_what_is_bad_is_not_good() -> None:
    assert words.change(2, 1, good=False)[1] == "worse"
    assert words.change(1, 2, good=False)[1] == "good"


@pytest.mark.parametrize(
    ("text", "width", "fitted"),
    [
        ("Compact Coffee Grinder", 22, "Compact Coffee Grinder"),
        ("Compact Coffee Grinder", 21, "Compact Coffee…"),
        ("Compact Coffee Grinder", 8, "Compact…"),
        ("Compact Coffee Grinder", 5, "Comp…"),
        ("東京タワー", 6, "東京…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_names_are_cut_between_words(text: str, width: int, fitted: str) -> None:
    assert fit(text, width) == fitted


@given(st.text(), st.integers(0, 40))
def test_any_text_has_room_after_it_is_cleaned(text: str, width: int) -> None:
    cleaned = clean(text)
    assert cells(fit(cleaned, width)) <= width
    assert cleaned.isprintable()
