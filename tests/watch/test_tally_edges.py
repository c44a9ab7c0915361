"""Midnight, lateness, orders without a time, deliveries, and what is forgotten."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from salespipe.watch.leaders import Leaders, Rank
from salespipe.watch.model import Board, Choice, Customers, Sales, Window
from salespipe.watch.moments import milliseconds, moment, parsed
from salespipe.watch.tally import Tally
from salespipe.watch.windows import Edges
from stream_events import iso, record, typed

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MIDNIGHT = NOON.replace(hour=0)
EVER = datetime(2000, 1, 1, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
_COUNT = iter(range(1, 10**9))


def put(key: str, created: datetime | None = NOON, *, at: datetime | None = None, **changed: Any) -> bytes:
    """The next version of an order, written when it was created unless ``at`` says otherwise."""
    item = {"product_id": "p-1", "product_name": "Tea", "quantity": 2, "price": Decimal("4.50"), **changed}
    if created is not None:
        item["created_at"] = iso(created)
    return record("MODIFY", key, next(_COUNT), (at or created or NOON).timestamp(), typed(item))


def remove(key: str) -> bytes:
    return record("REMOVE", key, next(_COUNT), NOON.timestamp())


def board(tally: Tally, now: datetime = NOON, window: Window = Window.QUARTER, filled: datetime = EVER) -> Board:
    return tally.board(now, Choice(window=window), filled_since=filled)


def stock(units: int = 10, at: datetime = NOON, product: str = "p-1") -> list[dict[str, Any]]:
    return [{"product_id": product, "product_name": "Tea", "stock": units, "stocked_at": iso(at), "reorder_level": 3}]


def on_hand(made: Board) -> int | None:
    (shelf,) = made.shelves
    return shelf.on_hand


@pytest.mark.parametrize(
    ("window", "now", "since", "until", "points"),
    [
        (Window.MINUTE, NOON, NOON - 59 * SECOND, NOON + SECOND, 60),
        (Window.FIVE_MINUTES, NOON + 4.999 * SECOND, NOON - 295 * SECOND, NOON + 5 * SECOND, 60),
        (Window.QUARTER, NOON + 15 * SECOND, NOON - 870 * SECOND, NOON + 30 * SECOND, 60),
        (Window.HOUR, NOON, NOON - 59 * MINUTE, NOON + MINUTE, 60),
        (Window.TODAY, NOON, MIDNIGHT, NOON + MINUTE, 49),
        (Window.TODAY, MIDNIGHT, MIDNIGHT, MIDNIGHT + MINUTE, 1),
        (Window.TODAY, MIDNIGHT - SECOND, MIDNIGHT - 24 * HOUR, MIDNIGHT, 96),
    ],
)
def test_windows_have_now_in_their_last_step(
    window: Window, now: datetime, since: datetime, until: datetime, points: int
) -> None:
    made = board(Tally(), now, window)
    assert (made.since, made.until, len(made.points)) == (since, until, points)
    edges = Edges.of(window, milliseconds(now))
    assert (moment(edges.before_since), moment(edges.before_until)) == (made.before_since, made.before_until)
    assert len(made.points_before) == points


def test_today_is_compared_with_yesterday_to_the_same_time() -> None:
    tally = Tally()
    tally.feed([put("a", NOON), put("b", NOON - 24 * HOUR), put("c", NOON - 23 * HOUR), put("d", MIDNIGHT - SECOND)])
    made = board(tally, window=Window.TODAY)
    assert (made.sales.placed, made.before.placed) == (1, 1)
    made = board(tally, MIDNIGHT + 24 * HOUR, Window.TODAY)
    assert (made.sales.placed, made.before.placed) == (0, 0)
    made = board(tally, NOON + 24 * HOUR, Window.TODAY)
    assert (made.sales.placed, made.before.placed) == (0, 1)


@pytest.mark.parametrize("earlier", [NOON - 30 * HOUR, NOON - 24 * HOUR, NOON - 15 * HOUR, NOON - HOUR])
def test_who_bought_before_is_not_new(earlier: datetime) -> None:
    """In the window before, before that, between the two, and in the window itself."""
    tally = Tally()
    tally.feed([put("a", customer_id="c-1"), put("b", customer_id="c-2")])
    assert board(tally, window=Window.TODAY).customers == Customers(buyers=2, new=2)
    tally.feed([put("c", earlier, customer_id="c-1")])
    customers = board(tally, window=Window.TODAY).customers
    assert (customers.buyers, customers.new) == (2, 2 if earlier > MIDNIGHT else 1)
    assert customers.repeating == (earlier > MIDNIGHT)
    tally.feed([put("c", earlier, customer_id="c-1", status="cancelled")])
    assert board(tally, window=Window.TODAY).customers == Customers(buyers=2, new=2)


def test_an_order_is_late_when_its_minute_had_passed_and_not_when_only_the_reading_was() -> None:
    tally = Tally()
    tally.feed([put("a", NOON), put("b", NOON - MINUTE, at=NOON), put("c", NOON - 5 * MINUTE), put("d", NOON)])
    made = board(tally)
    assert (made.late, made.watermark, made.sales.placed) == (1, NOON, 4)
    tally.feed([put("b", NOON - MINUTE, status="cancelled"), remove("d")])
    assert board(tally).late == 1
    tally.feed([remove("b")])
    assert board(tally).late == 0


def test_an_order_from_the_future_does_not_make_the_others_late() -> None:
    tally = Tally()
    tally.feed([put("a", NOON + 24 * HOUR, at=NOON), put("b", NOON), put("c", NOON - MINUTE, at=NOON - MINUTE)])
    made = board(tally)
    assert (made.late, made.watermark, made.sales.placed) == (0, NOON, 2)
    assert board(tally, NOON + 24 * HOUR).sales.placed == 1


def test_orders_without_a_time_are_in_no_window() -> None:
    tally = Tally()
    tally.feed([put("a"), put("b", None), put("c", created_at="yesterday", created=None)])
    made = board(tally)
    assert (made.basis, made.sales.placed, made.undated) == ("created_at", 1, 2)
    tally.feed([remove("b"), put("c")])
    made = board(tally)
    assert (made.sales.placed, made.undated) == (2, 0)
    tally.feed([put("c", None)])
    assert board(tally).undated == 1


def test_tables_without_the_time_go_by_that_of_the_first_change_until_an_order_has_one() -> None:
    tally = Tally()
    assert board(tally).basis == "created_at"
    tally.feed([put("a", None, at=NOON - MINUTE), put("a", None, at=NOON), put("b", None, at=NOON - HOUR)])
    made = board(tally)
    assert (made.basis, made.sales.placed, made.undated) == ("event_time", 1, 0)
    assert [each.at for each in made.latest] == [NOON - MINUTE]
    tally.feed([put("c", NOON)])
    made = board(tally)
    assert (made.basis, made.sales.placed, made.undated) == ("created_at", 1, 2)


def test_the_time_of_the_first_change_may_be_asked_for() -> None:
    tally = Tally(basis="event_time")
    tally.feed([put("a", NOON - 24 * HOUR, at=NOON)])
    made = board(tally)
    assert (made.basis, made.sales.placed) == ("event_time", 1)
    tally = Tally(basis="created_at")
    tally.feed([put("a", None)])
    assert (board(tally).basis, board(tally).undated) == ("created_at", 1)


def test_a_key_of_another_name() -> None:
    tally = Tally(key="invoice-no")
    event = msgspec.json.decode(put("a"))
    event["dynamodb"]["Keys"] = {"invoice-no": {"S": "x"}}
    event["dynamodb"]["NewImage"]["invoice-no"] = {"S": "x"}
    tally.feed([msgspec.json.encode(event)])
    assert [each.orderid for each in board(tally).latest] == ["x"]


def test_on_hand_takes_units_back_however_late_and_never_twice() -> None:
    tally = Tally()
    tally.stock(stock())
    tally.feed([put("a", NOON - SECOND), put("b"), put("c", NOON + SECOND, quantity=3)])
    assert on_hand(board(tally)) == 10 - 2 - 3
    tally.feed([remove("c"), put("b", status="returned"), put("b", status="returned", region="South")])
    assert on_hand(board(tally, NOON + 72 * HOUR)) == 10 - 3
    tally.feed([put("b", status="delivered")])
    assert on_hand(board(tally, NOON + 72 * HOUR)) == 10 - 2 - 3


def test_a_delivery_begins_anew_and_a_copy_of_the_stock_changes_nothing() -> None:
    tally = Tally()
    tally.stock(stock())
    tally.feed([put("a"), put("b", NOON + MINUTE)])
    tally.stock(stock())
    assert on_hand(board(tally)) == 6
    tally.stock(stock(50, NOON + SECOND))
    assert on_hand(board(tally)) == 48
    tally.stock([{"product_id": "p-1", "stock": "many"}, {"stock": 3}, {"product_id": "p-2", "stock": 7}])
    assert [(each.product_id, each.on_hand) for each in board(tally).shelves] == [("p-2", 7)]


def test_on_hand_is_not_known_where_orders_since_the_delivery_were_not_read() -> None:
    tally = Tally()
    tally.stock([*stock(), *stock(5, NOON - HOUR, "p-2")])
    tally.feed([put("a")])
    made = board(tally, filled=NOON - MINUTE)
    assert [(each.product_id, each.on_hand) for each in made.shelves] == [("p-1", 8), ("p-2", None)]


def test_what_no_window_and_no_shelf_asks_for_is_forgotten() -> None:
    tally = Tally()
    tally.feed([put("a"), put("b", NOON + 48 * HOUR)])
    board(tally, NOON + 48 * HOUR)
    assert list(tally._kept.orders) == ["b"]
    tally.feed([put("a", status="cancelled")])
    made = board(tally, NOON + 48 * HOUR)
    assert (made.unfollowed, made.sales.placed, made.sealed_before) == (1, 1, None)


def test_of_too_many_orders_the_newest_are_kept_and_the_board_says_from_when_on() -> None:
    tally = Tally(orders_kept=100)
    tally.stock(stock(1000, NOON - 10 * HOUR))
    start = NOON - 500 * MINUTE
    for number in range(500):
        tally.feed([put(f"o-{number}", start + number * MINUTE)])
    made = board(tally, window=Window.TODAY)
    assert made.sealed_before == made.filled_since == start + 400 * MINUTE
    assert made.sales == Sales(placed=100, orders=100, units=200, revenue=Decimal("900.00"))
    assert on_hand(made) == 0
    tally.feed([put("o-0", start, status="cancelled"), put("o-499", NOON, status="cancelled")])
    made = board(tally, window=Window.TODAY)
    assert (made.unfollowed, made.sales.cancelled) == (1, 1)
    assert on_hand(made) == 2


def test_names_are_forgotten_with_the_orders() -> None:
    tally = Tally(orders_kept=1000)
    for number in range(30):
        at = NOON + number * MINUTE
        tally.feed([put(f"{number} {each}", at, customer_id=f"c-{number}-{each}") for each in range(1000)])
    assert len(tally._facts._customers) < 15_000
    assert len(board(tally, NOON + 29 * MINUTE, Window.MINUTE).top_customers) == 20


def test_choices_that_nobody_asks_for_any_more_cost_nothing() -> None:
    tally = Tally()
    for number in range(30):
        tally.board(NOON, Choice(text=str(number)), filled_since=EVER)
    assert len(tally._frames) == 20
    board(tally, NOON + HOUR)
    assert len(tally._frames) == 1


def test_a_board_of_an_earlier_moment_is_as_good() -> None:
    tally = Tally()
    tally.feed([put("a"), put("b", NOON + 20 * MINUTE)])
    assert board(tally, NOON + 20 * MINUTE).latest[0].orderid == "b"
    assert board(tally, NOON).latest[0].orderid == "a"


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\xff\xfe", b"null", b"[" * 100_000, b'{"a":' * 100_000, b'{"eventName":"INSERT"}', b"{}{}"),
        b'{"eventName":"INSERT","eventID":"e","dynamodb":' + b"[" * 5000 + b"]" * 5000 + b"}",
        put("a").replace(b'"SequenceNumber":"1', b'"SequenceNumber":"x'),
        put("a").replace(b'"SequenceNumber":"1', b'"SequenceNumber":"' + b"1" * 30),
        put("a").replace(b"NewImage", b"OldImage"),
        put("a").replace(b'"MODIFY"', b'"TRUNCATE"'),
        put("a").replace(b'"4.50"', b'"NaN"'),
        put("a").replace(b'"Tea"', b'"\\ud800"'),
    ],
)
def test_what_the_transform_cannot_read_is_counted_and_never_raises(data: bytes) -> None:
    tally = Tally()
    tally.feed([data, put("b")])
    made = board(tally)
    assert (made.events, made.unreadable, made.sales.placed) == (2, 1, 1)


def test_a_board_is_json() -> None:
    tally = Tally()
    tally.feed([put("a")])
    made = board(tally)
    assert msgspec.json.decode(msgspec.json.encode(made), type=Board) == made


def test_leaders_are_the_first_of_all_whatever_changes() -> None:
    chance = random.Random(1)  # noqa: S311
    all_of_them: dict[int, Rank] = {}

    def everything() -> Iterator[tuple[int, Rank]]:
        yield from all_of_them.items()

    leaders = Leaders(everything)
    for turn in range(30_000):
        key = chance.randrange(3000)
        if chance.random() < 0.4:
            all_of_them.pop(key, None)
            leaders.drop(key)
        else:
            all_of_them[key] = (chance.randrange(200), str(key))
            leaders.put(key, all_of_them[key])
        if turn % 500 == 0:
            assert leaders.first(20) == sorted(all_of_them, key=lambda each: all_of_them[each])[:20]
    assert len(leaders._held) <= 1024


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:01.002Z", 1002),
        ("1969-12-31T23:59:59.999Z", -1),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-02", 86_400_000),
        ("1970-01-01T00:00:00.0019Z", 1),
        ("1970-01-01T00:00:60.000Z", None),
        ("1970-13-01T00:00:00.000Z", None),
        ("٢٠٢٦-11-23T00:00:00.000Z", None),
        ("1970-01-01 00:00:00.000Z", None),
        ("now", None),
    ],
)
def test_times_are_read_as_the_views_read_them(text: str, at: int | None) -> None:
    assert parsed(text) == at
    assert parsed(text) == at
