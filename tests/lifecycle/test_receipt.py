"""What the receipt counts, and what it says that what is left will cost."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest
from botocore.exceptions import ClientError

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.lifecycle import Action, Step
from salespipe.lifecycle.receipt import Receipt, receipt
from salespipe.pipeline import pipeline
from salespipe.resources.s3 import Bucket

Connect = Callable[[Config], Aws]


def told(aws: Aws, *steps: tuple[str, Action]) -> Receipt:
    """The receipt of a run that ended so for the first resource of each kind."""
    resources = pipeline(aws)
    names = {resource.kind: resource.name for resource in reversed(resources)}
    return receipt(aws, resources, [Step(kind, names[kind], action, detail="because") for kind, action in steps])


def test_only_what_stands_by_the_hour_costs_by_being_left(aws: Aws) -> None:
    found = told(aws, ("sqs queue", Action.LEFT), ("kinesis stream", Action.LEFT), ("iam role", Action.DELETED))

    assert (found.deleted, found.unknown) == (1, False)
    assert [(each.kind, each.usd_an_hour) for each in found.left] == [
        ("sqs queue", Decimal(0)),
        ("kinesis stream", Decimal("0.04")),
    ]
    assert found.usd_an_hour == Decimal("0.04")


def test_what_is_not_ours_costs_us_nothing(aws: Aws) -> None:
    found = told(aws, ("kinesis stream", Action.FOREIGN), ("dynamodb table", Action.KEPT))

    assert (found.usd_an_hour, found.unknown, found.left) == (Decimal(0), False, ())


def test_a_price_that_nobody_knows_is_unknown_and_not_nothing(connect: Connect) -> None:
    far = connect(msgspec.convert({"target": "aws", "region": "xx-nowhere-1"}, Config))

    found = told(far, ("kinesis stream", Action.LEFT))

    assert (found.left[0].usd_an_hour, found.unknown) == (None, True)


def test_on_this_machine_nothing_costs(aws: Aws) -> None:
    here = Aws(msgspec.structs.replace(aws.config, target="local"), endpoint="http://127.0.0.1:1")
    here._account = aws.account

    assert told(here, ("kinesis stream", Action.LEFT)).usd_an_hour == 0


def test_a_bucket_whose_content_may_not_be_seen_has_no_price(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "ListObjectVersions")

    monkeypatch.setattr(Bucket, "holds", refuse)
    [kept] = told(aws, ("s3 bucket", Action.KEPT)).kept

    assert (kept.size, kept.usd_a_month, kept.usd_an_hour) == (None, None, None)


def test_what_was_deleted_and_came_back_for_good_is_not_counted_as_deleted(aws: Aws) -> None:
    found = told(aws, ("log group", Action.DELETED), ("log group", Action.LEFT))

    assert (found.deleted, [each.why for each in found.left]) == (0, ["because"])
