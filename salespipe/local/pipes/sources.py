"""What a pipe reads from: the shards of a DynamoDB stream or of a Kinesis stream."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from salespipe.local.record_log import Record


class Streams(Protocol):
    """What DynamoDbStreams and Kinesis offer alike."""

    def shards(self, stream_arn: str) -> list[str]:
        """Names of the stream's shards in the record log, parents first; none when the stream does not exist."""
        ...

    def shard_id(self, shard: str) -> str:
        """A shard's name as clients see it."""
        ...

    def sequence_number(self, sequence: int) -> str:
        """A sequence number as clients see it."""
        ...


class Source(Protocol):
    """A stream as a pipe sees it. ``batch_info_name`` is what a dead-letter message calls its pointer."""

    arn: str
    streams: Streams
    batch_info_name: str

    def event(self, shard: str, record: Record) -> bytes:
        """The event as a JSON object, which is what an unfiltered and untransformed target gets."""
        ...

    def document(self, event: bytes) -> Any:
        """The event decoded, for filters, paths and templates. Raises ``msgspec.DecodeError``."""
        ...


class DynamoDbSource:
    """A DynamoDB stream: its records are events already, and pass unchanged."""

    batch_info_name = "DDBStreamBatchInfo"

    def __init__(self, streams: Streams, arn: str) -> None:
        self.streams = streams
        self.arn = arn

    def event(self, _shard: str, record: Record) -> bytes:
        """The stream record."""
        return record.data

    def document(self, event: bytes) -> Any:
        """The stream record, decoded."""
        return msgspec.json.decode(event)


class KinesisSource:
    """A Kinesis stream: each record is wrapped in the event that the user guide shows, its data in base64.

    Source: EventBridge user guide, "Amazon Kinesis stream as a source"; filters and templates see the data decoded.
    """

    batch_info_name = "KinesisBatchInfo"

    def __init__(self, streams: Streams, arn: str, role_arn: str) -> None:
        self.streams = streams
        self.arn = arn
        self._role_arn = role_arn
        self._region = arn.split(":")[3]

    def event(self, shard: str, record: Record) -> bytes:
        """The Kinesis record as an event."""
        number = self.streams.sequence_number(record.sequence)
        return msgspec.json.encode(
            {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record.key,
                "sequenceNumber": number,
                "data": b64encode(record.data).decode("ascii"),
                "approximateArrivalTimestamp": round(record.arrived, 3),
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"{self.streams.shard_id(shard)}:{number}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": self._role_arn,
                "awsRegion": self._region,
                "eventSourceARN": self.arn,
            }
        )

    def document(self, event: bytes) -> Any:
        """The event decoded, and in it ``data``: as JSON where it is JSON, else as text."""
        document = msgspec.json.decode(event)
        data = b64decode(document["data"])
        try:
            document["data"] = msgspec.json.decode(data)
        except msgspec.DecodeError:
            document["data"] = data.decode("utf-8", "replace")
        return document


def batch_info(source: Source, shard: str, records: Sequence[Record]) -> dict[str, Any]:
    """The pointer to a batch in its stream that a dead-letter message carries instead of the data."""
    streams = source.streams
    return {
        source.batch_info_name: {
            "shardId": streams.shard_id(shard),
            "startSequenceNumber": streams.sequence_number(records[0].sequence),
            "endSequenceNumber": streams.sequence_number(records[-1].sequence),
            "approximateArrivalOfFirstRecord": iso(records[0].arrived),
            "approximateArrivalOfLastRecord": iso(records[-1].arrived),
            "batchSize": len(records),
            "streamArn": source.arn,
        }
    }


def iso(moment: float) -> str:
    """Unix seconds as ISO 8601 text in UTC with milliseconds: ``2026-01-31T12:00:00.000Z``."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
