"""One order's changes on their way: in Kinesis, found by shard and time, and in the table's own stream.

A Kinesis shard takes a range of hash keys, and a record's is the MD5 of its partition key, which is the order id
(service model kinesis: PutRecord, PartitionKey): one shard, or its ancestors, can have it. Of these the few records
that came in at the time are read (AT_TIMESTAMP). The table's stream knows neither: it is read from a sequence number
on, and only for what has not come to Kinesis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import md5
from typing import TYPE_CHECKING, Final

import msgspec

from salespipe.aws import error_code
from salespipe.resources.dynamodb import stream_arn
from salespipe.trust.proof.answers import Event, TableRecords, Time, ask, seconds
from salespipe.trust.trace.model import Change, Record
from salespipe.trust.trace.values import content_of, values_of

if TYPE_CHECKING:
    from salespipe.aws import Aws

# A shard answers five reads a second, of which Firehose, or the pipe, takes some.
_PACE_SECONDS: Final = {"local": 0.0, "aws": 0.25}
# An answer without records does not mean that there are none further on.
_EMPTY_READS: Final = 20
_TABLE_PAGE: Final = 1000

_event: Final = msgspec.json.Decoder(Event).decode


class _Record(msgspec.Struct, gc=False):
    key: str = msgspec.field(name="PartitionKey")
    data: bytes = msgspec.field(name="Data")
    sequence: str = msgspec.field(name="SequenceNumber")
    arrived: Time = msgspec.field(name="ApproximateArrivalTimestamp")


class _Records(msgspec.Struct, rename="pascal", gc=False):
    records: list[_Record] = msgspec.field(default_factory=list)
    next_shard_iterator: str | None = None
    millis_behind_latest: int = 0


class Kinesis:
    """The shards of the stream that can have records of one order; ``reads`` counts what was looked through."""

    def __init__(self, aws: Aws, order: str) -> None:
        self._aws = aws
        self._order = order
        self._client = aws.client("kinesis")
        self._shards: list[str] | None = None
        self.records = 0

    def shards(self) -> list[str]:
        """ListShards, those whose hash keys include the order's. Raises ``ClientError``."""
        if self._shards is None:
            pages = self._client.get_paginator("list_shards").paginate(StreamName=self._aws.names.stream)
            ranges = [(shard["ShardId"], shard["HashKeyRange"]) for page in pages for shard in page["Shards"]]
            key = int.from_bytes(md5(self._order.encode(), usedforsecurity=False).digest())
            self._shards = [
                shard for shard, span in ranges if int(span["StartingHashKey"]) <= key <= int(span["EndingHashKey"])
            ]
        return self._shards

    def since(
        self, moment: datetime, *, page: int, pages: int, until: Callable[[datetime], bool]
    ) -> Iterator[tuple[Record, Change]]:
        """The order's records that arrived from then on, in at most ``pages`` reads of ``page`` records of each shard.

        ``until`` is asked after each read, with the arrival of its last record, whether that was enough. Raises
        ``ClientError``.
        """
        for shard in self.shards():
            yield from self._of_shard(shard, moment, page, pages, until)

    def _of_shard(
        self, shard: str, moment: datetime, page: int, pages: int, until: Callable[[datetime], bool]
    ) -> Iterator[tuple[Record, Change]]:
        stream = self._aws.names.stream
        position = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": moment}
        iterator = self._client.get_shard_iterator(StreamName=stream, ShardId=shard, **position)["ShardIterator"]
        full = empty = 0
        while iterator is not None and full < pages and empty < _EMPTY_READS:
            if full or empty:
                self._aws.sleep(_PACE_SECONDS[self._aws.config.target])
            answer = ask(self._client, "get_records", _Records, ShardIterator=iterator, Limit=page)
            for record in answer.records:
                if record.key == self._order and (found := _sighted(shard, record)):
                    yield found
            self.records += len(answer.records)
            full, empty = full + bool(answer.records), empty + (not answer.records)
            if not answer.millis_behind_latest or (answer.records and until(_moment(answer.records[-1].arrived))):
                return
            iterator = answer.next_shard_iterator


def table_stream(aws: Aws, order: str, after: int | None, most: int) -> tuple[list[Change], int]:
    """The order's changes in the table's stream behind the sequence number ``after``, and how many were looked through.

    At most ``most`` changes are read; None is the beginning of what the stream still has. Raises ``ClientError``.
    """
    arn = stream_arn(aws, aws.names.table)
    found: list[Change] = []
    read = 0
    if arn is None:
        return found, read
    client, key = aws.client("dynamodbstreams"), aws.config.table.partition_key
    for shard, position in _positions(aws, arn, after):
        iterator = client.get_shard_iterator(StreamArn=arn, ShardId=shard, **position)["ShardIterator"]
        empty = 0
        while iterator is not None and read < most and empty < _enough_empty(aws):
            answer = ask(client, "get_records", TableRecords, ShardIterator=iterator, Limit=_TABLE_PAGE)
            found += [change_of(event) for event in answer.records if event.change.keys[key].get("S") == order]
            read += len(answer.records)
            empty = 0 if answer.records else empty + 1
            iterator = answer.next_shard_iterator
            aws.sleep(_PACE_SECONDS[aws.config.target])
    return found, read


def change_of(event: Event) -> Change:
    """What an event of the table's stream says."""
    change = event.change
    image = {} if event.kind == "REMOVE" else change.image or {}
    at = datetime.fromtimestamp(seconds(change.created), UTC)
    content = content_of(event.kind, image)
    return Change(event.event_id, event.kind, change.sequence, at, content, values_of(image))


def _enough_empty(aws: Aws) -> int:
    return 1 if aws.config.target == "local" else 5


def _positions(aws: Aws, arn: str, after: int | None) -> Iterator[tuple[str, dict[str, str]]]:
    """The shards that can have something behind a sequence number, and where to begin in each, the newest first."""
    client, asked, shards = aws.client("dynamodbstreams"), {"StreamArn": arn}, []
    while True:
        stream = client.describe_stream(**asked)["StreamDescription"]
        shards += stream["Shards"]
        if "LastEvaluatedShardId" not in stream:
            break
        asked["ExclusiveStartShardId"] = stream["LastEvaluatedShardId"]
    for shard in reversed(shards):
        numbers = shard["SequenceNumberRange"]
        if after is not None and int(numbers.get("EndingSequenceNumber", after + 1)) <= after:
            continue
        if after is None or int(numbers.get("StartingSequenceNumber", 0)) > after:
            yield shard["ShardId"], {"ShardIteratorType": "TRIM_HORIZON"}
        else:
            yield shard["ShardId"], {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": str(after)}


def _sighted(shard: str, record: _Record) -> tuple[Record, Change] | None:
    """A record, with the change that it carries; None for what is no event of the table's."""
    try:
        change = change_of(_event(record.data))
    except (msgspec.MsgspecError, KeyError, ValueError, TypeError):
        return None
    return Record(shard, record.sequence, _moment(record.arrived)), change


def _moment(time: Time) -> datetime:
    return datetime.fromtimestamp(seconds(time), UTC)


def forgotten(error: Exception) -> bool:
    """Whether a stream says that it has not kept what was asked for."""
    return error_code(error) in {"TrimmedDataAccessException", "InvalidArgumentException"}
