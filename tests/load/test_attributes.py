"""DynamoDB JSON as it is sent, and what is found before it is."""

import json
import string
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer
from hypothesis import given, settings
from hypothesis import strategies as st

from salespipe.load.attributes import MAX_ITEM, Rejected, delete_request, item_size, put_request

DIGITS = st.text(string.digits, min_size=1, max_size=38)
DECIMALS = st.builds(lambda digits, exponent: Decimal(digits).scaleb(exponent), DIGITS, st.integers(-120, 80))
NUMBERS = st.integers(-(10**37), 10**37) | DECIMALS
NAMES = st.text(min_size=1, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.text() | NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
)


def put(value: Any) -> Any:
    """The attribute value that an item's only attribute is sent as."""
    return json.loads(put_request({"orderid": "o", "x": value}, "orderid"))["PutRequest"]["Item"]["x"]


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=5), st.text(min_size=1, max_size=20))
def test_boto3_reads_back_every_item_that_is_sent(attributes: dict[str, Any], key: str) -> None:
    item = {**attributes, "orderid": key}
    sent = json.loads(put_request(item, "orderid"))["PutRequest"]["Item"]
    assert {name: TypeDeserializer().deserialize(value) for name, value in sent.items()} == item


def test_a_delete_names_the_key_alone() -> None:
    assert json.loads(delete_request('o "1"', "invoice")) == {"DeleteRequest": {"Key": {"invoice": {"S": 'o "1"'}}}}


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (True, {"BOOL": True}),
        (1, {"N": "1"}),
        (Decimal("19.90"), {"N": "19.90"}),
        (Decimal("1E+125"), {"N": "1E+125"}),
        (10**60, {"N": "1" + "0" * 60}),
        (0.1, {"N": "0.1"}),
        ("", {"S": ""}),
        ((), {"L": []}),
        ({}, {"M": {}}),
    ],
)
def test_values_at_the_edges_are_sent(value: Any, sent: Any) -> None:
    assert put(value) == sent


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "x: nan is not a number"),
        (float("inf"), "x: inf is not a number"),
        (Decimal("NaN"), "x: NaN is not a number"),
        (Decimal("-Infinity"), "x: -Infinity is not a number"),
        (Decimal("1." + "1" * 38), "39 digits"),
        (10**38 + 1, "39 digits"),
        (Decimal("1E+126"), "out of DynamoDB's range"),
        (Decimal("1E-131"), "out of DynamoDB's range"),
        ("\ud800", "not valid Unicode"),
        (b"blob", "bytes is no type"),
        ({"a", "b"}, "set is no type"),
        (frozenset({1}), "frozenset is no type"),
        ([b"blob"], "bytes is no type"),
        ({"": 1}, "no name"),
        ({"n" * 65_536: 1}, "longer than 65535"),
        ({"ü" * 32_768: 1}, "longer than 65535"),
        ("x" * MAX_ITEM, "409,6"),
    ],
)
def test_what_dynamodb_would_refuse_is_found_with_a_reason(value: Any, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        put(value)


def test_nesting_ends_at_thirty_two_levels() -> None:
    value: Any = "leaf"
    for _ in range(31):
        value = [value]
    put(value)
    with pytest.raises(Rejected, match="32 levels"):
        put([value])


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({}, "orderid is empty"),
        ({"orderid": None}, "orderid is empty"),
        ({"orderid": ""}, "orderid is empty"),
        ({"orderid": 5}, "orderid is not a string"),
        ({"orderid": "x" * 257}, "longer than 256"),
    ],
)
def test_a_key_is_a_string_that_fits(item: dict[str, Any], reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        put_request(item, "orderid")


def test_a_key_may_have_all_the_characters_of_a_partition_key() -> None:
    put_request({"orderid": "\u00fc" * 256}, "orderid")


def test_an_item_may_have_all_of_400_kb() -> None:
    """By the developer guide's count: names and values, 3 bytes for a list or map and 1 for each of its elements."""
    item: dict[str, Any] = {"orderid": "o", "m": {"a": ["x", True]}, "t": ""}
    room = MAX_ITEM - len("orderidomaxt") - 3 - 1 - 3 - 2 - 1
    put_request(item | {"t": "x" * room}, "orderid")
    with pytest.raises(Rejected, match="409,601 bytes"):
        put_request(item | {"t": "x" * (room + 1)}, "orderid")


@pytest.mark.parametrize(
    ("number", "size"), [(0, 2), (0.1, 2), (10**30, 2), (Decimal("1" * 38), 21), (Decimal("19.90"), 3)]
)
def test_a_number_is_counted_by_its_digits(number: Any, size: int) -> None:
    assert item_size({"n": number}) == 1 + size


def test_escapes_do_not_count_towards_the_size() -> None:
    item = {"orderid": "o", "x": "\n" * 300_000}
    assert len(put_request(item, "orderid")) > MAX_ITEM > item_size(item)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_the_text_is_never_shorter_than_the_item(attributes: dict[str, Any]) -> None:
    """What lets the exact size be left uncounted for all but huge items."""
    item = {**attributes, "orderid": "o"}
    assert item_size(item) <= len(put_request(item, "orderid"))
