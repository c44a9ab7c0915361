"""How much a shard takes: Kinesis developer guide, "Quotas and limits".

A shard of a provisioned stream takes 1,000 records and 1 MB a second, partition keys included. An on-demand stream
takes four times as much at first, and twice its highest of the last 30 days: that is not held against it here. How AWS
measures a second is not documented; here it is one of the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from salespipe.local.api import AwsError
from salespipe.local.kinesis.moto_shards import LoggedShard, LoggedStream
from salespipe.local.kinesis.requests import Entry

RECORDS: Final = 1000
BYTES: Final = 2**20

_CODE: Final = "ProvisionedThroughputExceededException"


class Throughput:
    """What each shard has taken in the second under way; to be asked by one thread at a time."""

    def __init__(self) -> None:
        self._taken: dict[str, tuple[int, int, int]] = {}

    def admit(
        self, stream: LoggedStream, routed: Sequence[LoggedShard], entries: Sequence[Entry], now: float
    ) -> list[bool]:
        """Which of the entries their shards take at ``now`` (Unix seconds), in their order."""
        if not provisioned(stream):
            return [True] * len(entries)
        admitted = []
        for shard, entry in zip(routed, entries, strict=True):
            second, records, size = self._taken.get(shard.log_name, (0, 0, 0))
            if second != int(now):
                second, records, size = int(now), 0, 0
            wanted = len(entry.data) + len(entry.partition_key.encode())
            fits = records < RECORDS and size + wanted <= BYTES
            if fits:
                records, size = records + 1, size + wanted
            self._taken[shard.log_name] = second, records, size
            admitted.append(fits)
        return admitted


def provisioned(stream: LoggedStream) -> bool:
    """Whether the stream has as many shards as somebody has asked for."""
    return bool(stream.stream_mode.get("StreamMode", "PROVISIONED") == "PROVISIONED")


def exceeded(shard: str, stream: str, account: str) -> AwsError:
    """The refusal, in the words of the PutRecords API reference."""
    return AwsError(_CODE, f"Rate exceeded for shard {shard} in stream {stream} under account {account}.")


def answered(put: Sequence[tuple[str, str]], stream: str, account: str) -> dict[str, Any]:
    """What PutRecords answers for (shard id, sequence number) of each record, the number empty where it was refused."""
    return {
        "FailedRecordCount": sum(not number for _, number in put),
        "Records": [
            {"SequenceNumber": number, "ShardId": shard}
            if number
            else {"ErrorCode": _CODE, "ErrorMessage": exceeded(shard, stream, account).message}
            for shard, number in put
        ],
    }
