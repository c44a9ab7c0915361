"""What a delivery stream has gathered of one shard and not yet delivered: a part for each object to be."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from salespipe.local.firehose.definition import Settings
from salespipe.local.firehose.partitioning import (
    ACTIVE_LIMIT,
    Keys,
    Partitioning,
    PartitioningError,
    TooManyPartitionsError,
)
from salespipe.local.firehose.transform import Outcome
from salespipe.local.record_log import Record

_TRANSFORM_FAILED: Final = "processing-failed"


@dataclass
class Part:
    """One object in the making: records of one partition, or error lines of one ``error_type``.

    ``since`` is when it got its first record, ``oldest`` when that had arrived, ``first`` a sequence that is not after
    that of any record in it. ``sources`` are the records that ``data`` was made of, where they are still needed.
    """

    error_type: str
    keys: Keys
    since: float
    oldest: float
    first: int
    data: list[bytes] = field(default_factory=list)
    sources: list[Record] = field(default_factory=list)
    size: int = 0


@dataclass
class Buffer:
    """One shard's deliveries in the making. Firehose gathers a partition over all shards; here each shard has its own.

    ``sequence`` is the last one that it covers, whatever became of the records; None when it is empty. ``newest`` is
    when that record arrived.
    """

    parts: dict[tuple[str, Keys], Part] = field(default_factory=dict)
    sequence: int | None = None
    newest: float = 0.0

    @property
    def oldest(self) -> float:
        """When the oldest record that is not delivered arrived (Unix seconds)."""
        return min((part.oldest for part in self.parts.values()), default=self.newest)

    @property
    def finished(self) -> int:
        """The sequence up to which nothing is left to deliver."""
        return min((part.first - 1 for part in self.parts.values()), default=self.sequence or 0)

    def add(self, outcome: Outcome, since: float, settings: Settings, now: float) -> None:
        """Take in a batch that came into the delivery stream at ``since`` (Unix seconds)."""
        first, last = outcome.records[0], outcome.records[-1]
        self.sequence, self.newest = last.sequence, last.arrived
        delimiter = settings.delimiter
        data = [piece + delimiter for piece in outcome.data] if delimiter else outcome.data
        if outcome.errors:
            self._put(_TRANSFORM_FAILED, (), first, since, outcome.errors)
        if data and settings.partitioning is None:
            self._put("", (), first, since, data).sources += outcome.sources if settings.conversion else ()
        elif settings.partitioning is not None:
            metadata = outcome.metadata or [b""] * len(data)
            for piece, source, given in zip(data, outcome.sources, metadata, strict=True):
                try:
                    keys = self._partition(piece, given, settings.partitioning)
                except PartitioningError as error:
                    self._put(error.error_type, (), source, since, [_error(source, error, now)])
                else:
                    part = self._put("", keys, source, since, [piece])
                    part.sources += [source] if settings.conversion else ()

    def _partition(self, piece: bytes, metadata: bytes, partitioning: Partitioning) -> Keys:
        """The partition of a record. Raises ``PartitioningError``."""
        keys = partitioning.keys(piece, metadata)
        if ("", keys) not in self.parts and sum(not part.error_type for part in self.parts.values()) >= ACTIVE_LIMIT:
            raise TooManyPartitionsError
        return keys

    def _put(
        self,
        error_type: str,
        keys: Keys,
        first: Record,
        since: float,
        data: Sequence[bytes],
    ) -> Part:
        part = self.parts.get((error_type, keys))
        if part is None:
            part = self.parts[error_type, keys] = Part(error_type, keys, since, first.arrived, first.sequence)
        part.data += data
        part.size += sum(map(len, data))
        return part


def _error(record: Record, error: PartitioningError, now: float) -> bytes:
    """One line of an error object: the record as it came, so that it can be replayed."""
    line = {
        "attemptsMade": 1,
        "arrivalTimestamp": int(record.arrived * 1000),
        "errorCode": error.code,
        "errorMessage": str(error),
        "attemptEndingTimestamp": int(now * 1000),
        "rawData": b64encode(record.data).decode("ascii"),
    }
    return msgspec.json.encode(line) + b"\n"
