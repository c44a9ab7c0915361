"""Stock follows from the orders alone: whoever replays the changes finds what the shop has."""

from collections import Counter
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from salespipe.orders import PROFILES, Change, Kind, Mix, Rhythm, Shop, default_world
from salespipe.orders.stock import Stock, iso

START = 1763769600.0


def opened(rate: float, *, profile: str = "steady", seed: int = 7, **more: Any) -> Shop:
    """A shop with a change at each moment of a profile's schedule."""
    ticks, rhythm = count(), Rhythm.of(PROFILES[profile], start=START)
    return Shop(
        seed, default_world(), lambda: START + rhythm.due(max(0, next(ticks) - 1) / rate), rhythm=rhythm, **more
    )


def replayed(orders: dict[Any, dict[str, Any]], rows: list[dict[str, Any]]) -> dict[Any, int]:
    """On hand by the formula, from the orders as they last were and the reference data."""
    hand = {row["product_id"]: row["stock"] for row in rows}
    since = {row["product_id"]: row["stocked_at"] for row in rows}
    for order in orders.values():
        product = order["product_id"]
        if order["status"] not in ("cancelled", "returned") and order["created_at"] >= since[product]:
            hand[product] -= order["quantity"]
    return hand


@pytest.mark.parametrize(
    ("rate", "profile", "more"),
    [
        (50, "steady", {}),
        (50, "flash-sale", {}),
        (200, "holiday", {"mix": Mix(10, 29, 5)}),
        (1000, "daily", {"mix": Mix(1, 0, 1)}),
        # Many orders in each millisecond, more than its buyers reckon with.
        (20_000, "steady", {"mix": Mix(10, 20, 10)}),
        (50, "steady", {"time_scale": 1.0, "pace": 0.0}),
    ],
)
def test_replaying_the_changes_gives_what_is_on_hand(rate: float, profile: str, more: dict[str, Any]) -> None:
    shop = opened(rate, profile=profile, **more)
    orders: dict[Any, dict[str, Any]] = {}
    for number in range(15_000):
        change = next(shop)
        # What was deleted stays as it last was.
        orders[change.item["orderid"]] = change.item
        if number % 500 == 0:
            assert replayed(orders, shop.stock.rows()) == shop.stock.on_hand()
    assert shop.stock.deliveries > 10
    statuses = Counter(order["status"] for order in orders.values())
    assert statuses["cancelled"] > 0 or more.get("mix", Mix()).updates == 0 or "time_scale" in more


@pytest.mark.parametrize(
    ("rate", "profile", "changes"), [(50, "steady", 10_000), (300, "steady", 15_000), (50, "flash-sale", 10_000)]
)
def test_nothing_is_sold_that_is_not_there_and_much_runs_low_and_out(rate: float, profile: str, changes: int) -> None:
    shop = opened(rate, profile=profile, pace=rate / 2)
    before = shop.stock.on_hand()
    out: set[str] = set()
    low: set[str] = set()
    for _ in range(changes):
        delivered = shop.stock.deliveries
        change = next(shop)
        now = shop.stock.on_hand()
        if change.kind is Kind.INSERT and shop.stock.deliveries == delivered:
            product: Any = change.item["product_id"]
            quantity: Any = change.item["quantity"]
            assert before[product] - now[product] == quantity > 0
        assert min(now.values()) >= 0
        out |= {product for product, left in now.items() if not left}
        low |= {shelf.product.product_id for shelf in shop.stock.shelves if shelf.on_hand <= shelf.level}
        before = now
    assert len(out) > 5
    assert len(low) > 20


def test_what_runs_out_comes_back_and_sells_again() -> None:
    shop = opened(50)
    sold_out: dict[str, float] = {}
    waits: list[float] = []
    for _ in range(10_000):
        change = next(shop)
        for product, left in shop.stock.on_hand().items():
            if not left:
                sold_out.setdefault(product, change.at)
            elif product in sold_out:
                waits.append(change.at - sold_out.pop(product))
    # 25 days, half as long again, are 16 seconds at the usual scale.
    assert 0 < max(waits) < 16.3
    assert len(waits) > 20


def returned_after(shop: Shop, created: Change, status: str) -> int:
    """By how much a product's stock rises when an order of it gets a status."""
    product: Any = created.item["product_id"]
    before = shop.stock.on_hand()[product]
    shop.stock.back(product, int(created.item["quantity"]), str(created.item["created_at"]))
    return shop.stock.on_hand()[product] - before


def test_goods_come_back_unless_a_delivery_came_since() -> None:
    shop = opened(50)
    change = next(shop)
    assert returned_after(shop, change, "cancelled") == change.item["quantity"]
    (shelf,) = (shelf for shelf in shop.stock.shelves if shelf.product.product_id == change.item["product_id"])
    moment = int(START * 1000) + 1
    shop.stock.order(shelf, moment)
    shop.stock.deliver(moment + 100_000)
    assert shelf.stocked_at > str(change.item["created_at"])
    assert returned_after(shop, change, "cancelled") == 0


def stock(**more: Any) -> Stock:
    return Stock(
        default_world().products, int(START * 1000), **{"pace": 25, "time_scale": 200_000, "chance": lambda: 0.5} | more
    )


def test_it_opens_with_the_worlds_stock_or_with_what_its_buyers_reckon_with() -> None:
    world = {product.product_id: product.stock for product in default_world().products}
    assert stock().on_hand() == world
    # Two months of 25 orders a second, of one unit and a half.
    assert sum(stock(time_scale=1).on_hand().values()) == pytest.approx(25 * 1.5 * 60 * 86_400, rel=0.001)


def test_a_product_is_ordered_once_and_comes_after_its_lead_time() -> None:
    shop = stock()
    shelf = shop.shelves[0]
    now = shelf.since + 60_000
    shelf.on_hand = 0
    shop.order(shelf, now)
    shop.order(shelf, now + 1)
    days = shelf.product.lead_days * 86_400 / 200_000
    assert shop.due == pytest.approx(now + 1000 * days, abs=1.1)
    shop.deliver(int(shop.due) - 1)
    assert shelf.on_hand == 0
    due = int(shop.due)
    shop.deliver(due + 5000)
    assert (shop.due, shop.deliveries, shelf.stocked_at) == (float("inf"), 1, iso(due))
    assert shelf.on_hand == shelf.stock == shelf.lot


def test_what_sells_faster_is_ordered_in_larger_lots() -> None:
    shop = stock()
    shelf = shop.shelves[3]
    lots = []
    for period in range(1, 6):
        shelf.on_hand = 0
        shop.order(shelf, shelf.since + 100)
        shop.deliver(shelf.since + 100_000 * period)
        lots.append(shelf.lot)
    assert lots == sorted(lots)
    assert lots[-1] > 3 * lots[0]


def test_a_world_without_any_stock_still_sells() -> None:
    world = default_world()
    empty = replace(world, products=tuple(replace(product, stock=0) for product in world.products[:3]))
    shop = Shop(1, empty, lambda: START)
    for _ in range(200):
        next(shop)
        assert min(shop.stock.on_hand().values()) >= 0


def test_reference_data_has_a_row_for_each_product_in_plain_types() -> None:
    rows = opened(50).stock.rows()
    assert [row["product_id"] for row in rows] == [product.product_id for product in default_world().products]
    assert list(rows[0]) == [
        "product_id", "product_name", "category", "price", "stock", "stocked_at", "reorder_level", "lead_days",
    ]  # fmt: skip
    assert {row["stocked_at"] for row in rows} == {"2025-11-22T00:00:00.000Z"}
