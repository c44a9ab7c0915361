"""The board says what SQL over the views says, whatever comes in and in whatever order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from board_sql import Lake, agree
from salespipe.load.chaos import Chaos
from salespipe.load.troubles import SHARES
from salespipe.orders import Mix, Shop, default_world
from salespipe.watch.model import Board, Choice, Window
from salespipe.watch.tally import Tally
from stream_events import iso, of_chaos, record, typed

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EVER = datetime(2000, 1, 1, tzinfo=UTC)
CHOICES = (
    Choice(),
    Choice(region="Nowhere"),
    Choice(category="Chaos", window=Window.MINUTE),
    Choice(channel="web", text="TEA"),
    Choice(customer="c-chaos"),
)


def order(**changed: Any) -> dict[str, Any]:
    """An order of noon."""
    stamp = iso(NOON)
    return {
        "customer_id": "c-1",
        "customer_name": "Ada",
        "region": "North",
        "product_id": "p-1",
        "product_name": "Tea",
        "category": "Food",
        "quantity": 2,
        "price": Decimal("4.50"),
        "channel": "web",
        "status": "placed",
        "created_at": stamp,
        "updated_at": stamp,
        **changed,
    }


def put(key: str, sequence: int, kind: str = "INSERT", at: datetime = NOON, **changed: Any) -> bytes:
    return record(kind, key, sequence, at.timestamp(), typed(order(**changed)))


def board(records: Sequence[bytes], now: datetime = NOON, window: Window = Window.QUARTER, **options: Any) -> Board:
    tally = Tally(**options)
    tally.feed(records)
    return tally.board(now, Choice(window=window), filled_since=EVER)


class Times:
    """A clock that goes on a little at each look."""

    def __init__(self, start: datetime, rate: float) -> None:
        self.now, self._step = start.timestamp(), 1 / rate

    def __call__(self) -> float:
        self.now += self._step
        return self.now

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


def trouble(number: int, *, rate: float, seed: int = 7, start: datetime = NOON) -> tuple[list[bytes], Times, Shop]:
    """Events of a shop with all kinds of chaos between, the large ones left out."""
    times = Times(start, rate)
    shop = Shop(seed, default_world(), times, mix=Mix(), time_scale=20_000, pace=rate)
    shares = {name: 3 * share for name, share in SHARES.items() if name != "oversized"}
    chaos = Chaos(shares, seed, "orderid", lambda: times.now)
    return list(islice(of_chaos(shop, chaos, lambda: times.now), number)), times, shop


@pytest.mark.parametrize("window", Window)
def test_every_number_is_that_of_the_views_with_all_kinds_of_chaos(window: Window, tmp_path: Path) -> None:
    records, times, shop = trouble(3000, rate=4)
    tally = Tally()
    tally.stock(shop.stock.rows())
    tally.feed(records)
    lake = Lake(records, tmp_path, shop.stock.rows())
    for choice in CHOICES:
        made = tally.board(times.moment, Choice(**{**_told(choice), "window": window}), filled_since=EVER)
        agree(made, lake, known=_known(times.moment))
        assert {each.product_id: each.on_hand for each in made.shelves} == lake.on_hand()
    assert made.unreadable == lake.quarantined
    assert made.events == len(records)


def test_any_order_of_arrival_and_any_number_of_copies_make_the_same_board(tmp_path: Path) -> None:
    records, times, shop = trouble(1500, rate=5)
    chance = random.Random(3)  # noqa: S311
    again = records + chance.choices(records, k=700)
    chance.shuffle(again)
    lake = Lake(records, tmp_path, shop.stock.rows())
    tally = Tally()
    for choice in CHOICES:
        tally.board(times.moment, choice, filled_since=EVER)
    for start in range(0, len(again), 97):
        tally.feed(again[start : start + 97])
    tally.stock(shop.stock.rows())
    for choice in CHOICES:
        made = tally.board(times.moment, choice, filled_since=EVER)
        agree(made, lake, known=_known(times.moment))
    assert {each.product_id: each.on_hand for each in made.shelves} == lake.on_hand()
    assert (made.events, made.duplicates) == (2200, 700)


def test_sums_that_are_kept_up_to_date_are_those_of_a_new_tally(tmp_path: Path) -> None:
    records, _, shop = trouble(4000, rate=0.04, start=NOON - timedelta(hours=3))
    tally, now = Tally(), NOON - timedelta(hours=3)
    step = timedelta(seconds=0.04**-1 * 100)
    for start in range(0, len(records), 100):
        tally.feed(records[start : start + 100])
        tally.stock(shop.stock.rows())
        now += step
        for choice in CHOICES[:3]:
            tally.board(now, choice, filled_since=EVER)
    fresh = Tally()
    fresh.stock(shop.stock.rows())
    fresh.feed(records)
    for choice in CHOICES[:3]:
        made = tally.board(now, choice, filled_since=EVER)
        plain = fresh.board(now, choice, filled_since=EVER)
        assert made.shelves == plain.shelves
        lake = Lake(records, tmp_path)
        agree(made, lake, known=_known(now))


def _told(choice: Choice) -> dict[str, Any]:
    return {name: getattr(choice, name) for name in choice.__struct_fields__}


def _known(now: datetime) -> datetime:
    """Midnight of yesterday: what is older may be forgotten."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
