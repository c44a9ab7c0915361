"""DynamoDB Streams: reading the events that table changes made.

A stream has one shard here. AWS starts new shards every few hours, which clients must expect but need not see.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from salespipe.local.api import Answer, AwsError, Call, Cloud, Handler
from salespipe.local.dynamodb.stream_store import (
    Stream,
    StreamStore,
    parse_sequence_number,
    sequence_number,
    source_suffix,
)
from salespipe.local.dynamodb.values import invalid
from salespipe.local.shard_iterators import ShardIterator, issue, redeem

_HEADERS: Final = {"content-type": "application/x-amz-json-1.0"}
_ITERATOR_SECONDS: Final = 15 * 60
_MAX_RECORDS: Final = 1000
_MAX_BYTES: Final = 2**20
_MAX_STREAMS: Final = 100
_TYPES: Final = ("TRIM_HORIZON", "LATEST", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")


class DynamoDbStreams:
    """The service "dynamodbstreams"."""

    name = "dynamodbstreams"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._streams = StreamStore(cloud.store, cloud.log, cloud.clock)
        self.handlers: Mapping[str, Handler] = {
            "ListStreams": self._list_streams,
            "DescribeStream": self._describe_stream,
            "GetShardIterator": self._get_shard_iterator,
            "GetRecords": self._get_records,
        }

    def observe(self, call: Call, answer: Answer) -> None:
        """Nothing: moto answers none of this service's calls."""

    def start(self) -> None:
        """Nothing runs in the background."""

    def stop(self) -> None:
        """Nothing runs in the background."""

    def shards(self, stream_arn: str) -> list[str]:
        """The record log's names of a stream's shards; empty when there is no such stream."""
        stream = self._streams.find(stream_arn)
        return [stream.shard] if stream else []

    def shard_id(self, shard: str) -> str:
        """The shard's id as clients know it, from its name in the record log."""
        return shard.rpartition("/")[2]

    def sequence_number(self, sequence: int) -> str:
        """A log sequence as clients see it, 21 digits."""
        return sequence_number(sequence)

    def _list_streams(self, call: Call) -> dict[str, Any]:
        params = call.params
        limit = _limit(params, _MAX_STREAMS)
        start = params.get("ExclusiveStartStreamArn") or ""
        table = (params.get("TableName") or "").rpartition("/")[2]
        streams = [
            stream
            for stream in self._streams.all()
            if stream.region == call.region and stream.arn > start and table in {"", stream.table_name}
        ]
        answer: dict[str, Any] = {
            "Streams": [
                {"StreamArn": stream.arn, "TableName": stream.table_name, "StreamLabel": stream.label}
                for stream in streams[:limit]
            ]
        }
        if len(streams) > limit:
            answer["LastEvaluatedStreamArn"] = streams[limit - 1].arn
        return answer

    def _describe_stream(self, call: Call) -> dict[str, Any]:
        stream = self._stream(call.params.get("StreamArn"))
        _limit(call.params, _MAX_STREAMS)
        log = self._cloud.log
        numbers = {"StartingSequenceNumber": sequence_number(log.first(stream.shard))}
        if stream.closed is not None:
            numbers["EndingSequenceNumber"] = sequence_number(log.last(stream.shard))
        shards = [{"ShardId": stream.shard_id, "SequenceNumberRange": numbers}]
        if (call.params.get("ExclusiveStartShardId") or "") >= stream.shard_id:
            shards = []
        return {
            "StreamDescription": {
                "StreamArn": stream.arn,
                "StreamLabel": stream.label,
                "StreamStatus": "ENABLED" if stream.closed is None else "DISABLED",
                "StreamViewType": stream.view_type,
                "CreationRequestDateTime": stream.created,
                "TableName": stream.table_name,
                "KeySchema": stream.key_schema,
                "Shards": shards,
            }
        }

    def _get_shard_iterator(self, call: Call) -> dict[str, Any]:
        params = call.params
        stream = self._stream(params.get("StreamArn"))
        if params.get("ShardId") != stream.shard_id:
            raise AwsError("ResourceNotFoundException", "Requested resource not found: Shard does not exist")
        after = self._position(stream, params.get("ShardIteratorType"), params.get("SequenceNumber"))
        return {"ShardIterator": self._issue(stream, after)}

    def _position(self, stream: Stream, kind: object, number: object) -> int:
        log = self._cloud.log
        if kind not in _TYPES:
            raise invalid(
                f"1 validation error detected: Value '{kind}' at 'shardIteratorType' failed to satisfy constraint:"
                f" Member must satisfy enum value set: [{', '.join(sorted(_TYPES))}]"
            )
        if kind == "TRIM_HORIZON":
            return log.first(stream.shard) - 1
        if kind == "LATEST":
            return log.last(stream.shard)
        try:
            sequence = parse_sequence_number(str(number))
        except ValueError:
            sequence = -1
        if sequence < 0 or sequence > log.last(stream.shard) + 1:
            raise invalid(
                f"Invalid SequenceNumber: {number} is not valid for shard {stream.shard_id} in stream {stream.arn}"
            )
        after = sequence - 1 if kind == "AT_SEQUENCE_NUMBER" else sequence
        self._refuse_trimmed(stream, after)
        return after

    def _get_records(self, call: Call) -> Answer:
        limit = _limit(call.params, _MAX_RECORDS)
        try:
            iterator = redeem(call.params.get("ShardIterator"), self._cloud.clock(), _ITERATOR_SECONDS)
        except ValueError:
            raise invalid("Invalid ShardIterator") from None
        stream = self._stream(iterator.stream)
        self._refuse_trimmed(stream, iterator.after)
        records = self._cloud.log.read(stream.shard, iterator.after, limit, _MAX_BYTES)
        suffix = len(source_suffix(stream.arn))
        events = b",".join(record.data[:-suffix] + b"}" for record in records)
        after = records[-1].sequence if records else iterator.after
        body = b'{"Records":[' + events + b"]"
        if stream.closed is None or after < self._cloud.log.last(stream.shard):
            body += b',"NextShardIterator":' + msgspec.json.encode(self._issue(stream, after))
        return Answer(200, body + b"}", _HEADERS)

    def _refuse_trimmed(self, stream: Stream, after: int) -> None:
        if after < self._cloud.log.first(stream.shard) - 1:
            raise AwsError(
                "TrimmedDataAccessException",
                "The operation attempted to read past the oldest stream record in a shard.",
            )

    def _issue(self, stream: Stream, after: int) -> str:
        return issue(ShardIterator(stream.arn, "", stream.shard_id, after, self._cloud.clock()))

    def _stream(self, arn: object) -> Stream:
        stream = self._streams.find(str(arn))
        if stream is None:
            raise AwsError("ResourceNotFoundException", f"Requested resource not found: Stream: {arn} not found")
        return stream


def _limit(params: Mapping[str, Any], highest: int) -> int:
    limit = params.get("Limit", highest)
    if not isinstance(limit, int) or not 1 <= limit <= highest:
        bound = (
            f"less than or equal to {highest}"
            if isinstance(limit, int) and limit > highest
            else ("greater than or equal to 1")
        )
        raise invalid(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have"
            f" value {bound}"
        )
    return limit
