"""What Kinesis accepts: records to put, and their limits."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from salespipe.local.api import AwsError
from salespipe.local.kinesis.moto_shards import HASH_KEYS, hash_key

_MAX_ENTRIES: Final = 500
_MAX_RECORD_BYTES: Final = 2**20
_MAX_REQUEST_BYTES: Final = 10 * 2**20
_MAX_KEY: Final = 256


class Entry(NamedTuple):
    """A record to put: ``hash_key`` decides on its shard."""

    partition_key: str
    hash_key: int
    data: bytes


def invalid(message: str) -> AwsError:
    """Kinesis' InvalidArgumentException."""
    return AwsError("InvalidArgumentException", message)


def record_entry(params: Mapping[str, Any]) -> Entry:
    """The record of a PutRecord request. Raises ``AwsError``."""
    return _entry(params, "")


def records_entries(params: Mapping[str, Any]) -> list[Entry]:
    """The records of a PutRecords request. Raises ``AwsError``."""
    records = params.get("Records")
    if not isinstance(records, list):
        raise _constraint("records", "null", "Member must not be null")
    if not records:
        raise _constraint("records", "'[]'", "Member must have length greater than or equal to 1")
    if len(records) > _MAX_ENTRIES:
        raise AwsError(
            "ValidationException",
            "1 validation error detected: Value at 'records' failed to satisfy constraint: Member must have length less"
            " than or equal to 500",
        )
    entries = [_entry(record, f"records.{number}.member.") for number, record in enumerate(records, 1)]
    if sum(len(entry.data) + len(entry.partition_key.encode()) for entry in entries) > _MAX_REQUEST_BYTES:
        raise invalid("Records size exceeds 10 MB limit")
    return entries


def check_creation(params: Mapping[str, Any]) -> None:
    """Refuse a provisioned stream without a number of shards, which moto would fail on. Raises ``AwsError``."""
    mode = (params.get("StreamModeDetails") or {}).get("StreamMode", "PROVISIONED")
    if mode == "PROVISIONED" and params.get("ShardCount") is None:
        raise AwsError("ValidationException", "ShardCount is required for a stream with StreamMode PROVISIONED.")


def limit_of(params: Mapping[str, Any], highest: int) -> int:
    """The Limit of a request that reads. Raises ``AwsError`` when it is not between 1 and ``highest``."""
    limit = params.get("Limit", highest)
    if not isinstance(limit, int) or limit < 1:
        raise _constraint("limit", f"'{limit}'", "Member must have value greater than or equal to 1")
    if limit > highest:
        raise _constraint("limit", f"'{limit}'", f"Member must have value less than or equal to {highest}")
    return limit


def _entry(record: object, place: str) -> Entry:
    if not isinstance(record, Mapping):
        raise AwsError("SerializationException", "Start of structure or map expected.")
    key = record.get("PartitionKey")
    if not isinstance(key, str):
        raise _constraint(f"{place}partitionKey", "null", "Member must not be null")
    if not key:
        raise _constraint(f"{place}partitionKey", "''", "Member must have length greater than or equal to 1")
    if len(key) > _MAX_KEY:
        raise _constraint(
            f"{place}partitionKey", f"'{key}'", f"Member must have length less than or equal to {_MAX_KEY}"
        )
    encoded = record.get("Data")
    if encoded is None:
        raise _constraint(f"{place}data", "null", "Member must not be null")
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise AwsError("SerializationException", "Data can not be converted to a Blob: it is not base64.") from None
    if len(data) + len(key.encode()) > _MAX_RECORD_BYTES:
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value at '{place}data' failed to satisfy constraint: Member must have length"
            f" less than or equal to {_MAX_RECORD_BYTES}",
        )
    explicit = record.get("ExplicitHashKey")
    return Entry(key, hash_key(key) if explicit is None else _explicit(explicit, place), data)


def _explicit(text: object, place: str) -> int:
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()) or (text[0] == "0" and text != "0"):
        raise _constraint(
            f"{place}explicitHashKey", f"'{text}'", r"Member must satisfy regular expression pattern: 0|([1-9]\d{0,38})"
        )
    number = int(text)
    if number >= HASH_KEYS:
        raise invalid(
            f"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {text}"
        )
    return number


def _constraint(member: str, value: str, constraint: str) -> AwsError:
    return AwsError(
        "ValidationException",
        f"1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {constraint}",
    )
