"""Some of what has come through the pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salespipe.aws import Aws


def records(aws: Aws, count: int) -> list[tuple[str, bytes]]:
    """Up to ``count`` (partition key, data) of the oldest records that the stream holds."""
    kinesis, name = aws.client("kinesis"), aws.names.stream
    found: list[tuple[str, bytes]] = []
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        if len(found) >= count:
            break
        start = kinesis.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
            "ShardIterator"
        ]
        read = kinesis.get_records(ShardIterator=start, Limit=count - len(found))["Records"]
        found += [(record["PartitionKey"], record["Data"]) for record in read]
    return found
