"""A running pipe: one thread that reads the source's shards in order, filters, transforms, delivers and remembers."""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from salespipe.local.event_pattern import compile_pattern
from salespipe.local.metrics import PIPE_EVENTS, PIPE_FAILED, PIPE_PARTIALLY_FAILED, Report, unreported
from salespipe.local.pipes.definition import patterns, source_parameters
from salespipe.local.pipes.input_template import InputTemplate
from salespipe.local.pipes.log_records import Executed, unlogged
from salespipe.local.pipes.sources import Source, iso
from salespipe.local.pipes.targets import Event, Target
from salespipe.local.record_log import Record, RecordLog
from salespipe.local.store import Store, disk_trouble

log = logging.getLogger(__name__)

_CHUNK_RECORDS: Final = 5_000
_CHUNK_BYTES: Final = 6 * 2**20  # what one batch of a pipe may hold
_LOOK_AGAIN: Final = 1.0  # seconds after which new shards are noticed without a record in a known one
_GLANCE: Final = 0.03  # seconds between looks while a batch is gathering
_LONGEST_BACKOFF: Final = 30.0

DeadLetters = Callable[[str, str, Sequence[Record]], None]
"""Takes (shard, condition, records) that were given up."""


@dataclass
class _Attempt:
    """Events that are delivered together; ``tries`` counts the failures of exactly these."""

    events: list[Event]
    tries: int = 0


@dataclass
class _Shard:
    """Where a pipe is in one shard: ``read`` is the sequence it has taken in, up to and with ``pending``."""

    read: int
    taken: int
    pending: list[Record] = field(default_factory=list)
    work: deque[_Attempt] = field(default_factory=deque)
    not_before: float = 0.0


class PipeWorker:
    """Moves events from ``source`` to ``target`` until stopped; the position in each shard is kept in ``log``.

    Delivery is at least once: the position moves on after the delivery, in the same transaction where the target is
    in our own store. ``clock`` is Unix time in seconds. ``report`` is told what AWS's metrics of a pipe tell,
    ``executed`` what its log does.
    """

    def __init__(
        self,
        definition: Mapping[str, Any],
        source: Source,
        target: Target,
        dead_letters: DeadLetters,
        *,
        store: Store,
        log: RecordLog,  # noqa: A002, RUF100 (the record log, as everywhere here)
        clock: Callable[[], float],
        report: Report = unreported,
        executed: Executed = unlogged,
    ) -> None:
        self._arn: str = definition["Arn"]
        self._report = report
        self._executed = executed
        self._source = source
        self._target = target
        self._dead_letters = dead_letters
        self._store = store
        self._log = log
        self._clock = clock
        parameters = source_parameters(definition)
        self._batch_size: int = parameters["BatchSize"]
        self._window: float = parameters["MaximumBatchingWindowInSeconds"]
        self._max_tries: int = parameters["MaximumRetryAttempts"]
        self._max_age: float = parameters["MaximumRecordAgeInSeconds"]
        self._bisect = parameters.get("OnPartialBatchItemFailure") == "AUTOMATIC_BISECT"
        self._filters = [compile_pattern(pattern) for pattern in patterns(definition)]
        template = definition["TargetParameters"].get("InputTemplate")
        self._template = InputTemplate(template) if template else None
        self._reserved = {
            "aws.pipes.pipe-arn": self._arn,
            "aws.pipes.pipe-name": definition["Name"],
            "aws.pipes.source-arn": definition["Source"],
            "aws.pipes.target-arn": definition["Target"],
        }
        self._decodes = bool(self._filters or self._template or target.needs_document)
        self._shards: dict[str, _Shard] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pipe-{definition['Name']}", daemon=True)

    def start(self) -> None:
        """Begin to move events."""
        self._thread.start()

    def stop(self) -> None:
        """End after the delivery in progress, and wait for that; what was not delivered is read again next time."""
        self._stopping.set()
        while self._thread.is_alive():
            self._log.wake()
            self._thread.join(0.1)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                due = self._pass()
                self._rest(due - self._clock())
            except Exception:
                log.exception("Pipe %s will try again.", self._arn)
                self._shards.clear()
                self._stopping.wait(_LOOK_AGAIN)

    def _rest(self, pause: float) -> None:
        if pause <= 0:
            return
        if any(shard.pending for shard in self._shards.values()):
            # More may come in at any moment: to wake for every record would cost more than to look now and then.
            self._stopping.wait(min(pause, _GLANCE))
        else:
            self._log.wait(self._waits(), min(pause, _LOOK_AGAIN))

    def _waits(self) -> dict[str, int]:
        """What a new record of is worth waking for; the pipe's own name is there to be woken by ``stop``."""
        waits = {name: shard.taken for name, shard in self._shards.items() if self._hungry(shard)}
        return {self._arn: 0, **waits}

    def _hungry(self, shard: _Shard) -> bool:
        return not shard.work and len(shard.pending) < self._batch_size

    def _pass(self) -> float:
        """Give every shard its turn; when the next one is due (Unix seconds), infinity for "when a record comes"."""
        names = self._source.streams.shards(self._source.arn)
        due = math.inf
        for name in names:
            if name not in self._shards:
                position = self._log.position(self._arn, name) or 0
                self._shards[name] = _Shard(position, position)
            due = min(due, self._advance(name, self._shards[name]))
            if self._stopping.is_set():
                break
        for gone in self._shards.keys() - set(names):
            del self._shards[gone]
        return due

    def _advance(self, name: str, shard: _Shard) -> float:
        if shard.work:
            if self._clock() >= shard.not_before:
                self._attempt(name, shard)
            return shard.not_before
        if self._hungry(shard):
            wanted = max(_CHUNK_RECORDS, self._batch_size) - len(shard.pending)
            shard.pending += self._log.read(name, shard.taken, wanted, _CHUNK_BYTES)
        if not shard.pending:
            return math.inf
        shard.taken = shard.pending[-1].sequence
        full = len(shard.pending) >= self._batch_size
        due = shard.pending[0].arrived + self._window
        if not full and self._clock() < due:
            return due
        self._begin(name, shard)
        return 0.0

    def _begin(self, name: str, shard: _Shard) -> None:
        """Turn what is pending into work."""
        events = self._events(name, shard.pending)
        shard.pending = []
        shard.read = shard.taken
        size = len(events) if self._target.transactional else self._batch_size
        shard.work.extend(_Attempt(events[start : start + size]) for start in range(0, len(events), max(size, 1)))
        shard.not_before = 0.0
        if not events:
            self._log.checkpoint(self._arn, name, shard.read)

    def _events(self, name: str, records: Sequence[Record]) -> list[Event]:
        """The records that pass the filters, as the target gets them."""
        events: list[Event] = []
        for record in records:
            body = self._source.event(name, record)
            if not self._decodes:
                events.append(Event(record, body))
                continue
            try:
                document = self._source.document(body)
            except msgspec.DecodeError:
                document = None
            if self._filters and not any(matches(document) for matches in self._filters):
                continue
            if self._template:
                reserved = {**self._reserved, "aws.pipes.event.ingestion-time": iso(record.arrived)}
                body = self._template.render(document, reserved)
            events.append(Event(record, body, document))
        return events

    def _attempt(self, name: str, shard: _Shard) -> None:
        """Deliver the first of the shard's attempts, once."""
        attempt = shard.work[0]
        if self._drop_expired(name, shard, attempt):
            return
        failed = self._deliver(name, shard, attempt.events)
        shard.work.popleft()
        shard.not_before = 0.0
        if not failed:
            return
        backoff = min(0.2 * 2**attempt.tries, _LONGEST_BACKOFF)
        retries = self._retries([attempt.events[index] for index in failed], attempt.tries)
        if retries:
            shard.work.extendleft(reversed(retries))
            shard.not_before = self._clock() + backoff
        else:
            self._give_up(name, shard, "RetryAttemptsExhausted", [attempt.events[index] for index in failed])

    def _drop_expired(self, name: str, shard: _Shard, attempt: _Attempt) -> bool:
        """Give up the events that have become too old; whether none is left."""
        if self._max_age < 0:
            return False
        oldest = self._clock() - self._max_age
        expired = [event for event in attempt.events if event.record.arrived < oldest]
        if expired:
            attempt.events = attempt.events[len(expired) :]  # arrival times of a shard never go back
            if not attempt.events:
                shard.work.popleft()
            self._give_up(name, shard, "RecordAgeExceeded", expired)
        return not attempt.events

    def _deliver(self, name: str, shard: _Shard, events: list[Event]) -> Sequence[int]:
        """The indexes of what failed. When nothing did, the position moves on."""
        began = self._clock()
        failed, error = self._try(name, shard, events)
        self._executed(began, len(events), len(failed), error)
        self._report(PIPE_EVENTS, len(events))
        self._report(PIPE_FAILED, int(len(failed) == len(events)))
        self._report(PIPE_PARTIALLY_FAILED, int(0 < len(failed) < len(events)))
        return failed

    def _try(self, name: str, shard: _Shard, events: list[Event]) -> tuple[Sequence[int], Exception | None]:
        together: AbstractContextManager[object] = self._store.write() if self._target.transactional else nullcontext()
        try:
            with together:
                failed = self._target.deliver(events)
                if not failed:
                    self._log.checkpoint(self._arn, name, _finished(shard, 1))
        except Exception as error:
            if disk_trouble(error):
                raise  # not the target's fault: it must not use up the events' tries
            log.warning("Pipe %s could not deliver %d events: %s", self._arn, len(events), error)
            return range(len(events)), error
        return failed, None

    def _retries(self, events: list[Event], tries: int) -> list[_Attempt]:
        """How failed events are tried again: halved when bisecting, which counts as no try; empty to give up."""
        if len(events) > self._batch_size:
            size = self._batch_size
        elif self._bisect and len(events) > 1:
            size = (len(events) + 1) // 2
        else:
            exhausted = 0 <= self._max_tries <= tries
            return [] if exhausted else [_Attempt(events, tries + 1)]
        return [_Attempt(events[start : start + size], tries) for start in range(0, len(events), size)]

    def _give_up(self, name: str, shard: _Shard, condition: str, events: list[Event]) -> None:
        for start in range(0, len(events), self._batch_size):
            self._dead_letters(name, condition, [event.record for event in events[start : start + self._batch_size]])
        self._log.checkpoint(self._arn, name, _finished(shard, 0))


def _finished(shard: _Shard, done: int) -> int:
    """The sequence up to which nothing is left to do, when the first ``done`` attempts are."""
    if len(shard.work) > done:
        return shard.work[done].events[0].record.sequence - 1
    return shard.read
