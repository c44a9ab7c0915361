"""Records and shards as clients see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from salespipe.local.kinesis.moto_shards import LoggedShard, LoggedStream, sequence_number
from salespipe.local.record_log import Record


def shards(stream: LoggedStream) -> list[LoggedShard]:
    """All of them, parents first."""
    return [shard for shard in list(stream.shards.values()) if isinstance(shard, LoggedShard)]


def _parents(shard: LoggedShard) -> list[str]:
    return [parent for parent in (shard.parent, shard.adjacent_parent) if parent]


def children(stream: LoggedStream, shard: LoggedShard) -> list[dict[str, Any]]:
    """The shards that a shard was split or merged into."""
    return [_child(child) for child in shards(stream) if shard.shard_id in _parents(child)]


def records(logged: Sequence[Record]) -> list[dict[str, Any]]:
    """As clients see them."""
    return [
        {
            "SequenceNumber": sequence_number(record.sequence),
            "ApproximateArrivalTimestamp": round(record.arrived, 3),
            "Data": record.data,  # encoded as base64
            "PartitionKey": record.key,
        }
        for record in logged
    ]


def _child(shard: LoggedShard) -> dict[str, Any]:
    return {
        "ShardId": shard.shard_id,
        "ParentShards": _parents(shard),
        "HashKeyRange": {"StartingHashKey": str(shard.starting_hash), "EndingHashKey": str(shard.ending_hash)},
    }
