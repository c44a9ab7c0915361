"""Comparing what all hops have of some orders: which orders differ anywhere, without a look at each of them.

Two hops with the same events have the same set of digests, so that sets, which Python compares in C, tell at once that
there is nothing to say. Digests are of the order, the event and its content: equal counts could hide a lost event and a
doubled one, equal sets cannot. What the hops have of single orders is only compared where it must be: the ledger, which
knows no events, with the lake; and what is current in the lake with the table and the view.
"""

from __future__ import annotations

from collections import Counter
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
    take to the lake. ``table`` and ``view`` say whether these were read, ``filtered`` that the pipe drops events on
    purpose.
    """

    cut: int
    table_stream: float = _NEVER
    kinesis: float = _NEVER
    late: float = _NEVER
    table: bool = True
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
    newest = _Newest.of(bucket.lake)
    _compare_versions(bucket, windows, found, newest)
    _compare_current(bucket, windows, found, newest)
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


@dataclass
class _Newest:
    """What is newest of each order in the lake, by order: its place, and its columns; ``several`` has all places."""

    hop: Records
    place: dict[str, int]
    plain: dict[str, bytes]
    row: dict[str, int]
    several: dict[str, list[int]]

    @classmethod
    def of(cls, hop: Records) -> _Newest:
        keys, plain, rows = hop.column(0), hop.column(4), hop.column(6)
        newest = cls(hop, dict(zip(keys, range(len(keys)), strict=True)), {}, {}, {})
        newest.plain, newest.row = dict(zip(keys, plain, strict=True)), dict(zip(keys, rows, strict=True))
        if len(newest.place) == len(keys):
            return newest
        newest.several = {key: [] for key, count in Counter(keys).items() if count > 1}
        for place, key in enumerate(keys):
            if key in newest.several:
                newest.several[key].append(place)
        for key, places in newest.several.items():
            places.sort(key=hop.column(3).__getitem__)
            place = newest.place[key] = places[-1]
            newest.plain[key], newest.row[key] = plain[place], rows[place]
        return newest

    def other(self, key: str, fingerprint: bytes) -> bool:
        """Whether an order is not what has that fingerprint, whichever of its own it is."""
        place = self.place.get(key)
        return place is None or fingerprint not in {self.plain[key], self.hop.column(5)[place]}


def _compare_versions(bucket: Bucket, windows: Windows, found: Compared, newest: _Newest) -> None:
    """Whether the lake has each version that the ledgers have, and no more than these."""
    keys, fingerprints, plain = bucket.ledger.column(0), bucket.ledger.column(1), bucket.lake.column(4)
    if any(bucket.ledger.column(2)):  # their orders are not compared
        pairs = [pair for pair in zip(keys, fingerprints, strict=True) if pair[0] not in found.moving]
        keys, fingerprints = [key for key, _ in pairs], [fingerprint for _, fingerprint in pairs]
    known = set(keys)
    several = newest.several
    if len(known) == len(keys):
        singles = zip(keys, fingerprints, strict=True)
        versions: dict[str, Versions] = {}
    else:
        versions = {key: [] for key, count in Counter(keys).items() if count > 1}
        pairs = list(zip(keys, fingerprints, strict=True))
        for key, fingerprint in pairs:
            if key in versions and (versions[key][-1] if versions[key] else NOTHING) != fingerprint:
                versions[key].append(fingerprint)
        singles = ((key, fingerprint) for key, fingerprint in pairs if key not in versions)  # type: ignore[assignment]
    get = newest.plain.get
    differing = [key for key, fingerprint in singles if get(key) != fingerprint and _odd(key, fingerprint, newest)]
    found.differing.update(differing, (several.keys() & known) - versions.keys())
    for key, acknowledged in versions.items():
        places = several.get(key) or ([newest.place[key]] if key in newest.place else [])
        if [plain[place] for place in places] != acknowledged and not _fit(places, acknowledged, bucket.lake):
            found.differing.add(key)
    unrecorded = newest.place.keys() - known - found.moving
    found.unrecorded = len(unrecorded)
    times = bucket.lake.column(2)
    if unrecorded and times and min(times) < windows.table_stream:
        old = {key for key, time in zip(bucket.lake.column(0), times, strict=True) if time < windows.table_stream}
        found.unproven = len(old & unrecorded)


def _odd(key: str, fingerprint: bytes, newest: _Newest) -> bool:
    """Whether the one version of an order is not what the lake has; a delete of what never was is nowhere."""
    return newest.other(key, fingerprint) and not (fingerprint == NOTHING and key not in newest.place)


def _fit(places: list[int], versions: Versions, lake: Records) -> bool:
    """Whether events have these fingerprints, in that order, counting those that an item may have besides."""
    own, plain = lake.column(5), lake.column(4)
    return len(places) == len(versions) and all(
        version in {own[place], plain[place]} for place, version in zip(places, versions, strict=True)
    )


def _compare_current(bucket: Bucket, windows: Windows, found: Compared, newest: _Newest) -> None:
    """Whether the table and the view have what is newest in the lake, and nothing else."""
    there = newest.plain.keys()
    if NOTHING in newest.plain.values():
        there = {key for key, plain in newest.plain.items() if plain != NOTHING}  # type: ignore[assignment]
    keys, differing = bucket.table.column(0), found.differing
    if windows.table:
        differing |= there ^ set(keys)
        plain, get = bucket.table.column(2), newest.plain.get
        differing.update(
            keys[place]
            for place in [place for place, key in enumerate(keys) if get(key) != plain[place]]
            if newest.other(keys[place], bucket.table.column(1)[place])
        )
    found.orders = len(newest.place.keys() | set(keys).union(bucket.ledger.column(0), differing))
    if not windows.view:
        return
    rows = bucket.view.column(0)
    in_view = set(rows)
    differing |= there ^ in_view
    if len(in_view) != len(rows):
        differing.update(key for key, count in Counter(rows).items() if count > 1)
    shown = newest.row.get
    for row, (key, digest) in enumerate(zip(rows, bucket.view.column(1), strict=True)):
        if shown(key) != digest and key in there:
            found.shown[key] = newest.place[key], row
