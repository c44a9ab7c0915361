"""A shop's own table on the local AWS: what was in it stays, what is written to it from then on reaches the lake."""

from __future__ import annotations

import gzip
import json
from typing import Any

import msgspec
import pytest

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.flow.drain import drain
from salespipe.lifecycle import Action, down, up
from salespipe.load.generate import generate
from salespipe.pipeline import pipeline

BOTH = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}}


@pytest.mark.parametrize(("name", "stream"), [("lent-off", {}), ("lent-both", BOTH)])
def test_new_writes_flow_and_the_table_survives(aws_here: Any, name: str, stream: dict[str, Any]) -> None:
    config = msgspec.convert({"name": name, "table": {"name": name, "existing": True}}, Config)
    aws = Aws(config, endpoint=aws_here.endpoint)
    resources, table = pipeline(aws), aws_here.client("dynamodb")
    table.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        **stream,
    )
    old = {"orderid": {"S": "old"}, "colour": {"S": "blue"}}
    table.put_item(TableName=name, Item=old)

    list(up(aws, resources))
    key = {"TableName": name, "Key": {"orderid": {"S": "new"}}}
    table.put_item(TableName=name, Item={"orderid": {"S": "new"}, "colour": {"S": "red"}})
    table.update_item(**key, UpdateExpression="SET colour = :c", ExpressionAttributeValues={":c": {"S": "green"}})
    table.delete_item(**key)
    written = generate(aws, rate=200, count=20, seed=7).acknowledged
    drain(aws)
    events = [event for event in delivered(aws_here, aws.names.bucket) if event["orderid"] in {"old", "new"}]
    everything = len(delivered(aws_here, aws.names.bucket))
    kept = [step.name for step in down(aws, resources) if step.action is Action.KEPT]

    expected = [("new", "INSERT", "red"), ("new", "MODIFY", "green"), ("new", "REMOVE", None)]
    before_the_pipe = [("old", "INSERT", "blue")] if stream else []  # what the stream still held
    events.sort(key=lambda event: event["sequence_number"])
    seen = [(event["orderid"], event["event_type"], event.get("colour")) for event in events]
    assert seen == before_the_pipe + expected
    assert everything == written + len(seen)
    assert kept == [name]
    assert table.get_item(TableName=name, Key={"orderid": {"S": "old"}})["Item"] == old
    assert table.scan(TableName=name)["Count"] > 1
    table.delete_table(TableName=name)


def delivered(aws_here: Any, bucket: str) -> list[dict[str, Any]]:
    """Every record in the lake."""
    s3 = aws_here.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="order_events/").get("Contents", ())]
    bodies = [gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
    return [json.loads(line) for body in bodies for line in body.splitlines()]
