"""The shop: an endless stream of orders placed, moved along their lives, and sometimes deleted."""

from __future__ import annotations

import hashlib
import math
import time
from bisect import bisect
from collections.abc import Callable, Iterator
from enum import StrEnum
from heapq import heappop, heappush
from random import Random
from typing import Final, NamedTuple

from salespipe.orders.baskets import UNITS, Basket, Season, baskets
from salespipe.orders.chances import Weighted, weighted, zipf
from salespipe.orders.life import BACK, DELETE_DELAY, STEPS, TIME_SCALE, TRAVELLING, Mix
from salespipe.orders.profiles import STEADY, Rhythm
from salespipe.orders.stock import Shelf, Stock, Value
from salespipe.orders.world import Customer, World

Item = dict[str, Value]

# Of a hundred orders 66 come from someone who bought lately, which makes activity long-tailed: who buys often is
# likelier to buy again (a Yule process). With these numbers a shop's first 70,000 orders are spread over customers as
# those of CDNOW are: three each, half of the customers with one, the busiest tenth with four of ten orders.
RETURNING: Final = 0.66
REMEMBERED: Final = 8192
# So many have bought before the shop opens, or else the first customers would come back for ever.
KNOWN: Final = 256
# Orders a second that a shop's buyers reckon with, unless told.
PACE: Final = 25.0
# So many customers find too few of what they want before the shop has one product brought in at once.
PATIENCE: Final = 24


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


# A product to choose, with the baskets that it may be in.
Offer = tuple[Shelf, list[float], list[Basket]]


class Shop(Iterator[Change]):
    """Changes in the order in which they happen, for ever; the same for the same seed, world and times.

    ``clock`` gives the Unix time of each change, once for each and never falling; the first reading, at construction,
    is the start, which makes order ids unique together with ``seed``. A step of an order's life that is due comes
    before new orders, so the shares of ``mix`` are reached once the first lives are through. ``time_scale`` is how much
    faster than in the world orders live and suppliers deliver. ``zipf`` is the exponent of product popularity. ``key``
    names the attribute that holds the order's id. ``rhythm`` tells what is bought when (a steady one unless given), and
    ``pace`` how many orders a second the opening stock should do for. Memory is that of the orders still alive.

    Nothing is sold that is not there: who finds too few takes something else or goes, and the next customer comes;
    either way another product is sold. See ``stock`` for how the stock follows from the orders.
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
        rhythm: Rhythm | None = None,
        pace: float = PACE,
    ) -> None:
        mix = mix or Mix()
        self._world = world
        self._clock = clock
        self._key = key
        self._scale = time_scale
        self._follow = mix.follow
        self._scanned = mix.scanned
        self._deleted = mix.deleted
        # Only Random.random() is promised to give the same numbers in every version of Python.
        self._random = Random(seed).random  # noqa: S311 (a shop, not a secret)
        start = clock()
        self._run = hashlib.blake2b(f"{seed}:{round(start * 1000)}".encode(), digest_size=5).hexdigest()
        self._serial = 0
        self._planned = 0
        self._alive: list[tuple[float, int, Item, str]] = []
        self._customers = [self._anyone() for _ in range(KNOWN)]
        self._second = -1
        self._stamp = ""
        self._zipf = zipf
        self._pace = pace
        self.stock = Stock(world.products, int(start * 1000), pace=pace, time_scale=time_scale, chance=self._random)
        self._rhythm = rhythm or Rhythm(STEADY)
        self._season: Season | None = None
        self._turn(start)

    def __next__(self) -> Change:
        at = self._clock()
        now = int(at * 1000)
        if now >= self.stock.due:
            self.stock.deliver(now)
        alive = self._alive
        if not alive or alive[0][0] > at:
            if at >= self._until:
                self._turn(at)
            return self._place(at, now)
        _, _, item, status = heappop(alive)
        if not status:
            return Change(Kind.DELETE, item, at)
        if status in BACK:
            self.stock.back(str(item["product_id"]), int(item["quantity"]), str(item["created_at"]))
        item = {**item, "status": status, "updated_at": self._iso(now)}
        self._plan(item, status, at)
        return Change(Kind.UPDATE, item, at)

    def _place(self, at: float, now: int) -> Change:
        chance = self._random
        bounds, offers = self._offers
        for _ in range(PATIENCE):
            shelf, basket_bounds, choices = offers[bisect(bounds, chance())]
            channel, payment, part, quantity = choices[bisect(basket_bounds, chance())]
            if quantity <= shelf.on_hand:
                break
        else:
            self.stock.rush(shelf, quantity)
        left = shelf.on_hand = shelf.on_hand - quantity
        if left <= shelf.level:
            self.stock.order(shelf, now)
        product = shelf.product
        customer_id, customer_name, region = self._customer()
        stamp = self._iso(now)
        item: Item = {
            self._key: f"{now:011x}-{self._run}-{self._serial:x}",
            "customer_id": customer_id,
            "customer_name": customer_name,
            "region": region,
            "product_id": product.product_id,
            "product_name": product.name,
            "category": product.category,
            "quantity": quantity,
            "price": shelf.prices[part],
            "channel": channel,
            "payment_method": payment,
            "status": "placed",
            "created_at": stamp,
            "updated_at": stamp,
        }
        self._serial += 1
        self._plan(item, "placed", at)
        return Change(Kind.INSERT, item, at)

    def _plan(self, item: Item, status: str, at: float) -> None:
        """Decide what becomes of an order next, and when."""
        if status == TRAVELLING and self._scanned:
            (arrival,) = STEPS[TRAVELLING]
            then = TRAVELLING if self._random() < self._scanned else arrival.status
            # More scans come closer together: the parcel takes as long.
            return self._later(at, arrival.delay * (1 - self._scanned), item, then)
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

    def _customer(self) -> Customer:
        """Someone who bought lately, or someone from the whole population."""
        known = self._customers
        chance = self._random()
        customer = known[int(chance / RETURNING * len(known))] if chance < RETURNING else self._anyone()
        if len(known) < REMEMBERED:
            known.append(customer)
        else:
            known[self._serial % REMEMBERED] = customer
        return customer

    def _anyone(self) -> Customer:
        return self._world.customer(int(self._random() * self._world.population))

    def _turn(self, at: float) -> None:
        """Begin the season of trade that it is time for."""
        season, self._until = self._rhythm.season(at)
        if season is self._season:
            return
        self._season = season
        self._offers = self._offered(season, at)

    def _offered(self, season: Season, at: float) -> Weighted[Offer]:
        """What a season offers: products as popular as they are, and what it features."""
        usual = weighted(baskets(season))
        shelves = self.stock.shelves
        popular = [
            weight * season.tastes.get(shelf.product.category, 100)
            for weight, shelf in zip(zipf(len(shelves), self._zipf), shelves, strict=True)
        ]
        if not season.featured:
            return weighted(((shelf, *usual), weight) for shelf, weight in zip(shelves, popular, strict=True))
        featured = self._feature(season, at)
        reduced = weighted(baskets(season, on_sale=True))
        total, others = sum(popular), sum(weight for index, weight in enumerate(popular) if index not in featured)
        return weighted(
            # The others share what the featured leave to them.
            ((shelf, *reduced), total * others * season.draw // len(featured))
            if index in featured
            else ((shelf, *usual), total * weight * (100 - season.draw))
            for index, (shelf, weight) in enumerate(zip(shelves, popular, strict=True))
        )

    def _feature(self, season: Season, at: float) -> set[int]:
        """Choose what a sale features, and stock up on it: for half to all of what will be wanted, and a tenth more."""
        shelves = self.stock.shelves
        featured: set[int] = set()
        while len(featured) < min(season.featured, len(shelves)):
            featured.add(int(self._random() * len(shelves)))
        wanted = self._pace * self._rhythm.factor(at) * (self._until - at) * UNITS * season.draw / 100 / len(featured)
        for index in sorted(featured):
            self.stock.add(shelves[index], round(wanted * (0.5 + 0.6 * self._random())))
        return featured

    def _iso(self, now: int) -> str:
        """As ``stock.iso``; most calls fall into the same second as the one before."""
        second, millisecond = divmod(now, 1000)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._stamp}.{millisecond:03d}Z"
