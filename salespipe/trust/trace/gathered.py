"""Everything that was met of one order so far, by event, and how it fits what the ledgers and the table have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from salespipe.trust.proof.align import pairs
from salespipe.trust.proof.content import Content
from salespipe.trust.trace.model import Change, Failure, Line, Record, Version, Written


@dataclass(slots=True)
class Event:
    """One change, wherever it was met."""

    change: Change
    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    lines: dict[tuple[str, int], Line] = field(default_factory=dict)
    failures: dict[tuple[str, int], Failure] = field(default_factory=dict)
    row: dict[str, Any] = field(default_factory=dict)


class Gathered:
    """The events of one order, kept from look to look."""

    def __init__(self) -> None:
        self._events: dict[str, Event] = {}

    def of(self, change: Change) -> Event:
        """The event of a change, which may have been met before."""
        return self._events.setdefault(change.event_id, Event(change))

    def events(self) -> list[Event]:
        """All of them, in the order in which they happened: sequence numbers rise for each key."""
        return sorted(self._events.values(), key=lambda event: int(event.change.sequence))

    def keys(self) -> list[str]:
        """The names of all objects that have the order."""
        return list(dict.fromkeys(key for event in self.events() for key, _ in event.lines))

    def matched(self, written: Sequence[Written]) -> dict[int, int]:
        """Which event each write that was acknowledged became, by their places."""
        contents = [event.change.content for event in self.events()]
        return dict(pairs([each.fingerprint for each in written], contents))

    def unmatched(self, written: Sequence[Written]) -> list[Written]:
        """The writes of which no event was met."""
        found = self.matched(written)
        return [each for place, each in enumerate(written) if place not in found]

    def whole(self, written: Sequence[Written], item: Content | None, *, known: bool) -> bool:
        """Whether nothing is missing that is known of: from the order's beginning to what the table has now.

        ``item`` is what the table has, ``known`` whether that could be read.
        """
        events = self.events()
        if not events or events[0].change.kind != "INSERT" or self.unmatched(written):
            return False
        if not known:
            return True
        newest = events[-1].change
        return newest.kind == "REMOVE" if item is None else newest.kind != "REMOVE" and newest.content.same(item)

    def versions(self, written: Sequence[Written], item: Content | None, moment: datetime) -> list[Version]:
        """Every version of the order, oldest first; writes of which nothing was met stand where they belong in time.

        What the table has and nobody has met is a version of its own, seen at ``moment``.
        """
        events, places = self.events(), self.matched(written)
        by_event = {event: write for write, event in places.items()}
        made: list[Version] = []
        waiting = [place for place in range(len(written)) if place not in places]
        for number, event in enumerate(events):
            own = by_event.get(number)
            while waiting and own is not None and waiting[0] < own:
                made.append(Version(0, written[waiting.pop(0)], overtaken=True))
            made.append(
                Version(
                    0,
                    written[own] if own is not None else None,
                    event.change,
                    sorted(event.records.values(), key=lambda record: record.at),
                    sorted(event.lines.values(), key=lambda line: (line.at, line.key, line.line)),
                    list(event.failures.values()),
                )
            )
        made += [Version(0, written[place]) for place in waiting]
        if item is not None and not _is_newest(item, made):
            made.append(Version(0, seen=moment))
        for number, version in enumerate(made, 1):
            version.number = number
        return made


def _is_newest(item: Content, versions: Sequence[Version]) -> bool:
    """Whether the newest version is what the table has."""
    if not versions:
        return False
    newest = versions[-1]
    if newest.change is None:
        return newest.written is not None and item.may_be(newest.written.fingerprint)
    return newest.change.kind != "REMOVE" and newest.change.content.same(item)
