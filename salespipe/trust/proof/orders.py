"""Everything that a bucket has of single orders, put together for the judge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from salespipe.ledger.fingerprint import NOTHING
from salespipe.trust.proof.bucket import Bucket
from salespipe.trust.proof.content import Content
from salespipe.trust.proof.judge import Event, Order, Sight
from salespipe.trust.proof.spool import Records


def orders(bucket: Bucket, keys: set[str]) -> Iterator[Order]:
    """The orders with these ids."""
    events: defaultdict[str, dict[str, Event]] = defaultdict(dict)
    for hop, name in ((bucket.table_stream, "stream"), (bucket.kinesis, "kinesis")):
        for key, index in _of(hop, keys):
            event_id, sequence, plain, own, created, arrived = hop.rest(index)
            sight = Sight(sequence, Content(plain, own), created / 1000, arrived / 1000)
            getattr(_event(events[key], event_id), name).append(sight)
    lake = bucket.lake
    for key, index in _of(lake, keys):
        event_id, others, number, line, created, arrived = lake.rest(index)
        plain, own = lake.column(4)[index], lake.column(5)[index]
        held = Content(plain, own, tuple(others))
        sight = Sight(lake.column(3)[index], held, created / 1000, arrived / 1000, (number, line))
        _event(events[key], event_id).lake.append(sight)
    for key, index in _of(bucket.errors, keys):
        name, event_id, sequence, plain, own, created, _ = bucket.errors.rest(index)
        event = _event(events[key], event_id)
        event.failed.append(Sight(sequence, Content(plain, own), created / 1000))
        event.failed_in.append(name)
    for key, index in _of(bucket.broken, keys):
        event_id, number, line = bucket.broken.rest(index)
        _event(events[key], event_id).broken.append((number, line))
    ledger = _ledger(bucket.ledger, keys)
    table = {
        key: Content(bucket.table.column(2)[index], bucket.table.column(1)[index])
        for key, index in _of(bucket.table, keys)
    }
    rows: defaultdict[str, int] = defaultdict(int)
    for key, _ in _of(bucket.view, keys):
        rows[key] += 1
    for key in sorted(keys):
        yield Order(key, events.get(key, {}), ledger.get(key), table.get(key), rows[key])


def _of(hop: Records, keys: set[str]) -> Iterator[tuple[str, int]]:
    return ((key, index) for index, key in enumerate(hop.column(0)) if key in keys)


def _event(events: dict[str, Event], event_id: str) -> Event:
    return events.setdefault(event_id, Event(event_id))


def _ledger(ledger: Records, keys: set[str]) -> dict[str, list[tuple[bytes, float]]]:
    """The recorded versions, none twice in a row, with the time of each."""
    found: dict[str, list[tuple[bytes, float]]] = {}
    for key, index in _of(ledger, keys):
        if ledger.column(2)[index]:
            continue
        fingerprint, (time,) = ledger.column(1)[index], ledger.rest(index)
        versions = found.setdefault(key, [])
        if (versions[-1][0] if versions else NOTHING) != fingerprint:
            versions.append((fingerprint, time / 1000))
    return found
