"""What is wrong with one order, and at which stage: all that the hops have of it, looked at event by event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from salespipe.ledger.fingerprint import NOTHING
from salespipe.trust.proof.align import align
from salespipe.trust.proof.bucket import Windows
from salespipe.trust.proof.content import Content
from salespipe.trust.proof.findings import Finding, Kind, Stage
from salespipe.trust.proof.lake import Object

_NEVER: Final = float("inf")


class _Make(Protocol):
    """Makes a finding of one event."""

    def __call__(self, kind: Kind, stage: Stage, detail: str, *, fault: bool = True) -> Finding:
        """Make it."""


@dataclass(frozen=True, slots=True)
class Sight:
    """An event as it was met at a hop; times are Unix seconds, ``place`` is an object's number and a line's."""

    sequence: str
    content: Content
    created: float
    arrived: float = 0.0
    place: tuple[int, int] = (-1, 0)


@dataclass(slots=True)
class Event:
    """One event of an order, wherever it was met.

    ``failed_in`` are the objects in which it lies as a failure, ``broken`` is where its line cannot be read.
    """

    event_id: str
    stream: list[Sight] = field(default_factory=list)
    kinesis: list[Sight] = field(default_factory=list)
    lake: list[Sight] = field(default_factory=list)
    failed: list[Sight] = field(default_factory=list)
    failed_in: list[str] = field(default_factory=list)
    broken: list[tuple[int, int]] = field(default_factory=list)

    @property
    def first(self) -> Sight | None:
        """How it was, where it was met first."""
        hops = (self.stream, self.kinesis, self.lake, self.failed)
        return next((sights[0] for sights in hops if sights), None)


@dataclass(slots=True)
class Order:
    """All that is known of one order. ``table`` and ``rows`` are None where it is not there.

    ``ledger`` are its recorded versions with the time of each, Unix seconds; None where no ledger has it.
    """

    key: str
    events: dict[str, Event]
    ledger: list[tuple[bytes, float]] | None
    table: Content | None
    rows: int


@dataclass(frozen=True, slots=True)
class Judge:
    """Says what is wrong with orders. ``pipe_late`` is how many seconds an event may take to Kinesis.

    ``waiting`` are the stages behind which what is missing may yet come. ``lent`` says that the table was there before
    the pipeline was.
    """

    windows: Windows
    objects: Sequence[Object]
    pipe_late: float
    waiting: frozenset[Stage] = frozenset()
    lent: bool = False

    def of(self, order: Order) -> tuple[list[Finding], int]:
        """The findings of an order, in the order of the stages; and how many of its versions no ledger has."""
        events = sorted((event for event in order.events.values() if event.first), key=_sequence)
        found = [
            finding for version, event in enumerate(events, 1) for finding in self._of_event(order, event, version)
        ]
        missing, unrecorded = self._of_ledger(order, events) if order.ledger is not None else ([], 0)
        found += missing
        if self.windows.table and not any(finding.stage is Stage.TABLE for finding in missing):
            found += self._of_table(order, events, lost=bool(missing))
        if self.windows.view:
            found += self._of_view(order, events)
        return found, unrecorded

    def _of_event(self, order: Order, event: Event, version: int) -> Iterator[Finding]:
        first, windows = event.first, self.windows
        assert first is not None  # noqa: S101 - those that were met nowhere are left out
        what = _event(first.content.own)

        def finding(kind: Kind, stage: Stage, detail: str, *, fault: bool = True) -> Finding:
            return Finding(
                kind=kind,
                stage=stage,
                order=order.key,
                detail=detail,
                version=version,
                event=what,
                event_id=event.event_id,
                fault=fault,
            )

        told_by_stream = first.created >= windows.table_stream
        told_by_kinesis = first.created >= windows.kinesis
        if event.stream and event.kinesis and not _same(event.kinesis[0], event.stream[0]):
            yield finding(Kind.WRONG, Stage.PIPE, "its record in Kinesis differs from the table's stream")
        if event.kinesis and told_by_stream and not event.stream:
            yield finding(Kind.UNEXPECTED, Stage.PIPE, "Kinesis has it, the table's stream does not")
        if len(event.kinesis) > 1:
            told = f"Kinesis has it {len(event.kinesis)} times"
            yield finding(Kind.DUPLICATED, Stage.PIPE, told, fault=False)
        if not event.lake:
            if not event.kinesis and windows.filtered:
                return
            yield self._undelivered(event, finding)
            return
        before = (event.kinesis or event.stream)[:1]
        for sight in event.lake:
            if before and not _same(sight, before[0]):
                yield finding(Kind.WRONG, Stage.LAKE, f"{self._where(sight)} differs from what came before it")
        if not before and told_by_stream and told_by_kinesis and not _recorded(order, first.content):
            yield finding(Kind.UNEXPECTED, Stage.LAKE, f"{self._where(first)} has it, no hop before the lake does")
        if not before and any(not _same(sight, first) for sight in event.lake):
            yield finding(Kind.WRONG, Stage.LAKE, "its lines in the lake differ from each other")
        if len(event.lake) > max(1, len(event.kinesis)):
            places = ", ".join(self._where(sight) for sight in event.lake[:3])
            told = f"the lake has it {len(event.lake)} times: {places}"
            yield finding(Kind.DUPLICATED, Stage.LAKE, told, fault=False)
        yield from self._of_delay(event, finding)

    def _undelivered(self, event: Event, finding: _Make) -> Finding:
        if event.broken:
            number, line = event.broken[0]
            return finding(Kind.WRONG, Stage.LAKE, f"line {line} of {self.objects[number].key} cannot be read")
        if event.failed:
            told = f"it failed and lies in {event.failed_in[0]}"
            return finding(Kind.LOST, Stage.TRANSFORM, told)
        if event.kinesis:
            stage, told = Stage.LAKE, "Kinesis has it, the lake does not"
        elif self.windows.kinesis == _NEVER:
            stage, told = Stage.LAKE, "the table's stream has it, the lake does not"
        else:
            stage, told = Stage.PIPE, "the table's stream has it, Kinesis does not"
        if stage in self.waiting:
            return finding(Kind.LATE, stage, f"{told} yet")
        return finding(Kind.LOST, stage, told)

    def _of_delay(self, event: Event, finding: _Make) -> Iterator[Finding]:
        first = event.first
        assert first is not None  # noqa: S101
        delivered = min(self.objects[sight.place[0]].modified for sight in event.lake)
        if delivered - first.created <= self.windows.late:
            return
        came = min((sight.arrived for sight in (*event.kinesis, *event.lake) if sight.arrived), default=None)
        if came is not None and came - first.created > self.pipe_late:
            told = f"it came to Kinesis after {came - first.created:,.0f} s"
            yield finding(Kind.LATE, Stage.PIPE, told, fault=False)
        if came is None or delivered - came > self.windows.late - self.pipe_late:
            told = f"it was delivered {delivered - (came or first.created):,.0f} s after it was " + (
                "written" if came is None else "in Kinesis"
            )
            yield finding(Kind.LATE, Stage.LAKE, told, fault=False)

    def _of_ledger(self, order: Order, events: list[Event]) -> tuple[list[Finding], int]:
        """Versions that were acknowledged and became no event, and how many events no ledger has."""
        assert order.ledger is not None  # noqa: S101
        contents = [event.first.content for event in events if event.first]
        lost, extra = align([fingerprint for fingerprint, _ in order.ledger], contents)
        found = []
        for place in lost:
            fingerprint, time = order.ledger[place]
            told = time >= self.windows.table_stream
            stage = Stage.TABLE if told else Stage.LAKE
            detail = (
                "it was acknowledged, and the table's stream never had it"
                if told
                else "it was acknowledged, and is not in the lake; the streams do not reach back to it"
            )
            kind = Kind.LOST
            if not told and (near := _unmatched(events, extra)):
                kind, detail = Kind.WRONG, f"{self._where(near.lake[0])} differs from what was acknowledged"
                extra.remove(events.index(near))
            found.append(
                Finding(
                    kind=kind,
                    stage=stage,
                    order=order.key,
                    detail=detail,
                    version=place + 1,
                    event=_event(fingerprint),
                )
            )
        return found, len(extra)

    def _of_table(self, order: Order, events: list[Event], *, lost: bool) -> Iterator[Finding]:
        """Whether the order as the table has it is what it was last made."""

        def finding(kind: Kind, stage: Stage, detail: str, *, fault: bool = True) -> Finding:
            return Finding(kind=kind, stage=stage, order=order.key, detail=detail, fault=fault)

        last = events[-1].first if events else None
        held = order.table
        if order.ledger and (lost or last is None):
            # What was acknowledged last is what is to be there, whether it became an event or not.
            fingerprint = order.ledger[-1][0]
            if held is None and fingerprint != NOTHING:
                yield finding(Kind.LOST, Stage.TABLE, "it was acknowledged, and is not in the table")
            elif held is not None and not held.may_be(fingerprint) and not (last and last.content.same(held)):
                yield finding(Kind.WRONG, Stage.TABLE, "the table has something else than was acknowledged last")
            return
        if last is None:
            if held is not None:
                told = "the table has it, and no hop behind it does"
                if self.lent:
                    told = f"{told}; it may be older than the table's stream"
                yield finding(Kind.UNEXPECTED if self.lent else Kind.LOST, Stage.LAKE, told, fault=not self.lent)
            return
        gone = last.content.own == NOTHING
        sure = last.created >= self.windows.table_stream or _recorded(order, last.content)
        if held is None:
            if not gone:
                told = "its last event is no delete, and the table does not have it"
                yield finding(Kind.LOST, Stage.TABLE if sure else Stage.LAKE, told)
        elif gone:
            told = "its last event is a delete, and the table has it"
            yield finding(Kind.UNEXPECTED, Stage.TABLE if sure else Stage.LAKE, told)
        elif not last.content.same(held):
            told = "the table has something else than its last event"
            yield finding(Kind.WRONG, Stage.TABLE if sure else Stage.LAKE, told)

    def _of_view(self, order: Order, events: list[Event]) -> Iterator[Finding]:
        """Whether the view shows the order once if its newest line in the lake is no tombstone, and else not."""

        def finding(kind: Kind, detail: str) -> Finding:
            return Finding(kind=kind, stage=Stage.VIEW, order=order.key, detail=detail)

        lines = [sight for event in events for sight in event.lake]
        newest = max(lines, key=lambda sight: sight.sequence, default=None)
        there = newest is not None and newest.content.own != NOTHING
        if there and not order.rows:
            yield finding(Kind.LOST, "the lake has it, the view does not show it")
        elif order.rows and not there:
            yield finding(Kind.UNEXPECTED, "the view shows it, the lake does not have it")
        elif order.rows > 1:
            yield finding(Kind.DUPLICATED, f"the view shows it {order.rows} times")

    def _where(self, sight: Sight) -> str:
        number, line = sight.place
        return f"line {line} of {self.objects[number].key}" if number >= 0 else "a stream"


def _event(fingerprint: bytes) -> str:
    return "delete" if fingerprint == NOTHING else "write"


def _same(one: Sight, other: Sight) -> bool:
    """Whether two hops have the same of an event; its time is whole seconds, as DynamoDB gives it."""
    same = one.sequence == other.sequence and int(one.created) == int(other.created)
    return same and one.content.same(other.content)


def _sequence(event: Event) -> str:
    first = event.first
    return first.sequence if first else ""


def _recorded(order: Order, content: Content) -> bool:
    return any(content.may_be(fingerprint) for fingerprint, _ in order.ledger or ())


def _unmatched(events: list[Event], extra: list[int]) -> Event | None:
    """An event that only the lake has and no ledger does."""
    only = (events[place] for place in extra)
    return next((event for event in only if event.lake and not event.kinesis and not event.stream), None)
