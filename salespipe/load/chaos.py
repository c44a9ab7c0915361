"""Chaos: what real producers do wrong, made up on purpose, each with the outcome that it must have downstream.

    kind         what is written                                            outcome
    duplicates   an order once more as it is, one or a batch of 25          no event: DynamoDB streams changes only
    late         an update that is older than the one before it             delivered: what was written last counts
    early        a delete and an update before their order's insert         no event for the delete, the rest delivered
    deletes      orders that are deleted after they were shipped            delivered: each step, then the tombstone
    phantoms     deletes of orders that never were                          no event
    malformed    missing attributes, wrong types, sets, binary, documents   delivered: see below
    oversized    items of 300 KB, and some of more than 400 KB              delivered; rejected before they are sent
    unicode      emoji, other scripts, control characters, newlines, quotes delivered, character by character
    numbers      numbers at DynamoDB's limits, and some beyond              delivered; rejected before they are sent
    hot          one order that is updated all the time                     delivered

Delivered means: one event of its own in the lake, and the view ``orders`` shows what was written last. Nothing of this
is quarantined: the transform reads whatever DynamoDB can hold. Of wrong types it promises that ``price``, ``amount``
and ``quantity`` stay numbers for everybody: what does not fit is in ``item_price`` and so on, as text. Any other
column has the type that the crawler found, and an attribute that has text in most orders is a text column, in which a
number or document reads as its JSON.

Chaos has orders of its own, of a category that no catalogue has, with ids that begin with ``chaos-``; of the shop's
orders it only writes some again as they are. The same seed makes the same chaos.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from random import Random
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from salespipe.load.attributes import delete_request, put_request
from salespipe.load.oddities import BEYOND, MALFORMED, NUMBERS, TEXTS, number, string
from salespipe.load.troubles import Outcome, Trouble, code, meaning
from salespipe.orders import Change, Kind
from salespipe.orders.stock import iso

if TYPE_CHECKING:
    from salespipe.load.writer import Write


# How many writes one of a kind takes on average.
_STEPS: Final[Mapping[Trouble, float]] = {
    Trouble.DUPLICATES: 3.4,
    Trouble.LATE: 3,
    Trouble.EARLY: 3,
    Trouble.DELETES: 4,
}
_RESENT: Final = 25
_RESENDING: Final = 0.1
_REMEMBERED: Final = 500
_LARGE: Final = 300_000
_TOO_LARGE: Final = 420_000
_HOUR: Final = 3_600_000


class Made(NamedTuple):
    """A write of chaos: what it does, to which key, the request or what cannot become one, and what must become of it.

    ``request`` makes it, or raises ``Rejected``.
    """

    kind: Kind
    key: str
    request: Callable[[], bytes]
    expect: int


class Chaos:
    """Puts trouble between a shop's changes: each has its share of all writes. ``clock`` is Unix time."""

    def __init__(self, shares: Mapping[Trouble, float], seed: int, key: str, clock: Callable[[], float]) -> None:
        self._key = key
        self._clock = clock
        self._random = Random(f"chaos {seed}").random  # noqa: S311 (chaos, not a secret)
        self._share = sum(shares.values())
        # A kind of several writes begins less often, so that its writes have their share.
        self._begin = {trouble: share / _STEPS.get(trouble, 1) for trouble, share in shares.items()}
        self._makers: Mapping[Trouble, Callable[[], Iterator[Made]]] = {
            trouble: getattr(self, f"_{trouble}") for trouble in Trouble
        }
        self._under_way: Iterator[Made] = iter(())
        self._recent: dict[str, Change] = {}
        self._turns: Counter[Trouble] = Counter()
        self._run = f"{int(clock() * 1000):x}-{seed & 0xFFFFFFFF:x}"
        self._hottest = self._order(Trouble.HOT)
        self._lock = Lock()
        self._counts: Counter[int] = Counter()

    def among(self, changes: Iterator[Change]) -> Iterator[Change | Made]:
        """The shop's changes with trouble between them, for as long as there are changes."""
        while True:
            if self._random() < self._share and (made := self._trouble()):
                yield made
                continue
            change = next(changes, None)
            if change is None:
                return
            self._see(change)
            yield change

    def count(self, writes: Sequence[Write]) -> None:
        """Count those of the acknowledged or rejected writes that are chaos's; for any thread."""
        codes = [write.expect for write in writes if write.expect]
        if codes:
            with self._lock:
                self._counts.update(codes)

    def rejected(self, made: Made) -> None:
        """Count one that was rejected before it became a write."""
        with self._lock:
            self._counts[made.expect] += 1

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """How many there were, by kind and then by outcome."""
        with self._lock:
            found = sorted(self._counts.items())
        told: dict[str, dict[str, int]] = {}
        for expect, writes in found:
            trouble, outcome = meaning(expect)
            told.setdefault(trouble.value, {})[str(outcome)] = writes
        return told

    def _trouble(self) -> Made | None:
        made = next(self._under_way, None)
        if made is None:
            self._under_way = self._makers[self._chosen()]()
            made = next(self._under_way, None)
        return made

    def _chosen(self) -> Trouble:
        chance = self._random() * sum(self._begin.values())
        for trouble, weight in self._begin.items():
            chance -= weight
            if chance < 0:
                return trouble
        return next(iter(self._begin))

    def _see(self, change: Change) -> None:
        key = str(change.item[self._key])
        self._recent.pop(key, None)
        if change.kind is not Kind.DELETE:
            self._recent[key] = change
            if len(self._recent) > _REMEMBERED:
                del self._recent[next(iter(self._recent))]

    def _order(self, trouble: Trouble) -> dict[str, Any]:
        """An order of chaos's own, which no stock is kept of."""
        self._turns[trouble] += 1
        stamp = self._stamp()
        return {
            self._key: f"chaos-{trouble}-{self._run}-{self._turns[trouble]:x}",
            "customer_id": "c-chaos",
            "customer_name": "Chaos",
            "region": "Nowhere",
            "product_id": "p-chaos",
            "product_name": "Trouble",
            "category": "Chaos",
            "quantity": 1,
            "price": Decimal("1.00"),
            "channel": "web",
            "payment_method": "card",
            "status": "placed",
            "created_at": stamp,
            "updated_at": stamp,
            "revision": 1,
        }

    def _next(self, order: dict[str, Any], **changed: Any) -> dict[str, Any]:
        """The order's next version, which differs from the one before whatever else is changed."""
        return {**order, "updated_at": self._stamp(), **changed, "revision": order["revision"] + 1}

    def _stamp(self, ago: int = 0) -> str:
        return iso(int(self._clock() * 1000) - ago)

    def _put(self, trouble: Trouble, item: Mapping[str, Any], kind: Kind, outcome: Outcome = Outcome.DELIVERED) -> Made:
        return Made(kind, str(item[self._key]), lambda: put_request(item, self._key), code(trouble, outcome))

    def _delete(self, trouble: Trouble, key: str, outcome: Outcome) -> Made:
        return Made(Kind.DELETE, key, lambda: delete_request(key, self._key), code(trouble, outcome))

    def _one_of(self, choices: Sequence[Any]) -> Any:
        return choices[int(self._random() * len(choices))]

    def _duplicates(self) -> Iterator[Made]:
        for _ in range(_RESENT if self._random() < _RESENDING else 1):
            if self._recent:
                change = self._recent[self._one_of(list(self._recent))]
                yield self._put(Trouble.DUPLICATES, change.item, Kind.UPDATE, Outcome.NO_EVENT)

    def _late(self) -> Iterator[Made]:
        order = self._order(Trouble.LATE)
        yield self._put(Trouble.LATE, order, Kind.INSERT)
        newer = self._next(order, status="shipped")
        yield self._put(Trouble.LATE, newer, Kind.UPDATE)
        older = self._next(newer, status="paid", updated_at=self._stamp(ago=_HOUR))
        yield self._put(Trouble.LATE, older, Kind.UPDATE)

    def _early(self) -> Iterator[Made]:
        order = self._order(Trouble.EARLY)
        if self._random() < 0.5:
            yield self._delete(Trouble.EARLY, str(order[self._key]), Outcome.NO_EVENT)
        else:
            yield self._put(Trouble.EARLY, {**order, "status": "shipped"}, Kind.UPDATE)
        order = self._next(order)
        yield self._put(Trouble.EARLY, order, Kind.INSERT)
        yield self._put(Trouble.EARLY, self._next(order, status="paid"), Kind.UPDATE)

    def _deletes(self) -> Iterator[Made]:
        order = self._order(Trouble.DELETES)
        yield self._put(Trouble.DELETES, order, Kind.INSERT)
        for status in ("paid", "shipped"):
            order = self._next(order, status=status)
            yield self._put(Trouble.DELETES, order, Kind.UPDATE)
        yield self._delete(Trouble.DELETES, str(order[self._key]), Outcome.DELIVERED)

    def _phantoms(self) -> Iterator[Made]:
        yield self._delete(Trouble.PHANTOMS, str(self._order(Trouble.PHANTOMS)[self._key]), Outcome.NO_EVENT)

    def _malformed(self) -> Iterator[Made]:
        order = self._order(Trouble.MALFORMED)
        typed: dict[str, Any] = {
            name: number(str(value)) if isinstance(value, int | Decimal) else string(value)
            for name, value in order.items()
        }
        typed |= MALFORMED[self._turns[Trouble.MALFORMED] % len(MALFORMED)]
        typed = {name: value for name, value in typed.items() if value is not None}
        request = json.dumps({"PutRequest": {"Item": typed}}, separators=(",", ":")).encode()
        key = str(order[self._key])
        yield Made(Kind.INSERT, key, lambda: request, code(Trouble.MALFORMED, Outcome.DELIVERED))

    def _oversized(self) -> Iterator[Made]:
        too_large = self._random() < 0.5
        note = ("large " * _TOO_LARGE)[: _TOO_LARGE if too_large else _LARGE]
        outcome = Outcome.REJECTED if too_large else Outcome.DELIVERED
        yield self._put(Trouble.OVERSIZED, {**self._order(Trouble.OVERSIZED), "chaos_note": note}, Kind.INSERT, outcome)

    def _unicode(self) -> Iterator[Made]:
        order = self._order(Trouble.UNICODE)
        text = TEXTS[self._turns[Trouble.UNICODE] % len(TEXTS)]
        yield self._put(Trouble.UNICODE, {**order, "customer_name": text, "product_name": text}, Kind.INSERT)

    def _numbers(self) -> Iterator[Made]:
        order = self._order(Trouble.NUMBERS)
        beyond = self._random() < 0.25
        numbers = self._one_of(BEYOND if beyond else NUMBERS)
        outcome = Outcome.REJECTED if beyond else Outcome.DELIVERED
        yield self._put(Trouble.NUMBERS, {**order, **numbers}, Kind.INSERT, outcome)

    def _hot(self) -> Iterator[Made]:
        first = self._hottest["revision"] == 1
        yield self._put(Trouble.HOT, self._hottest, Kind.INSERT if first else Kind.UPDATE)
        self._hottest = self._next(self._hottest)
