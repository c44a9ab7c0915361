"""The business, summed up from the events of the stream: each order once, as its highest sequence number has it.

Records may come twice, late, in any order, and all over again. What is held depends on the orders that are kept, their
products and their customers, never on how many events there were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from salespipe.watch.change import Change, UnreadableError, reader
from salespipe.watch.frame import Frame
from salespipe.watch.moments import milliseconds
from salespipe.watch.orders_kept import MINUTE, Facts, Kept, Order
from salespipe.watch.shelves import Shelves
from salespipe.watch.tally_board import Counts, drawn
from salespipe.watch.windows import DAY, Edges

if TYPE_CHECKING:
    from salespipe.watch.model import Basis, Board, Choice

# An order from further ahead than clocks differ does not make all others late.
_AHEAD: Final = 60_000
# Older versions of orders of which it is known that they were counted, so that a copy of one is called a duplicate.
_REMEMBERED: Final = 200_000
# Sums are kept up to date for so many choices, each for so many milliseconds after it was asked for. It is more than
# pages can be open: sums that are made anew for each picture take a thousand times as long.
_FRAMES: Final = 20
_PATIENCE: Final = 60_000


class Tally:
    """Takes records in, and makes the board of any moment.

    ``basis`` is the time that orders belong to; None means ``created_at``, unless no order seen has one. At most
    ``orders_kept`` orders are known one by one, some 500 bytes each: beyond that the oldest go, and the board says
    from when on it is complete. ``key`` is the name of the table's partition key.
    """

    def __init__(self, *, basis: Basis | None = None, orders_kept: int = 1_000_000, key: str = "orderid") -> None:
        self._basis = basis
        self._most = orders_kept
        self._read = reader(key)
        self._kept = Kept()
        self._facts = Facts()
        self._shelves = Shelves()
        # Of each choice that is asked for, and when it was.
        self._frames: dict[Choice, Frame] = {}
        self._asked: dict[Choice, int] = {}
        # Until an order has the time that it was made at.
        self._by_event = basis != "created_at"
        self._counts = Counts()
        self._sealed: int | None = None
        self._watermark: int | None = None
        self._superseded: tuple[set[int], set[int]] = (set(), set())

    @property
    def basis(self) -> Basis:
        """The time that orders belong to."""
        return "event_time" if self._by_event and (self._basis or self._kept.orders) else "created_at"

    def feed(self, records: Sequence[bytes]) -> None:
        """Take in the data of Kinesis records, DynamoDB stream events as JSON; anything else is counted as unreadable.

        Never raises.
        """
        read, apply, unreadable = self._read, self._apply, 0
        for data in records:
            try:
                change = read(data)
            except UnreadableError:
                unreadable += 1
            else:
                apply(change)
        self._counts.events += len(records)
        self._counts.unreadable += unreadable
        if len(self._kept.orders) > self._most:
            self._seal()

    def stock(self, products: Iterable[Mapping[str, Any]]) -> None:
        """Take the reference data: what was in stock at the last delivery. May come again, then only this counts."""
        self._shelves.stock(products, self._kept)

    def board(self, now: datetime, choice: Choice, *, filled_since: datetime) -> Board:
        """The board of a moment. ``filled_since`` is how far back the stream was read."""
        at, filled = milliseconds(now), milliseconds(filled_since)
        self._forget(at)
        return drawn(
            self._frame(choice, at),
            self._facts,
            basis=self.basis,
            counts=self._counts,
            filled_since=filled if self._sealed is None else max(filled, self._sealed),
            watermark=self._watermark,
            sealed_before=self._sealed,
            shelves=self._shelves.board(filled, dated=not self._by_event),
        )

    def _frame(self, choice: Choice, now: int) -> Frame:
        """The sums of a choice; those that nobody asks for any more go."""
        edges = Edges.of(choice.window, now)
        frame = self._frames.pop(choice, None)
        if frame is None:
            frame = Frame(self._kept, choice, edges)
        else:
            frame.slide(edges)
        self._frames[choice], self._asked[choice] = frame, now
        for index, each in enumerate(reversed([*self._frames])):
            if index >= _FRAMES or now - self._asked[each] > _PATIENCE:
                del self._frames[each], self._asked[each]
        return frame

    def _apply(self, change: Change) -> None:
        if self._by_event and self._basis is None and change.created is not None:
            self._go_by_created()
        order = self._kept.orders.get(change.key) or self._begin(change)
        if order is None:
            return
        sequence = change.sequence
        if change.removed:
            if sequence > order.removed:
                self._remove(order, sequence)
            else:
                self._again(order, order.removed, sequence)
        elif sequence > order.sequence:
            self._revise(order, change)
        else:
            self._again(order, order.sequence, sequence)
        if self._by_event and order.at is not None and change.event < order.at:
            self._out(order, alive=order.alive)
            order.at = change.event
            self._kept.move(order, change.event)
            self._in(order)

    def _begin(self, change: Change) -> Order | None:
        """An order that is not known yet; None where it may have been, and was forgotten."""
        at = change.created
        if self._by_event or at is None:
            at = change.event
        gone = self._kept.gone_before
        if gone is not None and at < gone:
            self._counts.unfollowed += 1
            return None
        order = self._kept.add(change.key, at, self._facts)
        if self._by_event:
            order.at = at
        return order

    def _go_by_created(self) -> None:
        """An order has the time that it was made at: from now on orders belong to that, and those so far have none."""
        self._by_event = False
        for order in self._kept.orders.values():
            order.at = None
            self._counts.undated += order.alive
        self._kept.rehome()
        self._frames, self._watermark = {}, None

    def _revise(self, order: Order, change: Change) -> None:
        """The order is as the change has it, which is newer than all of its images so far."""
        facts, first, alive = self._facts, order.sequence < 0, order.sequence > order.removed
        at = order.at if self._by_event else change.created
        status = order.status if order.status.text == change.status else facts.status(change.status)
        if not first:
            self._supersede(order.key, order.sequence)
            if alive and at == order.at and status.outcome == order.status.outcome and _same(order, change):
                if status is not order.status:
                    for frame in self._frames.values():
                        frame.restate(order, status)
                    order.status = status
                order.sequence = change.sequence
                return
            self._out(order, alive=alive)
        if at != order.at:
            order.at = at
            self._kept.move(order, change.event if at is None else at)
        order.sequence, order.status, order.units, order.cents = change.sequence, status, change.units, change.cents
        order.product = facts.product(change.product, change.product_name, change.category)
        order.customer = facts.customer(change.customer, change.customer_name)
        order.region, order.channel = facts.word(change.region), facts.word(change.channel)
        if first and at is not None:
            self._pass(order, at, change.event)
        self._in(order)

    def _remove(self, order: Order, sequence: int) -> None:
        """The order is deleted, unless an image is newer than that."""
        if order.removed >= 0:
            self._supersede(order.key, order.removed)
        if order.removed < order.sequence < sequence:
            if order.at is None:
                self._counts.undated -= 1
            else:
                for frame in self._frames.values():
                    frame.take(order)
        order.removed = sequence

    def _out(self, order: Order, *, alive: bool) -> None:
        self._shelves.take(order)
        if not alive:
            return
        if order.at is None:
            self._counts.undated -= 1
        else:
            for frame in self._frames.values():
                frame.take(order)

    def _in(self, order: Order) -> None:
        self._shelves.add(order)
        if not order.alive:
            return
        if order.at is None:
            self._counts.undated += 1
        else:
            for frame in self._frames.values():
                frame.add(order)

    def _pass(self, order: Order, at: int, event: int) -> None:
        """Set the watermark, and mark what comes in after its minute: unless only the reading was late."""
        mark = self._watermark
        if mark is None or at > mark:
            if at <= event + _AHEAD:
                self._watermark = at
        elif at // MINUTE < min(mark, event) // MINUTE:
            order.late = True

    def _supersede(self, key: str, sequence: int) -> None:
        recent = self._superseded[0]
        recent.add(hash((key, sequence)))
        if len(recent) > _REMEMBERED:
            self._superseded = (set(), recent)

    def _again(self, order: Order, newest: int, sequence: int) -> None:
        """A change that is not newer than what is known: a copy, or one that was overtaken."""
        recent, older = self._superseded
        known = hash((order.key, sequence))
        if sequence == newest or known in recent or known in older:
            self._counts.duplicates += 1
        else:
            self._supersede(order.key, sequence)

    def _seal(self) -> None:
        """Let the oldest orders go, where there are more than are to be kept."""
        for orders in self._kept.forget(most=self._most):
            self._drop(orders)
        self._sealed = self._kept.gone_before
        self._facts.prune(self._kept)

    def _forget(self, now: int) -> None:
        """Let orders go that no window and no shelf asks for any more."""
        horizon = now // DAY * DAY - DAY
        if (since := self._shelves.since) is not None:
            horizon = min(horizon, since)
        for orders in self._kept.forget(before=horizon):
            self._drop(orders)
            self._facts.prune(self._kept)

    def _drop(self, orders: Sequence[Order]) -> None:
        for order in orders:
            if order.alive:
                if order.at is None:
                    self._counts.undated -= 1
                else:
                    for frame in self._frames.values():
                        frame.take(order)


def _same(order: Order, change: Change) -> bool:
    """Whether the change leaves everything as it is that sums depend on, but for status and time."""
    product, customer = order.product, order.customer
    return (
        change.units == order.units
        and change.cents == order.cents
        and change.product == product.id
        and change.customer == customer.id
        and change.region == order.region
        and change.channel == order.channel
        and change.product_name == product.name
        and change.customer_name == customer.name
        and change.category == product.category
    )
