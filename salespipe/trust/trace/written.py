"""What the ledgers have of one order, found without unpacking what they have of all the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from salespipe.ledger import Reading
from salespipe.ledger.fingerprint import NOTHING
from salespipe.trust.trace.model import Written


@dataclass
class Found:
    """The order's versions as they were acknowledged, none twice in a row, and what was looked through."""

    versions: list[Written] = field(default_factory=list)
    ledgers: int = 0
    damaged: int = 0


def versions(readings: Iterable[Reading], order: str) -> Found:
    """Everything that was acknowledged of ``order``, oldest first."""
    found, entries = Found(), []
    for reading in readings:
        found.ledgers += 1
        entries += list(reading.of(order))
        found.damaged += sum(damage.lost for damage in reading.damage)
    entries.sort(key=lambda entry: entry.acknowledged_at)
    before = NOTHING
    for entry in entries:
        if entry.fingerprint != before:
            at = datetime.fromtimestamp(entry.acknowledged_at / 1000, UTC)
            found.versions.append(Written(at, str(entry.kind), entry.fingerprint))
        before = entry.fingerprint
    return found
