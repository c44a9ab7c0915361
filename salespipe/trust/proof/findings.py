"""What is told: findings, each of a kind, at a stage, of an order's version; and what was read of each hop."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

LISTED: Final = 1000
"""Of one kind at one stage so many findings are told one by one; all are counted."""


class Kind(StrEnum):
    """What is wrong with a version of an order, or worth knowing of it."""

    LOST = "lost"
    WRONG = "wrong"
    UNEXPECTED = "unexpected"
    LATE = "late"
    DUPLICATED = "duplicated"


class Stage(StrEnum):
    """Where it went wrong: on the way from the hop that still had it right to the next, which it is called after.

    What went wrong between Kinesis and S3 is at the lake, unless it lies among what failed in the transform.
    """

    TABLE = "table"
    PIPE = "pipe"
    TRANSFORM = "transform"
    LAKE = "lake"
    VIEW = "view"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One version of one order, at one stage.

    ``order`` is empty for what belongs to no order. ``version`` counts the order's known versions from 1, 0 where it is
    the order as it stands. ``fault`` is False for what is no loss: at least once delivery doubles events and delays
    them, and the view is exact all the same.
    """

    kind: Kind
    stage: Stage
    order: str
    detail: str
    version: int = 0
    event: str = ""
    event_id: str = ""
    fault: bool = True


@dataclass(slots=True)
class Hop:
    """What was read of one hop: records, and the orders among them; ``problem`` says why it was not read, or not whole.

    ``since`` is from when on it is complete, Unix time; 0 is for ever. ``seconds`` is how long reading it took.
    """

    name: str
    where: str
    records: int = 0
    orders: int | None = None
    since: float = 0.0
    problem: str = ""
    hint: str = ""
    seconds: float = 0.0
    read: bool = False


@dataclass(slots=True)
class Findings:
    """Collects findings: the first of each kind and stage, and the count of all."""

    counts: Counter[tuple[Kind, Stage]] = field(default_factory=Counter)
    faults: int = 0
    listed: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        """Take one."""
        place = finding.kind, finding.stage
        self.counts[place] += 1
        self.faults += finding.fault
        if self.counts[place] <= LISTED:
            self.listed.append(finding)

    def take_back(self, finding: Finding) -> None:
        """Take one that is listed back."""
        self.listed.remove(finding)
        self.counts[finding.kind, finding.stage] -= 1
        self.faults -= finding.fault
