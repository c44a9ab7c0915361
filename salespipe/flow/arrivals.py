"""A record on its way: what identifies it wherever it turns up again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import msgspec


class _Change(msgspec.Struct):
    created: float = msgspec.field(name="ApproximateCreationDateTime")
    sequence: str = msgspec.field(name="SequenceNumber")


class _Event(msgspec.Struct):
    """What a DynamoDB stream event says of itself, among much else."""

    event_id: str = msgspec.field(name="eventID")
    change: _Change = msgspec.field(name="dynamodb")


_decode = msgspec.json.Decoder(_Event).decode


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record that came into a shard ``at`` a time of AWS's clock.

    ``event_id``, ``created`` (whole seconds, rounded down) and ``change`` (its sequence number in the table's stream)
    are None for a record that is no event of the table's: somebody else put it there, and only its ``digest`` can tell
    it again. A record of the table's own stream has no digest.
    """

    shard: str
    sequence: str
    at: datetime
    digest: bytes = b""
    event_id: str | None = None
    created: datetime | None = None
    change: int | None = None


def digest(data: bytes) -> bytes:
    """What tells a record's data again."""
    return blake2b(data, digest_size=16).digest()


def of_kinesis(shard: str, record: dict[str, Any]) -> Arrival:
    """An Arrival from a record of GetRecords."""
    data, at = record["Data"], record["ApproximateArrivalTimestamp"].astimezone(UTC)
    sequence, mark = record["SequenceNumber"], digest(data)
    try:
        event = _decode(data)
        created = datetime.fromtimestamp(event.change.created, UTC)
        return Arrival(shard, sequence, at, mark, event.event_id, created, int(event.change.sequence))
    except (msgspec.MsgspecError, ValueError, OverflowError, OSError):
        return Arrival(shard, sequence, at, mark)


def of_table(shard: str, record: dict[str, Any]) -> Arrival:
    """An Arrival from a record of the table's stream, as boto3 gives it."""
    change = record["dynamodb"]
    created = change["ApproximateCreationDateTime"].astimezone(UTC)
    sequence = change["SequenceNumber"]
    return Arrival(shard, sequence, created, b"", record["eventID"], created, int(sequence))
