"""How much the pipe logs: asked for in the configuration, told as drift, and repaired in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from salespipe.aws import Aws
from salespipe.config import Config, Pipe
from salespipe.lifecycle import plan, up
from salespipe.pipeline import pipeline
from salespipe.resources import policies
from salespipe.resources.caller import LOG_DELIVERY, caller_policy

Connect = Callable[[Config], Aws]
GROUP = "/aws/vendedlogs/pipes/salespipe-dev-orders"
ARN = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}"


@pytest.fixture
def at(connect: Connect) -> Callable[[str | None], Aws]:
    """The account, as a configuration with this level of logging sees it."""
    return lambda level: connect(Config(target="aws", pipe=Pipe(log_level=level)))  # type: ignore[arg-type]


def deploy(aws: Aws) -> None:
    for _ in up(aws, pipeline(aws)):
        pass


def drift(aws: Aws) -> list[tuple[str, Any, Any]]:
    return [
        (each.field, each.wanted, each.actual)
        for change in plan(aws, pipeline(aws))
        if change.kind == "eventbridge pipe"
        for each in change.drift
    ]


def logging(aws: Aws) -> Any:
    return aws.client("pipes").describe_pipe(Name=aws.names.pipe).get("LogConfiguration")


def test_what_is_asked_for_is_made_changed_and_ended(at: Callable[[str | None], Aws]) -> None:
    errors, everything, nothing = at("ERROR"), at("TRACE"), at(None)
    deploy(errors)
    assert logging(errors) == {"Level": "ERROR", "CloudwatchLogsLogDestination": {"LogGroupArn": ARN}}
    groups = errors.client("logs").describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    assert [each["retentionInDays"] for each in groups] == [7]
    assert drift(errors) == []

    assert drift(everything) == [("LogConfiguration.Level", "TRACE", "ERROR")]
    deploy(everything)
    assert logging(errors)["Level"] == "TRACE"

    deploy(nothing)
    assert logging(errors)["Level"] == "OFF"
    assert drift(nothing) == []


def test_a_pipe_that_never_logged_is_as_one_that_is_not_to(at: Callable[[str | None], Aws]) -> None:
    aws = at(None)
    deploy(aws)
    assert (logging(aws), drift(aws)) == (None, [])
    assert drift(at("ERROR")) == [
        ("LogConfiguration.Level", "ERROR", "OFF"),
        ("LogConfiguration.CloudwatchLogsLogDestination.LogGroupArn", ARN, None),
    ]


def test_a_groups_arn_is_the_same_with_a_star(at: Callable[[str | None], Aws]) -> None:
    aws = at("ERROR")
    deploy(aws)
    starred = {"Level": "ERROR", "CloudwatchLogsLogDestination": {"LogGroupArn": f"{ARN}:*"}}
    role = aws.names.role_arn("pipe")
    aws.client("pipes").update_pipe(Name=aws.names.pipe, RoleArn=role, LogConfiguration=starred)
    assert drift(aws) == []


def test_the_group_is_there_before_the_pipe(at: Callable[[str | None], Aws]) -> None:
    by_kind = {resource.kind: resource for resource in pipeline(at("ERROR"))}
    assert GROUP in [need.name for need in by_kind["eventbridge pipe"].needs]


@pytest.mark.parametrize(("level", "allowed"), [("ERROR", True), ("OFF", False), (None, False)])
def test_the_rights_for_it_are_given_only_where_it_logs(
    at: Callable[[str | None], Aws], level: str, allowed: bool
) -> None:
    names = at(level).names
    role = {action for each in policies.pipe(names) for action in each["Action"]}
    caller = {action for each in caller_policy(names)["Statement"] for action in each["Action"]}

    assert ("logs:PutLogEvents" in role) is allowed
    assert (set(LOG_DELIVERY) <= caller) is allowed
