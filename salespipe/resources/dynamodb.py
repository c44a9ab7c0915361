"""The DynamoDB table that orders are written to, with its stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from salespipe.resources.base import ABSENT, Drift, Observation, Remedy, State
from salespipe.resources.observing import Tolerating, differences, judge, look, made, pairs, unpaired

if TYPE_CHECKING:
    from collections.abc import Mapping

    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

STATES: Final = {
    "ACTIVE": State.READY,
    "CREATING": State.PENDING,
    "UPDATING": State.PENDING,
    "DELETING": State.PENDING,
}
STREAM: Final = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}


def key_schema(table: Mapping[str, Any]) -> dict[str, str]:
    """A table's key as DescribeTable tells it, by role: ``{"HASH": "orderid (S)"}``."""
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    return {each["KeyType"]: f"{each['AttributeName']} ({types[each['AttributeName']]})" for each in table["KeySchema"]}


def stream_arn(aws: Aws, table: str) -> str | None:
    """The ARN of the table's current stream, or None: it changes whenever the table or its stream is made anew."""
    answer = look(lambda: aws.client("dynamodb").describe_table(TableName=table))
    arn = answer["Table"].get("LatestStreamArn") if answer else None
    return None if arn is None else str(arn)


@dataclass(frozen=True, eq=False, kw_only=True)
class Table:
    """An on-demand table with one partition key of type string, whose stream carries the new image of every change."""

    kind: ClassVar[str] = "dynamodb table"
    name: str
    partition_key: str
    needs: tuple[Resource, ...] = ()

    def describe(self, aws: Aws) -> Observation:
        """DescribeTable and ListTagsOfResource."""
        dynamodb = aws.client("dynamodb")
        answer = look(lambda: dynamodb.describe_table(TableName=self.name))
        if answer is None:
            return ABSENT
        table = answer["Table"]
        arn, status = table["TableArn"], table["TableStatus"]
        pages = dynamodb.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
        tags = look(lambda: unpaired(tag for page in pages for tag in page["Tags"]))
        state = STATES.get(status, State.FAILED)
        if state is State.READY and table.get("StreamSpecification") == STREAM and not table.get("LatestStreamArn"):
            state, status = State.PENDING, "waiting for its stream"
        return judge(
            aws,
            tags,
            arn=arn,
            state=state,
            detail=status,
            drift=self._drift(table),
            created=table.get("CreationDateTime"),
        )

    def _drift(self, table: dict[str, Any]) -> tuple[Drift, ...]:
        actual = {
            "KeySchema": key_schema(table),
            # A table that never was on-demand has no BillingModeSummary.
            "BillingMode": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
            "StreamSpecification": table.get("StreamSpecification", {}),
        }
        key = {"KeySchema": {"HASH": f"{self.partition_key} (S)", "RANGE": None}}
        return (
            *differences(key, actual, remedy=Remedy.CONSENT),
            *differences({"BillingMode": "PAY_PER_REQUEST", "StreamSpecification": STREAM}, actual),
        )

    def create(self, aws: Aws) -> None:
        """CreateTable: the billing mode must be said, the API's default is provisioned."""
        dynamodb = aws.client("dynamodb")
        made(
            lambda: dynamodb.create_table(
                TableName=self.name,
                AttributeDefinitions=[{"AttributeName": self.partition_key, "AttributeType": "S"}],
                KeySchema=[{"AttributeName": self.partition_key, "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
                StreamSpecification=STREAM,
                Tags=pairs(aws.config.tags),
            ),
            "ResourceInUseException",
        )

    def update(self, aws: Aws, seen: Observation) -> None:
        """Repair the tags and one setting: DynamoDB takes one change at a time, the next look finds the other.

        A stream's view type cannot be edited: it is switched off, and found to be off at the next look.
        """
        dynamodb = aws.client("dynamodb")
        if seen.differs("tags"):
            dynamodb.tag_resource(ResourceArn=seen.arn, Tags=pairs(aws.config.tags))
        if seen.differs("StreamSpecification"):
            off = seen.differs("StreamSpecification.StreamEnabled")
            specification = STREAM if off else {"StreamEnabled": False}
            dynamodb.update_table(TableName=self.name, StreamSpecification=specification)
        elif seen.differs("BillingMode"):
            dynamodb.update_table(TableName=self.name, BillingMode="PAY_PER_REQUEST")

    def delete(self, aws: Aws) -> None:
        """DeleteTable; refused while the table is being created or updated."""
        with Tolerating("ResourceInUseException"):
            aws.client("dynamodb").delete_table(TableName=self.name)
