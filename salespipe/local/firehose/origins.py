"""Where a delivery stream's records come from: a Kinesis stream, or PutRecord."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from salespipe.local.api import AwsError, Cloud
from salespipe.local.firehose.definition import refused
from salespipe.local.metrics import (
    BEHIND_LATEST,
    DIRECT_BYTES,
    DIRECT_RECORDS,
    ITERATOR_AGE,
    READ_BYTES,
    READ_RECORDS,
    Report,
    unreported,
)
from salespipe.local.record_log import Record, RecordLog

# Quotas of PutRecord and PutRecordBatch in the API reference.
_RECORD_LIMIT: Final = 1_024_000
_BATCH_BYTES: Final = 4 * 2**20


class Streams(Protocol):
    """What is needed of our Kinesis."""

    def shards(self, stream_arn: str) -> list[str]:
        """Names of the stream's shards in the record log, parents first; none when it does not exist."""
        ...

    def shard_id(self, shard: str) -> str:
        """A shard's name as clients see it."""
        ...

    def sequence_number(self, sequence: int) -> str:
        """A sequence number as clients see it."""
        ...


class KinesisOrigin:
    """The shards of a Kinesis stream, which others read too."""

    def __init__(
        self,
        kinesis: Streams,
        stream_arn: str,
        report: Report = unreported,
        report_stream: Report = unreported,
    ) -> None:
        self._kinesis = kinesis
        self.stream_arn = stream_arn
        self._report = report
        self._report_stream = report_stream

    def shards(self) -> list[str]:
        """The stream's shards, parents first."""
        return self._kinesis.shards(self.stream_arn)

    def shard_id(self, shard: str) -> str:
        """A shard's name as clients see it."""
        return self._kinesis.shard_id(shard)

    def sequence_number(self, sequence: int) -> str:
        """A sequence number as clients see it."""
        return self._kinesis.sequence_number(sequence)

    def read(self, records: Sequence[Record], now: float, *, latest: bool) -> None:
        """Report what was read from the stream, and whether those were its latest records."""
        age = max(0.0, now - records[-1].arrived) * 1000
        self._report(READ_RECORDS, len(records))
        self._report(READ_BYTES, sum(len(record.data) for record in records))
        self._report(BEHIND_LATEST, 0 if latest else age)
        self._report_stream(ITERATOR_AGE, age)

    def delivered(self, shard: str, arrived: float) -> None:
        """Kinesis keeps its records for as long as its retention says."""


class DirectPut:
    """One shard of the delivery stream's own, for what PutRecord takes."""

    stream_arn = ""

    def __init__(self, log: RecordLog, arn: str) -> None:
        self._log = log
        self._shard = self.shard(arn)

    @staticmethod
    def shard(arn: str) -> str:
        """The shard's name in the record log."""
        return f"{arn}/direct"

    def shards(self) -> list[str]:
        """The one shard."""
        return [self._shard]

    def shard_id(self, shard: str) -> str:
        """Nobody sees it."""
        return shard

    def sequence_number(self, sequence: int) -> str:
        """What record IDs are made of: 56 digits, as AWS's."""
        return f"49{sequence:054d}"

    def read(self, records: Sequence[Record], now: float, *, latest: bool) -> None:
        """What came in was reported when it did."""

    def delivered(self, shard: str, arrived: float) -> None:
        """Nobody else reads these records: forget what arrived before the newest that was delivered."""
        self._log.trim(arrived, shard)


def check_source(definition: Mapping[str, Any], kinesis: Streams, account: str) -> None:
    """Raise ``AwsError`` when the Kinesis stream that a delivery stream is to read does not exist."""
    arn = (definition["Source"] or {}).get("KinesisStreamARN")
    if arn and not kinesis.shards(arn):
        raise refused(f"Stream {arn.rpartition('/')[2]} under account {account} not found.")


def origin_of(definition: Mapping[str, Any], kinesis: Streams, cloud: Cloud) -> KinesisOrigin | DirectPut:
    """Where the records of a delivery stream come from."""
    if not definition["Source"]:
        return DirectPut(cloud.log, definition["DeliveryStreamARN"])
    stream = definition["Source"]["KinesisStreamARN"]
    return KinesisOrigin(
        kinesis,
        stream,
        _report(cloud, definition["DeliveryStreamARN"]),
        _report(cloud, stream),
    )


def _report(cloud: Cloud, arn: str) -> Report:
    return cloud.metrics.of(arn.split(":")[3], arn.rpartition("/")[2])


def put_direct(cloud: Cloud, definition: Mapping[str, Any], records: Sequence[Any]) -> None:
    """Accept the records of PutRecord or PutRecordBatch durably. Raises ``AwsError``."""
    arn = definition["DeliveryStreamARN"]
    entries = _entries(records)
    cloud.log.append(DirectPut.shard(arn), entries)
    report = _report(cloud, arn)
    report(DIRECT_RECORDS, len(entries))
    report(DIRECT_BYTES, sum(len(data) for _, data in entries))


def _entries(records: Sequence[Any]) -> list[tuple[str, bytes]]:
    """What PutRecord and PutRecordBatch ask to append. Raises ``AwsError``."""
    entries: list[tuple[str, bytes]] = []
    for record in records:
        try:
            data = b64decode(record["Data"], validate=True)
        except (KeyError, ValueError, TypeError):
            raise AwsError("SerializationException", "Record.Data must be base64 text.") from None
        if len(data) > _RECORD_LIMIT:
            raise refused(f"A record must not be larger than {_RECORD_LIMIT} bytes.")
        entries.append(("", data))
    if sum(len(data) for _, data in entries) > _BATCH_BYTES:
        raise refused("Records size exceeds 4 MB limit.")
    return entries
