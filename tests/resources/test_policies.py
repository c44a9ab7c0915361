from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from salespipe.config import Config, Table
from salespipe.names import Names
from salespipe.resources import policies
from salespipe.resources.caller import caller_policies, caller_policy, granting
from salespipe.resources.iam import Statement, document

NAMES = Config(name="shop-1", region="eu-central-1").names("210987654321")
EVERY = [policies.generator, policies.transform, policies.pipe, policies.delivery, policies.crawler]

Policy = Callable[[Names], tuple[Statement, ...]]


def statements() -> list[dict[str, Any]]:
    return [dict(statement) for policy in EVERY for statement in policy(NAMES)]


def test_only_what_cannot_be_narrowed_is_allowed_on_everything() -> None:
    everything = [(each["Sid"], each["Action"]) for each in statements() if "*" in each["Resource"]]

    assert everything == [("ListTableStreams", ["dynamodb:ListStreams"])]


def test_every_other_resource_names_this_pipeline() -> None:
    shared = {"arn:aws:glue:eu-central-1:210987654321:catalog"}
    shared |= {"arn:aws:logs:eu-central-1:210987654321:log-group:/aws-glue/crawlers*"}
    named = {arn for each in statements() for arn in each["Resource"]} - shared - {"*"}

    assert all("shop-1" in arn or "shop_1" in arn or "table/OrdersRawTable" in arn for arn in named)
    assert all(arn.startswith("arn:aws:") for arn in named)


@pytest.mark.parametrize("policy", EVERY)
def test_statements_are_told_apart_and_fit_into_a_role(policy: Policy) -> None:
    sids = [statement["Sid"] for statement in policy(NAMES)]

    assert len(set(sids)) == len(sids)
    assert len(json.dumps(document(*policy(NAMES)))) < 10_240  # IAM's limit for a role's inline policies


def test_no_function_may_make_its_log_group_again() -> None:
    for policy in (policies.generator, policies.transform, policies.delivery):
        assert not [each for each in policy(NAMES) if "logs:CreateLogGroup" in each["Action"]]


@pytest.mark.parametrize(
    "config", [Config(), Config(name="a" * 30, region="ap-northeast-3", table=Table(name="T" * 255))]
)
def test_each_document_fits_into_a_managed_policy_and_together_they_are_the_whole(config: Config) -> None:
    names = config.names("123456789012")
    documents = caller_policies(names)

    assert max(len(json.dumps(each, separators=(",", ":"))) for each in documents.values()) <= 6144  # IAM's limit
    assert [each for document in documents.values() for each in document["Statement"]] == caller_policy(names)[
        "Statement"
    ]
    assert [f"{config.name}-{group}" in documents for group in ("use", "deploy", "roles")] == [True] * 3


def test_the_statement_for_one_action_is_told() -> None:
    names = Config().names("123456789012")
    bucket = "arn:aws:s3:::salespipe-dev-123456789012-us-east-1"

    assert granting(names, "s3:PutBucketTagging") == {
        "Sid": "KeepBucket",
        "Effect": "Allow",
        "Action": ["s3:PutBucketTagging"],
        "Resource": [bucket],
    }
    several = granting(names, "s3:PutObject")
    assert several is not None
    assert several["Resource"] == [f"{bucket}/{each}/*" for each in ("products", "athena-results", "errors")]
    anywhere = granting(names, "lambda:GetAccountSettings")
    assert anywhere is not None
    assert anywhere["Condition"] == {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    assert granting(names, "ec2:RunInstances") is None


def test_the_bucket_is_only_reached_while_it_is_our_accounts() -> None:
    on_s3 = [each for each in statements() if any(action.startswith("s3:") for action in each["Action"])]

    assert len(on_s3) == 4
    assert all(each["Condition"] == {"StringEquals": {"s3:ResourceAccount": "210987654321"}} for each in on_s3)


def test_the_statement_for_one_action_on_one_resource_has_its_condition() -> None:
    names = Config().names("123456789012")
    passing = granting(names, "iam:PassRole", names.role_arn("crawler"))

    assert passing is not None
    assert passing["Resource"] == [names.role_arn("crawler")]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}
    assert granting(names, "iam:PassRole", "arn:aws:iam::123456789012:role/somebody") is None
