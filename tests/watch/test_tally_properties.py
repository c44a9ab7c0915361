"""Whatever events come, in whatever order, while pictures are taken: the board is what SQL over the views says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from board_sql import Lake, agree
from salespipe.load.oddities import MALFORMED, number, string
from salespipe.watch.change import UnreadableError, reader
from salespipe.watch.model import Choice, Window
from salespipe.watch.tally import Tally
from stream_events import iso, record

MIDNIGHT = datetime(2026, 11, 23, tzinfo=UTC)
EVER = datetime(2000, 1, 1, tzinfo=UTC)
# From the evening before to the next day: windows of all lengths lie on both sides of midnight.
MOMENTS = st.integers(-7200, 3 * 3600).map(lambda seconds: MIDNIGHT + timedelta(seconds=seconds))
STAMPS = st.one_of(
    MOMENTS.map(iso),
    st.integers(0, 120_000).map(lambda milliseconds: iso(MIDNIGHT + timedelta(milliseconds=milliseconds))),
    st.sampled_from(
        (
            *("2026-11-23T00:00:00Z", "2026-11-23", "2026-11-23T01:00:00.5+01:00", "2026-11-22T23:59:59.9999Z"),
            *("9999-12-31T23:59:59.999Z", "2026-11-23 00:00:01", "2026-02-30T00:00:00.000Z", "yesterday", ""),
        )
    ),
)
FEW = st.sampled_from
IMAGES = st.builds(
    lambda stamp, odd, **texts: {"created_at": string(stamp)} | {n: string(v) for n, v in texts.items()} | odd,
    STAMPS,
    st.one_of(st.just({}), st.just({}), FEW(MALFORMED)),
    customer_id=FEW(("c-1", "c-2", "c-3")),
    customer_name=FEW(("Ada", "Bob")),
    product_id=FEW(("p-1", "p-2")),
    product_name=FEW(("Tea", "Cup")),
    category=FEW(("Food", "Home")),
    region=FEW(("North", "South")),
    channel=FEW(("web", "store")),
    status=FEW(("placed", "paid", "cancelled", "returned")),
)
FIGURES = st.fixed_dictionaries(
    {},
    optional={
        "quantity": FEW(("1", "2", "17", "0", "-1", "2.0", "99999999999")).map(number),
        "price": FEW(("4.50", "10", "0.005", "1E-130", "123456789.99", "9999999999999999")).map(number),
        "amount": FEW(("7.25", "0.335", "12345678901234567")).map(number),
    },
)
KINDS = FEW(("INSERT", "MODIFY", "MODIFY", "REMOVE"))
CHANGES = st.lists(st.tuples(KINDS, FEW("abcde"), IMAGES, FIGURES), max_size=25)
CHOICES = st.builds(
    Choice,
    window=FEW(list(Window)),
    product=FEW((None, None, "p-1")),
    region=FEW((None, None, "North", "(none)")),
    customer=FEW((None, None, "c-1")),
    category=FEW((None, None, "Food")),
    text=FEW(("", "", "TE", "c-2", "A")),
)


def event(sequence: int, kind: str, key: str, image: Mapping[str, Any], figures: Mapping[str, Any]) -> bytes:
    made = {name: value for name, value in {**figures, **image}.items() if value is not None}
    at = (MIDNIGHT + timedelta(minutes=sequence)).timestamp()
    return record(kind, key, sequence, at, None if kind == "REMOVE" else made)


@given(
    changes=CHANGES,
    arrival=st.randoms(use_true_random=False),
    nows=st.lists(MOMENTS, min_size=1, max_size=4),
    choices=st.lists(CHOICES, min_size=1, max_size=3),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_board_is_what_the_views_say(
    changes: list[Any],
    arrival: Any,
    nows: list[datetime],
    choices: list[Choice],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    records = [event(number, *change) for number, change in enumerate(changes)]
    arriving = [*records, *arrival.choices(records, k=len(records) // 2)] if records else []
    arrival.shuffle(arriving)
    stock = [{"product_id": "p-1", "product_name": "Tea", "stock": 50, "stocked_at": iso(MIDNIGHT), "reorder_level": 5}]
    tally = Tally(basis="created_at")
    share = -(-len(arriving) // len(nows))
    for index, now in enumerate(nows):
        tally.feed(arriving[index * share : (index + 1) * share])
        if index == len(nows) // 2:
            tally.stock(stock)
        boards = [tally.board(now, choice, filled_since=EVER) for choice in choices]
    lake = Lake(records, tmp_path_factory.getbasetemp(), stock)
    known = max(nows).replace(hour=0, minute=0, second=0) - timedelta(days=1)
    for board in boards:
        agree(board, lake, known=known)
        assert (board.events, board.duplicates) == (len(arriving), len(arriving) - len(records))
        assert board.unreadable == 0
        assert {each.product_id: each.on_hand for each in board.shelves} == lake.on_hand()


@given(changes=CHANGES, now=MOMENTS, window=FEW(list(Window)), arrival=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_by_the_time_of_the_first_change(
    changes: list[Any], now: datetime, window: Window, arrival: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    records = [event(number, *change) for number, change in enumerate(changes)]
    arriving = list(records)
    arrival.shuffle(arriving)
    tally = Tally(basis="event_time")
    for data in arriving:
        tally.feed([data])
        board = tally.board(now, Choice(window=window), filled_since=EVER)
    if records:
        assert board.basis == "event_time"
        lake = Lake(records, tmp_path_factory.getbasetemp())
        agree(board, lake, known=now.replace(hour=0, minute=0, second=0) - timedelta(days=1))


@given(st.binary(max_size=60) | st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=4), st.lists))
def test_what_is_no_event_is_counted_and_nothing_else(data: Any) -> None:
    import msgspec

    tally = Tally()
    tally.feed([data if isinstance(data, bytes) else msgspec.json.encode(data)])
    board = tally.board(MIDNIGHT, Choice(), filled_since=EVER)
    assert (board.events, board.unreadable, board.sales.placed) == (1, 1, 0)


@given(
    KINDS, IMAGES, FIGURES, st.sampled_from(("1763769600", "1.7637696E9", '"1763769600"', "1763769600.1239", "true"))
)
def test_the_quick_way_reads_as_the_thorough_one(kind: str, image: Any, figures: Any, seconds: str) -> None:
    from salespipe.watch.change import _thorough

    data = event(1, kind, "a", image, figures)
    data = data.replace(
        b'"ApproximateCreationDateTime":' + data.split(b'Time":')[1].split(b",")[0],
        b'"ApproximateCreationDateTime":' + seconds.encode(),
    )
    try:
        expected = _thorough(data, "orderid")
    except UnreadableError:
        with pytest.raises(UnreadableError):
            reader("orderid")(data)
    else:
        assert reader("orderid")(data) == expected
