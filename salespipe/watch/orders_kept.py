"""The orders that are known one by one, found by their key and by the minute that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Final

import msgspec

MINUTE: Final = 60_000
# Names of products and customers that no order has any more are dropped when there are so many more than there were.
_SPARE: Final = 10_000


class Product(msgspec.Struct, gc=False, eq=False):
    """What an order says of its product; the same object wherever it says the same."""

    id: str | None
    name: str | None
    category: str | None


class Customer(msgspec.Struct, gc=False, eq=False):
    """What an order says of its customer."""

    id: str | None
    name: str | None


class Status(msgspec.Struct, gc=False, eq=False):
    """A status as the orders have it, and the outcome: sold (0), cancelled (1) or returned (2)."""

    text: str | None
    outcome: int


class Minute:
    """The orders of one minute. With ``moved`` some of the list are elsewhere now, or in it twice."""

    __slots__ = ("moved", "number", "orders")

    def __init__(self, number: int) -> None:
        self.number = number
        self.orders: list[Order] = []
        self.moved = False

    def all(self) -> list[Order]:
        """The orders of this minute, each once."""
        if self.moved:
            self.orders = list(dict.fromkeys(order for order in self.orders if order.home == self.number))
            self.moved = False
        return self.orders


class Order(msgspec.Struct, gc=False, eq=False):
    """An order as its newest image has it. ``at`` is the time it belongs to, None without one.

    ``sequence`` is that of the image, -1 before there is one; ``removed`` that of the newest REMOVE, or -1. ``home`` is
    the minute where it is kept, by its time or, without one, that of the event. There are many: the collector of
    garbage need not look at them, since nothing of theirs leads back to them.
    """

    key: str
    home: int
    product: Product
    customer: Customer
    status: Status
    region: str | None = None
    channel: str | None = None
    at: int | None = None
    sequence: int = -1
    removed: int = -1
    units: int = 0
    cents: int = 0
    late: bool = False

    @property
    def alive(self) -> bool:
        """Whether the view of orders has it."""
        return self.sequence > self.removed


class Facts:
    """Each product, customer and word once, however many orders name it: most of an order's memory otherwise."""

    def __init__(self) -> None:
        # What an order has before its first image.
        self.nothing, self.nobody, self.unsaid = Product(None, None, None), Customer(None, None), Status(None, 0)
        self._products: dict[str | None, Product] = {}
        self._customers: dict[str | None, Customer] = {}
        # One product of several names, as nobody should have, but some do.
        self._other_products: dict[tuple[str | None, ...], Product] = {}
        self._other_customers: dict[tuple[str | None, ...], Customer] = {}
        self._statuses: dict[str | None, Status] = {}
        self._words: dict[str | None, str | None] = {}
        self._size = 0

    def product(self, id: str | None, name: str | None, category: str | None) -> Product:  # noqa: A002
        """The product of this name and category."""
        found = self._products.get(id)
        if found is None or found.name != name or found.category != category:
            new = Product(id, name, self.word(category))
            found = self._products[id] = self._other_products.setdefault((id, name, category), new)
        return found

    def customer(self, id: str | None, name: str | None) -> Customer:  # noqa: A002
        """The customer of this name."""
        found = self._customers.get(id)
        if found is None:
            found = self._customers[id] = Customer(id, name)
        elif found.name != name:
            self._other_customers[id, found.name] = found
            found = self._customers[id] = self._other_customers.setdefault((id, name), Customer(id, name))
        return found

    def status(self, text: str | None) -> Status:
        """The status of this text."""
        found = self._statuses.get(text)
        if found is None:
            outcome = {"cancelled": 1, "returned": 2}.get(text or "", 0)
            found = self._statuses[text] = Status(text, outcome)
        return found

    def word(self, text: str | None) -> str | None:
        """The same text, always the same object."""
        return self._words.setdefault(text, text)

    def customer_name(self, id: str) -> str | None:  # noqa: A002
        """What the newest order says."""
        found = self._customers.get(id)
        return found.name if found else None

    def product_name(self, id: str | None) -> str | None:  # noqa: A002
        """What the newest order says."""
        found = self._products.get(id)
        return found.name if found else None

    def prune(self, kept: Kept) -> None:
        """Forget what no order names any more, once that may be much."""
        if self._many() < 2 * self._size + _SPARE:
            return
        for known in (self._products, self._customers, self._statuses, self._words):
            known.clear()
        self._other_products.clear()
        self._other_customers.clear()
        for order in kept.orders.values():
            product, customer = order.product, order.customer
            self._products[product.id] = product
            self._other_products[product.id, product.name, product.category] = product
            self._customers[customer.id] = customer
            self._other_customers[customer.id, customer.name] = customer
            self._statuses[order.status.text] = order.status
            for word in (order.region, order.channel, product.category):
                self._words[word] = word
        self._size = self._many()

    def _many(self) -> int:
        many = len(self._other_products) + len(self._customers) + len(self._other_customers)
        return many + len(self._statuses) + len(self._words)


class Kept:
    """All orders that are known, by key and by minute. ``gone_before`` is where what is older has been forgotten."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.gone_before: int | None = None
        self._minutes: dict[int, Minute] = {}
        self._oldest: list[int] = []

    def home(self, at: int) -> Minute:
        """Where an order of that time is kept."""
        number = at // MINUTE
        found = self._minutes.get(number)
        if found is None:
            found = self._minutes[number] = Minute(number)
            heappush(self._oldest, number)
        return found

    def add(self, key: str, at: int, facts: Facts) -> Order:
        """A new order, which has nothing yet but its key."""
        home = self.home(at)
        order = self.orders[key] = Order(key, home.number, facts.nothing, facts.nobody, facts.unsaid)
        home.orders.append(order)
        return order

    def move(self, order: Order, at: int) -> None:
        """Keep an order where one of that time is kept."""
        home = self.home(at)
        if home.number != order.home:
            self._minutes[order.home].moved = home.moved = True
            order.home = home.number
            home.orders.append(order)

    def between(self, since: int, until: int) -> Iterator[Order]:
        """Orders with a time from ``since`` to before ``until``, deleted ones included."""
        first, last = since // MINUTE, -(-until // MINUTE)
        numbers = range(first, last) if last - first < len(self._minutes) else self._within(first, last)
        for number in numbers:
            if minute := self._minutes.get(number):
                for order in minute.all():
                    if order.at is not None and since <= order.at < until:
                        yield order

    def _within(self, first: int, last: int) -> list[int]:
        return [number for number in self._minutes if first <= number < last]

    def forget(self, *, before: int | None = None, most: int | None = None) -> Iterator[list[Order]]:
        """Drop the oldest minutes, while they lie ``before`` that time or there are more than so many orders.

        Yields the orders of each before it is dropped.
        """
        while self._oldest:
            number = self._oldest[0]
            end = (number + 1) * MINUTE
            if not ((before is not None and end <= before) or (most is not None and len(self.orders) > most)):
                return
            minute = self._minutes[number]
            orders = minute.all()
            yield orders
            heappop(self._oldest)
            del self._minutes[number]
            for order in orders:
                del self.orders[order.key]
            self.gone_before = max(self.gone_before or end, end)

    def rehome(self) -> None:
        """Sort all orders into minutes anew, after their times were set."""
        self._minutes, self._oldest = {}, []
        for order in self.orders.values():
            home = self.home(order.home * MINUTE if order.at is None else order.at)
            order.home = home.number
            home.orders.append(order)
