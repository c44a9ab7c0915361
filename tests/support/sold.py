"""Made-up orders of a window and of the one before, always the same."""

from __future__ import annotations

from bisect import bisect
from decimal import Decimal
from functools import cache
from random import Random
from typing import Final, NamedTuple

from flows import NOW
from salespipe.orders.chances import weighted, zipf
from salespipe.orders.world import default_world
from salespipe.watch.model import Order, Window

_CHANNELS: Final = weighted([("web", 52), ("mobile", 33), ("store", 11), ("marketplace", 4)])
_STATUSES: Final = weighted([("paid", 61), ("placed", 20), ("shipped", 9), ("cancelled", 6), ("returned", 4)])
_UNITS: Final = weighted([(1, 71), (2, 18), (3, 6), (4, 3), (5, 2)])
_ODD: Final = (
    ("p-0001", "🎁 Gift set 🎄 for the whole family", "Chaos"),
    ("p-0002", "東京タワー 特製カレンダー 二〇二六年版", "Chaos"),
    ("p-0003", "A very long name of a product that no screen of eighty columns has ever room for", "Chaos"),
    ("p-0004", "[bold]not markup[/bold] \x1b[31mnor an escape\x07", "Chaos"),
    ("p-0005", "two\nlines\tand a tab", "Chaos"),
    ("p-0006", "قهوة عربية", "Chaos"),
    ("p-0007", "👩‍👩‍👧 e\u0301toile", "Chaos"),
    ("p-0008", "", "Chaos"),
)


class Sale(NamedTuple):
    """One made-up order; it stands for ``weight`` of its like."""

    order: Order
    product_id: str
    category: str
    customer_id: str
    weight: int


@cache
def sales_of(window: Window, seed: int, *, odd: bool = False) -> tuple[Sale, ...]:
    """Orders of the window and of the one before, oldest first: more towards the end, in a wave."""
    world, chance = default_world(), Random(seed).random  # noqa: S311 - not a secret
    articles = [(p.product_id, p.name, p.category, p.price) for p in world.products]
    if odd:
        prices = (Decimal("99999999.99"), Decimal("0.01"), *(p.price for p in world.products))
        articles = [(*row, price) for row, price in zip(_ODD, prices, strict=False)] + articles[8:]
    bounds, shelf = weighted(list(zip(articles, zipf(len(articles), 0.8), strict=True)))
    since = window.since(NOW)
    before, made = since - (NOW - since), []
    for number in range(900):
        place = ((number + chance()) / 900) ** 0.92
        wave = 0.012 * ((number % 90) / 90 - 0.5)
        product_id, name, category, price = shelf[bisect(bounds, chance())]
        buyer = world.customer(int(400 * chance() ** 2))
        units = _UNITS[1][bisect(_UNITS[0], chance())]
        order = Order(
            orderid=f"o-{number:012x}",
            at=before + min(0.9999, max(0.0, place + wave)) * (NOW - before),
            status=_STATUSES[1][bisect(_STATUSES[0], chance())],
            customer=buyer.name,
            product=name,
            region=buyer.region,
            channel=_CHANNELS[1][bisect(_CHANNELS[0], chance())],
            units=units,
            amount=units * price,
        )
        made.append(Sale(order, product_id, category, buyer.customer_id, 1))
    return tuple(sorted(made, key=lambda each: each.order.at))
