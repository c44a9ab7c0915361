"""Snapshots as ``watch`` has them, of made-up orders whose numbers agree with one another, at a moment that stays.

``snapshot("busy", Choice(window=Window.HOUR, region="Pacific"))`` is the board that a tally would make of that choice.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import Final, NamedTuple

import msgspec

from flows import NOW, flowing_at, idle, stuck_at_pipe
from salespipe.flow.snapshot import Flow
from salespipe.orders.chances import weighted, zipf
from salespipe.orders.world import default_world
from salespipe.watch.model import (
    Board,
    Choice,
    Customers,
    Failure,
    Lag,
    Order,
    Point,
    Reading,
    Sales,
    Shelf,
    Slice,
    Snapshot,
    Window,
)

KINDS: Final = ("small", "busy", "stuck", "stale", "empty", "chaos", "filling")

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
def snapshot(kind: str, choice: Choice | None = None) -> Snapshot:
    """The whole at ``NOW``.

    ``small``: a shop of an order every few seconds. ``busy``: 500 a second, on AWS, four shards. ``stuck``: the pipe
    fails, and what comes after it stands still. ``stale``: the stream could not be read for 43 s. ``empty``: nothing
    was ever sold. ``chaos``: odd and long names, extreme numbers, unreadable records. ``filling``: just started.
    """
    return _MAKERS[kind](choice or Choice())


def _small(choice: Choice) -> Snapshot:
    return _whole(choice, _sales(choice.window, 1), flowing_at(1), objects=184)


def _busy(choice: Choice) -> Snapshot:
    made = _whole(choice, _sales(choice.window, 2), flowing_at(90), objects=20_412, shards=4, weight=150)
    return msgspec.structs.replace(
        made, where="AWS account 123456789012, region eu-central-1", pipeline="salespipe-live"
    )


def _stuck(choice: Choice) -> Snapshot:
    still = [each for each in _sales(choice.window, 3) if each.order.at < NOW - timedelta(seconds=200)]
    made = _whole(choice, still, stuck_at_pipe(), objects=151, quarantined=12)
    late = msgspec.structs.replace(made.reading, shards=(Lag("shardId-000000000000", 0.0, 0.0),))
    return msgspec.structs.replace(made, reading=late)


def _stale(choice: Choice) -> Snapshot:
    failure = Failure(
        code="EndpointUnreachable",
        message="Nothing answers at http://127.0.0.1:4577: Connection was closed before we received a valid response.",
        hint="salespipe local start",
        since=NOW - timedelta(seconds=43),
    )
    return msgspec.structs.replace(_small(choice), at=NOW - timedelta(seconds=45), failure=failure)


def _empty(choice: Choice) -> Snapshot:
    made = _whole(choice, [], idle(), objects=0)
    board = msgspec.structs.replace(made.board, events=0, duplicates=0, watermark=None, shelves=())
    return msgspec.structs.replace(made, board=board, reading=Reading(shards=(Lag("shardId-000000000000", 0.0, 0.0),)))


def _chaos(choice: Choice) -> Snapshot:
    made = _whole(choice, _sales(choice.window, 4, odd=True), flowing_at(4), objects=210, quarantined=1_317)
    board = msgspec.structs.replace(made.board, events=31_000, unreadable=1_204, duplicates=8_811, undated=17, late=93)
    return msgspec.structs.replace(made, board=board)


def _filling(choice: Choice) -> Snapshot:
    seen = [each for each in _sales(choice.window, 1) if NOW - timedelta(minutes=9) > each.order.at]
    made = _whole(choice, seen, None, objects=None, quarantined=None)
    lag = Lag("shardId-000000000000", 540.0, 4_100.0)
    reading = Reading(shards=(lag,), filling=True, read_to=NOW - timedelta(minutes=9))
    return msgspec.structs.replace(made, reading=reading)


_MAKERS: Final[dict[str, Callable[[Choice], Snapshot]]] = {
    "small": _small,
    "busy": _busy,
    "stuck": _stuck,
    "stale": _stale,
    "empty": _empty,
    "chaos": _chaos,
    "filling": _filling,
}


@cache
def _sales(window: Window, seed: int, *, odd: bool = False) -> tuple[Sale, ...]:
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


def _wanted(sale: Sale, choice: Choice) -> bool:
    order = sale.order
    pairs = (
        (choice.product, sale.product_id),
        (choice.region, order.region),
        (choice.channel, order.channel),
        (choice.category, sale.category),
        (choice.customer, sale.customer_id),
    )
    text = " ".join((order.orderid, order.customer, order.product, sale.product_id, order.region)).casefold()
    return all(asked is None or asked == has for asked, has in pairs) and choice.text.casefold() in text


def _total(sales: Iterable[Sale]) -> Sales:
    placed = orders = units = cancelled = returned = 0
    revenue = Decimal(0)
    for sale in sales:
        placed += sale.weight
        cancelled += sale.weight * (sale.order.status == "cancelled")
        returned += sale.weight * (sale.order.status == "returned")
        if sale.order.status not in {"cancelled", "returned"}:
            orders += sale.weight
            units += sale.weight * sale.order.units
            revenue += sale.weight * sale.order.amount
    return Sales(placed=placed, orders=orders, units=units, revenue=revenue, cancelled=cancelled, returned=returned)


def _slices(now: list[Sale], before: list[Sale], by: Callable[[Sale], tuple[str, str]]) -> list[Slice]:
    groups: dict[tuple[str, str], tuple[list[Sale], list[Sale]]] = {}
    for side, sales in enumerate((now, before)):
        for sale in sales:
            groups.setdefault(by(sale), ([], []))[side].append(sale)
    made = [
        Slice(key=key, name=name, sales=_total(here), before=_total(then))
        for (key, name), (here, then) in groups.items()
    ]
    return sorted(made, key=lambda each: (-each.sales.revenue, each.key))


def _points(sales: list[Sale], since: datetime, until: datetime) -> tuple[Point, ...]:
    step = (until - since) / 60
    parts: list[list[Sale]] = [[] for _ in range(60)]
    for sale in sales:
        parts[min(59, (sale.order.at - since) // step)].append(sale)
    return tuple(Point(start=since + at * step, sales=_total(part)) for at, part in enumerate(parts))


def _customers(sales: list[Sale], known: set[str], weight: int) -> Customers:
    counts: dict[str, int] = {}
    for sale in sales:
        counts[sale.customer_id] = counts.get(sale.customer_id, 0) + 1
    new = sum(buyer not in known for buyer in counts)
    return Customers(
        buyers=weight * len(counts),
        new=weight * new,
        returning=weight * (len(counts) - new),
        repeating=weight * sum(count > 1 for count in counts.values()),
    )


def _shelves(sales: list[Sale], choice: Choice) -> tuple[Shelf, ...]:
    sold: dict[str, int] = {}
    for sale in sales:
        sold[sale.product_id] = sold.get(sale.product_id, 0) + sale.order.units
    names = {sale.product_id: sale.order.product for sale in sales}
    made = []
    for number, product in enumerate(default_world().products):
        if choice.product in {None, product.product_id} and choice.category in {None, product.category}:
            gone = sold.get(product.product_id, 0)
            left = None if number % 29 == 28 else 0 if number % 23 == 22 else max(0, product.stock - gone)
            name = names.get(product.product_id, product.name)
            level = max(1, product.stock // 6)
            made.append(Shelf(product_id=product.product_id, name=name, on_hand=left, sold=gone, reorder_level=level))
    return tuple(made)


def _whole(
    choice: Choice,
    sales: Iterable[Sale],
    flow: Flow | None,
    *,
    objects: int | None,
    quarantined: int | None = 0,
    shards: int = 1,
    weight: int = 1,
) -> Snapshot:
    since = choice.window.since(NOW)
    start = since - (NOW - since)
    wanted = [each._replace(weight=weight) for each in sales if _wanted(each, choice)]
    now, before = (
        [each for each in wanted if each.order.at >= since],
        [each for each in wanted if each.order.at < since],
    )
    products = _slices(now, before, lambda each: (each.product_id, each.order.product))
    statuses: dict[str, int] = {}
    for each in now:
        statuses[each.order.status] = statuses.get(each.order.status, 0) + weight
    regular = [each for each in now if each.order.status not in {"cancelled", "returned"}]
    board = Board(
        choice=choice,
        basis="created_at",
        since=since,
        until=NOW,
        filled_since=start,
        watermark=max((each.order.at for each in wanted), default=None),
        events=round(2.1 * weight * len(wanted)),
        duplicates=weight * (len(wanted) // 70),
        late=weight * (len(now) // 200),
        sales=_total(now),
        before=_total(before),
        points=_points(now, since, NOW),
        points_before=_points(before, start, since),
        products=tuple(products[:50]),
        movers=tuple(sorted(products, key=lambda each: -abs(each.sales.revenue - each.before.revenue))[:50]),
        categories=tuple(_slices(now, before, lambda each: (each.category, each.category))),
        regions=tuple(_slices(now, before, lambda each: (each.order.region, each.order.region))),
        channels=tuple(_slices(now, before, lambda each: (each.order.channel, each.order.channel))),
        top_customers=tuple(_slices(now, before, lambda each: (each.customer_id, each.order.customer))[:50]),
        customers=_customers(now, {each.customer_id for each in before}, weight),
        customers_before=_customers(before, {each.customer_id for each in before[:60]}, weight),
        statuses=statuses,
        largest=tuple(each.order for each in sorted(regular, key=lambda each: -each.order.amount)[:20]),
        latest=tuple(each.order for each in reversed(now[-20:])),
        shelves=_shelves(now, choice),
    )
    per_shard = weight * len(now) / (NOW - since).total_seconds() / shards
    lags = tuple(
        Lag(f"shardId-{number:012d}", 0.0 if number != 2 else 3.4, per_shard, throttled=number == 2)
        for number in range(shards)
    )
    return Snapshot(
        at=NOW,
        pipeline="salespipe",
        where="local (http://127.0.0.1:4577)",
        flow=flow,
        reading=Reading(shards=lags, read_to=NOW, pipe_seconds=1.0, pipe_seconds_max=2.0),
        board=board,
        objects=objects,
        quarantined=quarantined,
    )
