"""One contract for every resource: absent, create, ready, delete, absent, and each verb twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from salespipe.aws import Aws
from salespipe.config import Config, Monitoring, Pipe
from salespipe.errors import SalespipeError
from salespipe.lifecycle import Action, down, status, up
from salespipe.pipeline import pipeline
from salespipe.resources.base import Observation, Resource, State

Connect = Callable[[Config], Aws]

KINDS = [
    "iam role",
    "s3 bucket",
    "dynamodb table",
    "kinesis stream",
    "sqs queue",
    "log group",
    "lambda function",
    "lambda permission",
    "firehose stream",
    "eventbridge pipe",
    "eventbridge rule",
    "glue database",
    "glue classifier",
    "glue crawler",
    "athena workgroup",
    "athena named queries",
    "cloudwatch alarms",
    "cloudwatch dashboard",
    "sns topic",
]
# None can be tagged: they are known by their name, the rule that they name, and what their descriptions say.
UNTAGGED = {"glue classifier", "lambda permission", "athena named queries"}
# Known by what they say, too; of these, somebody else's can be told.
SAYING = {"cloudwatch alarms", "cloudwatch dashboard"}


@pytest.fixture
def aws(connect: Connect) -> Aws:
    """An account whose pipeline has everything that it can have."""
    return connect(Config(target="aws", pipe=Pipe(log_level="ERROR"), monitoring=Monitoring(email="shop@example.com")))


def of_kind(aws: Aws, kind: str) -> list[Resource]:
    return [resource for resource in pipeline(aws) if resource.kind == kind]


def foundation(resource: Resource) -> list[Resource]:
    """Everything that it needs, and what that needs."""
    below: list[Resource] = []
    for need in resource.needs:
        below += [each for each in (*foundation(need), need) if each not in below]
    return below


def settled(aws: Aws, resource: Resource) -> Observation:
    for _ in range(20):
        seen = resource.describe(aws)
        if seen.state is not State.PENDING:
            return seen
    return seen


def exhaust(steps: Iterable[object]) -> None:
    for _ in steps:
        pass


def test_every_kind_is_covered(aws: Aws) -> None:
    assert {resource.kind for resource in pipeline(aws)} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_comes_and_goes_and_each_verb_may_be_said_twice(aws: Aws, kind: str) -> None:
    for resource in of_kind(aws, kind):
        assert isinstance(resource, Resource)
        exhaust(up(aws, foundation(resource)))
        assert settled(aws, resource) == Observation(State.ABSENT)

        resource.create(aws)
        resource.create(aws)

        seen = settled(aws, resource)
        assert (seen.state, seen.drift) == (State.READY, ())

        resource.delete(aws)
        resource.delete(aws)

        assert settled(aws, resource).state is State.ABSENT


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in UNTAGGED])
def test_what_is_tagged_as_somebody_elses_is_never_touched(aws: Aws, connect: Connect, kind: str) -> None:
    stranger = connect(Config(target="aws", name="stranger"))
    for resource in of_kind(aws, kind):
        exhaust(up(aws, foundation(resource)))
        resource.create(stranger)  # our name, their tags
        before = resource.describe(stranger)

        assert resource.describe(aws).state is State.FOREIGN
        resource.create(aws)  # as in a race: the look beforehand found nothing
        with pytest.raises(SalespipeError) as refusal:
            exhaust(up(aws, [resource]))
        receipt = [step.action for step in down(aws, [resource])]

        assert refusal.value.code == "Foreign"
        assert resource.name in refusal.value.message
        assert receipt == [Action.FOREIGN]
        # moto makes a workgroup's CreationTime anew with every answer.
        assert replace(resource.describe(stranger), created=before.created) == before


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in UNTAGGED | SAYING])
def test_a_changed_tag_is_drift_and_put_back(aws: Aws, connect: Connect, kind: str) -> None:
    moved = connect(Config(target="aws", environment="prod"))
    for resource in of_kind(aws, kind):
        exhaust(up(aws, [*foundation(resource), resource]))

        [reading] = status(moved, [resource])
        assert [(drift.field, drift.wanted, drift.actual) for drift in reading.seen.drift] == [
            ("tags.environment", "prod", "dev")
        ]
        exhaust(up(moved, [resource]))

        assert resource.describe(moved).state is State.READY


def test_a_permission_for_another_rule_is_not_ours(aws: Aws) -> None:
    [permission] = of_kind(aws, "lambda permission")
    exhaust(up(aws, foundation(permission)))
    aws.client("lambda").add_permission(
        FunctionName=aws.names.function("generator"),
        StatementId=permission.name,
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=aws.names.arn("events", "rule/another"),
    )

    assert permission.describe(aws).state is State.FOREIGN
