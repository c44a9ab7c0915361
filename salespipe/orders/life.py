"""An order's life as a state machine, and how much of it is followed so that the writes have a wanted mix."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

MINUTE: Final = 60.0
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


class Step(NamedTuple):
    """A status that may come next, how likely, and after how many seconds on average."""

    status: str
    chance: float
    delay: float


# Cancelled only before shipping, returned only after delivery. Chances that sum to less than one leave the rest as is.
STEPS: Final[dict[str, tuple[Step, ...]]] = {
    "placed": (Step("paid", 0.93, 5 * MINUTE), Step("cancelled", 0.07, HOUR)),
    "paid": (Step("shipped", 0.95, 12 * HOUR), Step("cancelled", 0.05, 6 * HOUR)),
    "shipped": (Step("delivered", 1.0, 2 * DAY),),
    "delivered": (Step("returned", 0.08, 5 * DAY),),
    "cancelled": (),
    "returned": (),
}
# What is in one of these has come back to the shelf.
BACK: Final = frozenset({"cancelled", "returned"})
# While its parcel travels, an order may be updated without another status: the carrier has scanned it.
TRAVELLING: Final = "shipped"
DELETE_DELAY: Final = 7 * DAY
# 200,000 makes the longest life, about two weeks, take nine seconds at most.
TIME_SCALE: Final = 200_000.0


def expected_updates(follow: float, status: str = "placed") -> float:
    """How many status changes an order has on average, when each is seen with the chance ``follow``."""
    return follow * sum(step.chance * (1 + expected_updates(follow, step.status)) for step in STEPS[status])


def reaching(status: str, now: str = "placed") -> float:
    """The chance that an order whose every step is seen comes to a status."""
    return 1.0 if now == status else sum(step.chance * reaching(status, step.status) for step in STEPS[now])


@dataclass(frozen=True, slots=True)
class Mix:
    """The shares of inserts, updates and deletes among all writes, in any unit.

    Raises ``ValueError`` for shares that no orders can have: every order is inserted once and deleted at most once.
    The steps of an order's life are about 2.9 updates at most; more are scans of its parcel (``scanned``).
    """

    inserts: float = 50
    updates: float = 45
    deletes: float = 5

    def __post_init__(self) -> None:
        shares = (self.inserts, self.updates, self.deletes)
        if not all(math.isfinite(share) and share >= 0 for share in shares) or not self.inserts:
            raise ValueError("a mix has a positive share of inserts, and no negative share")
        if self.deletes > self.inserts:
            raise ValueError("a mix cannot have more deletes than inserts: an order is deleted once")

    @property
    def inserted(self) -> float:
        """The share of inserts among all writes, above 0 to 1."""
        return self.inserts / (self.inserts + self.updates + self.deletes)

    @property
    def follow(self) -> float:
        """The chance with which each next step of an order is taken, so that updates have their share."""
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if expected_updates(middle) < self.updates / self.inserts else (low, middle)
        return high if self.updates else 0.0

    @property
    def scanned(self) -> float:
        """The chance that what happens next to a shipped order is a scan, below 1."""
        more = max(0.0, self.updates / self.inserts - expected_updates(1)) / reaching(TRAVELLING)
        return more / (1 + more)

    @property
    def deleted(self) -> float:
        """The chance that an order is deleted in the end."""
        return self.deletes / self.inserts
