"""A million orders have the distributions that the tables and the configuration promise: chi-square over counts.

Everything is seeded, so a test passes always or never; a statistic beyond what one fair run in a thousand shows is a
failure.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import count, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

from salespipe.orders import PROFILES, Kind, Mix, Rhythm, Shop, World, default_world
from salespipe.orders.baskets import CHANNELS, DISCOUNTS, PAYMENTS, QUANTITIES
from salespipe.orders.life import STEPS

START = 1763769600.0
MILLION = 1_000_000
EXPONENT = 1.2
HERE = Path(__file__).parents[1]
# Shares of CDNOW's customers with 1, 2, 3, 4 to 5, 6 to 10, and more orders, and the busiest tenth's share of orders.
CDNOW = [0.505, 0.173, 0.094, 0.103, 0.084, 0.040]
CDNOW_BUSIEST = 0.41
FULL = HERE.parents[1] / "shared" / "data" / "cdnow_orders.csv"


def endless_stock() -> World:
    """A world in which nothing ever runs out: what is missing shifts demand, which is for another test."""
    world = default_world()
    return replace(world, products=tuple(replace(product, stock=10**9) for product in world.products))


def critical(freedom: int) -> float:
    """The chi-square that one fair sample in a thousand exceeds (Wilson and Hilferty)."""
    return float(freedom * (1 - 2 / (9 * freedom) + 3.0902 * (2 / (9 * freedom)) ** 0.5) ** 3)


def chi_square(seen: Mapping[Any, int], weights: Mapping[Any, float]) -> tuple[float, float]:
    """The statistic of counts against weights, and its critical value."""
    assert set(seen) <= set(weights)
    number, total = sum(seen.values()), sum(weights.values())
    expected = {key: weight / total * number for key, weight in weights.items() if weight}
    assert min(expected.values()) >= 5
    return sum((seen.get(key, 0) - wanted) ** 2 / wanted for key, wanted in expected.items()), critical(
        len(expected) - 1
    )


@pytest.fixture(scope="module")
def million() -> tuple[Counter[str], Counter[tuple[Any, ...]], Counter[str]]:
    """Products, (channel, payment, part of the price, quantity), and customers of a million orders."""
    parts = {
        (shelf.product.product_id, price): part
        for shelf in Shop(1, default_world(), lambda: START).stock.shelves
        for part, price in shelf.prices.items()
    }
    ticks = count()
    shop = Shop(11, endless_stock(), lambda: START + next(ticks) / 5000, mix=Mix(1, 0, 0), zipf=EXPONENT)
    sold: Counter[tuple[Any, ...]] = Counter()
    customers: Counter[Any] = Counter()
    bought = itemgetter("product_id", "price", "channel", "payment_method", "quantity")
    for _ in range(MILLION // 10_000):
        items = [change.item for change in islice(shop, 10_000)]
        sold.update(map(bought, items))
        customers.update(map(itemgetter("customer_id"), items))
    products: Counter[Any] = Counter()
    baskets: Counter[tuple[Any, ...]] = Counter()
    for (product, price, channel, payment, quantity), number in sold.items():
        products[product] += number
        baskets[channel, payment, parts[product, price], quantity] += number
    return products, baskets, customers


def test_products_are_popular_by_zipfs_law_with_the_exponent_asked_for(million: Any) -> None:
    products = million[0]
    names = [product.product_id for product in default_world().products]
    statistic, limit = chi_square(products, {name: rank**-EXPONENT for rank, name in enumerate(names, 1)})
    assert statistic < limit
    # The test can tell: another exponent, a little off, is refused.
    statistic, limit = chi_square(products, {name: rank**-1.18 for rank, name in enumerate(names, 1)})
    assert statistic > limit


def test_channel_payment_discount_and_quantity_are_distributed_as_the_tables_say(million: Any) -> None:
    weights = {
        (channel, payment, part, quantity): share / 100 * pays / 100 * gets / 100 * takes / 100
        for channel, share in CHANNELS
        for payment, pays in PAYMENTS[channel]
        for part, gets in DISCOUNTS[channel]
        for quantity, takes in QUANTITIES[part]
    }
    assert sum(weights.values()) == pytest.approx(1)
    statistic, limit = chi_square(million[1], weights)
    assert statistic < limit


@pytest.mark.parametrize(("one", "other"), [(0, 1), (0, 2), (2, 3), (0, 3)])
def test_they_depend_on_each_other(million: Any, one: int, other: int) -> None:
    """Channel and payment, channel and discount, discount and quantity, channel and quantity."""
    pairs: Counter[tuple[Any, Any]] = Counter()
    for basket, number in million[1].items():
        pairs[basket[one], basket[other]] += number
    ones: Counter[Any] = Counter()
    others: Counter[Any] = Counter()
    for (a, b), number in pairs.items():
        ones[a] += number
        others[b] += number
    independent = {(a, b): ones[a] * others[b] for a in ones for b in others}
    statistic, limit = chi_square(pairs, independent)
    assert statistic > 3 * limit


def test_those_who_come_for_the_first_time_are_from_the_regions_as_people_are(million: Any) -> None:
    world = default_world()
    regions = Counter(world.customer(int(customer[2:])).region for customer in million[2])
    statistic, limit = chi_square(regions, dict(world.regions))
    assert statistic < limit


def orders_each(counts: Counter[str]) -> list[float]:
    """Shares of the customers with 1, 2, 3, 4 to 5, 6 to 10, and more orders."""
    edges = ((1, 1), (2, 2), (3, 3), (4, 5), (6, 10), (11, 10**9))
    return [sum(low <= number <= high for number in counts.values()) / len(counts) for low, high in edges]


def busiest_tenth(counts: Counter[str]) -> float:
    """The share of the orders that is the busiest tenth of the customers'."""
    return sum(sorted(counts.values())[-len(counts) // 10 :]) / counts.total()


def test_customers_return_as_those_of_a_real_shop_do() -> None:
    """CDNOW, 1997 to 1998 (Fader and Hardie): 69,659 orders of 23,570 customers."""
    ticks = count()
    shop = Shop(5, endless_stock(), lambda: START + next(ticks) / 1000, mix=Mix(1, 0, 0))
    made = Counter(str(change.item["customer_id"]) for change in islice(shop, 69_659))
    assert len(made) == pytest.approx(23_570, rel=0.03)
    assert orders_each(made) == pytest.approx(CDNOW, abs=0.025)
    assert busiest_tenth(made) == pytest.approx(CDNOW_BUSIEST, abs=0.04)


@pytest.mark.skipif(not FULL.exists(), reason="the whole CDNOW file does not lie beside the checkout")
def test_the_real_shops_figures_are_those_of_its_file() -> None:
    with FULL.open(newline="", encoding="utf-8") as file:
        real = Counter(row["customer"] for row in csv.DictReader(file))
    assert (len(real), real.total()) == (23_570, 69_659)
    assert orders_each(real) == pytest.approx(CDNOW, abs=5e-4)
    assert busiest_tenth(real) == pytest.approx(CDNOW_BUSIEST, abs=5e-3)


def test_most_customers_come_once_and_a_few_come_often(million: Any) -> None:
    shares = orders_each(million[2])
    assert shares[0] > 0.4
    assert shares == sorted(shares[:3], reverse=True) + shares[3:]
    assert million[2].most_common(1)[0][1] < MILLION / 1000


def test_lives_branch_as_the_state_machine_says() -> None:
    """An order that is followed to its end takes each step with its chance."""
    ticks, rate, seconds = count(), 5_000, 40
    world = endless_stock()
    seen: Counter[tuple[str, str]] = Counter()
    last: dict[str, str] = {}
    for kind, item, at in islice(Shop(3, world, lambda: START + next(ticks) / rate, mix=Mix(1, 10, 0)), seconds * rate):
        orderid, status = str(item["orderid"]), str(item["status"])
        # The last steps take seven seconds at most, so orders of before are through.
        if kind is Kind.INSERT and at < START + seconds - 8:
            last[orderid] = status
        elif orderid in last and status != last[orderid]:
            seen[last[orderid], status] += 1
            last[orderid] = status
    for status, steps in STEPS.items():
        if len(steps) > 1:
            counts = {step.status: seen[status, step.status] for step in steps}
            statistic, limit = chi_square(counts, {step.status: step.chance for step in steps})
            assert statistic < limit, status
    returned = seen["delivered", "returned"]
    statistic, limit = chi_square(
        {"returned": returned, "kept": seen["shipped", "delivered"] - returned}, {"returned": 0.08, "kept": 0.92}
    )
    assert statistic < limit
    assert seen.total() > 30_000


def test_a_holiday_sells_gifts_and_larger_baskets() -> None:
    def sold(profile: str) -> tuple[Counter[Any], float]:
        ticks, rhythm = count(), Rhythm.of(PROFILES[profile], start=START)
        shop = Shop(2, endless_stock(), lambda: START + next(ticks) / 100, mix=Mix(1, 0, 0), rhythm=rhythm)
        items = [change.item for change in islice(shop, 30_000)]
        return Counter(item["category"] for item in items), sum(int(item["quantity"]) for item in items) / 30_000

    (usual, units), (gifts, more) = sold("steady"), sold("holiday")
    assert gifts["Toys"] > 1.5 * usual["Toys"]
    assert gifts["Stationery"] < usual["Stationery"]
    assert units == pytest.approx(1.5, abs=0.1)
    assert more > units + 0.4
