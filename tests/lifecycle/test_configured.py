"""The whole pipeline under moto: five settings change and are repaired; what is a stranger's is left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.errors import SalespipeError
from salespipe.lifecycle import Action, Intent, down, orphans, plan, status, up
from salespipe.pipeline import pipeline
from salespipe.resources.base import State

Connect = Callable[[Config], Aws]


def configured(connect: Connect, **sections: Any) -> Aws:
    return connect(msgspec.convert({"target": "aws", **sections}, Config))


def test_five_changed_settings_are_shown_repaired_and_then_gone(aws: Aws, connect: Connect) -> None:
    list(up(aws, pipeline(aws)))
    changed = configured(
        connect,
        stream={"retention_hours": 72},
        pipe={"batch_size": 50},
        delivery={"buffer_mb": 7},
        query={"scan_limit_mb": 200},
        generator={"schedule": "rate(2 minutes)"},
    )
    resources = pipeline(changed)

    pending = [change for change in plan(changed, resources) if change.pending]

    assert sorted((each.kind, drift.field, drift.wanted, drift.actual) for each in pending for drift in each.drift) == [
        ("athena workgroup", "BytesScannedCutoffPerQuery", 200_000_000, 1_000_000_000),
        ("eventbridge pipe", "DynamoDBStreamParameters.BatchSize", 50, 100),
        ("eventbridge rule", "ScheduleExpression", "rate(2 minutes)", "rate(1 minute)"),
        ("firehose stream", "BufferingHints.SizeInMBs", 7, 5),
        ("kinesis stream", "RetentionPeriodHours", 72, 24),
    ]
    assert {change.intent for change in pending} == {Intent.UPDATE}
    repaired = [step.kind for step in up(changed, resources) if step.action is Action.UPDATED]
    assert sorted(repaired) == sorted(change.kind for change in pending)
    assert not [change for change in plan(changed, resources) if change.pending]


@pytest.fixture
def theirs(aws: Aws) -> Callable[[], dict[str, Any]]:
    """A table, a bucket, a role and a stream of somebody else under our names; tells them as they are."""
    names = aws.names
    dynamodb, s3, iam, kinesis = (aws.client(name) for name in ("dynamodb", "s3", "iam", "kinesis"))
    dynamodb.create_table(
        TableName=names.table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName=names.table, Item={"id": {"N": "1"}})
    s3.create_bucket(Bucket=names.bucket, CreateBucketConfiguration={"Tags": [{"Key": "owner", "Value": "them"}]})
    s3.put_object(Bucket=names.bucket, Key="order_events/theirs", Body=b"theirs")
    action = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}'
    principal = '"Principal":{"Service":"pipes.amazonaws.com"}'
    trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",' + principal + "}]}"
    iam.create_role(RoleName=names.role("pipe"), Path=names.role_path, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName=names.role("pipe"), PolicyName="salespipe", PolicyDocument=action)
    kinesis.create_stream(StreamName=names.stream, ShardCount=3, Tags={"project": "salespipe", "pipeline": "another"})
    kinesis.describe_stream_summary(StreamName=names.stream)  # moto makes a stream ACTIVE once somebody looks

    def as_they_are() -> dict[str, Any]:
        table = dynamodb.describe_table(TableName=names.table)["Table"]
        return {
            "table": table,
            "table tags": dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"],
            "items": dynamodb.scan(TableName=names.table)["Items"],
            "bucket tags": s3.get_bucket_tagging(Bucket=names.bucket)["TagSet"],
            "objects": [(each["Key"], each["ETag"]) for each in s3.list_objects_v2(Bucket=names.bucket)["Contents"]],
            "role": iam.get_role(RoleName=names.role("pipe"))["Role"],
            "policy": iam.get_role_policy(RoleName=names.role("pipe"), PolicyName="salespipe")["PolicyDocument"],
            "stream": kinesis.describe_stream_summary(StreamName=names.stream)["StreamDescriptionSummary"],
            "stream tags": kinesis.list_tags_for_stream(StreamName=names.stream)["Tags"],
        }

    return as_they_are


FOREIGN = ["dynamodb table", "iam role", "kinesis stream", "s3 bucket"]


def test_a_strangers_table_bucket_role_and_stream_survive_up_and_down(
    aws: Aws, theirs: Callable[[], dict[str, Any]]
) -> None:
    before, resources = theirs(), pipeline(aws)
    [queue] = [resource for resource in resources if resource.kind == "sqs queue"]
    list(up(aws, [queue]))

    foreign = sorted(change.kind for change in plan(aws, resources) if change.intent is Intent.FOREIGN)
    with pytest.raises(SalespipeError, match="In the way") as refusal:
        list(up(aws, resources, consent={(resource.kind, resource.name) for resource in resources}))
    receipt = [step for step in down(aws, resources) if step.action not in {Action.ABSENT, Action.DELETING}]

    assert foreign == FOREIGN
    assert refusal.value.code == "Foreign"
    assert sorted((step.kind, step.action) for step in receipt) == sorted(
        [*((kind, Action.FOREIGN) for kind in FOREIGN), ("sqs queue", Action.DELETED)]
    )
    assert theirs() == before
    assert {reading.state for reading in status(aws, resources)} == {State.ABSENT, State.FOREIGN}


def test_a_table_renamed_in_the_configuration_does_not_stay_behind_silently(aws: Aws, connect: Connect) -> None:
    list(up(aws, pipeline(aws)))
    renamed = configured(connect, table={"name": "Sales"})
    resources = pipeline(renamed)

    [behind] = orphans(renamed, status(renamed, resources))

    assert (behind.kind, behind.name) == ("dynamodb table", "OrdersRawTable")
    list(up(renamed, resources))
    assert orphans(renamed, status(renamed, resources)) == []  # the pipe has forgotten it: now is too late


def test_a_table_of_the_users_own_is_not_left_behind_by_another_name(connect: Connect) -> None:
    lent = configured(connect, table={"name": "Shop", "existing": True})
    lent.client("dynamodb").create_table(
        TableName="Shop",
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    list(up(lent, pipeline(lent)))
    renamed = configured(connect)

    assert orphans(renamed, status(renamed, pipeline(renamed))) == []
    assert orphans(lent, status(lent, pipeline(lent))) == []
