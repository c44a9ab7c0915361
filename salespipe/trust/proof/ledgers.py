"""Reading the ledgers: what was acknowledged, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import merge
from typing import Final

from salespipe.ledger import Entry, Reading
from salespipe.trust.proof.spool import Spool

HOP: Final = "ledger"
_TELL_EVERY: Final = 5000
# A batch is recorded after DynamoDB took it: each worker of a run that was cut off may have had one under way.
_BATCH: Final = 25


@dataclass
class Acknowledged:
    """What the ledgers hold: ``writes`` up to the moment asked for, and what is wrong with the files.

    ``cut_off`` is how many runs did not end themselves: of each, the last writes may be in the table and in no ledger.
    """

    writes: int = 0
    cut_off: int = 0
    damaged: int = 0
    said: list[str] = field(default_factory=list)


def spool(
    readings: Iterable[Reading], spool: Spool, until: int, progress: Callable[[str], None] = lambda _: None
) -> Acknowledged:
    """Put every entry into the spool: its fingerprint, and whether it came after ``until`` (Unix milliseconds).

    Columns: order id, fingerprint, 1 where it came later; beside these, Unix milliseconds and what chaos expects.
    """
    found = Acknowledged()
    readings = list(readings)
    writer = spool.writer(HOP)
    for entry in _in_order(readings):
        writer.add(entry.key, (entry.fingerprint, int(entry.acknowledged_at > until)), (entry.acknowledged_at,))
        if writer.count % _TELL_EVERY == 0:
            progress(f"{writer.count:,} acknowledged writes")
    writer.close()
    found.writes = writer.count
    for reading in readings:
        found.said += reading.told()
        found.damaged += sum(damage.lost for damage in reading.damage)
        found.cut_off += not reading.closed and not reading.running
    return found


def _in_order(readings: list[Reading]) -> Iterator[Entry]:
    """The entries in the order of their acknowledgement; one ledger after the other, where none overlap."""
    if len(readings) < 2 or not _overlap(readings):
        for reading in readings:
            yield from reading
    else:
        yield from merge(*readings, key=lambda entry: entry.acknowledged_at)


def _overlap(readings: list[Reading]) -> bool:
    """Whether a run began before the one before it had ended: its last modification is its last block."""
    ends = [reading.path.stat().st_mtime * 1000 for reading in readings]
    return any(end > after.header.started for end, after in zip(ends, readings[1:], strict=False))
