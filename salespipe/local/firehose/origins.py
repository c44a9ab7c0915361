"""Where a delivery stream's records come from: a Kinesis stream, or PutRecord."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from salespipe.local.api import AwsError
from salespipe.local.firehose.definition import refused
from salespipe.local.record_log import RecordLog

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

    def __init__(self, kinesis: Streams, stream_arn: str) -> None:
        self._kinesis = kinesis
        self.stream_arn = stream_arn

    def shards(self) -> list[str]:
        """The stream's shards, parents first."""
        return self._kinesis.shards(self.stream_arn)

    def shard_id(self, shard: str) -> str:
        """A shard's name as clients see it."""
        return self._kinesis.shard_id(shard)

    def sequence_number(self, sequence: int) -> str:
        """A sequence number as clients see it."""
        return self._kinesis.sequence_number(sequence)

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

    def delivered(self, shard: str, arrived: float) -> None:
        """Nobody else reads these records: forget what arrived before the newest that was delivered."""
        self._log.trim(arrived, shard)


def origin_of(definition: Mapping[str, Any], kinesis: Streams, log: RecordLog) -> KinesisOrigin | DirectPut:
    """Where the records of a delivery stream come from."""
    if definition["Source"]:
        return KinesisOrigin(kinesis, definition["Source"]["KinesisStreamARN"])
    return DirectPut(log, definition["DeliveryStreamARN"])


def direct_entries(records: Sequence[Any]) -> list[tuple[str, bytes]]:
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
