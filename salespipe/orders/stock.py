"""What lies on the shelves: it falls with each sale, rises when an order comes back, and is delivered anew.

For every product and at every moment, exactly:

    on hand = stock - quantities of its orders created at or after stocked_at that are neither cancelled nor returned

where ``stock`` is what lay there after the delivery at ``stocked_at``, and an order that was deleted counts as it last
was: its record is gone, its goods do not come back. So what ``rows`` tells and the orders' history give the numbers of
the shop. It follows that goods of an order from before the last delivery are written off when they come back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Decimal
from heapq import heappop, heappush
from typing import Final

from salespipe.orders.baskets import UNITS
from salespipe.orders.life import DAY
from salespipe.orders.world import Product

Value = str | int | Decimal
CENT: Final = Decimal("0.01")
PARTS: Final = ("1.00", "0.90", "0.75", "0.60")

# A delivery is meant to last so many days, and is ordered when what is left would last four fifths of the days that the
# supplier takes. He takes half as long to half as long again: a product in sixteen is out of stock on average.
COVER: Final = 60
CARE: Final = 0.8
# Seconds that a delivery lasts at least, for a buyer who works out how quickly something sells.
SHORTEST: Final = 0.001


class Shelf:
    """One product's place: how many are there, how many there were at the last delivery, and when to order more."""

    __slots__ = ("level", "lot", "on_hand", "ordered", "prices", "product", "since", "stock", "stocked_at")

    def __init__(self, product: Product, stock: int, since: int) -> None:
        self.product = product
        self.prices = {part: paid(product, part) for part in PARTS}
        self.on_hand = self.stock = stock
        self.since = since
        self.stocked_at = iso(since)
        self.ordered = False
        self.plan(stock)

    def plan(self, lot: int) -> None:
        """Order so many from now on, and in time."""
        self.lot = lot
        self.level = max(1, round(lot * CARE * self.product.lead_days / COVER))


class Stock:
    """The shelves of a shop that opens at ``now`` (Unix milliseconds, as every time here).

    Its buyers reckon with ``pace`` orders a second: the opening stock is the world's, or as many times that as lasts
    for ``COVER`` days of the shop's. Later they order what has sold lately. ``due`` is when the next delivery comes;
    ``deliveries`` counts them.
    """

    def __init__(
        self, products: Iterable[Product], now: int, *, pace: float, time_scale: float, chance: Callable[[], float]
    ) -> None:
        products = list(products)
        self._day = DAY / time_scale
        self._chance = chance
        opening = sum(product.stock for product in products)
        times = max(1.0, pace * UNITS * COVER * self._day / max(1, opening))
        self.shelves = [Shelf(product, round(product.stock * times), now) for product in products]
        self._by_id = {shelf.product.product_id: shelf for shelf in self.shelves}
        self._coming: list[tuple[int, str]] = []
        self.due: float = float("inf")
        self.deliveries = 0

    def order(self, shelf: Shelf, now: int) -> None:
        """Have the supplier deliver to a shelf; what is on its way is not ordered twice."""
        if shelf.ordered:
            return
        shelf.ordered = True
        lead = shelf.product.lead_days * self._day * (0.5 + self._chance())
        # In a later millisecond than every order so far, for whom the stock of before is the one that counts.
        heappush(self._coming, (now + 1 + int(lead * 1000), shelf.product.product_id))
        self.due = self._coming[0][0]

    def deliver(self, now: int) -> None:
        """Put on the shelves what has come by now. Before an order of this very moment is placed."""
        while self._coming and self._coming[0][0] <= now:
            moment, product_id = heappop(self._coming)
            shelf = self._by_id[product_id]
            lasted = max((moment - shelf.since) / 1000, SHORTEST)
            wanted = (shelf.stock - shelf.on_hand) / lasted * COVER * self._day
            shelf.plan(max(shelf.product.stock, round((shelf.lot + wanted) / 2)))
            shelf.on_hand = shelf.stock = shelf.on_hand + shelf.lot
            shelf.since, shelf.stocked_at, shelf.ordered = moment, iso(moment), False
            self.deliveries += 1
        self.due = self._coming[0][0] if self._coming else float("inf")

    def add(self, shelf: Shelf, units: int) -> None:
        """Put more on a shelf at once: as if it had lain there since the last delivery."""
        shelf.on_hand += units
        shelf.stock += units
        self.deliveries += 1

    def rush(self, shelf: Shelf, wanted: int) -> None:
        """Bring in at once what people want and hardly anything of is left, and order twice as much from now on."""
        shelf.plan(2 * shelf.lot)
        self.add(shelf, max(wanted, shelf.lot))

    def on_hand(self) -> dict[str, int]:
        """What is there of each product now."""
        return {product_id: shelf.on_hand for product_id, shelf in self._by_id.items()}

    def back(self, product_id: str, quantity: int, created_at: str) -> None:
        """Take back what was ordered at ``created_at``, unless it is to be written off."""
        shelf = self._by_id[product_id]
        if created_at >= shelf.stocked_at:
            shelf.on_hand += quantity

    def rows(self) -> list[dict[str, Value]]:
        """The catalogue as reference data, a row for each product; see above for what ``stock`` means."""
        return [
            {
                "product_id": shelf.product.product_id,
                "product_name": shelf.product.name,
                "category": shelf.product.category,
                "price": shelf.product.price,
                "stock": shelf.stock,
                "stocked_at": shelf.stocked_at,
                "reorder_level": shelf.level,
                "lead_days": shelf.product.lead_days,
            }
            for shelf in self.shelves
        ]


def paid(product: Product, part: str) -> Decimal:
    """The unit price when a part of the list price is paid, to the cent."""
    return (product.price * Decimal(part)).quantize(CENT, ROUND_HALF_UP)


def iso(milliseconds: int) -> str:
    """ISO 8601 in UTC with milliseconds."""
    second, millisecond = divmod(milliseconds, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(second))}.{millisecond:03d}Z"
