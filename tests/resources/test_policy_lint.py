"""Every policy that salespipe writes, through the linter; and the linter, through every fault that it is for."""

from __future__ import annotations

from typing import Any

import pytest

from iam_lint import lint, lint_trust
from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.pipeline import pipeline
from salespipe.resources.caller import LOG_DELIVERY, WITHOUT_RESOURCE, caller_policies, caller_policy
from salespipe.resources.iam import Role, document

CONFIGS = [
    Config(),
    Config(name="shop-1", region="eu-central-1"),
    Config(name="s", region="cn-north-1"),
    Config(name="a" * 30, region="us-gov-west-1"),
    Config(target="aws", region="eu-west-3"),
]
# The reference gives it a type for something else than the metrics of AWS's own services, which have no ARN.
ACCOUNT = {"cloudwatch:GetMetricData"}


@pytest.fixture(params=CONFIGS, ids=lambda config: config.region)
def there(request: pytest.FixtureRequest) -> Aws:
    """An account in a region, which nobody asks anything."""
    aws = Aws(request.param)
    aws._account = "210987654321"
    return aws


def roles(aws: Aws) -> list[Role]:
    return [resource for resource in pipeline(aws) if isinstance(resource, Role)]


def test_every_roles_policy(there: Aws) -> None:
    found = {role.name: lint(document(*role.statements), partition=there.names.partition) for role in roles(there)}

    assert len(found) == 5
    assert not any(found.values()), found


def test_every_roles_trust(there: Aws) -> None:
    found = {role.name: lint_trust(role.trust) for role in roles(there)}

    assert not any(found.values()), found


def test_no_role_may_do_anything_with_identities(there: Aws) -> None:
    allowed = {action for role in roles(there) for each in role.statements for action in each["Action"]}

    assert not [action for action in allowed if action.partition(":")[0] in ("iam", "sts", "organizations", "sso")]


def test_the_callers_policies(there: Aws) -> None:
    names = there.names
    found = [
        finding
        for each in (caller_policy(names), *caller_policies(names).values())
        for finding in lint(each, partition=names.partition, account=ACCOUNT)
    ]

    assert found == []


def test_what_the_caller_may_do_anywhere_is_listed_and_held_to_the_region(there: Aws) -> None:
    anywhere = [each for each in caller_policy(there.names)["Statement"] if "*" in each["Resource"]]

    logged = there.config.pipe_log_level != "OFF"
    wanted = WITHOUT_RESOURCE.keys() | (set(LOG_DELIVERY) if logged else set())
    assert {action for each in anywhere for action in each["Action"]} == wanted
    assert all(
        each["Condition"] == {"StringEquals": {"aws:RequestedRegion": there.names.config.region}} for each in anywhere
    )


TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"
BUCKET = "arn:aws:s3:::shop"
CATALOG = "arn:aws:glue:us-east-1:123456789012:catalog"
ROLE = "arn:aws:iam::123456789012:role/shop"
GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/shop:*"


def allow(action: str, *arns: str, **condition: dict[str, str]) -> dict[str, Any]:
    statement = {"Sid": "One", "Effect": "Allow", "Action": [action], "Resource": list(arns)}
    return document(statement | ({"Condition": condition} if condition else {}))


@pytest.mark.parametrize(
    ("kind", "policy"),
    [
        ("wildcard action", allow("dynamodb:*", TABLE)),
        ("wildcard action", allow("*", TABLE)),
        ("wildcard action", allow("dynamodb:Get?tem", TABLE)),
        ("wildcard resource", allow("dynamodb:PutItem", "*")),
        ("unknown action", allow("dynamodb:PutItems", TABLE)),
        ("unknown action", allow("dynamo:PutItem", TABLE)),
        ("unknown action", allow("s3:HeadBucket", BUCKET)),
        ("unknown action", allow("dynamodb:putitem", TABLE)),
        ("resource type", allow("dynamodb:GetRecords", TABLE)),
        ("resource type", allow("s3:PutObject", BUCKET)),
        ("resource type", allow("s3:ListBucket", f"{BUCKET}/*")),
        ("resource type", allow("kinesis:PutRecords", TABLE)),
        ("useless resource", allow("s3:PutObject", f"{BUCKET}/*", BUCKET)),
        ("missing level", allow("glue:GetTable", f"{CATALOG[:-7]}table/shop/*")),
        ("action without resource type", allow("dynamodb:ListStreams", TABLE)),
        ("condition key", allow("dynamodb:PutItem", TABLE, StringEquals={"dynamodb:Tabel": "orders"})),
        ("condition key", allow("dynamodb:PutItem", TABLE, StringEquals={"s3:ResourceAccount": "123456789012"})),
        ("condition key", allow("dynamodb:PutItem", TABLE, StringEquals={"aws:RequestedRegions": "us-east-1"})),
        ("partition", allow("dynamodb:PutItem", TABLE.replace("arn:aws:", "arn:aws-cn:"))),
        ("escalation", allow("iam:PassRole", ROLE)),
        ("escalation", allow("iam:PassRole", f"{ROLE}*", StringEquals={"iam:PassedToService": "glue.amazonaws.com"})),
        ("escalation", allow("iam:PutRolePolicy", "arn:aws:iam::123456789012:role/*")),
        ("escalation", allow("iam:PutUserPolicy", "arn:aws:iam::123456789012:user/me")),
        ("escalation", allow("lambda:UpdateFunctionCode", "arn:aws:lambda:us-east-1:123456789012:function:*")),
        ("element", {**allow("dynamodb:PutItem", TABLE), "Statement": [{"Effect": "Allow", "NotAction": "iam:*"}]}),
        ("sid", document(*allow("dynamodb:PutItem", TABLE)["Statement"] * 2)),
        ("version", {**allow("dynamodb:PutItem", TABLE), "Version": "2008-10-17"}),
    ],
)
def test_a_fault_is_found(kind: str, policy: dict[str, Any]) -> None:
    assert kind in {finding.kind for finding in lint(policy)}


@pytest.mark.parametrize(
    "policy",
    [
        allow("dynamodb:PutItem", TABLE),
        allow("dynamodb:GetRecords", f"{TABLE}/stream/*"),
        allow("dynamodb:ListStreams", "*"),
        allow("s3:PutObject", f"{BUCKET}/lake/*", StringEquals={"s3:ResourceAccount": "123456789012"}),
        allow("logs:CreateLogStream", GROUP),
        allow("iam:PassRole", ROLE, StringEquals={"iam:PassedToService": "glue.amazonaws.com"}),
    ],
)
def test_what_is_sound_is_left_alone(policy: dict[str, Any]) -> None:
    assert lint(policy) == []


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("principal", {"Principal": "*"}),
        ("principal", {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}),
        ("principal", {"Principal": {"Service": "pipe.amazonaws.com"}}),
        ("action", {"Action": "sts:*"}),
        ("condition", {"Condition": {"StringEquals": {"sts:ExternalId": "1"}}}),
        ("no condition", {"Condition": {}}),
    ],
)
def test_a_fault_of_a_trust_policy_is_found(there: Aws, kind: str, change: dict[str, Any]) -> None:
    [pipe] = [role for role in roles(there) if role.service == "pipes.amazonaws.com"]
    [statement] = pipe.trust["Statement"]

    assert kind in {finding.kind for finding in lint_trust(document(statement | change))}
