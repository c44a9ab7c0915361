"""What loading says of itself: progress while it lasts, a summary at the end. Frozen; drawn elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from salespipe.errors import SalespipeError

# As many rejected rows are listed; the rest are only counted.
LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class Reject:
    """An order that was not written: its line in the file (0 when it was generated), its key, and why."""

    line: int
    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a load stands.

    A write is ``acknowledged`` once DynamoDB has said so, and not before; ``inserted``, ``updated`` and ``deleted`` add
    up to it (a replayed row counts as inserted). ``throttled`` counts writes that DynamoDB sent back for want of
    capacity, ``retried`` those sent again for any reason, ``rejected`` those that will never be written.
    ``consumed_write_units`` is DynamoDB's own count of what the calls took that it answered. Rates are writes per
    second; a ``target_rate`` of None means as fast as it goes. Latencies run from when a write was due to its
    acknowledgement; ``jitter_ms`` is how unevenly writes left: the standard deviation of the time from when one was due
    to when it was first sent.
    ``done`` is the share of the work that lies behind, from 0 to 1, and ``left`` how many seconds it will take still;
    None where there is no end, or nobody knows.
    """

    target_rate: float | None
    achieved_rate: float
    acknowledged: int
    inserted: int
    updated: int
    deleted: int
    rejected: int
    retried: int
    throttled: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    jitter_ms: float
    consumed_write_units: float
    seconds: float
    done: float | None = None
    left: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Progress):
    """How a load ended.

    ``abandoned`` writes were ready but not acknowledged when it was interrupted; those of them that were on their way
    may have arrived. ``rejects`` lists the first hundred. ``seed`` and ``profile`` are those of generated orders;
    ``chaos`` counts what was made up against the rules by kind and then by outcome.
    """

    abandoned: int = 0
    interrupted: bool = False
    rejects: tuple[Reject, ...] = field(default=())
    seed: int | None = None
    profile: str | None = None
    chaos: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class LoadError(SalespipeError):
    """A load that could not go on; ``summary`` tells what had been acknowledged by then."""

    def __init__(self, cause: SalespipeError, summary: Summary) -> None:
        super().__init__(cause.code, cause.message, hint=cause.hint, exit_code=cause.exit_code)
        self.summary = summary
