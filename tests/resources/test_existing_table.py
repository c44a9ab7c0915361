"""A table of the user's own: what of it is changed, what is refused, and that it survives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.errors import SalespipeError
from salespipe.lifecycle import Action, Intent, Step, down, plan, up
from salespipe.pipeline import pipeline
from salespipe.resources.base import State
from salespipe.resources.existing_table import ExistingTable

Connect = Callable[[Config], Aws]

LENT = {"target": "aws", "table": {"name": "Shop", "existing": True}}
ON = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


@pytest.fixture
def aws(connect: Connect) -> Aws:
    return connect(msgspec.convert(LENT, Config))


def make_table(aws: Aws, *, key: str = "orderid", kind: str = "S", sort: str = "", stream: Any = None) -> None:
    attributes = {key: kind} | ({sort: "S"} if sort else {})
    aws.client("dynamodb").create_table(
        TableName="Shop",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": each} for name, each in attributes.items()],
        KeySchema=[
            {"AttributeName": name, "KeyType": role} for name, role in zip(attributes, ("HASH", "RANGE"), strict=False)
        ],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        **({"StreamSpecification": stream} if stream else {}),
        Tags=[{"Key": "owner", "Value": "shop"}],
    )


def as_it_is(aws: Aws) -> dict[str, Any]:
    dynamodb = aws.client("dynamodb")
    table = dynamodb.describe_table(TableName="Shop")["Table"]
    tags = dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
    return {**table, "Tags": tags, "Items": dynamodb.scan(TableName="Shop")["Items"]}


def endings(steps: Iterable[Step]) -> dict[str, Action]:
    return {step.kind: step.action for step in steps if step.action.final}


def test_it_survives_up_and_down_with_its_items_and_only_its_stream_is_switched_on(aws: Aws) -> None:
    make_table(aws)
    aws.client("dynamodb").put_item(TableName="Shop", Item={"orderid": {"S": "old"}})
    before = as_it_is(aws)
    resources = pipeline(aws)

    [change] = [change for change in plan(aws, resources) if change.kind == "dynamodb table"]
    assert (change.intent, [(each.field, each.wanted, each.actual) for each in change.drift]) == (
        Intent.UPDATE,
        [("StreamSpecification.StreamEnabled", True, False)],
    )
    made = endings(up(aws, resources))
    assert (made.pop("dynamodb table"), set(made.values())) == (Action.UPDATED, {Action.CREATED})
    assert set(endings(up(aws, resources)).values()) == {Action.UNCHANGED}
    receipt = [step for step in down(aws, resources) if step.action is not Action.DELETED and step.action.final]

    assert [(step.name, step.action) for step in receipt] == [("Shop", Action.KEPT)]
    after = as_it_is(aws)
    stream = {name for name in after if "Stream" in name}
    assert after["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert {name: value for name, value in after.items() if name not in stream} == before


@pytest.mark.parametrize("view", ["NEW_IMAGE", "NEW_AND_OLD_IMAGES"])
def test_a_stream_with_the_new_image_is_taken_as_it_is(aws: Aws, view: str) -> None:
    make_table(aws, stream={"StreamEnabled": True, "StreamViewType": view})
    before = as_it_is(aws)

    made = endings(up(aws, pipeline(aws)))

    assert made["dynamodb table"] is Action.UNCHANGED
    source = aws.client("pipes").describe_pipe(Name=aws.names.pipe)["Source"]
    assert source == before["LatestStreamArn"]
    assert as_it_is(aws) == before


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"key": "id", "kind": "N"}, "its key is id (N) as HASH"),
        ({"key": "orderid", "kind": "N"}, "its key is orderid (N) as HASH"),
        ({"sort": "day"}, "its key is orderid (S) as HASH, day (S) as RANGE"),
        ({"stream": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}}, "its stream shows KEYS_ONLY"),
        ({"stream": {"StreamEnabled": True, "StreamViewType": "OLD_IMAGE"}}, "--stream-specification StreamEnabled"),
    ],
)
def test_one_of_no_use_is_refused_before_anything_is_touched(aws: Aws, table: dict[str, Any], told: str) -> None:
    make_table(aws, **table)
    before = as_it_is(aws)

    with pytest.raises(SalespipeError) as refusal:
        list(up(aws, pipeline(aws)))

    assert refusal.value.code == "TableUnusable"
    assert told in refusal.value.message
    assert as_it_is(aws) == before
    assert aws.client("iam").list_roles()["Roles"] == []
    assert endings(down(aws, pipeline(aws)))["dynamodb table"] is Action.KEPT


def test_one_that_is_not_there_is_named(aws: Aws) -> None:
    with pytest.raises(SalespipeError) as refusal:
        list(up(aws, pipeline(aws)))

    assert refusal.value.code == "TableNotFound"
    assert "dynamodb table Shop: there is no such table" in refusal.value.message
    assert "[table] existing" in refusal.value.hint
    assert aws.client("dynamodb").list_tables()["TableNames"] == []
    assert set(endings(down(aws, pipeline(aws))).values()) == {Action.ABSENT}


def test_one_that_this_pipeline_made_can_be_declared_existing(aws: Aws, connect: Connect) -> None:
    own = connect(msgspec.convert({"target": "aws", "table": {"name": "Shop"}}, Config))
    list(up(own, pipeline(own)))

    assert set(endings(up(aws, pipeline(aws))).values()) == {Action.UNCHANGED}
    assert endings(down(aws, pipeline(aws)))["dynamodb table"] is Action.KEPT
    assert aws.client("dynamodb").list_tables()["TableNames"] == ["Shop"]


def test_no_verb_deletes_or_creates_it(aws: Aws) -> None:
    table = ExistingTable(name="Shop", partition_key="orderid")
    table.create(aws)
    assert table.describe(aws).state is State.ABSENT

    make_table(aws, stream=ON)
    before = as_it_is(aws)
    table.delete(aws)
    table.update(aws, table.describe(aws))

    assert as_it_is(aws) == before
    seen = table.describe(aws)
    assert (seen.state, seen.adopted, seen.created) == (State.READY, True, before["CreationDateTime"])
