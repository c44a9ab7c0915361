"""The newest records of the Kinesis stream, found without reading what came before them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from salespipe.aws import error_code, is_not_found
from salespipe.flow.arrivals import Arrival, of_kinesis
from salespipe.flow.delays import AwsTime, longest_delay

if TYPE_CHECKING:
    from salespipe.aws import Aws

# A shard answers five GetRecords a second, of which Firehose takes one and others may take more.
PACE_SECONDS: Final = {"local": 0.0, "aws": 1.0}
_PAGE: Final = 2000
_GLANCE: Final = 200
_WIDER: Final = 64
_FINE_SECONDS: Final = 0.05
# Of each shard so many records are kept, spread over the newest of it: a batch that was left behind shows.
_KEPT: Final = 64
_OF_A_PAGE: Final = 16
_DONE: Final = object()


def newest(aws: Aws) -> tuple[Arrival, ...]:
    """The newest record of each shard that has one, closed shards included, however old; one of each.

    Empty where there is no stream. Raises ``ClientError`` where the stream may not be read.
    """
    tail = Tail(aws, AwsTime(aws.clock))
    if tail.open():
        tail.look()
    return tuple(shard.newest for shard in tail.shards if shard.newest)


class Tail:
    """The ends of all shards of the stream; ``look`` again tells what has come since.

    ``check`` is called before each round of reads, and may raise to end a look that takes too long.
    """

    def __init__(self, aws: Aws, time: AwsTime, check: Callable[[], None] = lambda: None) -> None:
        self._aws = aws
        self._time = time
        self._check = check
        self._stream = aws.names.stream
        self._reach = 0.0
        self._last_round: float | None = None
        self.shards: list[Shard] = []

    def open(self) -> bool:
        """Find the shards; False where there is no stream, or it is being deleted."""
        kinesis = self._aws.client("kinesis")
        try:
            answer = kinesis.describe_stream_summary(StreamName=self._stream)
            self._time.heard(answer)
            summary = answer["StreamDescriptionSummary"]
            if summary["StreamStatus"] in {"CREATING", "DELETING"}:
                return False
            age = self._time.age(summary["StreamCreationTimestamp"]) + 60
            self._reach = min(summary["RetentionPeriodHours"] * 3600.0, age)
            pages = kinesis.get_paginator("list_shards").paginate(StreamName=self._stream)
            shards = [shard["ShardId"] for page in pages for shard in page["Shards"]]
        except Exception as error:
            if is_not_found(error):
                return False
            raise
        self.shards = [self._shard(shard) for shard in shards]
        return True

    def look(self) -> bool:
        """Read on to the end of each shard; whether a record has come since the last look, or any at the first."""
        before = [shard.newest for shard in self.shards]
        self._run(shard.look() for shard in self.shards)
        known = {shard.shard_id for shard in self.shards}
        born = [self._shard(child) for shard in self.shards for child in shard.children if child not in known]
        self.shards += born
        self._run(shard.look() for shard in born)
        return [shard.newest for shard in self.shards] != before

    @property
    def newest_change(self) -> int | None:
        """The highest sequence number of the table's stream that any record seen carries."""
        changes = [arrival.change for shard in self.shards for arrival in shard.kept if arrival.change is not None]
        return max(changes, default=None)

    @property
    def came(self) -> int:
        """How many records were read since the first look; some may have been skipped."""
        return sum(shard.came for shard in self.shards)

    def kept(self) -> Iterator[Arrival]:
        """The records that stand for all: the newest of each shard, and some of those just before it."""
        span = timedelta(seconds=longest_delay(self._aws))
        for shard in self.shards:
            if shard.newest:
                began = shard.newest.at - span
                yield from (arrival for arrival in shard.kept if arrival.at >= began)

    def _shard(self, shard_id: str) -> Shard:
        horizon = 3 * longest_delay(self._aws)
        kinesis = self._aws.client("kinesis")
        return Shard(kinesis, self._stream, shard_id, self._time, horizon=horizon, reach=self._reach)

    def _run(self, looks: Iterable[Iterator[None]]) -> None:
        """Give each look one read in turn, and every shard a pause between two of them."""
        left = [look for look in looks if _goes_on(look)]
        pace = PACE_SECONDS[self._aws.config.target]
        while left:
            self._check()
            if self._last_round is not None and (pause := self._last_round + pace - self._aws.clock()) > 0:
                self._aws.sleep(pause)
            self._last_round = self._aws.clock()
            left = [look for look in left if _goes_on(look)]


def _goes_on(look: Iterator[None]) -> bool:
    return next(look, _DONE) is not _DONE


class Shard:
    """The end of one shard. A look is a generator that yields before each GetRecords.

    ``horizon`` is how many seconds back the first read begins, ``reach`` how far back there can be records.
    """

    def __init__(
        self, kinesis: Any, stream: str, shard_id: str, time: AwsTime, *, horizon: float, reach: float
    ) -> None:
        self._kinesis = kinesis
        self._stream = stream
        self._time = time
        self._horizon = horizon
        self._reach = reach
        self._iterator: str | None = None
        self._began: datetime | None = None
        self.shard_id = shard_id
        self.newest: Arrival | None = None
        self.kept: deque[Arrival] = deque()
        self.children: list[str] = []
        self.came = 0
        self.at_end = False
        self.ended = False
        self._found = False

    def look(self) -> Iterator[None]:
        """Read on to the newest record: the first time from the newest that can be found, then from there."""
        try:
            if self._began is None:
                self._began = self._time.now()
                yield from self._search()
                self._found = True
            elif not self.ended:
                yield from self._read_on()
                yield from self._close_in(self._time.now())
        except Exception as error:
            if not is_not_found(error):
                raise
            self.ended = self.at_end = True  # the stream was deleted meanwhile

    def _search(self) -> Iterator[None]:
        """Look further and further back until there is a record."""
        empty = self._time.now()
        for span in (self._horizon, self._horizon * _WIDER, self._reach):
            began = self._time.now() - timedelta(seconds=min(span, self._reach))
            yield from self._read_from(began)
            if self.newest or span >= self._reach:
                break
            empty = began
        yield from self._close_in(empty)

    def _close_in(self, ceiling: datetime) -> Iterator[None]:
        """Read to the end, past all but a few of the records between the newest one read and ``ceiling``.

        Each read begins in the middle of what is left, and tells in which half the newest record is.
        """
        while self.newest and not self.at_end:
            position, known = self._iterator, self.newest
            if (ceiling - known.at).total_seconds() <= _FINE_SECONDS:
                yield from self._read_on()
                continue
            middle = known.at + (ceiling - known.at) / 2
            yield from self._read_from(middle)
            if self.newest is known:
                self._iterator, self.at_end, self.ended, ceiling = position, False, False, middle

    def _read_from(self, began: datetime) -> Iterator[None]:
        """Read the first records that came in since then."""
        self._iterator = self._position(ShardIteratorType="AT_TIMESTAMP", Timestamp=began)
        yield from self._read_on(_GLANCE)

    def _read_on(self, limit: int = _PAGE) -> Iterator[None]:
        """Read up to ``limit`` records, and at least one where there is one.

        AWS may answer with none at all far from the end, and each answer is a little nearer to it.
        """
        known = self.newest
        while True:
            yield
            self._page(limit)
            if self.at_end or self.newest is not known:
                return

    def _page(self, limit: int) -> None:
        try:
            answer = self._kinesis.get_records(ShardIterator=self._iterator, Limit=limit)
        except Exception as error:
            if error_code(error) != "ExpiredIteratorException":
                raise
            self._iterator = self._again()
            return
        self._time.heard(answer)
        self._iterator = answer.get("NextShardIterator")
        self.ended = self._iterator is None
        self.children = [child["ShardId"] for child in answer.get("ChildShards", [])] or self.children
        self.at_end = self.ended or not answer["MillisBehindLatest"]
        if records := answer["Records"]:
            self._keep(records)

    def _keep(self, records: list[dict[str, Any]]) -> None:
        self.came += len(records) if self._found else 0
        step = max(1, len(records) // _OF_A_PAGE)
        some = [*records[:-1:step], records[-1]]
        arrivals = [of_kinesis(self.shard_id, record) for record in some]
        if self.newest is None or int(arrivals[-1].sequence) > int(self.newest.sequence):
            self.newest = arrivals[-1]
            self.kept.extend(arrivals)
        while len(self.kept) > _KEPT:
            self.kept.popleft()

    def _again(self) -> str:
        """An iterator in place of one that is older than five minutes."""
        if self.newest:
            return self._position(
                ShardIteratorType="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=self.newest.sequence
            )
        return self._position(ShardIteratorType="AT_TIMESTAMP", Timestamp=self._began)

    def _position(self, **where: Any) -> str:
        answer = self._kinesis.get_shard_iterator(StreamName=self._stream, ShardId=self.shard_id, **where)
        self._time.heard(answer)
        return str(answer["ShardIterator"])
