"""Waiting until what was written to the table lies in the bucket: the one truth for "everything is delivered".

No API tells it, so it is followed from end to end. What the table's stream holds beyond the pipe is read there, what
has come through the pipe is in the Kinesis stream, and both are looked for in the objects that Firehose has written
since. Where the newest record of each shard is found, and some of those just before it, so are all others.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from salespipe.aws import error_message
from salespipe.errors import SalespipeError
from salespipe.flow import hops
from salespipe.flow.arrivals import Arrival
from salespipe.flow.delays import AwsTime, longest_delay, pipe_delay, utc_now
from salespipe.flow.lake import Lake
from salespipe.flow.table_stream import TableStream
from salespipe.flow.tail import Tail

if TYPE_CHECKING:
    from salespipe.aws import Aws

Progress = Callable[[str], None]

_PATIENCE_DELAYS: Final = 4
_HORIZON_DELAYS: Final = 3
_POLL_SECONDS: Final = {"local": 0.1, "aws": 2.0}
# Times of the table's stream and of AWS's answers are whole seconds.
_WHOLE: Final = timedelta(seconds=2)
# An object lies under the hour of its oldest record: a Firehose that was far behind may have gathered for long.
_LONGEST_BACK: Final = timedelta(hours=24)


def drain(
    aws: Aws,
    *,
    progress: Progress = lambda _: None,
    patience: float | None = None,
    now: Callable[[], datetime] = utc_now,
) -> None:
    """Wait until nothing is under way any more, so that the pipeline can be deleted without losing an order.

    ``patience`` is how many seconds may pass without anything older than this call coming nearer to the bucket; four
    times the longest delay of the buffers where None. Where a stage is not there at all, there is nothing to wait for.

    Raises ``SalespipeError`` ("NotDrained") which names the stage that is stuck.
    """
    hint = "Mend that (salespipe status tells more), or lose it: salespipe down --no-drain"
    _Wait(aws, progress, patience, now, hint, until_quiet=True).run()


def settle(
    aws: Aws,
    *,
    progress: Progress = lambda _: None,
    patience: float | None = None,
    now: Callable[[], datetime] = utc_now,
) -> None:
    """Wait until everything written before this call is delivered, also where orders keep coming.

    Raises ``SalespipeError`` ("NotDrained") as ``drain`` does.
    """
    hint = "Mend that (salespipe status tells more), or do without the rest: salespipe crawl --no-wait"
    _Wait(aws, progress, patience, now, hint, until_quiet=False).run()


class _Wait:
    """One wait. ``until_quiet`` asks for an end of what comes; otherwise what was written before is enough."""

    def __init__(
        self,
        aws: Aws,
        progress: Progress,
        patience: float | None,
        now: Callable[[], datetime],
        hint: str,
        *,
        until_quiet: bool,
    ) -> None:
        self._aws = aws
        self._progress = progress
        self._hint = hint
        self._until_quiet = until_quiet
        self._delay = longest_delay(aws)
        self._patience = _PATIENCE_DELAYS * self._delay if patience is None else patience
        self._time = AwsTime(aws.clock, now)
        self._tail = Tail(aws, self._time, self._check)
        self._table = TableStream(aws)
        self._lake = Lake(aws)
        self._began = self._moved = self._nearer = aws.clock()
        self._asked = self._time.now()
        self._pipe: hops.Pipe | None = None
        self._since: datetime | None = None
        self._frozen: list[Arrival] | None = None
        self._missing: list[Arrival] = []
        self._old_missing = 0

    def run(self) -> None:
        """Wait, or raise ``SalespipeError``."""
        from botocore.exceptions import ClientError

        try:
            if absent := self._absent():
                return self._progress(f"there is no {absent}: nothing is under way to the bucket")
            self._wait()
        except ClientError as error:
            raise SalespipeError(
                "NotDrained", f"Whether everything is delivered cannot be told: {error_message(error)}", hint=self._hint
            ) from error

    def _absent(self) -> str:
        """The stage without which nothing reaches the bucket, or an empty string."""
        names = self._aws.names
        delivery = hops.delivery(self._aws)
        if delivery is None or not delivery.reading:
            return f"Firehose {names.delivery}" if delivery is None else f"active Firehose {names.delivery}"
        if not hops.has_bucket(self._aws):
            return f"bucket {names.bucket}"
        if not self._tail.open():
            return f"Kinesis stream {names.stream}"
        self._since = delivery.since
        self._pipe = hops.pipe(self._aws)
        return ""

    def _wait(self) -> None:
        self._asked = self._time.now()
        self._tail.look()
        if self._pipe:
            self._table.open(self._tail.newest_change)
            self._table.look()
        while True:
            self._missing = self._lake.missing(self._wanted(), self._back(), self._time.now())
            self._note_progress()
            if not self._missing and (self._frozen is not None or self._quiet()):
                return
            if self._given_up_by_pipe():
                return
            self._check()
            self._progress(self._words())
            self._aws.sleep(_POLL_SECONDS[self._aws.config.target])
            if self._frozen is None:
                self._look_again()

    def _look_again(self) -> None:
        if self._tail.look():
            self._moved = self._aws.clock()
            if self._newest_created() <= self._asked + _WHOLE:
                self._nearer = self._moved  # from before: a backlog, which comes to an end
        if self._pipe:
            self._table.look()
        if not self._until_quiet and self._newest_created() > self._asked + _WHOLE:
            self._frozen = self._wanted()

    def _wanted(self) -> list[Arrival]:
        """What must be in the bucket for everything to be there."""
        if self._frozen is not None:
            return self._frozen
        came = [arrival for arrival in self._tail.kept() if self._counts(arrival)]
        if self._pipe is None or (self._pipe.filters and self._pipe.moving):
            return came  # what a filter drops never comes
        # Where shards of the table exist side by side, one may seem to hold back what it passed on long ago.
        oldest = self._newest_created() - timedelta(seconds=_HORIZON_DELAYS * self._delay)
        return came + [arrival for arrival in self._table.newest() if arrival.at >= oldest]

    def _counts(self, arrival: Arrival) -> bool:
        """Whether Firehose will write it: what came before it, and what the transform may drop, it need not."""
        if self._since and arrival.at < self._since:
            return False
        return arrival.event_id is not None or self._time.age(arrival.at) <= self._delay

    def _newest_created(self) -> datetime:
        """When the newest event that came through the pipe was written, as far as seen."""
        created = [shard.newest.created for shard in self._tail.shards if shard.newest and shard.newest.created]
        return max(created, default=self._asked - _LONGEST_BACK)

    def _back(self) -> timedelta:
        overdue = self._aws.clock() - self._nearer > 2 * self._delay
        return _LONGEST_BACK if overdue else timedelta(seconds=_HORIZON_DELAYS * self._delay)

    def _quiet(self) -> bool:
        """Whether the pipe holds nothing back, as far as can be told."""
        if self._pipe and not self._pipe.moving and self._table.blind:
            return False  # it may hold back anything, for ever
        return self._table.at_end and self._quiet_for() >= self._quiet_needed()

    def _quiet_for(self) -> float:
        return self._aws.clock() - self._moved

    def _quiet_needed(self) -> float:
        if self._pipe is None:
            return 0.0
        return pipe_delay(self._aws, sighted=not (self._table.blind or self._pipe.filters))

    def _note_progress(self) -> None:
        old = sum(1 for arrival in self._missing if not arrival.created or arrival.created <= self._asked + _WHOLE)
        if old < self._old_missing:
            self._nearer = self._aws.clock()
        self._old_missing = old

    def _given_up_by_pipe(self) -> bool:
        """Whether all that is missing went to the dead-letter queue. Raises where the pipe will not move it."""
        if any(arrival.digest for arrival in self._missing) or self._quiet_for() < max(
            self._delay, self._quiet_needed()
        ):
            return False
        self._pipe = hops.pipe(self._aws)
        if self._pipe and not self._pipe.moving and (self._missing or self._table.blind):
            raise self._not_drained()
        return bool(self._missing) and self._table.at_end and hops.dead_letters(self._aws) > 0

    def _check(self) -> None:
        """Raise where nothing has come nearer for too long."""
        if self._aws.clock() - self._nearer >= self._patience:
            raise self._not_drained()

    def _not_drained(self) -> SalespipeError:
        spent = self._aws.clock() - self._began
        return SalespipeError(
            "NotDrained", f"Not everything was delivered within {spent:.0f} s: {self._stuck()}.", hint=self._hint
        )

    def _stuck(self) -> str:
        """Which stage holds things up, and why."""
        came = [arrival for arrival in self._missing if arrival.digest]
        held = [arrival for arrival in self._missing if not arrival.digest]
        if self._newest_created() > self._asked + _WHOLE and self._quiet_for() < self._delay:
            rate = self._tail.came / max(1.0, self._aws.clock() - self._began)
            return f"orders keep coming, about {rate:.1f} a second"
        if came:
            return hops.why_delivery(self._aws, min(arrival.at for arrival in came))
        written = min((arrival.at for arrival in held), default=self._asked)
        return hops.why_pipe(self._aws, written)

    def _words(self) -> str:
        left = self._patience - (self._aws.clock() - self._nearer)
        end = f"at most {left:.0f} s more"
        came = [arrival for arrival in self._missing if arrival.digest]
        if came:
            age = self._time.age(min(arrival.at for arrival in came))
            return f"waiting for Firehose to deliver what arrived {age:.0f} s ago, {end}"
        if self._missing:
            age = self._time.age(min(arrival.at for arrival in self._missing))
            return f"waiting for the pipe to pass on what was written {age:.0f} s ago, {end}"
        return f"waiting for the pipe: quiet for {self._quiet_for():.0f} of {self._quiet_needed():.0f} s, {end}"
