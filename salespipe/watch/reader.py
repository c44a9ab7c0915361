"""Reading the Kinesis stream beside Firehose, and leaving Firehose its share.

A shard takes in 1 MB a second. It answers five GetRecords a second and gives out 2 MB a second, to all readers together
that have no fan-out of their own (API reference, PutRecords and GetRecords). Firehose asks once a second, and must get
all that comes in. So we ask once a second, too, and take 1 MB at most.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from salespipe.aws import error_code, is_not_found
from salespipe.errors import Exit, SalespipeError
from salespipe.flow.arrivals import of_kinesis
from salespipe.watch.model import Lag, Reading

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.flow.delays import AwsTime

# Seconds between two GetRecords of a shard: with more to come, and at its end. The AWS on this machine has no limit of
# reads, and Firehose there does not read through the API.
PACE_SECONDS: Final = {"aws": (1.0, 1.0), "local": (0.0, 0.25)}
PAGE_BYTES: Final = 1_000_000
_FIRST_PAGE: Final = 1000
_LARGEST_PAGE: Final = {"aws": 10_000, "local": 4_000}
_LONGEST_PAUSE: Final = 16.0
THROTTLED: Final = frozenset(
    {"ProvisionedThroughputExceededException", "LimitExceededException", "ThrottlingException"}
)
# What is this near to the end of a shard is at its end: records keep coming.
_NEAR_SECONDS: Final = 1.0
# An order is written before its record comes in, by a clock that may be ahead of AWS's.
_SLACK: Final = timedelta(minutes=1)
_OLD_SECONDS: Final = 10.0
_RATE_SECONDS: Final = 10.0
_OF_A_PAGE: Final = 8
_DELAYS: Final = 256


class Pace:
    """When each shard may be asked again, whoever asks."""

    def __init__(self, target: str, clock: Callable[[], float]) -> None:
        self.target = target
        self.clock = clock
        self._due: dict[str, float] = {}
        self._throttles: dict[str, int] = {}

    def due(self, shard: str) -> bool:
        """Whether it may be asked now."""
        return self.clock() >= self._due.get(shard, 0.0)

    def wait(self, shard: str) -> float:
        """Seconds until it may."""
        return max(0.0, self._due.get(shard, 0.0) - self.clock())

    def asked(self, shard: str, began: float, *, more: bool) -> None:
        """It has answered what it was asked at ``began``, and there is ``more`` or not."""
        self._throttles.pop(shard, None)
        self._due[shard] = began + PACE_SECONDS[self.target][0 if more else 1]

    def later(self, shard: str, seconds: float) -> None:
        """It may not be asked before that."""
        self._due[shard] = self.clock() + seconds

    def refused(self, shard: str) -> None:
        """It was asked too often: wait twice as long as the last time."""
        count = self._throttles[shard] = self._throttles.get(shard, 0) + 1
        self._due[shard] = self.clock() + min(_LONGEST_PAUSE, 2.0**count)

    def throttled(self, shard: str) -> bool:
        """Whether its last answer was that."""
        return shard in self._throttles


class Reader:
    """Reads all shards from ``since`` on, each after the shards that it came from were read to their end."""

    def __init__(self, aws: Aws, since: datetime, time: AwsTime, pace: Pace) -> None:
        self._since = since
        self._pace = pace
        self._time = time
        self._aws = aws
        self.shards: dict[str, Shard] = {}
        self._filled = False
        self.read_old: datetime | None = None  # when the last record was read that was not new
        self._delays: deque[float] = deque(maxlen=_DELAYS)

    def open(self, aws: Aws) -> None:
        """Find the shards, or go on through ``aws`` where reading had stopped. Raises ``ClientError``."""
        self._aws, self._filled = aws, False
        pages = aws.client("kinesis").get_paginator("list_shards").paginate(StreamName=aws.names.stream)
        listed = {shard["ShardId"]: shard for page in pages for shard in page["Shards"]}
        for name, shard in self.shards.items():
            shard.iterator = shard.behind = None
            shard.ended = shard.ended or name not in listed
        for name, described in listed.items():
            parents = {described.get("ParentShardId"), described.get("AdjacentParentShardId")}
            self._add(name, parents & listed.keys())

    def read(self) -> Iterator[list[bytes]]:
        """Ask every shard once that may be asked now."""
        for shard in list(self.shards.values()):
            if self.readable(shard) and self._pace.due(shard.name):
                yield self._page(shard)

    def pause(self) -> float:
        """Seconds until a shard may be asked."""
        waits = [self._pace.wait(shard.name) for shard in self.shards.values() if self.readable(shard)]
        return min(waits, default=1.0)

    def close(self) -> None:
        """Nothing is left behind."""

    def reading(self) -> Reading:
        """How it is getting on."""
        now = self._pace.clock()
        open_shards = [shard for shard in self.shards.values() if not shard.ended]
        self._filled = self._filled or all(shard.near for shard in open_shards)
        return Reading(
            shards=tuple(self._lag(shard, now) for shard in open_shards),
            filling=not self._filled,
            read_to=min((self._read_to(shard) for shard in open_shards), default=None),
            pipe_seconds=median(self._delays) if self._delays else None,
            pipe_seconds_max=max(self._delays, default=None),
        )

    def _add(self, name: str, parents: set[str]) -> None:
        if name not in self.shards:
            self.shards[name] = Shard(name, parents, _LARGEST_PAGE[self._pace.target])

    def readable(self, shard: Shard) -> bool:
        """Whether it is its turn: what it came from was read to its end, and it was not."""
        return not shard.ended and not any(
            not self.shards[parent].ended for parent in shard.parents if parent in self.shards
        )

    def _page(self, shard: Shard) -> list[bytes]:
        try:
            if shard.iterator is None:
                shard.iterator = self._iterator(shard)
            began = self._pace.clock()
            answer = self._aws.client("kinesis").get_records(ShardIterator=shard.iterator, Limit=shard.limit)
        except Exception as error:
            if error_code(error) == "ExpiredIteratorException":  # older than five minutes
                shard.iterator = None
            elif error_code(error) in THROTTLED:
                self._pace.refused(shard.name)
            else:
                raise
            return []
        self._time.heard(answer)
        records = self.take(shard, answer)
        self._pace.asked(shard.name, began, more=not shard.near)
        return records

    def take(self, shard: Shard, answer: dict[str, Any]) -> list[bytes]:
        """The data of an answer of GetRecords, with what it says of the shard taken in."""
        shard.take(answer, self._pace.clock())
        for child in answer.get("ChildShards", []):
            self._add(child["ShardId"], set(child.get("ParentShards", [])))
        records = answer["Records"]
        if records and self._time.age(records[0]["ApproximateArrivalTimestamp"]) > _OLD_SECONDS:
            self.read_old = self._time.now()
        for record in records[:: max(1, len(records) // _OF_A_PAGE)]:
            arrival = of_kinesis(shard.name, record)
            if arrival.created is not None:
                self._delays.append(max(0.0, (arrival.at - arrival.created).total_seconds()))
        return [record["Data"] for record in records]

    def position(self, shard: Shard) -> dict[str, Any]:
        """Where to go on, in the words of GetShardIterator."""
        if shard.after:
            return {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": shard.after}
        return {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": self._since - _SLACK}

    def _iterator(self, shard: Shard) -> str:
        kinesis, where = self._aws.client("kinesis"), self.position(shard)
        answer = kinesis.get_shard_iterator(StreamName=self._aws.names.stream, ShardId=shard.name, **where)
        self._time.heard(answer)
        return str(answer["ShardIterator"])

    def _lag(self, shard: Shard, now: float) -> Lag:
        return Lag(
            shard=shard.name,
            behind_seconds=shard.behind,
            records_a_second=shard.rate(now),
            throttled=self._pace.throttled(shard.name),
        )

    def _read_to(self, shard: Shard) -> datetime:
        if shard.near:
            return self._time.now()
        return max(shard.newest or self._since, self._since)


class Shard:
    """One shard, and how far it was read. ``after`` is the sequence number of the last record."""

    def __init__(self, name: str, parents: set[str], largest_page: int) -> None:
        self.name = name
        self.parents = parents
        self.iterator: str | None = None
        self.after: str | None = None
        self.newest: datetime | None = None
        self.behind: float | None = None
        self.ended = False
        self.limit = min(_FIRST_PAGE, largest_page)
        self._largest = largest_page
        self._counts: deque[tuple[float, int]] = deque()

    @property
    def near(self) -> bool:
        """Whether it was read to its end, or nearly so."""
        return self.behind is not None and self.behind <= _NEAR_SECONDS

    def take(self, answer: dict[str, Any], now: float) -> None:
        """An answer of GetRecords."""
        self.iterator = answer.get("NextShardIterator")
        self.ended = self.iterator is None
        self.behind = answer["MillisBehindLatest"] / 1000
        records = answer["Records"]
        if records:
            self.after = records[-1]["SequenceNumber"]
            self.newest = records[-1]["ApproximateArrivalTimestamp"]
            mean = sum(len(record["Data"]) for record in records) / len(records)
            self.limit = max(1, min(self._largest, int(PAGE_BYTES / max(1.0, mean))))
        self._counts.append((now, len(records)))
        while self._counts[0][0] < now - _RATE_SECONDS:
            self._counts.popleft()

    def rate(self, now: float) -> float:
        """Records a second, lately."""
        recent = [(at, count) for at, count in self._counts if at >= now - _RATE_SECONDS]
        if len(recent) < 2:
            return 0.0
        return sum(count for _, count in recent[1:]) / max(0.001, recent[-1][0] - recent[0][0])


def described(aws: Aws, time: AwsTime) -> dict[str, Any]:
    """DescribeStreamSummary. Raises ``SalespipeError`` ("NotDeployed") where there is no stream to read."""
    try:
        answer = aws.client("kinesis").describe_stream_summary(StreamName=aws.names.stream)
    except Exception as error:
        if is_not_found(error):
            raise _no_stream(aws, "is not there") from error
        raise
    time.heard(answer)
    summary: dict[str, Any] = answer["StreamDescriptionSummary"]
    if summary["StreamStatus"] in {"CREATING", "DELETING"}:
        raise _no_stream(aws, f"is {summary['StreamStatus']}")
    return summary


def _no_stream(aws: Aws, state: str) -> SalespipeError:
    return SalespipeError(
        "NotDeployed",
        f"The Kinesis stream {aws.names.stream} {state}.",
        hint="salespipe up",
        exit_code=Exit.NOT_DEPLOYED,
    )
