"""From sums to what somebody looks at: a board, of the first of each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeVar

from salespipe.watch.frame import CENTS, NONE, Sums, sums
from salespipe.watch.model import Board, Customers, Point, Sales, Slice
from salespipe.watch.model import Order as Shown
from salespipe.watch.moments import moment

if TYPE_CHECKING:
    from datetime import datetime

    from salespipe.watch.frame import Frame, Side
    from salespipe.watch.model import Basis, Shelf
    from salespipe.watch.orders_kept import Facts, Order

# So many of a kind are on a board at most.
PRODUCTS: Final = 100
OTHERS: Final = 20
K = TypeVar("K")


@dataclass
class Counts:
    """What came in, and ``undated``: the orders that have no time now. ``Board`` says what they mean."""

    events: int = 0
    duplicates: int = 0
    unreadable: int = 0
    undated: int = 0
    unfollowed: int = 0


def drawn(
    frame: Frame,
    facts: Facts,
    *,
    basis: Basis,
    counts: Counts,
    filled_since: int,
    watermark: int | None,
    sealed_before: int | None,
    shelves: tuple[Shelf, ...],
) -> Board:
    """The board of a frame; times are milliseconds since 1970."""
    edges, now, before = frame.edges, frame.now, frame.before
    products = _merged(now.products.items(), before.products.items(), lambda product: product.id)
    categories = _merged(now.products.items(), before.products.items(), lambda product: product.category)
    regions = _merged(now.places.items(), before.places.items(), lambda place: place[0])
    channels = _merged(now.places.items(), before.places.items(), lambda place: place[1])
    best = sorted(products, key=lambda each: (-products[each][0][CENTS], each))
    moved = {each: abs(this[CENTS] - that[CENTS]) for each, (this, that) in products.items()}
    movers = sorted((each for each, cents in moved.items() if cents), key=lambda each: (-moved[each], each))

    def product(key: str) -> Slice:
        return _slice(key, facts.product_name(None if key == NONE else key) or key, products[key])

    return Board(
        choice=frame.choice,
        basis=basis,
        since=moment(edges.since),
        until=moment(edges.until),
        filled_since=moment(filled_since),
        watermark=_moment(watermark),
        sealed_before=_moment(sealed_before),
        events=counts.events,
        duplicates=counts.duplicates,
        unreadable=counts.unreadable,
        unfollowed=counts.unfollowed,
        undated=counts.undated,
        late=now.late,
        sales=_total(now),
        before=_total(before),
        points=tuple(_points(now, edges.since, edges.until, edges.step)),
        points_before=tuple(_points(before, edges.before_since, edges.before_until, edges.step)),
        products=tuple(product(each) for each in best[:PRODUCTS]),
        movers=tuple(product(each) for each in movers[:OTHERS]),
        categories=_slices(categories),
        regions=_slices(regions),
        channels=_slices(channels),
        top_customers=tuple(
            _slice(each, facts.customer_name(each) or each, (frame.customers[each][:6], frame.customers[each][6:12]))
            for each in frame.spenders.first(OTHERS)
        ),
        customers=_customers(now),
        customers_before=_customers(before),
        statuses=dict(sorted(_statuses(now))),
        largest=tuple(_order(each) for each in frame.largest.first(OTHERS)),
        latest=tuple(_order(each) for each in frame.latest.first(OTHERS)),
        shelves=shelves,
    )


def _merged(
    now: Iterable[tuple[K, Sums]], before: Iterable[tuple[K, Sums]], key: Callable[[K], str | None]
) -> dict[str, tuple[Sums, Sums]]:
    """Sums of both windows by key."""
    found: dict[str, tuple[Sums, Sums]] = {}
    for place, side in enumerate((now, before)):
        for each, those in side:
            if those[0]:
                name = key(each)
                name = NONE if name is None else name
                pair = found.get(name)
                if pair is None:
                    pair = found[name] = sums(), sums()
                total = pair[place]
                for index, value in enumerate(those):
                    total[index] += value
    return found


def _total(side: Side) -> Sales:
    total = sums()
    for each in side.places.values():
        for index, value in enumerate(each):
            total[index] += value
    return _sales(total)


def _points(side: Side, since: int, until: int, step: int) -> Iterator[Point]:
    nothing = sums()
    for start in range(since, until, step):
        yield Point(start=moment(start), sales=_sales(side.points.get(start, nothing)))


def _slices(found: Mapping[str, tuple[Sums, Sums]]) -> tuple[Slice, ...]:
    best = sorted(found, key=lambda each: (-found[each][0][CENTS], each))
    return tuple(_slice(each, each, found[each]) for each in best[:PRODUCTS])


def _slice(key: str, name: str, pair: tuple[Sums, Sums]) -> Slice:
    return Slice(key=key, name=name, sales=_sales(pair[0]), before=_sales(pair[1]))


def _sales(those: Sums) -> Sales:
    placed, orders, units, cents, cancelled, returned = those
    return Sales(
        placed=placed, orders=orders, units=units, revenue=_money(cents), cancelled=cancelled, returned=returned
    )


def _money(cents: int) -> Decimal:
    """Exact, however much it is: a context would round at 28 digits."""
    return Decimal(f"{cents}e-2")


def _customers(side: Side) -> Customers:
    return Customers(buyers=side.buyers, new=side.new, returning=side.buyers - side.new, repeating=side.repeating)


def _statuses(side: Side) -> Iterator[tuple[str, int]]:
    return ((NONE if status is None else status, number) for status, number in side.statuses.items() if number)


def _order(order: Order) -> Shown:
    return Shown(
        orderid=order.key,
        at=moment(order.at or 0),
        status=order.status.text or NONE,
        customer=order.customer.name or order.customer.id or NONE,
        product=order.product.name or order.product.id or NONE,
        region=order.region or NONE,
        channel=order.channel or NONE,
        units=order.units,
        amount=_money(order.cents),
    )


def _moment(at: int | None) -> datetime | None:
    return None if at is None else moment(at)
