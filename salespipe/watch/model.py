"""What ``watch`` shows at one moment: the pipeline's stages, how the stream is read, and the business in one window.

Everything here is frozen and is JSON by msgspec alone, decimals as text. Times are UTC.

An order belongs to the time that it was made at, ``created_at``, as in the view ``orders`` and in the insights; with
the basis ``event_time`` to the time of the first change of it that was read, for tables whose orders have no such time.
Whatever the board counts, the view counts for the same time: an order once, as its highest sequence number has it,
deleted ones not at all, and revenue without what was cancelled or returned.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec

from salespipe.flow.snapshot import Flow


class Window(StrEnum):
    """How much time the board is about: until now, or from midnight UTC on."""

    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    QUARTER = "15m"
    HOUR = "1h"
    TODAY = "today"

    def since(self, until: datetime) -> datetime:
        """When the window that ends at ``until`` begins."""
        if self is Window.TODAY:
            return until.replace(hour=0, minute=0, second=0, microsecond=0)
        return until - _LENGTHS[self]


_LENGTHS = {
    Window.MINUTE: timedelta(minutes=1),
    Window.FIVE_MINUTES: timedelta(minutes=5),
    Window.QUARTER: timedelta(minutes=15),
    Window.HOUR: timedelta(hours=1),
}

Basis = Literal["created_at", "event_time"]


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a snapshot."""


class Choice(Frozen, frozen=True):
    """What somebody wants to see: a window, and the orders of which product, region, channel, category or customer.

    ``text`` asks for orders in which a name or an id contains it, in any case.
    """

    window: Window = Window.QUARTER
    product: str | None = None
    region: str | None = None
    channel: str | None = None
    category: str | None = None
    customer: str | None = None
    text: str = ""


class Sales(Frozen, frozen=True):
    """What was sold: ``placed`` is every order, ``orders units revenue`` are those neither cancelled nor returned."""

    placed: int = 0
    orders: int = 0
    units: int = 0
    revenue: Decimal = Decimal(0)
    cancelled: int = 0
    returned: int = 0

    @property
    def average(self) -> Decimal | None:
        """Revenue of one order, to the cent; None without orders."""
        return (self.revenue / self.orders).quantize(Decimal("0.01")) if self.orders else None


class Slice(Frozen, frozen=True):
    """A product, region, channel, category or customer: its sales in the window, and in the one before."""

    key: str
    name: str
    sales: Sales
    before: Sales


class Point(Frozen, frozen=True):
    """One step of the window's time, from ``start`` on."""

    start: datetime
    sales: Sales


class Customers(Frozen, frozen=True):
    """Who bought in the window. ``new`` are those of whom no order before it is known, from yesterday on at least.

    ``repeating`` have several orders in the window.
    """

    buyers: int = 0
    new: int = 0
    returning: int = 0
    repeating: int = 0


class Order(Frozen, frozen=True):
    """One order as it is now."""

    orderid: str
    at: datetime
    status: str
    customer: str
    product: str
    region: str
    channel: str
    units: int
    amount: Decimal


class Shelf(Frozen, frozen=True):
    """What is on hand of a product; None where orders since its last delivery are older than what was read."""

    product_id: str
    name: str
    on_hand: int | None
    sold: int
    reorder_level: int | None = None


class Board(Frozen, frozen=True):
    """The business from ``since`` to before ``until``, and ``before``: the window before it, as long.

    Windows begin and end on whole steps of their points. The window before today is yesterday to the same time; from
    when to when the window before is say ``before_since`` and ``before_until``.
    ``filled_since`` is how far back the stream was read: the window lacks what is older. ``watermark`` is the newest
    time of an order that was read; ``late`` counts orders of the window that came in when the watermark had passed
    their minute. ``events`` were read, of which ``duplicates`` had been seen, and ``unreadable`` are none of ours.
    ``undated`` orders have no time, so that no window has them. ``sealed_before`` is set where there were more orders
    than are kept one by one: older ones are forgotten, ``filled_since`` is not before it, and ``unfollowed`` changes of
    such orders came in later. What is on hand goes on counting them as they were.
    """

    choice: Choice
    basis: Basis
    since: datetime
    until: datetime
    filled_since: datetime
    watermark: datetime | None = None
    sealed_before: datetime | None = None
    events: int = 0
    duplicates: int = 0
    unreadable: int = 0
    unfollowed: int = 0
    undated: int = 0
    late: int = 0
    sales: Sales = Sales()
    before: Sales = Sales()
    points: tuple[Point, ...] = ()
    points_before: tuple[Point, ...] = ()
    products: tuple[Slice, ...] = ()
    movers: tuple[Slice, ...] = ()
    categories: tuple[Slice, ...] = ()
    regions: tuple[Slice, ...] = ()
    channels: tuple[Slice, ...] = ()
    top_customers: tuple[Slice, ...] = ()
    customers: Customers = Customers()
    customers_before: Customers = Customers()
    statuses: dict[str, int] = {}
    largest: tuple[Order, ...] = ()
    latest: tuple[Order, ...] = ()
    shelves: tuple[Shelf, ...] = ()

    @property
    def before_since(self) -> datetime:
        """When the window before begins."""
        return self.before_until - (self.until - self.since)

    @property
    def before_until(self) -> datetime:
        """When the window before ends: where this one begins, and for today, yesterday at the same time."""
        return self.until - timedelta(days=1) if self.choice.window is Window.TODAY else self.since


class Lag(Frozen, frozen=True):
    """How one shard of the Kinesis stream is read. ``behind_seconds`` is MillisBehindLatest; None before a read."""

    shard: str
    behind_seconds: float | None
    records_a_second: float
    throttled: bool = False


class Reading(Frozen, frozen=True):
    """How the stream is read: ``filling`` while what lies before the tip is still being read, ``read_to`` says where.

    ``pipe_seconds`` is how old changes of the table were when they arrived in Kinesis, lately: the median and the
    longest (the table tells whole seconds). ``enhanced`` fan-out has a price, and its own throughput.
    """

    shards: tuple[Lag, ...] = ()
    filling: bool = False
    read_to: datetime | None = None
    pipe_seconds: float | None = None
    pipe_seconds_max: float | None = None
    enhanced: bool = False


class Failure(Frozen, frozen=True):
    """Why there is nothing newer: the code, the message and the fix of the ``SalespipeError``, and since when."""

    code: str
    message: str
    hint: str
    since: datetime


class Snapshot(Frozen, frozen=True):
    """The whole at one moment. With a ``failure`` the rest is the last that was known, as of ``at``.

    ``failure`` is what keeps the stream from being read; that a stage's metrics are not known says ``flow`` itself.
    """

    at: datetime
    pipeline: str
    where: str
    flow: Flow | None
    reading: Reading
    board: Board
    objects: int | None = None
    quarantined: int | None = None
    failure: Failure | None = None
