import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.local.json_path import MISSING, JsonPath
from salespipe.local.pipes.input_template import InputTemplate

EVENT = {
    "eventName": "INSERT",
    "dynamodb": {"Keys": {"orderid": {"S": 'o-"1"'}}, "n": 3, "list": [{"a": 1}, {"a": 2}, {}]},
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", EVENT),
        ("$.eventName", "INSERT"),
        ("$.dynamodb.Keys.orderid.S", 'o-"1"'),
        ("$.dynamodb.list[1].a", 2),
        ("$.dynamodb.list[*].a", [1, 2]),
        ("$.dynamodb.list[7]", MISSING),
        ("$.dynamodb.list.a", MISSING),
        ("$.eventName.deeper", MISSING),
        ("$.eventName[0]", MISSING),
    ],
)
def test_where_a_path_leads(path: str, expected: object) -> None:
    assert JsonPath(path).find(EVENT) == expected


@pytest.mark.parametrize("path", ["", "eventName", "$eventName", "$.a b", "$.a[", "$.a[x]", "$..a"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="Invalid JSON path"):
        JsonPath(path)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{"id": <$.dynamodb.Keys.orderid.S>, "n": <$.dynamodb.n>}', {"id": 'o-"1"', "n": 3}),
        ('{"id": "order <$.dynamodb.Keys.orderid.S>"}', {"id": 'order o-"1"'}),
        ('{"all": <$.dynamodb.list>}', {"all": [{"a": 1}, {"a": 2}, {}]}),
        ('{"gone": <$.dynamodb.none>}', {"gone": ""}),
        ('{"pipe": <aws.pipes.pipe-name>, "event": <aws.pipes.event>}', {"pipe": "mine", "event": EVENT}),
        ('"<$.eventName> happened"', "INSERT happened"),
        ("[<$.eventName>]", ["INSERT"]),
    ],
)
def test_a_template_that_makes_json(template: str, expected: object) -> None:
    assert json.loads(InputTemplate(template).render(EVENT, {"aws.pipes.pipe-name": "mine"})) == expected


def test_any_other_template_makes_text() -> None:
    template = InputTemplate("Order <$.dynamodb.Keys.orderid.S>: <$.dynamodb.Keys>")
    assert template.render(EVENT, {}) == b'Order o-"1": {"orderid":{"S":"o-\\"1\\""}}'


@pytest.mark.parametrize(
    "template", ['{"a": <$.x>', '{"a": <aws.pipes.unknown>}', '{"a": <$.x[>}', "x" * 8193], ids=lambda text: text[:20]
)
def test_a_template_that_cannot_work_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"template|path"):
        InputTemplate(template)


@given(st.text())
def test_any_text_survives_inside_and_outside_quotes(value: str) -> None:
    template = InputTemplate('{"out": <$.v>, "in": "<$.v>!"}')
    assert json.loads(template.render({"v": value}, {})) == {"out": value, "in": value + "!"}
