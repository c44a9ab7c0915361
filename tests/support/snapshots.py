"""Snapshots as ``watch`` has them, of made-up orders whose numbers agree with one another, at a moment that stays.

``snapshot("busy", Choice(window=Window.HOUR, region="Pacific"))`` is the board that a tally would make of that choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Final

import msgspec

from flows import NOW, flowing_at, idle, stuck_at_pipe
from salespipe.flow.snapshot import Flow
from salespipe.orders.world import default_world
from salespipe.watch.model import (
    Board,
    Choice,
    Customers,
    Failure,
    Lag,
    Point,
    Reading,
    Sales,
    Shelf,
    Slice,
    Snapshot,
)
from sold import Sale, sales_of

KINDS: Final = ("small", "busy", "stuck", "stale", "empty", "chaos", "filling")


@cache
def snapshot(kind: str, choice: Choice | None = None) -> Snapshot:
    """The whole at ``NOW``.

    ``small``: a shop of an order every few seconds. ``busy``: 500 a second, on AWS, four shards. ``stuck``: the pipe
    fails, and what comes after it stands still. ``stale``: the stream could not be read for 43 s. ``empty``: nothing
    was ever sold. ``chaos``: odd and long names, extreme numbers, unreadable records. ``filling``: just started.
    """
    return _MAKERS[kind](choice or Choice())


def _small(choice: Choice) -> Snapshot:
    return _whole(choice, sales_of(choice.window, 1), flowing_at(1), objects=184)


def _busy(choice: Choice) -> Snapshot:
    made = _whole(choice, sales_of(choice.window, 2), flowing_at(90), objects=20_412, shards=4, weight=150)
    return msgspec.structs.replace(
        made, where="AWS account 123456789012, region eu-central-1", pipeline="salespipe-live"
    )


def _stuck(choice: Choice) -> Snapshot:
    still = [each for each in sales_of(choice.window, 3) if each.order.at < NOW - timedelta(seconds=200)]
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
    made = _whole(choice, sales_of(choice.window, 4, odd=True), flowing_at(4), objects=210, quarantined=1_317)
    board = msgspec.structs.replace(made.board, events=31_000, unreadable=1_204, duplicates=8_811, undated=17, late=93)
    return msgspec.structs.replace(made, board=board)


def _filling(choice: Choice) -> Snapshot:
    seen = [each for each in sales_of(choice.window, 1) if NOW - timedelta(minutes=9) > each.order.at]
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
