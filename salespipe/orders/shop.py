"""The shop: an endless stream of orders placed, moved along their lives, and sometimes deleted."""

from __future__ import annotations

import hashlib
import math
import time
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from heapq import heappop, heappush
from itertools import accumulate
from random import Random
from typing import Final, NamedTuple, TypeVar

from salespipe.orders.life import DELETE_DELAY, STEPS, TIME_SCALE, Mix
from salespipe.orders.world import Product, World

Value = str | int | Decimal
Item = dict[str, Value]
T = TypeVar("T")

# Shares in percent. How people pay depends on where they buy.
CHANNELS: Final = (("web", 52), ("mobile", 33), ("store", 11), ("marketplace", 4))
PAYMENTS: Final = {
    "web": (("card", 55), ("paypal", 30), ("invoice", 15)),
    "mobile": (("card", 35), ("wallet", 45), ("paypal", 20)),
    "store": (("card", 60), ("cash", 40)),
    "marketplace": (("marketplace", 100),),
}
QUANTITIES: Final = ((1, 68), (2, 19), (3, 7), (4, 4), (5, 2))
# Parts of the list price that are paid: most pay it in full.
DISCOUNTS: Final = (("1.00", 82), ("0.90", 12), ("0.75", 6))
# Of ten orders six come from someone who bought lately, which makes activity long-tailed: who buys often is likelier
# to buy again (a Yule process), and most buy once or twice.
RETURNING: Final = 0.6
REMEMBERED: Final = 8192
CENT: Final = Decimal("0.01")


class Kind(StrEnum):
    """What a change does to its order."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


class Change(NamedTuple):
    """One write: the whole item as it is from ``at`` on (Unix seconds); for a delete, as it last was."""

    kind: Kind
    item: Item
    at: float


Weighted = tuple[list[float], list[T]]


def weighted(shares: Iterable[tuple[T, float]]) -> Weighted[T]:
    """Upper bounds within 0 to 1, but for the last, and the values to choose: ``values[bisect(bounds, chance)]``."""
    values, weights = zip(*shares, strict=True)
    return [bound / sum(weights) for bound in accumulate(weights)][:-1], list(values)


class Shop(Iterator[Change]):
    """Changes in the order in which they happen, for ever; the same for the same seed, world and times.

    ``clock`` gives the Unix time of each change, once for each and never falling; the first reading, at construction,
    is the start, which makes order ids unique together with ``seed``. A step of an order's life that is due comes
    before new orders, so the shares of ``mix`` are reached once the first lives are through. ``time_scale`` is how much
    faster than in the world orders live. ``zipf`` is the exponent of product popularity. ``key`` names the attribute
    that holds the order's id. Memory is that of the orders still alive.
    """

    def __init__(
        self,
        seed: int,
        world: World,
        clock: Callable[[], float],
        *,
        mix: Mix | None = None,
        time_scale: float = TIME_SCALE,
        zipf: float = 1.0,
        key: str = "orderid",
    ) -> None:
        mix = mix or Mix()
        self._world = world
        self._clock = clock
        self._key = key
        self._scale = time_scale
        self._follow = mix.follow
        self._deleted = mix.deleted
        # Only Random.random() is promised to give the same numbers in every version of Python.
        self._random = Random(seed).random  # noqa: S311 (a shop, not a secret)
        self._run = hashlib.blake2b(f"{seed}:{round(clock() * 1000)}".encode(), digest_size=5).hexdigest()
        self._serial = 0
        self._planned = 0
        self._alive: list[tuple[float, int, Item, str]] = []
        self._customers: list[tuple[str, str, str]] = []
        self._second = -1
        self._stamp = ""
        self._products = weighted((p, rank**-zipf) for rank, p in enumerate(world.products, start=1))
        self._prices = {
            p.product_id: weighted((paid(p, part), share) for part, share in DISCOUNTS) for p in world.products
        }
        self._channels = weighted(CHANNELS)
        self._payments = {channel: weighted(shares) for channel, shares in PAYMENTS.items()}
        self._quantities = weighted(QUANTITIES)

    def __next__(self) -> Change:
        at = self._clock()
        alive = self._alive
        if not alive or alive[0][0] > at:
            return self._place(at)
        _, _, item, status = heappop(alive)
        if not status:
            return Change(Kind.DELETE, item, at)
        item = {**item, "status": status, "updated_at": self._iso(at)}
        self._plan(item, status, at)
        return Change(Kind.UPDATE, item, at)

    def _place(self, at: float) -> Change:
        chance = self._random
        bounds, products = self._products
        product = products[bisect(bounds, chance())]
        bounds, prices = self._prices[product.product_id]
        price = prices[bisect(bounds, chance())]
        bounds, channels = self._channels
        channel = channels[bisect(bounds, chance())]
        bounds, payments = self._payments[channel]
        payment = payments[bisect(bounds, chance())]
        bounds, quantities = self._quantities
        quantity = quantities[bisect(bounds, chance())]
        customer_id, customer_name, region = self._customer()
        now = self._iso(at)
        item: Item = {
            self._key: f"{int(at * 1000):011x}-{self._run}-{self._serial:x}",
            "customer_id": customer_id,
            "customer_name": customer_name,
            "region": region,
            "product_id": product.product_id,
            "product_name": product.name,
            "category": product.category,
            "quantity": quantity,
            "price": price,
            "channel": channel,
            "payment_method": payment,
            "status": "placed",
            "created_at": now,
            "updated_at": now,
        }
        self._serial += 1
        self._plan(item, "placed", at)
        return Change(Kind.INSERT, item, at)

    def _plan(self, item: Item, status: str, at: float) -> None:
        """Decide what becomes of an order next, and when."""
        chance = self._random() / self._follow if self._follow else math.inf
        for step in STEPS[status]:
            if chance < step.chance:
                return self._later(at, step.delay, item, step.status)
            chance -= step.chance
        if self._random() < self._deleted:
            self._later(at, DELETE_DELAY, item, "")
        return None

    def _later(self, at: float, delay: float, item: Item, status: str) -> None:
        due = at + delay * (0.5 + self._random()) / self._scale
        self._planned += 1  # so that two items due at once are never compared
        heappush(self._alive, (due, self._planned, item, status))

    def _customer(self) -> tuple[str, str, str]:
        """Someone who bought lately, or someone from the whole population."""
        known = self._customers
        chance = self._random()
        if chance < RETURNING and known:
            customer: tuple[str, str, str] = known[int(chance / RETURNING * len(known))]
        else:
            customer = self._world.customer(int(self._random() * self._world.population))
        if len(known) < REMEMBERED:
            known.append(customer)
        else:
            known[self._serial % REMEMBERED] = customer
        return customer

    def _iso(self, at: float) -> str:
        """ISO 8601 in UTC with milliseconds; most calls fall into the same second as the one before."""
        second, millisecond = divmod(int(at * 1000), 1000)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._stamp}.{millisecond:03d}Z"


def paid(product: Product, part: str) -> Decimal:
    """The unit price when a part of the list price is paid, to the cent."""
    return (product.price * Decimal(part)).quantize(CENT, ROUND_HALF_UP)
