"""AWS's weather: answers that are not yet what they will be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.errors import SalespipeError
from salespipe.lifecycle import Action, Step, down, up
from salespipe.pipeline import pipeline
from salespipe.resources.base import Resource, State

Connect = Callable[[Config], Aws]


@pytest.fixture
def patient(aws: Aws) -> Aws:
    """The account of ``aws`` on a clock that goes on by sleeping only."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    calm = replace(aws, clock=lambda: now[0], sleep=sleep)
    calm._clients = aws._clients
    return calm


@contextmanager
def refusing(aws: Aws, service: str, operation: str, code: str, message: str, *, times: int) -> Iterator[list[int]]:
    """The operation is refused so many times, as AWS would, before it is let through."""
    count = [0]

    def refuse(**_: Any) -> Any:
        count[0] += 1
        if count[0] > times:
            return None
        error = {"Code": code, "Message": message}
        return SimpleNamespace(status_code=400), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}

    events, name = aws.client(service).meta.events, f"before-call.{service}.{operation}"
    events.register_first(name, refuse)
    try:
        yield count
    finally:
        events.unregister(name, refuse)


def endings(steps: Iterable[Step]) -> dict[str, Action]:
    return {step.kind: step.action for step in steps if step.action.final}


ROLE = "arn:aws:iam::123456789012:role/salespipe/salespipe-dev-x"
NOT_YET = [
    (
        "lambda",
        "CreateFunction",
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    ),
    (
        "lambda",
        "AddPermission",
        "ResourceConflictException",
        "The operation cannot be performed at this time. The function is currently in the following state: Pending",
    ),
    (
        "firehose",
        "CreateDeliveryStream",
        "InvalidArgumentException",
        f"Firehose is unable to assume role {ROLE}. Please check the role provided.",
    ),
    (
        "firehose",
        "CreateDeliveryStream",
        "InvalidArgumentException",
        f"Role {ROLE} is not authorized to perform: kinesis:DescribeStream on resource",
    ),
    (
        "firehose",
        "CreateDeliveryStream",
        "InvalidArgumentException",
        "The security token included in the request is invalid.",
    ),
    (
        "glue",
        "CreateCrawler",
        "InvalidInputException",
        "Service is unable to assume provided role. Please verify role's TrustPolicy",
    ),
    (
        "s3",
        "CreateBucket",
        "OperationAborted",
        "A conflicting conditional operation is currently in progress against this resource.",
    ),
    (
        "sqs",
        "CreateQueue",
        "AWS.SimpleQueueService.QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue",
    ),
]


def test_new_roles_and_deleted_names_are_waited_out(patient: Aws) -> None:
    with ExitStack() as weather:
        counts = [
            weather.enter_context(refusing(patient, service, operation, code, message, times=4))
            for service, operation, code, message in NOT_YET
        ]

        steps = list(up(patient, pipeline(patient)))

    assert set(endings(steps).values()) == {Action.CREATED}
    assert all(count[0] > 4 for count in counts)


def of_kind(aws: Aws, kind: str) -> list[Resource]:
    return [resource for resource in pipeline(aws) if resource.kind == kind]


def test_a_role_that_is_never_assumed_is_told_with_what_to_check(patient: Aws) -> None:
    service, operation, code, message = NOT_YET[5]
    with refusing(patient, service, operation, code, message, times=10_000), pytest.raises(SalespipeError) as failure:
        list(up(patient, pipeline(patient)))

    assert failure.value.code == "NotYet"
    assert "glue crawler salespipe-dev-lake could not be created" in failure.value.message
    assert "trust policy" in failure.value.hint


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("firehose", "CreateDeliveryStream", "InvalidArgumentException"),
        ("pipes", "CreatePipe", "ValidationException"),
    ],
)
def test_a_real_mistake_is_not_tried_again(patient: Aws, service: str, operation: str, code: str) -> None:
    message = "ErrorOutputPrefix can't be null when Prefix contains expressions"
    with (
        refusing(patient, service, operation, code, message, times=10_000) as count,
        pytest.raises(SalespipeError) as failure,
    ):
        list(up(patient, pipeline(patient)))

    assert count == [1]
    assert message in failure.value.message


def failing_pipes(aws: Aws, reason: str, *, times: int) -> Callable[..., None]:
    """DescribePipe tells so many times that the creation has failed; a pipe that is then made anew runs."""
    created = [0]

    def count(**_: Any) -> None:
        created[0] += 1

    def fail(parsed: dict[str, Any], **_: Any) -> None:
        if "CurrentState" in parsed and created[0] <= times:
            parsed |= {"CurrentState": "CREATE_FAILED", "StateReason": reason}

    events = aws.client("pipes").meta.events
    events.register("before-call.pipes.CreatePipe", count)
    events.register("after-call.pipes.DescribePipe", fail)

    def clear() -> None:
        events.unregister("before-call.pipes.CreatePipe", count)
        events.unregister("after-call.pipes.DescribePipe", fail)

    return clear


PASSING = [
    "Cannot access stream arn:aws:dynamodb:x. Please ensure the customer role can perform actions on source stream",
    "Error occurred while sending message to SQS queue: arn:aws:sqs:x",
    "The provided customer role does not have permissions to call sqs:SendMessage",
]


@pytest.mark.parametrize("reason", PASSING)
def test_a_pipe_that_fails_on_a_fresh_stream_is_made_again(patient: Aws, reason: str) -> None:
    [table] = of_kind(patient, "dynamodb table")
    [pipe] = of_kind(patient, "eventbridge pipe")
    clear = failing_pipes(patient, reason, times=3)
    try:
        steps = list(up(patient, [table, pipe]))
    finally:
        clear()

    assert endings(steps)["eventbridge pipe"] is Action.REPLACED
    assert f"CREATE_FAILED: {reason}" in {step.detail for step in steps}
    assert pipe.describe(patient).state is State.READY


def test_a_pipe_that_fails_for_good_ends_the_run(patient: Aws) -> None:
    clear = failing_pipes(patient, "The filter is not valid", times=10_000)
    try:
        with pytest.raises(SalespipeError) as failure:
            list(up(patient, pipeline(patient)))
    finally:
        clear()

    assert failure.value.code == "ResourceFailed"
    assert "The filter is not valid" in failure.value.message


def test_tags_that_are_seen_late_do_not_make_it_foreign(patient: Aws) -> None:
    late = iter([{"Tags": []}] * 3)

    def hide(parsed: dict[str, Any], **_: Any) -> None:
        parsed |= next(late, {})

    events = patient.client("dynamodb").meta.events
    events.register("after-call.dynamodb.ListTagsOfResource", hide)
    try:
        steps = list(up(patient, of_kind(patient, "dynamodb table")))
    finally:
        events.unregister("after-call.dynamodb.ListTagsOfResource", hide)

    assert endings(steps) == {"dynamodb table": Action.CREATED}


BUSY = [
    ("dynamodb", "DeleteTable", "ResourceInUseException"),
    ("kinesis", "DeleteStream", "ResourceInUseException"),
    ("firehose", "DeleteDeliveryStream", "ResourceInUseException"),
    ("pipes", "DeletePipe", "ConflictException"),
    ("glue", "DeleteCrawler", "CrawlerRunningException"),
    ("s3", "DeleteBucket", "BucketNotEmpty"),
    ("lambda", "DeleteFunction", "ResourceConflictException"),
    ("logs", "DeleteLogGroup", "OperationAbortedException"),
]


def test_what_is_busy_is_deleted_later(patient: Aws) -> None:
    list(up(patient, pipeline(patient)))
    with ExitStack() as weather:
        counts = [weather.enter_context(refusing(patient, *each, "busy", times=2)) for each in BUSY]

        steps = list(down(patient, pipeline(patient)))

    assert all(count[0] > 2 for count in counts)
    assert set(endings(steps).values()) == {Action.DELETED}


def test_a_bucket_of_another_account_is_foreign(patient: Aws) -> None:
    [bucket] = of_kind(patient, "s3 bucket")
    with refusing(patient, "s3", "GetBucketTagging", "AccessDenied", "Access Denied", times=1):
        assert bucket.describe(patient).state is State.FOREIGN
