"""The sums of a window and of the one before, for one choice, kept up to date while orders change and time goes by.

Every order adds to what it belongs to once, and is taken out before it changes: no event costs more than a few sums,
and a picture costs as much as what it shows. ``sums`` are lists: placed, orders, units, cents, cancelled, returned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from salespipe.watch.leaders import Leaders, Rank
from salespipe.watch.model import Choice
from salespipe.watch.orders_kept import Kept, Order, Product, Status
from salespipe.watch.windows import Edges

K = TypeVar("K")
Sums = list[int]
PLACED, ORDERS, UNITS, CENTS, CANCELLED, RETURNED = range(6)
# What stands for a product, region or the like that an order does not have, as in the insights.
NONE: Final = "(none)"
# A customer: the sums of the window, those of the window before, and how many orders were sold between and earlier.
_BEFORE: Final = 6
_BETWEEN: Final = 12
_EARLIER: Final = 13


def sums() -> Sums:
    """Nothing yet."""
    return [0, 0, 0, 0, 0, 0]


class Side:
    """One of the two windows. ``places`` are regions with channels; of ``buyers`` some are ``repeating`` or ``new``."""

    __slots__ = ("buyers", "late", "new", "places", "points", "products", "repeating", "statuses")

    def __init__(self) -> None:
        self.products: defaultdict[Product, Sums] = defaultdict(sums)
        self.places: defaultdict[tuple[str | None, str | None], Sums] = defaultdict(sums)
        self.points: defaultdict[int, Sums] = defaultdict(sums)
        self.statuses: defaultdict[str | None, int] = defaultdict(int)
        self.buyers = self.repeating = self.new = self.late = 0


class Frame:
    """What a choice asks of the orders that are kept, between ``edges``."""

    def __init__(self, kept: Kept, choice: Choice, edges: Edges) -> None:
        self.choice = choice
        self.edges = edges
        self._kept = kept
        self._match = matcher(choice)
        self._reset()

    def _reset(self) -> None:
        self.now, self.before = Side(), Side()
        self.customers: dict[str, Sums] = {}
        self.spenders: Leaders[str] = Leaders(self._spenders)
        self.largest: Leaders[Order] = Leaders(
            lambda: ((each, _by_amount(each)) for each in self._inside() if _sold(each))
        )
        self.latest: Leaders[Order] = Leaders(lambda: ((each, _by_time(each)) for each in self._inside()))
        # The newest first: what comes after the leaders is not put among them only to be dropped.
        for order in reversed(self._kept.orders.values()):
            if order.sequence > order.removed:
                self._count(order, 1)

    def slide(self, edges: Edges) -> None:
        """Go on, or a little back, to other edges: only orders that are in another window then are looked at."""
        if edges == self.edges:
            return
        if edges.since >= self.edges.until or edges.until <= self.edges.since:
            self.edges = edges
            self._reset()
            return
        stretches = self.edges.moving(edges)
        moving = [order for start, end in stretches for order in self._kept.between(start, end) if order.alive]
        for order in moving:
            self._count(order, -1)
        self.edges = edges
        for order in moving:
            self._count(order, 1)
        # What has left is nothing now, and must not be looked at for ever.
        for side in (self.now, self.before):
            _prune(side.products)
            _prune(side.places)
            _prune(side.points)
            for status in [status for status, number in side.statuses.items() if not number]:
                del side.statuses[status]

    def add(self, order: Order) -> None:
        """Count an order that is alive and has a time."""
        self._count(order, 1)

    def take(self, order: Order) -> None:
        """Take an order out, before anything of it changes."""
        self._count(order, -1)

    def restate(self, order: Order, status: Status) -> None:
        """An order gets another status of the same outcome."""
        at, edges = order.at, self.edges
        if at is None or at >= edges.until or at < edges.before_since or edges.before_until <= at < edges.since:
            return
        if self._match is None or self._match(order):
            statuses = (self.now if at >= edges.since else self.before).statuses
            statuses[order.status.text] -= 1
            statuses[status.text] += 1

    def _count(self, order: Order, sign: int) -> None:
        at, edges = order.at, self.edges
        if at is None or at >= edges.until or (self._match is not None and not self._match(order)):
            return
        outcome, customer = order.status.outcome, order.customer.id
        if at >= edges.since:
            side, place = self.now, 0
        elif edges.before_since <= at < edges.before_until:
            side, place = self.before, _BEFORE
        else:
            if customer is not None and not outcome:
                self._buy_outside(customer, _BETWEEN if at >= edges.before_until else _EARLIER, sign)
            return
        every = (
            side.products[order.product],
            side.places[order.region, order.channel],
            side.points[at - (at - edges.since) % edges.step],
        )
        side.statuses[order.status.text] += sign
        if order.late:
            side.late += sign
        if outcome:
            for each in every:
                each[PLACED] += sign
                each[CANCELLED - 1 + outcome] += sign
        else:
            units, cents = sign * order.units, sign * order.cents
            for each in every:
                each[PLACED] += sign
                each[ORDERS] += sign
                each[UNITS] += units
                each[CENTS] += cents
        if customer is not None:
            self._spend(customer, order, place, sign)
        if not place:
            self._rank(order, sign)

    def _customer(self, customer: str) -> Sums:
        found = self.customers.get(customer)
        if found is None:
            found = self.customers[customer] = [0] * 14
        return found

    def _spend(self, customer: str, order: Order, place: int, sign: int) -> None:
        """Add an order of one of the windows to its customer."""
        found = self._customer(customer)
        found[place + PLACED] += sign
        if outcome := order.status.outcome:
            found[place + CANCELLED - 1 + outcome] += sign
        else:
            found[place + UNITS] += sign * order.units
            found[place + CENTS] += sign * order.cents
            self._buy(found, place + ORDERS, sign)
            if not place:
                if found[ORDERS]:
                    self.spenders.put(customer, (-found[CENTS], customer))
                else:
                    self.spenders.drop(customer)
        if sign < 0 and not any(found):
            del self.customers[customer]

    def _buy_outside(self, customer: str, place: int, sign: int) -> None:
        """Count an order that was sold in neither window: who bought before is not new."""
        found = self._customer(customer)
        self._buy(found, place, sign)
        if sign < 0 and not any(found):
            del self.customers[customer]

    def _buy(self, found: Sums, place: int, sign: int) -> None:
        """Count a customer's order that was sold, wherever it lies, and what that makes of the customer."""
        number = found[place]
        found[place] = number + sign
        # The step between none and one, or between one and several.
        least = number if sign > 0 else number - 1
        if least == 0:
            self._first(found, place, sign)
        elif least == 1 and place == ORDERS:
            self.now.repeating += sign
        elif least == 1 and place == _BEFORE + ORDERS:
            self.before.repeating += sign

    def _first(self, found: Sums, place: int, sign: int) -> None:
        """A customer gets the first order of a place, or loses the only one: who is new depends on it."""
        earlier = found[_EARLIER] if place != _EARLIER else 0
        before = found[_BEFORE + ORDERS] if place != _BEFORE + ORDERS else 0
        between = found[_BETWEEN] if place != _BETWEEN else 0
        if place == ORDERS:
            self.now.buyers += sign
            if not (before or between or earlier):
                self.now.new += sign
            return
        if found[ORDERS] and not (before or between or earlier):
            self.now.new -= sign
        if place == _BEFORE + ORDERS:
            self.before.buyers += sign
            if not earlier:
                self.before.new += sign
        elif place == _EARLIER and before:
            self.before.new -= sign

    def _rank(self, order: Order, sign: int) -> None:
        if sign < 0:
            self.latest.drop(order)
            self.largest.drop(order)
            return
        if -(order.at or 0) <= self.latest.bound:
            self.latest.put(order, _by_time(order))
        if -order.cents <= self.largest.bound and not order.status.outcome:
            self.largest.put(order, _by_amount(order))

    def _inside(self) -> Iterator[Order]:
        """The orders of the window that were chosen."""
        for order in self._kept.between(self.edges.since, self.edges.until):
            if order.alive and (self._match is None or self._match(order)):
                yield order

    def _spenders(self) -> Iterable[tuple[str, Rank]]:
        return ((customer, (-found[CENTS], customer)) for customer, found in self.customers.items() if found[ORDERS])


def matcher(choice: Choice) -> Callable[[Order], bool] | None:
    """Whether an order is among those that were asked for; None where all are."""
    tests: list[Callable[[Order], bool]] = []
    if (product := choice.product) is not None:
        tests.append(lambda order: (order.product.id or NONE) == product)
    if (region := choice.region) is not None:
        tests.append(lambda order: (order.region or NONE) == region)
    if (channel := choice.channel) is not None:
        tests.append(lambda order: (order.channel or NONE) == channel)
    if (category := choice.category) is not None:
        tests.append(lambda order: (order.product.category or NONE) == category)
    if (customer := choice.customer) is not None:
        tests.append(lambda order: order.customer.id == customer)
    if text := choice.text.lower():
        tests.append(lambda order: _contains(order, text))
    if not tests:
        return None
    return tests[0] if len(tests) == 1 else lambda order: all(test(order) for test in tests)


def _contains(order: Order, text: str) -> bool:
    names = (order.key, order.product.name, order.customer.name, order.product.id, order.customer.id)
    return any(text in name.lower() for name in names if name)


def _sold(order: Order) -> bool:
    return not order.status.outcome


def _by_amount(order: Order) -> Rank:
    return -order.cents, order.key


def _by_time(order: Order) -> Rank:
    return -(order.at or 0), order.key


def _prune(found: defaultdict[K, Sums]) -> None:
    for key in [key for key, each in found.items() if not each[PLACED]]:
        del found[key]
