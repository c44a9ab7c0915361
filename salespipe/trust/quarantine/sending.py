"""Putting events into the Kinesis stream again, so that they take the way that every event takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from salespipe.errors import SalespipeError

if TYPE_CHECKING:
    from salespipe.aws import Aws

# Quotas of PutRecords (API reference); a stream may be set up for larger records, a new one is not.
_RECORDS: Final = 500
_BYTES: Final = 5 << 20
LARGEST: Final = 1 << 20
_KEY: Final = 256
# A shard takes a thousand records, or 1 MB, a second: what is refused for that is put again a little later.
_TRIES: Final = 30
_PAUSE_SECONDS: Final = 0.5


@dataclass
class Sender:
    """Gathers events and puts them, 500 at a time."""

    aws: Aws
    _entries: list[dict[str, Any]] = field(default_factory=list)
    _size: int = 0

    def put(self, data: bytes, record: str) -> None:
        """Take an event of at most ``LARGEST`` bytes; ``record`` is the partition key of what has none."""
        key = partition_key(data, self.aws.config.table.partition_key) or record
        size = len(data) + len(key.encode())
        if self._entries and (len(self._entries) == _RECORDS or self._size + size > _BYTES):
            self.flush()
        self._entries.append({"Data": data, "PartitionKey": key})
        self._size += size

    def flush(self) -> None:
        """Put what was gathered. Raises ``SalespipeError`` where the stream goes on to refuse some of it."""
        entries, self._entries, self._size = self._entries, [], 0
        kinesis = self.aws.client("kinesis")
        for attempt in range(_TRIES):
            if not entries:
                return
            if attempt:
                self.aws.sleep(_PAUSE_SECONDS)
            answers = kinesis.put_records(StreamName=self.aws.names.stream, Records=entries)["Records"]
            refused = [answer for answer in answers if "ErrorCode" in answer]
            entries = [entry for entry, answer in zip(entries, answers, strict=True) if "ErrorCode" in answer]
        if entries:
            raise SalespipeError(
                "StreamRefuses",
                f"The stream {self.aws.names.stream} refused {len(entries):,} events {_TRIES} times:"
                f" {refused[0]['ErrorCode']}: {refused[0].get('ErrorMessage', '')}",
                hint="salespipe quarantine replay goes on once there is room; nothing has left the quarantine.",
            )


def partition_key(data: bytes, key: str) -> str:
    """The key that the pipe would have taken: that of the order. Empty where the data does not tell one."""
    try:
        found: Any = msgspec.json.decode(data)["dynamodb"]["Keys"][key]["S"]
    except (msgspec.MsgspecError, KeyError, TypeError, UnicodeDecodeError):
        return ""
    return found if isinstance(found, str) and 0 < len(found) <= _KEY else ""
