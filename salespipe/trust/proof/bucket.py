"""Comparing what all hops have of some orders: which orders differ anywhere, without a look at each of them.

Two hops with the same events have the same set of digests, so that sets, which Python compares in C, tell at once that
there is nothing to say. Digests are of the order, the event and its content: equal counts could hide a lost event and a
doubled one, equal sets cannot. What the hops have of single orders is only compared where it must be: the ledger, which
knows no events, with the lake; and what is current in the lake with the table and the view.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from salespipe.ledger.fingerprint import NOTHING
from salespipe.trust.proof import events, lake, ledgers, table, view
from salespipe.trust.proof.spool import Records, Spool

Versions = list[bytes]
_NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Windows:
    """What can be compared, Unix time in seconds.

    ``cut`` is when reading began: what was written later is not compared. The streams are complete from
    ``table_stream`` and ``kinesis`` on, infinity where they were not read. ``late`` is how many seconds an event may
    take to the lake. ``view`` says whether that was read, ``filtered`` that the pipe drops events on purpose.
    """

    cut: int
    table_stream: float = _NEVER
    kinesis: float = _NEVER
    late: float = _NEVER
    view: bool = True
    filtered: bool = False


@dataclass
class Bucket:
    """All that the hops have of some orders."""

    table_stream: Records
    kinesis: Records
    lake: Records
    errors: Records
    broken: Records
    ledger: Records
    table: Records
    view: Records

    @classmethod
    def load(cls, spool: Spool, number: int) -> Bucket:
        """One bucket of the spool."""
        hops = (events.TABLE_STREAM, events.KINESIS, lake.HOP, lake.ERRORS, lake.BROKEN)
        return cls(*(spool.read(hop, number) for hop in (*hops, ledgers.HOP, table.HOP, view.HOP)))


@dataclass
class Compared:
    """What was found out about a bucket.

    ``orders`` is how many orders there are, ``moving`` those that were written meanwhile and so are not compared.
    ``differing`` have something to be said of them. ``shown`` are those whose row in the view has another digest than
    the lake: the place of the record in the lake and of the row in the view, by order. ``unrecorded`` are orders that
    no ledger has, ``unproven`` those of them with events that are older than the table's stream.
    """

    orders: int = 0
    moving: set[str] = field(default_factory=set)
    differing: set[str] = field(default_factory=set)
    shown: dict[str, tuple[int, int]] = field(default_factory=dict)
    unrecorded: int = 0
    unproven: int = 0


def compare(bucket: Bucket, windows: Windows) -> Compared:
    """Find the orders in a bucket of which something is to be said."""
    found = Compared(moving=_moving(bucket, windows.cut))
    differing = found.differing
    differing.update(bucket.errors.column(0), bucket.broken.column(0))
    _compare_events(bucket, windows, differing)
    delays = bucket.lake.column(7)
    if delays and max(delays) > windows.late:
        differing.update(key for key, delay in zip(bucket.lake.column(0), delays, strict=True) if delay > windows.late)
    current = _compare_versions(bucket, windows, found)
    _compare_current(bucket, windows, found, current)
    differing -= found.moving
    for key in found.moving & found.shown.keys():
        del found.shown[key]
    return found


def _moving(bucket: Bucket, cut: int) -> set[str]:
    """The orders that were written after the cut, as far as any hop knows."""
    moving: set[str] = set()
    for hop, place in ((bucket.table_stream, 2), (bucket.kinesis, 2), (bucket.lake, 2)):
        times = hop.column(place)
        if times and max(times) >= cut:
            moving.update(key for key, time in zip(hop.column(0), times, strict=True) if time >= cut)
    if any(bucket.ledger.column(2)):
        moving.update(key for key, later in zip(bucket.ledger.column(0), bucket.ledger.column(2), strict=True) if later)
    return moving


def _compare_events(bucket: Bucket, windows: Windows, differing: set[str]) -> None:
    """Hop by hop: whether each has the events of the one before it, each once."""
    written, came, delivered = bucket.table_stream, bucket.kinesis, bucket.lake
    in_stream, in_kinesis, in_lake = set(written.column(1)), set(came.column(1)), set(delivered.column(1))
    for hop, digests in ((came, in_kinesis), (delivered, in_lake)):
        if len(digests) != hop.count:
            differing.update(_twice(hop))
    if windows.kinesis != _NEVER and not windows.filtered:
        differing.update(_of(written, in_stream - in_kinesis, windows.kinesis))
    if windows.table_stream != _NEVER:
        differing.update(_of(came, in_kinesis - in_stream, windows.table_stream))
    if windows.kinesis == _NEVER and not windows.filtered:
        differing.update(_of(written, in_stream - in_lake, 0))
    differing.update(_of(came, in_kinesis - in_lake, 0))
    if windows.kinesis != _NEVER:
        differing.update(_of(delivered, in_lake - in_kinesis, windows.kinesis))


def _of(hop: Records, digests: set[int], since: float) -> Iterable[str]:
    """The orders of some of a hop's events, if these are not older than that."""
    if not digests:
        return ()
    records = zip(hop.column(0), hop.column(1), hop.column(2), strict=True)
    return [key for key, digest, time in records if digest in digests and time >= since]


def _twice(hop: Records) -> set[str]:
    """The orders that have an event more than once."""
    seen: set[int] = set()
    twice: set[str] = set()
    for key, digest in zip(hop.column(0), hop.column(1), strict=True):
        if digest in seen:
            twice.add(key)
        seen.add(digest)
    return twice


def recorded(bucket: Bucket) -> dict[str, Versions]:
    """What the ledgers have of each order: its versions, none twice in a row, since DynamoDB tells of changes only."""
    found: dict[str, Versions] = {}
    for key, fingerprint, later in zip(*(bucket.ledger.column(place) for place in (0, 1, 2)), strict=True):
        if later:
            continue
        versions = found.get(key)
        if versions is None:
            found[key] = [] if fingerprint == NOTHING else [fingerprint]
        elif (versions[-1] if versions else NOTHING) != fingerprint:
            versions.append(fingerprint)
    return found


def _compare_versions(bucket: Bucket, windows: Windows, found: Compared) -> dict[str, int]:
    """Whether the lake has each version that the ledgers have; the place of what is newest in the lake, by order."""
    keys, sequences = bucket.lake.column(0), bucket.lake.column(3)
    plain, own = bucket.lake.column(4), bucket.lake.column(5)
    newest: dict[str, int] = {}
    several: dict[str, list[int]] = {}
    for place, key in enumerate(keys):
        if key in newest:
            several.setdefault(key, [newest[key]]).append(place)
        newest[key] = place
    for key, places in several.items():
        places.sort(key=sequences.__getitem__)
        newest[key] = places[-1]
    expected = recorded(bucket)
    for key, versions in expected.items():
        places = several.get(key) or ([newest[key]] if key in newest else [])
        if len(places) != len(versions) or any(
            plain[place] != version and own[place] != version for place, version in zip(places, versions, strict=True)
        ):
            found.differing.add(key)
    _count_unrecorded(bucket, windows, found, newest.keys() - expected.keys())
    return newest


def _count_unrecorded(bucket: Bucket, windows: Windows, found: Compared, keys: set[str]) -> None:
    found.unrecorded = len(keys)
    times = bucket.lake.column(2)
    if keys and times and min(times) < windows.table_stream:
        old = {key for key, time in zip(bucket.lake.column(0), times, strict=True) if time < windows.table_stream}
        found.unproven = len(old & keys)


def _compare_current(bucket: Bucket, windows: Windows, found: Compared, newest: dict[str, int]) -> None:
    """Whether the table and the view have what is newest in the lake, and nothing else."""
    plain, own, shown = bucket.lake.column(4), bucket.lake.column(5), bucket.lake.column(6)
    there = {key for key, place in newest.items() if own[place] != NOTHING}
    in_table = set(bucket.table.column(0))
    differing = found.differing
    differing |= there ^ in_table
    for key, item, item_plain in zip(*(bucket.table.column(place) for place in (0, 1, 2)), strict=True):
        place = newest.get(key)
        if place is not None and plain[place] != item_plain and own[place] != item:
            differing.add(key)
    found.orders = len(in_table | newest.keys() | set(bucket.ledger.column(0)) | set(bucket.table_stream.column(0)))
    if not windows.view:
        return
    rows = bucket.view.column(0)
    in_view = set(rows)
    differing |= there ^ in_view
    if len(in_view) != len(rows):
        seen: set[str] = set()
        differing.update(key for key in rows if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    for row, (key, digest) in enumerate(zip(rows, bucket.view.column(1), strict=True)):
        place = newest.get(key)
        if place is not None and shown[place] != digest and own[place] != NOTHING:
            found.shown[key] = place, row
