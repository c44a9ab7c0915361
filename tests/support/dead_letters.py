"""Messages as a pipe sends them to its dead-letter queue: pointers into the table's stream."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from salespipe.aws import Aws


def table_records(aws: Aws) -> list[dict[str, Any]]:
    """The newest thousand or fewer records of the table's stream, from its beginning."""
    client, arn = aws.client("dynamodbstreams"), _stream(aws)
    where = {"StreamArn": arn, "ShardId": _shard(aws), "ShardIteratorType": "TRIM_HORIZON"}
    iterator = client.get_shard_iterator(**where)["ShardIterator"]
    records: list[dict[str, Any]] = client.get_records(ShardIterator=iterator)["Records"]
    return records


def send_letter(
    aws: Aws,
    first: dict[str, Any],
    last: dict[str, Any] | None = None,
    *,
    size: int = 1,
    arrived: datetime | None = None,
) -> None:
    """Send what a pipe sends of a batch that it gave up, from the first to the last record."""
    at = (arrived or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {
        "context": {
            "partnerResourceArn": aws.names.arn("pipes", f"pipe/{aws.names.pipe}"),
            "condition": "RetryAttemptsExhausted",
        },
        "version": "1.0",
        "timestamp": at,
        "DDBStreamBatchInfo": {
            "shardId": _shard(aws),
            "startSequenceNumber": first["dynamodb"]["SequenceNumber"],
            "endSequenceNumber": (last or first)["dynamodb"]["SequenceNumber"],
            "approximateArrivalOfFirstRecord": at,
            "approximateArrivalOfLastRecord": at,
            "batchSize": size,
            "streamArn": _stream(aws),
        },
    }
    send(aws, json.dumps(body))


def send(aws: Aws, body: str) -> None:
    """Send any message to the queue."""
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=aws.names.queue)["QueueUrl"], MessageBody=body)


def _stream(aws: Aws) -> str:
    return str(aws.client("dynamodb").describe_table(TableName=aws.names.table)["Table"]["LatestStreamArn"])


def _shard(aws: Aws) -> str:
    stream = aws.client("dynamodbstreams").describe_stream(StreamArn=_stream(aws))["StreamDescription"]
    return str(stream["Shards"][0]["ShardId"])
