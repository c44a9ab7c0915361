from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest

from salespipe.config import Config
from salespipe.names import Names
from salespipe.resources import policies
from salespipe.resources.iam import Statement, document

NAMES = Config(name="shop-1", region="eu-central-1").names("210987654321")
EVERY = [policies.generator, policies.transform, policies.pipe, policies.delivery, policies.crawler]

# Permissions that are not named after the one operation that they allow.
NOT_OPERATIONS = {
    "lambda:InvokeFunction",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
}

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


def test_no_action_is_a_wildcard_and_every_one_exists() -> None:
    session = botocore.session.get_session()
    for statement in statements():
        for action in statement["Action"]:
            service, _, name = action.partition(":")
            if action in NOT_OPERATIONS:
                continue
            known = set(session.get_service_model(service).operation_names)
            known |= (
                {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"} if service == "dynamodb" else set()
            )
            assert name in known, action


@pytest.mark.parametrize("policy", EVERY)
def test_statements_are_told_apart_and_fit_into_a_role(policy: Policy) -> None:
    sids = [statement["Sid"] for statement in policy(NAMES)]

    assert len(set(sids)) == len(sids)
    assert len(json.dumps(document(*policy(NAMES)))) < 10_240  # IAM's limit for a role's inline policies


def test_no_function_may_make_its_log_group_again() -> None:
    for policy in (policies.generator, policies.transform, policies.delivery):
        assert not [each for each in policy(NAMES) if "logs:CreateLogGroup" in each["Action"]]
