"""Reading the changes on their way: the table's stream before the pipe, and the Kinesis stream behind it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from salespipe.aws import error_code
from salespipe.resources.dynamodb import stream_arn
from salespipe.trust.proof import content
from salespipe.trust.proof.answers import Event, KinesisRecords, TableRecords, ask, seconds
from salespipe.trust.proof.spool import Spool, Writer

if TYPE_CHECKING:
    from salespipe.aws import Aws

TABLE_STREAM: Final = "table-stream"
KINESIS: Final = "kinesis"
SEQUENCE_DIGITS: Final = 40

# A shard answers five reads a second, of which the pipe, or Firehose, takes most.
_PACE_SECONDS: Final = {"local": 0.0, "aws": 1.0}
# An answer without records does not mean that there are none further on; many in a row do.
_EMPTY_READS: Final = {"local": 1, "aws": 5}
_CHANGES_A_READ: Final = 1000
# A shard gives 2 MB a second, to all who read it, and nothing for a while to those who take more at once.
_RECORDS_A_READ: Final = {"local": 10_000, "aws": 2000}
# A stream forgets what is older than it keeps, not to the second.
_MARGIN: Final = 300.0
_TABLE_STREAM_KEEPS: Final = 24 * 3600.0

Progress = Callable[[str], None]
_decode: Final = msgspec.json.Decoder(Event).decode


@dataclass
class Stream:
    """What was read: how many events, since when they are all there (Unix time), and how many are no events of ours."""

    events: int = 0
    since: float = 0.0
    foreign: int = 0


def spool_table_stream(aws: Aws, spool: Spool, now: Callable[[], float], progress: Progress = lambda _: None) -> Stream:
    """Put every change that the table's stream still holds into the spool. Raises ``ClientError``.

    Columns of either stream: order id, digest, Unix time; beside these, what ``told`` tells.
    """
    arn = stream_arn(aws, aws.names.table)
    found, writer = Stream(), spool.writer(TABLE_STREAM)
    if arn is None:
        found.since = now()
        return found
    client, key, shards = aws.client("dynamodbstreams"), aws.config.table.partition_key, []
    asked: dict[str, Any] = {"StreamArn": arn}
    while True:
        stream = client.describe_stream(**asked)["StreamDescription"]
        shards += [shard["ShardId"] for shard in stream["Shards"]]
        if "LastEvaluatedShardId" not in stream:
            break
        asked["ExclusiveStartShardId"] = stream["LastEvaluatedShardId"]

    def position(shard: str, after: str | None) -> str:
        where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after} if after else _FROM_THE_START
        return str(client.get_shard_iterator(StreamArn=arn, ShardId=shard, **where)["ShardIterator"])

    def read(iterator: str) -> tuple[str | None, str | None, bool]:
        answer = ask(client, "get_records", TableRecords, ShardIterator=iterator, Limit=_CHANGES_A_READ)
        for event in answer.records:
            _put(writer, event, key, 0.0)
        last = answer.records[-1].change.sequence if answer.records else None
        return answer.next_shard_iterator, last, False

    empty = _EMPTY_READS[aws.config.target]
    _read_all(aws, shards, position, read, lambda: progress(f"{writer.count:,} changes"), empty=empty)
    writer.close()
    created = stream.get("CreationRequestDateTime")
    began = created.timestamp() if created else 0.0
    found.events, found.since = writer.count, since(now(), _TABLE_STREAM_KEEPS, began)
    return found


def spool_kinesis(aws: Aws, spool: Spool, now: Callable[[], float], progress: Progress = lambda _: None) -> Stream:
    """Put every event that the Kinesis stream still holds into the spool. Raises ``ClientError``."""
    client, name, key = aws.client("kinesis"), aws.names.stream, aws.config.table.partition_key
    summary = client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    pages = client.get_paginator("list_shards").paginate(StreamName=name)
    shards = [shard["ShardId"] for page in pages for shard in page["Shards"]]
    found, writer, page = Stream(), spool.writer(KINESIS), _RECORDS_A_READ[aws.config.target]

    def position(shard: str, after: str | None) -> str:
        where: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if after:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
        return str(client.get_shard_iterator(StreamName=name, ShardId=shard, **where)["ShardIterator"])

    def read(iterator: str) -> tuple[str | None, str | None, bool]:
        answer = ask(client, "get_records", KinesisRecords, ShardIterator=iterator, Limit=page)
        for record in answer.records:
            try:
                _put(writer, _decode(record.data), key, seconds(record.arrived))
            except (msgspec.MsgspecError, KeyError, ValueError, TypeError):
                found.foreign += 1
        last = answer.records[-1].sequence if answer.records else None
        return answer.next_shard_iterator, last, not answer.millis_behind_latest

    _read_all(aws, shards, position, read, lambda: progress(f"{writer.count:,} records"))
    writer.close()
    began: datetime = summary["StreamCreationTimestamp"]
    found.events = writer.count
    found.since = since(now(), summary["RetentionPeriodHours"] * 3600.0, began.timestamp())
    return found


def since(now: float, kept: float, began: float) -> float:
    """From when on a stream holds every event: it keeps them for ``kept`` seconds, and was made when it ``began``.

    Unix time. An event's time has whole seconds: one of the very second in which the stream was made is in it.
    """
    return max(now - kept + _MARGIN, math.floor(began))


_FROM_THE_START: Final[dict[str, str]] = {"ShardIteratorType": "TRIM_HORIZON"}


def _read_all(
    aws: Aws,
    shards: list[str],
    position: Callable[[str, str | None], str],
    read: Callable[[str], tuple[str | None, str | None, bool]],
    progress: Callable[[], None],
    *,
    empty: int | None = None,
) -> None:
    """Read every shard to its end, each in turn, and none faster than leaves enough for others.

    ``read`` makes one read at an iterator, and tells the next one, the last sequence number, and whether that was the
    end; so are ``empty`` answers in a row, where a service does not tell.
    """
    pace, last_round = _PACE_SECONDS[aws.config.target], float("-inf")
    left = [_shard(shard, position, read, empty) for shard in shards]
    while left:
        if (pause := last_round + pace - aws.clock()) > 0:
            aws.sleep(pause)
        last_round = aws.clock()
        left = [shard for shard in left if next(shard, None) is not None]
        progress()


def _shard(
    shard: str,
    position: Callable[[str, str | None], str],
    read: Callable[[str], tuple[str | None, str | None, bool]],
    enough: int | None,
) -> Iterator[bool]:
    """Read one shard; yields True before each read but the first."""
    after, empty = None, 0
    iterator: str | None = position(shard, after)
    while iterator is not None:
        try:
            iterator, last, at_end = read(iterator)
        except Exception as error:
            if error_code(error) != "ExpiredIteratorException":
                raise
            iterator = position(shard, after)
            continue
        after, empty = last or after, 0 if last else empty + 1
        if at_end or empty == enough:
            return
        yield True


def _put(writer: Writer, event: Event, key: str, arrived: float) -> None:
    """Put one event into the spool; ``arrived`` is Unix time, 0 where it is not known."""
    order, rest = told(event, key, arrived)
    event_id, sequence, plain, _, created, _ = rest
    writer.add(order, (digest(order, event_id, sequence, created // 1000, plain), created // 1000), rest)


def told(event: Event, key: str, arrived: float) -> tuple[str, tuple[str, str, bytes, bytes, int, int]]:
    """The order of an event; its id, sequence number, fingerprints (plain, own), and its times in milliseconds.

    Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what is no event of this table's.
    """
    change = event.change
    held = content.GONE if event.kind == "REMOVE" else content.of_item(change.image or {})
    times = int(seconds(change.created) * 1000), int(arrived * 1000)
    sequence = change.sequence.zfill(SEQUENCE_DIGITS)
    return str(change.keys[key]["S"]), (event.event_id, sequence, held.plain, held.own, *times)


def digest(order: str, event_id: str, sequence: str, created: int, plain: bytes) -> int:
    """What tells whether two hops have the same event: 64 bits, of this process only; ``created`` is in seconds."""
    return hash((order, event_id, sequence, created, plain))
