"""The log events that moto 5.2.5 keeps, for a search of our own, and ids for them that are not used twice.

Touched here, each with a test in tests/local/test_logs.py: ``LogsBackend.groups``, in them ``streams`` and their
``events``, and ``LogEvent._event_id``, which numbers events anew in every process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from moto.backends import get_backend

from salespipe.local.data_folder import ACCOUNT


class StoredEvent(NamedTuple):
    """An event as it is kept, in the order in which it is found; times are Unix milliseconds."""

    timestamp: int
    number: int
    stream: str
    ingested: int
    message: str


def streams_of(region: str, group: str) -> Mapping[str, Any] | None:
    """The streams of a log group by name, None where there is no such group."""
    found = get_backend("logs")[ACCOUNT][region].groups.get(group)
    return None if found is None else found.streams


def stored(streams: Mapping[str, Any], names: list[str], start: int, end: int) -> Iterator[StoredEvent]:
    """The events of these streams whose time is from ``start`` to ``end``, both included, in no order.

    Streams may grow or be trimmed meanwhile: what is walked through is a copy.
    """
    for name in names:
        for event in list(streams[name].events):
            if start <= event.timestamp <= end:
                yield StoredEvent(event.timestamp, event.event_id, name, event.ingestion_time, event.message)


def number_from(first: int) -> None:
    """Number events from ``first`` on, unless they are further already."""
    from moto.logs.models import LogEvent

    LogEvent._event_id = max(LogEvent._event_id, first)  # noqa: SLF001 - moto's counter, which begins at 0 each time
