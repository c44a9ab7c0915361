"""What happens in the pipeline now, asked of AWS: the stream, the stages' figures, the reference data, what failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from salespipe.flow import snapshot as flow
from salespipe.flow.delays import AwsTime, utc_now
from salespipe.flow.snapshot import Stage, Verdict
from salespipe.watch.fetched import Fetched, Measured, Opened, Progress, Records, Stocked
from salespipe.watch.model import Window
from salespipe.watch.moments import milliseconds
from salespipe.watch.reader import Pace, Reader, described
from salespipe.watch.sights import Products, Quarantine, objects
from salespipe.watch.windows import Edges

if TYPE_CHECKING:
    from salespipe.aws import Aws

# CloudWatch on AWS has a figure for each minute, and charges each time that it tells it.
_MEASURE_SECONDS: Final = {"aws": 60.0, "local": 2.0}
_STOCK_SECONDS: Final = {"aws": 15.0, "local": 2.0}
# What is on hand needs all orders since the last deliveries, where those are not too long ago.
_DELIVERIES: Final = timedelta(hours=6)
# AWS's Date is of whole seconds, and was true when it was sent: within this, our own clock is as good, and finer.
_AGREES: Final = timedelta(seconds=2)
_MILLISECOND: Final = 1000
_STREAM: Final = "stream"


class Live:
    """A ``Source``. ``reach`` makes the way to AWS, or raises ``SalespipeError``; it is called anew after a failure.

    ``reader`` is how the stream is read: asked, or pushed by enhanced fan-out.
    The stream is read from two windows back, for the window before, and from the last deliveries on where they are not
    older than six hours. Where the stream keeps less, from its beginning.
    """

    def __init__(
        self,
        reach: Callable[[], Aws],
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime] = utc_now,
        reader: type[Reader] = Reader,
    ) -> None:
        self._reach = reach
        self._reader = reader
        self._clock = clock
        self._utc_now = now
        self._time = AwsTime(clock, now)
        self._aws: Aws | None = None
        self._pace: Pace | None = None
        self._created: datetime | None = None
        self._retention = timedelta(0)
        self._readers: dict[int, tuple[datetime, Reader]] = {}
        self._run = 0
        self._turn = 0
        self._read_old: datetime | None = None
        self._products = Products()
        self._quarantine = Quarantine()
        self._measure_at = self._stock_at = clock()

    def take(self, window: Window) -> Iterator[Fetched]:
        """What there is now, each as it comes."""
        if self._aws is None:
            aws = self._reach()
            yield from self._open(aws, window)
            self._aws = aws
        elif self._wanted(window) < self._since():
            yield self._begin(self._aws, self._wanted(window), fresh=False)
        yield from self._stock(self._aws)
        yield from self._read()
        if self._clock() >= self._measure_at:
            self._measure_at = self._clock() + _MEASURE_SECONDS[self._aws.config.target]
            yield self._measure(self._aws)

    def pause(self) -> float:
        """Seconds until there may be more."""
        return min((reader.pause() for _, reader in self._readers.values()), default=1.0)

    def now(self) -> datetime:
        """The time at AWS."""
        mine, theirs = self._utc_now(), self._time.now()
        now = mine if timedelta(0) <= mine - theirs <= _AGREES else theirs
        return now.replace(microsecond=now.microsecond // _MILLISECOND * _MILLISECOND)

    def forget(self) -> None:
        """Find the way anew: there may be other credentials, or another server."""
        self._aws = None

    def close(self) -> None:
        """Nothing is left behind."""
        self._drop(self._readers)

    def _open(self, aws: Aws, window: Window) -> Iterator[Fetched]:
        """Begin, or go on where reading had stopped if it is the same stream."""
        summary = described(aws, self._time)
        created = summary["StreamCreationTimestamp"].astimezone(UTC)
        self._retention = timedelta(hours=summary["RetentionPeriodHours"])
        if created == self._created and self._readers:
            for _, reader in self._readers.values():
                reader.open(aws)
            return
        self._created, self._pace = created, Pace(aws.config.target, self._clock)
        self._products, self._quarantine = Products(), Quarantine()
        self._measure_at = self._stock_at = self._clock()
        self._drop(self._readers)
        yield from self._stock(aws)
        since = self._wanted(window)
        delivered = self._products.oldest_delivery
        if delivered is not None and since > delivered >= self.now() - _DELIVERIES:
            since = self._kept(delivered)
        yield self._begin(aws, since, fresh=True)

    def _begin(self, aws: Aws, since: datetime, *, fresh: bool) -> Opened:
        """Another run, beside the one that is shown."""
        assert self._pace is not None  # noqa: S101 - made with the first run
        # What a shard may be asked on AWS is for both; here there is no limit, so that neither waits for the other.
        pace = self._pace if aws.config.target == "aws" else Pace(aws.config.target, self._clock)
        reader = self._reader(aws, since, self._time, pace)
        reader.open(aws)
        self._drop(list(self._readers)[1:])
        self._run += 1
        self._readers[self._run] = since, reader
        key = aws.config.table.partition_key
        return Opened(self.now(), self._run, since, aws.config.name, aws.where, key, fresh)

    def _since(self) -> datetime:
        return min(since for since, _ in self._readers.values())

    def _wanted(self, window: Window) -> datetime:
        """How far back a window needs what was sold: for itself, and the one before."""
        before = Edges.of(window, milliseconds(self.now())).before_since
        return self._kept(datetime.fromtimestamp(before / 1000, UTC))

    def _kept(self, since: datetime) -> datetime:
        """Of a stream that has forgotten what is older, the oldest that it still has."""
        oldest = self.now() - self._retention
        return oldest if since < oldest and self._created is not None and self._created < oldest else since

    def _read(self) -> Iterator[Fetched]:
        self._turn += 1  # they share what a shard may be asked, so that each comes first in turn
        for run, (_, reader) in sorted(self._readers.items(), reverse=self._turn % 2 == 0):
            asked = False
            for batch in reader.read():
                asked = True
                if batch:
                    yield Records(self.now(), run, tuple(batch))
            if not asked:
                continue
            reading = reader.reading()
            yield Progress(self.now(), run, reading)
            self._read_old = reader.read_old or self._read_old
            if not reading.filling:
                self._drop(each for each in self._readers if each < run)

    def _drop(self, runs: Iterable[int]) -> None:
        for run in list(runs):
            _, reader = self._readers.pop(run)
            reader.close()

    def _stock(self, aws: Aws) -> Iterator[Fetched]:
        if self._clock() < self._stock_at:
            return
        self._stock_at = self._clock() + _STOCK_SECONDS[aws.config.target]
        rows = self._products.look(aws)
        if rows is not None:
            yield Stocked(self.now(), rows)

    def _measure(self, aws: Aws) -> Measured:
        now = self.now()
        seen = flow.read(aws, now)
        quarantined = self._quarantine.look(aws)
        problems = [each.problem for each in (self._products, self._quarantine) if each.problem]
        stages = tuple(self._without_us(stage) for stage in seen.stages)
        whole = replace(seen, stages=stages, problems=(*seen.problems, *problems))
        return Measured(now, whole, objects(aws, now), quarantined)

    def _without_us(self, stage: Stage) -> Stage:
        """A stage without the lag that is ours: reading back we get old records, and their age is the stream's metric.

        GetRecords.IteratorAgeMilliseconds is of all that read the stream ("Monitoring with CloudWatch", Kinesis
        developer guide).
        """
        lag = stage.lag_seconds
        if stage.name != _STREAM or lag is None or self._read_old is None or lag.minute > self._read_old:
            return stage
        if stage.verdict is not Verdict.BEHIND:
            return replace(stage, lag_seconds=None)
        moves = stage.rate is not None and stage.rate.value > 0
        return replace(stage, lag_seconds=None, why="", verdict=Verdict.FLOWING if moves else Verdict.IDLE)
