"""What writes by itself is stopped while the rest is delivered, and works again where that came to nothing."""

from __future__ import annotations

import pytest

from salespipe.aws import Aws
from salespipe.lifecycle import status, stopped, up
from salespipe.pipeline import pipeline
from salespipe.resources.base import Resource


@pytest.fixture
def rule(aws: Aws) -> Resource:
    [rule] = [resource for resource in pipeline(aws) if resource.kind == "eventbridge rule"]
    list(up(aws, pipeline(aws)))
    return rule


def state(aws: Aws) -> str:
    return str(aws.client("events").describe_rule(Name=aws.names.rule)["State"])


def test_a_rule_that_works_is_disabled_and_stays_so(aws: Aws, rule: Resource) -> None:
    aws.client("events").enable_rule(Name=rule.name)
    with stopped(aws, pipeline(aws), status(aws, pipeline(aws))) as off:
        assert [resource.name for resource in off] == [rule.name]
        assert state(aws) == "DISABLED"
    assert state(aws) == "DISABLED"


@pytest.mark.parametrize("ending", [KeyboardInterrupt, ValueError])
def test_whatever_ends_the_wait_early_enables_it_again(aws: Aws, rule: Resource, ending: type[BaseException]) -> None:
    aws.client("events").enable_rule(Name=rule.name)
    with pytest.raises(ending), stopped(aws, pipeline(aws), status(aws, pipeline(aws))):
        raise ending
    assert state(aws) == "ENABLED"


def test_one_that_was_off_is_not_enabled(aws: Aws, rule: Resource) -> None:
    with pytest.raises(ValueError, match="no"), stopped(aws, pipeline(aws), status(aws, pipeline(aws))) as off:
        raise ValueError("no")
    assert off == []
    assert state(aws) == "DISABLED"


def test_one_that_is_not_there_is_no_concern(aws: Aws) -> None:
    with stopped(aws, pipeline(aws), status(aws, pipeline(aws))) as off:
        assert off == []


def test_one_of_somebody_else_is_not_touched(aws: Aws, rule: Resource) -> None:
    events = aws.client("events")
    events.enable_rule(Name=rule.name)
    events.tag_resource(ResourceARN=aws.names.rule_arn, Tags=[{"Key": "pipeline", "Value": "another"}])
    with stopped(aws, pipeline(aws), status(aws, pipeline(aws))) as off:
        assert off == []
    assert state(aws) == "ENABLED"
