"""What is waited out, in every wording that is known, and what is not."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from clock import Clock
from salespipe import answers
from salespipe.answers import EVENTUAL, Delay
from salespipe.aws import Aws
from salespipe.errors import SalespipeError
from salespipe.lifecycle import Action, Step, up
from salespipe.pipeline import pipeline
from salespipe.resources.base import Resource, Unwanted
from weather import Weather
from wire import Wire

ROLE = "arn:aws:iam::123456789012:role/salespipe/salespipe-dev-x"
FUNCTION = "lambda function"
DELIVERY = "firehose stream"
CRAWLER = "glue crawler"
PIPE = "eventbridge pipe"

LAKE_FORMATION = (
    "glue database",
    "glue",
    "CreateDatabase",
    "AccessDeniedException",
    "Insufficient Lake Formation permission(s): Required Create Database on Catalog",
)
# Kind, service, operation, code, and the words, which are those of the services and of the issues that quote them:
# aws-cdk 5221, terraform-provider-aws 47937 and 40572, aws-cli 2411, serverless-patterns 1543 and 1857; the table of
# go-to-k/cdkd; the service models. Where only a part is known, it is all of the message.
WORDINGS = [
    (
        FUNCTION,
        "lambda",
        "CreateFunction",
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    ),
    (
        FUNCTION,
        "lambda",
        "CreateFunction",
        "InvalidParameterValueException",
        "The provided execution role does not have permissions to call PutLogEvents on CLOUDWATCH",
    ),
    (
        FUNCTION,
        "lambda",
        "CreateFunction",
        "InvalidParameterValueException",
        "Lambda was unable to configure access because the KMS key is invalid for CreateGrant.",
    ),
    (
        FUNCTION,
        "lambda",
        "PutFunctionEventInvokeConfig",
        "ResourceConflictException",
        "The operation cannot be performed at this time. The function is currently in the following state: Pending",
    ),
    (
        FUNCTION,
        "lambda",
        "PutFunctionEventInvokeConfig",
        "ResourceConflictException",
        "The operation cannot be performed at this time. An update is in progress for resource: arn:aws:lambda:x",
    ),
    (
        FUNCTION,
        "lambda",
        "PutFunctionEventInvokeConfig",
        "ResourceConflictException",
        "The function could not be updated due to a concurrent update operation.",
    ),
    (
        DELIVERY,
        "firehose",
        "CreateDeliveryStream",
        "InvalidArgumentException",
        f"Firehose is unable to assume role {ROLE}. Please check the role provided.",
    ),
    (
        DELIVERY,
        "firehose",
        "CreateDeliveryStream",
        "InvalidArgumentException",
        f"Role {ROLE} is not authorized to perform: kinesis:DescribeStream on resource arn:aws:kinesis:x.",
    ),
    (
        DELIVERY,
        "firehose",
        "CreateDeliveryStream",
        "InvalidArgumentException",
        "Access was denied when calling Glue. Please ensure that the role specified has the necessary permissions.",
    ),
    (
        DELIVERY,
        "firehose",
        "CreateDeliveryStream",
        "InvalidArgumentException",
        "Verify that the IAM role has access to the source stream.",
    ),
    (
        DELIVERY,
        "firehose",
        "CreateDeliveryStream",
        "InvalidArgumentException",
        "The security token included in the request is invalid.",
    ),
    (CRAWLER, "glue", "CreateCrawler", "InvalidInputException", "Service is unable to assume provided role."),
    (
        CRAWLER,
        "glue",
        "CreateCrawler",
        "InvalidInputException",
        f"Service is unable to assume the role {ROLE} to access null.",
    ),
    (CRAWLER, "glue", "CreateCrawler", "InvalidInputException", "Please verify role's TrustPolicy"),
    (CRAWLER, "glue", "CreateCrawler", "InvalidInputException", f"{ROLE} is not authorized to perform this action"),
    *(
        (CRAWLER, "glue", "CreateCrawler", code, message)
        for code in ("InvalidInputException", "AccessDeniedException")
        for message in (
            "The security token included in the request is invalid.",
            "You need to enable AWS Security Token Service for this region.",
            "Insufficient Lake Formation permission(s): Required Create Table on salespipe_dev",
        )
    ),
    LAKE_FORMATION,
    (PIPE, "pipes", "CreatePipe", "ValidationException", f"Role {ROLE} cannot be assumed by pipes.amazonaws.com"),
    (PIPE, "pipes", "CreatePipe", "ValidationException", f"Pipes is unable to assume role {ROLE}"),
    (PIPE, "pipes", "CreatePipe", "ValidationException", "The role must allow EventBridge Pipes to assume the role."),
    (
        "s3 bucket",
        "s3",
        "CreateBucket",
        "OperationAborted",
        "A conflicting conditional operation is currently in progress against this resource. Please try again.",
    ),
    ("s3 bucket", "s3", "PutBucketEncryption", "NoSuchBucket", "The specified bucket does not exist"),
    *(
        (
            "sqs queue",
            "sqs",
            "CreateQueue",
            code,
            "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        )
        for code in ("QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently")
    ),
]
NEEDED = {FUNCTION: ("iam role",), PIPE: ("dynamodb table",)}
Wording = tuple[str, str, str, str, str]


def endings(steps: Iterable[Step]) -> dict[str, Action]:
    return {step.kind: step.action for step in steps if step.action.final}


def of_kind(aws: Aws, kind: str) -> list[Resource]:
    return [resource for resource in pipeline(aws) if resource.kind == kind]


def meets(aws: Aws, weather: Weather, wording: Wording, seconds: float = 10) -> str:
    """The error with which one resource is not made while a service says so, or nothing.

    Of what it needs only that is made which moto asks for.
    """
    kind, service, operation, code, message = wording
    for needed in NEEDED.get(kind, ()):
        list(up(aws, of_kind(aws, needed)))
    front = weather.refuse(service, operation, code, message, seconds=seconds)
    try:
        steps = list(up(aws, of_kind(aws, kind)))
    except SalespipeError as error:
        return error.code
    finally:
        weather.clear()
    assert front.met > 1
    assert message in {step.detail for step in steps if step.action is Action.WAITING}
    assert endings(steps) == {kind: Action.CREATED}
    return ""


@pytest.mark.parametrize("wording", WORDINGS, ids=lambda wording: f"{wording[1]} {wording[4][:40]}")
def test_every_wording_is_waited_out_and_told(patient: Aws, weather: Weather, wording: Wording) -> None:
    assert meets(patient, weather, wording) == ""


@pytest.mark.parametrize("row", EVENTUAL, ids=lambda row: f"{row.service} {row.code} {row.fragment}")
def test_without_its_row_a_wording_fails(
    patient: Aws, weather: Weather, monkeypatch: pytest.MonkeyPatch, row: Delay
) -> None:
    monkeypatch.setattr(answers, "EVENTUAL", tuple(each for each in EVENTUAL if each != row))
    concerned = [
        each for each in WORDINGS if each[1] == row.service and each[3] == row.code and row.fragment in each[4].lower()
    ]

    failures = [meets(patient, weather, wording) for wording in concerned]

    assert any(failures)


def test_every_service_learns_of_new_roles_at_its_own_time(patient: Aws, weather: Weather, wire: Wire) -> None:
    for seconds, wording in zip(range(20, 200, 3), WORDINGS, strict=False):
        if wording[0] in {FUNCTION, DELIVERY, CRAWLER, PIPE}:
            weather.young_roles(*wording[1:], seconds=min(seconds, 60))

    assert set(endings(up(patient, pipeline(patient))).values()) == {Action.CREATED}
    wanted = [each for each in pipeline(patient) if not isinstance(each, Unwanted)]
    assert sum(wire.inventory().values()) == len(wanted) - 1  # a permission is part of its function


PASS_ROLE = f"User: arn:aws:iam::123456789012:user/me is not authorized to perform: iam:PassRole on resource: {ROLE}"


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("lambda", "CreateFunction", "AccessDeniedException"),
        ("firehose", "CreateDeliveryStream", "InvalidArgumentException"),
        ("firehose", "CreateDeliveryStream", "AccessDeniedException"),
        ("glue", "CreateCrawler", "InvalidInputException"),
        ("glue", "CreateCrawler", "AccessDeniedException"),
        ("pipes", "CreatePipe", "AccessDeniedException"),
        ("pipes", "CreatePipe", "ValidationException"),
    ],
)
def test_a_missing_pass_role_fails_at_once_whatever_its_code(
    patient: Aws, weather: Weather, service: str, operation: str, code: str
) -> None:
    kind = {"lambda": FUNCTION, "firehose": DELIVERY, "glue": CRAWLER, "pipes": PIPE}[service]
    [resource, *_] = of_kind(patient, kind)
    for needed in NEEDED.get(kind, ()):
        list(up(patient, of_kind(patient, needed)))
    denied = weather.refuse(service, operation, code, f"{PASS_ROLE} because no identity-based policy allows it")

    with pytest.raises(SalespipeError) as failure:
        list(up(patient, [resource]))

    assert denied.met == 1
    assert failure.value.code == "AccessDenied"
    assert f'{{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "{ROLE}"}}' in failure.value.hint


@pytest.mark.parametrize(
    "wording",
    [
        (DELIVERY, "firehose", "CreateDeliveryStream", "InvalidArgumentException"),
        (PIPE, "pipes", "CreatePipe", "ValidationException"),
        (FUNCTION, "lambda", "CreateFunction", "InvalidParameterValueException"),
        (CRAWLER, "glue", "CreateCrawler", "InvalidInputException"),
        (CRAWLER, "glue", "CreateCrawler", "AccessDeniedException"),
        ("s3 bucket", "s3", "CreateBucket", "OperationAborted"),
        ("dynamodb table", "dynamodb", "CreateTable", "ValidationException"),
    ],
)
def test_a_real_mistake_is_not_tried_again(patient: Aws, weather: Weather, wording: tuple[str, str, str, str]) -> None:
    kind, service, operation, code = wording
    if kind == PIPE:
        list(up(patient, of_kind(patient, "dynamodb table")))
    mistake = weather.refuse(service, operation, code, "ErrorOutputPrefix can't be null")

    with pytest.raises(SalespipeError, match="ErrorOutputPrefix can't be null"):
        list(up(patient, of_kind(patient, kind)[:1]))

    assert mistake.met == 1


@pytest.mark.parametrize(
    ("wording", "code", "budget"),
    [(WORDINGS[0], "NotYet", 120), (LAKE_FORMATION, "AccessDenied", 15), (WORDINGS[-1], "NotYet", 65)],
)
def test_no_wait_is_without_end(patient: Aws, weather: Weather, wording: Wording, code: str, budget: float) -> None:
    began = patient.clock()

    assert meets(patient, weather, wording, seconds=float("inf")) == code

    assert budget <= patient.clock() - began <= budget + 5


def test_a_role_that_is_never_assumed_is_told_with_what_to_check(patient: Aws, weather: Weather) -> None:
    _, service, operation, code, message = WORDINGS[11]
    weather.refuse(service, operation, code, message)
    with pytest.raises(SalespipeError) as failure:
        list(up(patient, pipeline(patient)))

    assert failure.value.code == "NotYet"
    assert "glue crawler salespipe-dev-lake could not be created" in failure.value.message
    assert "trust policy" in failure.value.hint


def test_a_real_quota_is_told_after_botocores_pauses(patient: Aws, weather: Weather, clock: Clock) -> None:
    full = weather.refuse("kinesis", "CreateStream", "LimitExceededException", "You have reached your stream quota")

    with pytest.raises(SalespipeError, match="You have reached your stream quota") as failure:
        list(up(patient, of_kind(patient, "kinesis stream")))

    assert (failure.value.code, full.met) == ("LimitExceededException", 10)
    assert clock() < 120
