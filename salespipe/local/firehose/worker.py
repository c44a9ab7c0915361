"""A running delivery stream: reads shards, transforms batches, gathers them, writes objects, and then remembers."""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final

from salespipe.local.firehose.buffer import Buffer, Part
from salespipe.local.firehose.definition import Settings
from salespipe.local.firehose.objects import ObjectWriter
from salespipe.local.firehose.transform import Invoker, Origin, Outcome, Transform, batch_limit
from salespipe.local.metrics import DATA_FRESHNESS, DELIVERED_RECORDS, DELIVERY_SUCCESS, Report, unreported
from salespipe.local.record_log import Record, RecordLog

log = logging.getLogger(__name__)

_AT_ONCE: Final = 2  # invocations of one delivery stream
_READ_RECORDS: Final = 10_000
_LOOK_AGAIN: Final = 1.0  # seconds after which new shards are noticed without a record in a known one
_GLANCE: Final = 0.03  # seconds between looks while something is under way
_LONGEST_BACKOFF: Final = 30.0
_LAST_ATTEMPTS: Final = 3  # at S3, when the delivery stream is being deleted


@dataclass
class _Running:
    """A batch in the transform, which came in at ``since``."""

    since: float
    outcome: Future[Outcome]


@dataclass
class _Shard:
    """Where a delivery stream is in one shard: gathered for the transform, in it, and gathered for S3."""

    read: int
    gathered: list[Record] = field(default_factory=list)
    size: int = 0
    since: float = 0.0
    full: bool = False
    running: deque[_Running] = field(default_factory=deque)
    buffer: Buffer = field(default_factory=Buffer)
    failures: int = 0
    not_before: float = 0.0

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return not self.gathered and not self.running and self.buffer.sequence is None


class DeliveryWorker:
    """Delivers what is put into ``origin``'s shards until stopped; the position in each shard is kept in ``log``.

    ``settings`` may be replaced at any time and hold from the next batch on. ``clock`` is Unix time in seconds.
    ``report`` is told what AWS's metrics of a delivery stream tell.
    """

    def __init__(
        self,
        settings: Settings,
        origin: Origin,
        lambda_: Invoker,
        objects: ObjectWriter,
        *,
        log: RecordLog,  # noqa: A002, RUF100 (the record log, as everywhere here)
        clock: Callable[[], float],
        report: Report = unreported,
    ) -> None:
        self.settings = settings
        self._origin = origin
        self._objects = objects
        self._log = log
        self._clock = clock
        self._report = report
        self._shards: dict[str, _Shard] = {}
        self._stopping = threading.Event()
        self._last: dict[str, int] | None = None  # when draining: the last sequence to deliver of each shard
        self._transform = Transform(
            settings.arn, origin, lambda_, clock=clock, sleep=self._stopping.wait, report=report
        )
        self._pool = ThreadPoolExecutor(_AT_ONCE, f"firehose-{settings.name}-transform")
        self._thread = threading.Thread(target=self._run, name=f"firehose-{settings.name}", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self) -> None:
        """End soon; what was not yet delivered is read again next time."""
        self._stopping.set()
        self._join()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def drain(self) -> None:
        """Deliver at once all that has come in until now, and end. What S3 then refuses is lost, as on AWS."""
        self._last = {shard: self._log.last(shard) for shard in self._origin.shards()}
        self._join()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _join(self) -> None:
        while self._thread.is_alive():
            self._log.wake()
            self._thread.join(0.1)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                due = self._pass()
                if self._last is not None and self._drained(self._last):
                    return
                self._rest(due - self._clock())
            except Exception:
                log.exception("Delivery stream %s will try again.", self.settings.name)
                self._shards.clear()
                self._stopping.wait(_LOOK_AGAIN)

    def _drained(self, last: dict[str, int]) -> bool:
        return all(
            shard.idle and shard.read >= min(last.get(name, 0), self._log.last(name))
            for name, shard in self._shards.items()
        )

    def _rest(self, pause: float) -> None:
        if pause <= 0:
            return
        heads = [shard.running[0].outcome for shard in self._shards.values() if shard.running]
        if heads:
            wait(heads, min(pause, _GLANCE), FIRST_COMPLETED)
        elif any(shard.gathered or shard.not_before for shard in self._shards.values()):
            # More may come in at any moment: to wake for every record would cost more than to look now and then.
            self._stopping.wait(min(pause, _GLANCE))
        else:
            waits = {name: shard.read for name, shard in self._shards.items()}
            self._log.wait({self.settings.arn: 0, **waits}, min(pause, _LOOK_AGAIN))

    def _pass(self) -> float:
        """Give every shard its turn; when the next one is due (Unix seconds), infinity for "when a record comes"."""
        due = math.inf
        names = self._origin.shards()
        for gone in [name for name, shard in self._shards.items() if name not in names and shard.idle]:
            del self._shards[gone]
        # What was read from a shard that has gone since is still delivered.
        for name in dict.fromkeys([*names, *self._shards]):
            if name not in self._shards:
                self._shards[name] = _Shard(self._log.position(self.settings.arn, name) or 0)
            due = min(due, self._advance(name, self._shards[name], self.settings))
            if self._stopping.is_set():
                break
        return due

    def _advance(self, name: str, shard: _Shard, settings: Settings) -> float:
        now = self._clock()
        if now < shard.not_before:
            return shard.not_before
        while shard.running and shard.running[0].outcome.done():
            self._collect(shard, settings)
        due = self._deliver_if_due(name, shard, settings, now)
        processor = settings.processor
        if processor is None:
            return min(due, self._pass_through(name, shard, settings))
        self._gather(name, shard, processor.size, batch_limit(processor.size))
        if not shard.gathered:
            return due
        full = shard.full or self._last is not None
        turn = now if full else shard.since + processor.interval
        if len(shard.running) >= _AT_ONCE or turn > now:
            return min(due, turn if turn > now else math.inf)
        records, shard.gathered, shard.size, shard.full = shard.gathered, [], 0, False
        outcome = self._pool.submit(self._transform.process, name, records, processor)
        shard.running.append(_Running(shard.since, outcome))
        return now

    def _gather(self, name: str, shard: _Shard, size: int, count: int) -> None:
        """Read what there is room for in the next batch, and note whether that is all there is."""
        if shard.full:
            return
        limit = count - len(shard.gathered)
        if self._last is not None:
            limit = min(limit, self._last.get(name, 0) - shard.read)
        if limit <= 0:
            return
        records = self._log.read(name, shard.read, limit, max(1, size - shard.size))
        if not records:
            return
        if not shard.gathered:
            shard.since = self._clock()
        shard.gathered += records
        shard.size += sum(len(record.data) for record in records)
        shard.read = records[-1].sequence
        latest = self._log.last(name) <= shard.read
        shard.full = shard.size >= size or len(shard.gathered) >= count or not latest
        self._origin.read(records, self._clock(), latest=latest)

    def _pass_through(self, name: str, shard: _Shard, settings: Settings) -> float:
        """Without a transform records go straight to the buffer for S3."""
        self._gather(name, shard, settings.size, _READ_RECORDS)
        if not shard.gathered:
            return math.inf
        outcome = Outcome(shard.gathered, [record.data for record in shard.gathered], sources=shard.gathered)
        shard.buffer.add(outcome, shard.since, settings, self._clock())
        shard.gathered, shard.size, shard.full = [], 0, False
        return self._clock()

    def _collect(self, shard: _Shard, settings: Settings) -> None:
        """Take in the oldest batch in the transform, which is done."""
        done = shard.running.popleft()
        outcome = done.outcome.result()
        shard.buffer.add(outcome, done.since, settings, self._clock())
        if outcome.trouble is not None and settings.processor is not None:
            self._objects.report(settings, *outcome.trouble, settings.processor.function)

    def _deliver_if_due(self, name: str, shard: _Shard, settings: Settings, now: float) -> float:
        """Write what is full or old enough, or everything when a drain has nothing to wait for any more."""
        buffer = shard.buffer
        if buffer.sequence is None or self._stopping.is_set():
            return math.inf
        at_once = self._last is not None and not shard.running and not shard.gathered
        due = math.inf
        for key, part in list(buffer.parts.items()):
            when = part.since + settings.interval
            if not at_once and part.size < settings.size and now < when:
                due = min(due, when)
                continue
            try:
                self._objects.write(part, settings)
            except Exception as error:  # noqa: BLE001 (whatever S3 says, Firehose tries again)
                return self._put_off(shard, settings, error)
            self._tell(part)
            del buffer.parts[key]
            due = now
        if due <= now or not buffer.parts:
            self._finish(name, shard)
            return now
        return due

    def _tell(self, part: Part) -> None:
        self._report(DELIVERY_SUCCESS, 1)
        self._report(DELIVERED_RECORDS, 0 if part.error_type else len(part.data))
        self._report(DATA_FRESHNESS, max(0.0, self._clock() - part.oldest))

    def _put_off(self, shard: _Shard, settings: Settings, error: Exception) -> float:
        shard.failures += 1
        self._report(DELIVERY_SUCCESS, 0)
        self._report(DATA_FRESHNESS, max(0.0, self._clock() - shard.buffer.oldest))
        if shard.failures == 1:
            self._objects.report(settings, getattr(error, "log_code", "S3.DeliveryFailed"), str(error))
        if self._last is not None and shard.failures >= _LAST_ATTEMPTS:
            shard.buffer = Buffer()
            return self._clock()
        shard.not_before = self._clock() + min(0.1 * 2**shard.failures, _LONGEST_BACKOFF)
        return shard.not_before

    def _finish(self, name: str, shard: _Shard) -> None:
        """Remember how far everything is delivered."""
        self._log.checkpoint(self.settings.arn, name, shard.buffer.finished)
        self._origin.delivered(name, shard.buffer.oldest)
        if not shard.buffer.parts:
            shard.buffer = Buffer()
        shard.failures, shard.not_before = 0, 0.0
