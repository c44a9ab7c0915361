"""Kinesis Data Streams: records in and out of the record log, the control plane by moto.

Limits: PutRecord, PutRecords and GetRecords in the API reference and the service model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import compress
from typing import Any, Final

import msgspec

from salespipe.local.api import Answer, AwsError, Call, Cloud, Handler
from salespipe.local.kinesis import shown
from salespipe.local.kinesis.moto_shards import (
    LoggedShard,
    LoggedStream,
    MotoStreams,
    generation,
    hash_key,
    log_prefix,
    parse_sequence_number,
    sequence_number,
)
from salespipe.local.kinesis.requests import Entry, check_creation, invalid, limit_of, record_entry, records_entries
from salespipe.local.kinesis.subscriptions import Subscriptions, event, named, named_consumer, require_free, same
from salespipe.local.kinesis.throughput import Throughput, answered, exceeded
from salespipe.local.metrics import ITERATOR_AGE, STREAM_BYTES, STREAM_RECORDS, STREAM_REFUSED
from salespipe.local.record_log import Record
from salespipe.local.shard_iterators import ShardIterator, issue, redeem

_HEADERS: Final = {"content-type": "application/x-amz-json-1.1"}
_ITERATOR_SECONDS: Final = 5 * 60
_MAX_BYTES: Final = 10 * 2**20
_MAX_RECORDS: Final = 10_000
_POSITIONS: Final = (
    "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON"
    " or LATEST and no StartingSequenceNumber. Request specified {kind} and {given} StartingSequenceNumber."
)


class Kinesis:
    """The service "kinesis".

    The gateway must ask moto through ``forward``, so that no record reaches a shard while it is being closed.
    """

    name = "kinesis"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._streams = MotoStreams(cloud.account, cloud.log)
        self._subscriptions = Subscriptions(cloud, self)
        self._throughput = Throughput()
        self.handlers: Mapping[str, Handler] = {
            "PutRecord": self._put_record,
            "PutRecords": self._put_records,
            "GetShardIterator": self._get_shard_iterator,
            "GetRecords": self._get_records,
            "SubscribeToShard": self._subscriptions.subscribe,
        }

    def forward(self, call: Call, moto: Callable[[], Answer]) -> Answer:
        """Let moto answer ``call`` while nothing is written; the records of a stream that it deletes are dropped."""
        if call.operation.startswith(("Describe", "List", "Get")):
            self._asked_for(call)  # so that moto describes the log's records, not its own
            return moto()
        if call.operation == "CreateStream":
            check_creation(call.params)
        with self._cloud.store.write():
            stream = self._asked_for(call)
            if call.operation == "RegisterStreamConsumer" and stream is not None:
                require_free(stream, call.params["ConsumerName"])
            answer = moto()
            if call.operation == "RegisterStreamConsumer" and stream is not None and answer.status < 400:
                return named(stream, answer)
            if call.operation == "DeleteStream" and stream is not None and answer.status < 400:
                self._cloud.log.drop(log_prefix(stream))
            return answer

    def observe(self, call: Call, answer: Answer) -> None:  # noqa: ARG002 - the request says it all
        """Give a new stream the tags that came with its creation, which moto overlooks; wake its shards' readers."""
        if call.operation == "CreateStream" and call.params.get("Tags"):
            client = self._cloud.client("kinesis", call.region)
            client.add_tags_to_stream(StreamName=call.params["StreamName"], Tags=call.params["Tags"])
        if call.operation in {"DeleteStream", "SplitShard", "MergeShards", "UpdateShardCount"}:
            self._cloud.log.wake()

    def start(self) -> None:
        """Nothing runs in the background."""

    def stop(self) -> None:
        """Subscriptions end."""
        self._subscriptions.stop()

    def trim(self) -> int:
        """Delete the records that are older than their stream's retention; how many. To be called now and then."""
        now = self._cloud.clock()
        return sum(
            self._cloud.log.trim(now - stream.retention_period_hours * 3600, log_prefix(stream))
            for stream in self._streams.all()
        )

    def put(self, stream_arn: str, entries: Sequence[tuple[str, bytes]]) -> list[tuple[str, str]]:
        """Put (partition key, data) pairs; each one's shard id and sequence number, empty where the shard is full.

        Raises ``AwsError`` (ResourceNotFoundException) when there is no such stream.
        """
        return self._append(
            lambda: self._by_arn(stream_arn), [Entry(key, hash_key(key), data) for key, data in entries]
        )

    def shards(self, stream_arn: str) -> list[str]:
        """The record log's names of a stream's shards, parents first; empty when there is no such stream."""
        stream = self._streams.by_arn(stream_arn)
        return [shard.log_name for shard in shown.shards(stream)] if stream else []

    def shard_id(self, shard: str) -> str:
        """The shard's id as clients know it, from its name in the record log."""
        return shard.rpartition("/")[2]

    def sequence_number(self, sequence: int) -> str:
        """A log sequence as clients see it, 56 digits."""
        return sequence_number(sequence)

    def _put_record(self, call: Call) -> dict[str, Any]:
        [(shard_id, number)] = self._append(lambda: self._stream(call), [record_entry(call.params)])
        if not number:
            raise exceeded(shard_id, _name(call), self._cloud.account)
        return {"ShardId": shard_id, "SequenceNumber": number}

    def _put_records(self, call: Call) -> dict[str, Any]:
        put = self._append(lambda: self._stream(call), records_entries(call.params))
        return answered(put, _name(call), self._cloud.account)

    def _append(self, find: Callable[[], LoggedStream], entries: Sequence[Entry]) -> list[tuple[str, str]]:
        """Append each entry to its shard, if that has room, in one transaction; no shard is split or merged then."""
        with self._cloud.store.write():
            stream = find()
            routed = [stream.route(entry.hash_key) for entry in entries]
            fits = self._throughput.admit(stream, routed, entries, self._cloud.clock())
            groups: dict[LoggedShard, list[tuple[str, bytes]]] = {}
            for shard, entry in compress(zip(routed, entries, strict=True), fits):
                groups.setdefault(shard, []).append((entry.partition_key, entry.data))
            given = {shard: iter(self._cloud.log.append(shard.log_name, mine)) for shard, mine in groups.items()}
        report = self._cloud.metrics.of(stream.arn.split(":")[3], stream.stream_name)
        report(STREAM_RECORDS, sum(fits))
        report(STREAM_BYTES, sum(len(entry.data) for entry in compress(entries, fits)))
        if not all(fits):
            report(STREAM_REFUSED, len(fits) - sum(fits))
        put = zip(routed, fits, strict=True)
        return [(shard.shard_id, sequence_number(next(given[shard])) if taken else "") for shard, taken in put]

    def _get_shard_iterator(self, call: Call) -> dict[str, Any]:
        params = call.params
        stream = self._stream(call)
        shard = self.shard_of(stream, params.get("ShardId"))
        after = self.position(
            *(stream, shard, params.get("ShardIteratorType"), params.get("StartingSequenceNumber")),
            params.get("Timestamp"),
        )
        return {"ShardIterator": self._issue(stream, shard, after)}

    def position(self, stream: LoggedStream, shard: LoggedShard, kind: object, number: Any, timestamp: object) -> int:
        """The log sequence after which a reader begins. Raises ``AwsError`` where what it asks for makes no sense."""
        log = self._cloud.log
        if kind in {"AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"}:
            if number is None:
                raise invalid(_POSITIONS.format(kind=kind, given="no"))
            try:
                sequence = parse_sequence_number(number)
            except ValueError:
                raise invalid(
                    f"StartingSequenceNumber {number} used in GetShardIterator on shard {shard.shard_id} in stream"
                    f" {stream.stream_name} under account {self._cloud.account} is invalid."
                ) from None
            return sequence - 1 if kind == "AT_SEQUENCE_NUMBER" else sequence
        if kind in {"TRIM_HORIZON", "LATEST"}:
            if number is not None:
                raise invalid(_POSITIONS.format(kind=kind, given="also a"))
            return 0 if kind == "TRIM_HORIZON" else log.last(shard.log_name)
        if kind == "AT_TIMESTAMP":
            return log.before(shard.log_name, self._timestamp(timestamp))
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value '{kind}' at 'shardIteratorType' failed to satisfy constraint:"
            " Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP,"
            " AT_SEQUENCE_NUMBER, TRIM_HORIZON]",
        )

    def consumed(self, consumer_arn: str) -> LoggedStream:
        """The stream that a consumer is registered with. Raises ``AwsError``."""
        return named_consumer(self._streams.by_arn(consumer_arn), consumer_arn)

    def stands(self, stream: LoggedStream) -> bool:
        """Whether a stream is still there."""
        return same(self._streams.by_arn(stream.arn), stream)

    def told(self, stream: LoggedStream, shard: LoggedShard, after: int, records: Sequence[Record]) -> dict[str, Any]:
        """What is pushed to a consumer that has all up to ``after`` with these records."""
        over = not shard.is_open and after >= self._cloud.log.last(shard.log_name)
        behind = self._behind(shard, after, self._cloud.clock())
        return event(
            shown.records(records), sequence_number(after), behind, shown.children(stream, shard) if over else []
        )

    def _timestamp(self, value: object) -> float:
        """Unix seconds of a Timestamp, which the JSON protocol sends as a number."""
        if value is None:
            raise invalid("Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP.")
        try:
            timestamp = datetime.fromisoformat(value).timestamp() if isinstance(value, str) else float(str(value))
        except ValueError:
            raise AwsError("SerializationException", f"{value} can not be converted to a timestamp") from None
        if timestamp > self._cloud.clock() + 1:
            raise invalid(
                f"The timestampInMillis parameter cannot be greater than the currentTimestampInMillis."
                f" timestampInMillis: {int(timestamp * 1000)}, currentTimestampInMillis:"
                f" {int(self._cloud.clock() * 1000)}"
            )
        return timestamp

    def _get_records(self, call: Call) -> Answer:
        limit = limit_of(call.params, _MAX_RECORDS)
        now = self._cloud.clock()
        try:
            iterator = redeem(call.params.get("ShardIterator"), now, _ITERATOR_SECONDS)
        except ValueError:
            raise invalid("Invalid ShardIterator.") from None
        stream = self._streams.by_arn(iterator.stream)
        if stream is None or generation(stream) != iterator.generation:
            raise _not_found(iterator.stream.rpartition("/")[2], self._cloud.account)
        shard = self.shard_of(stream, iterator.shard_id)
        records = self._cloud.log.read(shard.log_name, iterator.after, limit, _MAX_BYTES)
        after = records[-1].sequence if records else iterator.after
        behind = self._behind(shard, after, now)
        age = max(0.0, now - records[-1].arrived) * 1000 if records else 0.0
        self._cloud.metrics.add(call.region, stream.stream_name, ITERATOR_AGE, age)
        answer: dict[str, Any] = {
            "Records": shown.records(records),
            "MillisBehindLatest": behind,
        }
        if shard.is_open or after < self._cloud.log.last(shard.log_name):
            answer["NextShardIterator"] = self._issue(stream, shard, after)
        else:
            answer["ChildShards"] = shown.children(stream, shard)
        return Answer(200, msgspec.json.encode(answer), _HEADERS)

    def _behind(self, shard: LoggedShard, after: int, now: float) -> int:
        """Milliseconds since the arrival of the first record that the reader has not seen, 0 when it has seen all."""
        unread = self._cloud.log.read(shard.log_name, after, 1)
        return max(1, int((now - unread[0].arrived) * 1000)) if unread else 0

    def _issue(self, stream: LoggedStream, shard: LoggedShard, after: int) -> str:
        return issue(ShardIterator(stream.arn, generation(stream), shard.shard_id, after, self._cloud.clock()))

    def _asked_for(self, call: Call) -> LoggedStream | None:
        name, arn = call.params.get("StreamName"), call.params.get("StreamARN")
        if isinstance(arn, str) and arn:
            return self._streams.by_arn(arn)
        return self._streams.find(call.region, name) if isinstance(name, str) else None

    def _stream(self, call: Call) -> LoggedStream:
        if not call.params.get("StreamName") and not call.params.get("StreamARN"):
            raise invalid("Either StreamName or StreamARN must be specified.")
        stream = self._asked_for(call)
        if stream is None:
            raise _not_found(_name(call), self._cloud.account)
        return stream

    def _by_arn(self, arn: str) -> LoggedStream:
        stream = self._streams.by_arn(arn)
        if stream is None:
            raise _not_found(arn.rpartition("/")[2], self._cloud.account)
        return stream

    def shard_of(self, stream: LoggedStream, shard_id: object) -> LoggedShard:
        """A stream's shard. Raises ``AwsError``."""
        shard = stream.shards.get(str(shard_id))
        if not isinstance(shard, LoggedShard):
            raise AwsError(
                "ResourceNotFoundException",
                f"Shard {shard_id} in stream {stream.stream_name} under account {self._cloud.account} does not exist",
            )
        return shard


def _name(call: Call) -> str:
    return str(call.params.get("StreamName") or call.params.get("StreamARN", "")).rpartition("/")[2]


def _not_found(name: object, account: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Stream {name} under account {account} not found.")
