"""AWS's wordings of a refusal, and what each is told to be mended by."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.aws import Aws
from salespipe.errors import SalespipeError
from salespipe.lifecycle import describe_failure, status
from salespipe.pipeline import pipeline
from salespipe.resources.base import Resource
from weather import Weather

BUCKET = "arn:aws:s3:::salespipe-dev-123456789012-us-east-1"
WORKGROUP = "arn:aws:athena:us-east-1:123456789012:workgroup/salespipe-dev"
PIPE_ROLE = "arn:aws:iam::123456789012:role/salespipe/salespipe-dev-pipe-us-east-1"
CRAWLER = "arn:aws:glue:us-east-1:123456789012:crawler/salespipe-dev-lake"
ME = "User: arn:aws:iam::123456789012:user/me is not authorized to perform:"

Refuse = Callable[[str, str, str, str], str]


@pytest.fixture
def told(sky: Aws) -> Refuse:
    """The hint for a refusal: the resource's kind, the operation, the code and the message of AWS's answer."""

    def refuse(kind: str, operation: str, code: str, message: str) -> str:
        resource: Resource = next(each for each in pipeline(sky) if each.kind == kind)
        error = ClientError({"Error": {"Code": code, "Message": message}}, operation)
        failure = describe_failure(sky, resource, "created", error)
        assert failure.code == "AccessDenied"
        assert failure.hint is not None
        return failure.hint

    return refuse


def statement(hint: str) -> dict[str, Any]:
    found: dict[str, Any] = json.JSONDecoder().raw_decode(hint[hint.index("{") :])[0]
    return found


ATHENA_SAYS = (
    "You are not authorized to perform: athena:ListTagsForResource on the resource. After your AWS administrator or "
    "you have updated your permissions, please try again."
)
GLUE_SAYS = f"{ME} glue:StartCrawler on resource: {CRAWLER} because no identity-based policy allows it"
DENIED = "AccessDeniedException"


@pytest.mark.parametrize(
    ("kind", "answer", "missing"),
    [
        ("s3 bucket", ("PutBucketTagging", "AccessDenied", "Access Denied"), ("s3:PutBucketTagging", BUCKET)),
        ("s3 bucket", ("PutPublicAccessBlock", "AccessDenied", ""), ("s3:PutBucketPublicAccessBlock", BUCKET)),
        ("s3 bucket", ("HeadBucket", "403", "Forbidden"), ("s3:ListBucket", BUCKET)),
        ("athena workgroup", ("TagResource", DENIED, ATHENA_SAYS), ("athena:ListTagsForResource", WORKGROUP)),
        ("glue crawler", ("StartCrawler", DENIED, GLUE_SAYS), ("glue:StartCrawler", CRAWLER)),
    ],
)
def test_the_statement_that_is_missing_is_told_with_its_resource(
    told: Refuse, kind: str, answer: tuple[str, str, str], missing: tuple[str, str]
) -> None:
    action, resource = missing
    found = statement(told(kind, *answer))

    assert (found["Action"], found["Resource"]) == (action, [resource])


def test_a_tag_at_creation_needs_more_than_the_creation(told: Refuse) -> None:
    message = (
        "User with accountId: 123456789012 is not authorized to perform CreateLogGroup with Tags. "
        'An additional permission "logs:TagResource" is required.'
    )

    assert (
        statement(told("log group", "CreateLogGroup", "AccessDeniedException", message))["Action"] == "logs:TagResource"
    )


def test_a_role_is_passed_to_one_service(told: Refuse) -> None:
    message = f"{ME} iam:PassRole on resource: {PIPE_ROLE} because no identity-based policy allows the iam:PassRole"

    missing = statement(told("eventbridge pipe", "CreatePipe", "AccessDeniedException", message))

    assert missing["Resource"] == [PIPE_ROLE]
    assert missing["Condition"] == {"StringEquals": {"iam:PassedToService": "pipes.amazonaws.com"}}


def test_what_salespipe_does_not_ask_for_is_told_as_aws_says_it(told: Refuse) -> None:
    message = f"{ME} kms:GenerateDataKey on resource: arn:aws:kms:us-east-1:123456789012:key/k"

    missing = statement(told("kinesis stream", "CreateStream", "KMSAccessDeniedException", message))

    assert missing == {
        "Effect": "Allow",
        "Action": "kms:GenerateDataKey",
        "Resource": "arn:aws:kms:us-east-1:123456789012:key/k",
    }


@pytest.mark.parametrize(
    ("why", "who"),
    [
        ("with an explicit deny in a service control policy", "a service control policy"),
        ("with an explicit deny in a resource control policy", "a resource control policy"),
        ("with an explicit deny in an identity-based policy: arn:aws:iam::1:policy/x", "an identity-based policy"),
        ("with an explicit deny in a resource-based policy", "a resource-based policy"),
        ("with an explicit deny in a permissions boundary", "a permissions boundary"),
        ("because no permissions boundary allows the glue:StartCrawler action", "the permissions boundary"),
        ("because no service control policy allows the glue:StartCrawler action", "the service control policy"),
        ("because no session policy allows the glue:StartCrawler action", "the session policy"),
        ("because no resource-based policy allows the glue:StartCrawler action", "the resource-based policy"),
    ],
)
def test_what_no_statement_mends_is_said(told: Refuse, why: str, who: str) -> None:
    message = f"{ME} glue:StartCrawler on resource: {CRAWLER} {why}"
    hint = told("glue crawler", "StartCrawler", "AccessDeniedException", message)

    assert hint == f"What forbids glue:StartCrawler is {who}: who keeps it must change it."


def test_a_bucket_whose_tags_may_not_be_read_is_not_taken_for_somebody_elses(aws: Aws, weather: Weather) -> None:
    message = f'{ME} s3:GetBucketTagging on resource: "{BUCKET}" because no identity-based policy allows it'
    weather.refuse("s3", "GetBucketTagging", "AccessDenied", message)
    [bucket] = [each for each in pipeline(aws) if each.kind == "s3 bucket"]

    with pytest.raises(SalespipeError) as refusal:
        status(aws, [bucket])

    assert refusal.value.code == "AccessDenied"
    assert statement(refusal.value.hint or "")["Action"] == "s3:GetBucketTagging"
