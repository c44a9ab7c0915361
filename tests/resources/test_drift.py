"""A change in the configuration, or by hand, is found, told field by field, repaired, and then gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.lifecycle import Action, plan, up
from salespipe.lifecycle.model import Intent
from salespipe.pipeline import pipeline
from salespipe.resources import bundle
from salespipe.resources.base import Resource, State

Connect = Callable[[Config], Aws]

INSERTS = '{"eventName":["INSERT"]}'
CHANGED = """
target = "aws"
stream.retention_hours = 48
pipe = { batch_size = 10, filters = ['{"eventName":["INSERT"]}'] }
delivery = { buffer_mb = 9, transform_buffer_mb = 0.5 }
query = { scan_limit_mb = 50, results_days = 3 }
functions = { memory_mb = 512, log_retention_days = 30 }
generator = { orders_per_run = 5, schedule = "rate(5 minutes)" }
"""
# The drift that follows: the resource's kind, the field, wanted, actual.
DRIFT: list[tuple[str, str, Any, Any]] = [
    ("athena workgroup", "BytesScannedCutoffPerQuery", 50_000_000, 1_000_000_000),
    ("eventbridge pipe", "DynamoDBStreamParameters.BatchSize", 10, 100),
    ("eventbridge pipe", "Filters", [INSERTS], []),
    ("eventbridge rule", "ScheduleExpression", "rate(5 minutes)", "rate(1 minute)"),
    ("firehose stream", "BufferingHints.SizeInMBs", 9, 5),
    ("firehose stream", "Transform.BufferSizeInMBs", "0.5", "1"),
    ("kinesis stream", "RetentionPeriodHours", 48, 24),
    *[("lambda function", "MemorySize", 512, 256)] * 2,
    *[("log group", "retentionInDays", 30, 7)] * 3,
    ("s3 bucket", "Lifecycle.expire-query-results.Expiration.Days", 3, 7),
]


def exhaust(steps: Iterable[object]) -> None:
    for _ in steps:
        pass


def told(aws: Aws) -> list[tuple[str, str, Any, Any]]:
    changes = [change for change in plan(aws, pipeline(aws)) if change.pending]
    assert all(change.intent is Intent.UPDATE for change in changes)
    return [(change.kind, each.field, each.wanted, each.actual) for change in changes for each in change.drift]


def test_exactly_what_changed_in_the_configuration_is_told_repaired_and_gone(connect: Connect) -> None:
    aws = connect(Config(target="aws"))
    changed = connect(msgspec.toml.decode(CHANGED.encode(), type=Config))
    exhaust(up(aws, pipeline(aws)))
    assert told(aws) == []

    assert sorted(told(changed), key=lambda drift: drift[:2]) == DRIFT
    there = list(up(changed, pipeline(changed)))
    assert told(changed) == []
    back = list(up(aws, pipeline(aws)))
    assert told(aws) == []

    for steps in (there, back):
        assert {step.kind for step in steps if step.action is Action.UPDATED} == {kind for kind, *_ in DRIFT}


def test_a_provisioned_stream_is_told_by_its_shards_too(connect: Connect) -> None:
    aws = connect(Config(target="aws"))
    [stream] = [resource for resource in pipeline(aws) if resource.kind == "kinesis stream"]
    exhaust(up(aws, [stream]))
    provisioned = connect(msgspec.convert({"target": "aws", "stream": {"mode": "PROVISIONED", "shards": 2}}, Config))
    [changed] = [resource for resource in pipeline(provisioned) if resource.kind == "kinesis stream"]

    assert changed.describe(provisioned).differs("StreamModeDetails.StreamMode")
    exhaust(up(provisioned, [changed]))

    summary = aws.client("kinesis").describe_stream_summary(StreamName=aws.names.stream)["StreamDescriptionSummary"]
    assert (summary["StreamModeDetails"]["StreamMode"], summary["OpenShardCount"]) == ("PROVISIONED", 2)


def stand(aws: Aws, kind: str, name: str) -> Resource:
    """That resource of the pipeline, created, with all that it needs."""
    [resource] = [each for each in pipeline(aws) if (each.kind, each.name) == (kind, name)]
    exhaust(up(aws, [*foundation(resource), resource]))
    return resource


def foundation(resource: Resource) -> list[Resource]:
    below: list[Resource] = []
    for need in resource.needs:
        below += [each for each in (*foundation(need), need) if each not in below]
    return below


def repaired(aws: Aws, resource: Resource) -> list[str]:
    """The fields that had drifted, and are put back."""
    seen = resource.describe(aws)
    exhaust(up(aws, [resource]))
    assert resource.describe(aws).state is State.READY
    return [drift.field for drift in seen.drift]


def test_a_policy_changed_by_hand(aws: Aws) -> None:
    name = aws.names.role("pipe")
    resource = stand(aws, "iam role", name)
    iam = aws.client("iam")
    policy = iam.get_role_policy(RoleName=name, PolicyName="salespipe")["PolicyDocument"]
    policy["Statement"] = [each for each in policy["Statement"] if each["Sid"] != "WriteDeadLetters"]
    policy["Statement"].append({"Effect": "Allow", "Action": "*", "Resource": "*"})
    iam.put_role_policy(RoleName=name, PolicyName="salespipe", PolicyDocument=json.dumps(policy))
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"][0]["Principal"] = {"Service": "glue.amazonaws.com"}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))

    assert repaired(aws, resource) == ["Trust", "Policy.WriteDeadLetters", "Policy.unnamed"]


def test_a_role_without_its_policy_as_an_interrupted_creation_leaves_it(aws: Aws) -> None:
    name = aws.names.role("transform")
    resource = stand(aws, "iam role", name)
    aws.client("iam").delete_role_policy(RoleName=name, PolicyName="salespipe")

    assert repaired(aws, resource) == ["Policy.WriteOwnLogs"]


def test_a_bucket_opened_by_hand(aws: Aws) -> None:
    resource = stand(aws, "s3 bucket", aws.names.bucket)
    aws.client("s3").delete_public_access_block(Bucket=aws.names.bucket)

    fields = repaired(aws, resource)

    assert [field.partition(".")[0] for field in fields] == ["PublicAccessBlock"] * 4


def test_code_changed_by_hand(aws: Aws) -> None:
    name = aws.names.function("transform")
    resource = stand(aws, "lambda function", name)
    aws.client("lambda").update_function_code(FunctionName=name, ZipFile=bundle.pack({"handler.py": b"raise"}))

    assert repaired(aws, resource) == ["CodeSha256"]


def test_the_generators_retries_forgotten(aws: Aws) -> None:
    name = aws.names.function("generator")
    resource = stand(aws, "lambda function", name)
    aws.client("lambda").delete_function_event_invoke_config(FunctionName=name)

    assert repaired(aws, resource) == [
        "EventInvokeConfig.MaximumRetryAttempts",
        "EventInvokeConfig.MaximumEventAgeInSeconds",
    ]


def test_a_rule_keeps_the_state_that_the_user_gave_it(aws: Aws) -> None:
    events, name = aws.client("events"), aws.names.rule
    resource = stand(aws, "eventbridge rule", name)
    events.put_rule(Name=name, ScheduleExpression="rate(9 minutes)", State="ENABLED")
    events.remove_targets(Rule=name, Ids=["generator"])

    fields = repaired(aws, resource)

    assert fields[0] == "ScheduleExpression"
    assert "Target.Arn" in fields
    assert events.describe_rule(Name=name)["State"] == "ENABLED"


@pytest.mark.parametrize(
    "there", ['{"count": 0}', '{"count": "5"}', '{"count": true}', '{"count": 5, "seed": 1}', "[5]", '"nonsense"']
)
def test_a_rule_that_hands_over_what_its_function_does_not_know(aws: Aws, there: str) -> None:
    events, name = aws.client("events"), aws.names.rule
    resource = stand(aws, "eventbridge rule", name)
    (target,) = events.list_targets_by_rule(Rule=name)["Targets"]
    events.put_targets(Rule=name, Targets=[{**target, "Input": there}])

    assert "Target.Input" in repaired(aws, resource)
    assert events.list_targets_by_rule(Rule=name)["Targets"] == [target]


def test_how_much_a_rule_asks_for_is_the_users_business_also_when_it_is_repaired(aws: Aws) -> None:
    events, name = aws.client("events"), aws.names.rule
    resource = stand(aws, "eventbridge rule", name)
    (target,) = events.list_targets_by_rule(Rule=name)["Targets"]
    events.put_targets(Rule=name, Targets=[{**target, "Input": '{"count": 7}'}])
    assert resource.describe(aws).state is State.READY

    events.put_targets(Rule=name, Targets=[{**target, "Input": '{"count": 7}', "RetryPolicy": {}}])
    assert repaired(aws, resource)[0].startswith("Target.RetryPolicy")
    assert events.list_targets_by_rule(Rule=name)["Targets"] == [{**target, "Input": '{"count": 7}'}]


def test_a_crawler_pointed_elsewhere(aws: Aws) -> None:
    glue, name = aws.client("glue"), aws.names.crawler
    resource = stand(aws, "glue crawler", name)
    crawler = glue.get_crawler(Name=name)["Crawler"]
    glue.update_crawler(
        Name=name,
        Role=crawler["Role"],
        Targets={"S3Targets": [{"Path": "s3://elsewhere/"}]},
        Classifiers=[],
        Configuration=json.dumps({"Version": 1.0}),
    )

    fields = repaired(aws, resource)

    assert {"Targets", "Classifiers", "Configuration.CreatePartitionIndex"} <= set(fields)


def test_a_log_stream_that_firehose_needs(aws: Aws) -> None:
    group = aws.names.delivery_log_group
    resource = stand(aws, "log group", group)
    aws.client("logs").delete_log_stream(logGroupName=group, logStreamName=aws.names.delivery_log_stream)

    assert repaired(aws, resource) == ["logStream"]


def test_a_table_with_another_key_is_never_deleted_unasked(connect: Connect) -> None:
    aws = connect(Config(target="aws"))
    stand(aws, "dynamodb table", aws.names.table)
    other = connect(msgspec.convert({"target": "aws", "table": {"partition_key": "order_no"}}, Config))

    by_kind = {change.kind: change for change in plan(other, pipeline(other))}

    assert by_kind["dynamodb table"].intent is Intent.CONSENT
    assert [(each.field, each.wanted, each.actual) for each in by_kind["dynamodb table"].drift] == [
        ("KeySchema.HASH", "order_no (S)", "orderid (S)")
    ]


def test_a_pipe_follows_a_table_that_was_made_anew(aws: Aws) -> None:
    pipe = stand(aws, "eventbridge pipe", aws.names.pipe)
    aws.client("dynamodb").delete_table(TableName=aws.names.table)

    steps = list(up(aws, [*foundation(pipe), pipe]))

    by_kind = {step.kind: step.action for step in steps if step.action.final}
    assert by_kind["dynamodb table"] is Action.CREATED
    assert by_kind["eventbridge pipe"] is Action.REPLACED
    assert pipe.describe(aws).state is State.READY
