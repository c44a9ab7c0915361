"""Two items have one fingerprint when they hold the same, whoever tells of them, and another one otherwise."""

import json
from decimal import Decimal
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import Binary, TypeSerializer
from hypothesis import given, settings
from hypothesis import strategies as st

from salespipe.aws import Aws
from salespipe.functions.transform.handler import lake_record
from salespipe.ledger.fingerprint import NOTHING, of_attributes, of_item, of_lake_row, of_request
from salespipe.load.attributes import delete_request, put_request
from salespipe.orders import Shop, default_world

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers(-(10**37), 10**37) | st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000, places=4
)
# Texts that may be taken for something else, and names that the transform does something with.
TRICKY = st.sampled_from(
    ["19.90", "05", "-0", "1e5", "1E999999999", "[1, 2.5]", "null", "true", '"5"', "NaN", "[" * 9999]
)
NAMES = TEXTS.filter(bool) | st.sampled_from(
    [*("price", "amount", "quantity", "item_price", "Item_Price", "item_item_amount", "Price"), "dt", "item_Hour"]
)
VALUES = st.recursive(
    TEXTS | TRICKY | NUMBERS | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS.filter(bool), inner, max_size=3),
    max_leaves=6,
)
ITEMS = st.dictionaries(NAMES, VALUES, max_size=6).map(lambda item: {**item, "orderid": "o-1"})


def sent(item: dict[str, Any]) -> bytes:
    return of_request(put_request(item, "orderid"))


@settings(deadline=None)
@given(ITEMS, st.randoms(use_true_random=False))
def test_it_is_the_same_as_sent_as_stored_and_as_made(item: dict[str, Any], chance: Any) -> None:
    names = list(item)
    chance.shuffle(names)
    shuffled = {name: item[name] for name in names}
    stored = json.loads(put_request(shuffled, "orderid"))["PutRequest"]["Item"]
    assert sent(item) == of_item(item) == of_item(shuffled) == of_attributes(stored)


@settings(deadline=None)
@given(ITEMS)
def test_the_lake_row_of_an_item_has_it(item: dict[str, Any]) -> None:
    assert sent(item) in of_lake_row(delivered(item))


def delivered(item: dict[str, Any]) -> dict[str, Any]:
    """The lake record of an item's insert, read with exact numbers."""
    image = json.loads(put_request(item, "orderid"))["PutRequest"]["Item"]
    change = {"NewImage": image, "ApproximateCreationDateTime": 1763769600, "SequenceNumber": "1"}
    line = lake_record({"eventID": "e-1", "eventName": "INSERT", "dynamodb": change})
    row: dict[str, Any] = json.loads(line, parse_float=Decimal)
    return row


@pytest.mark.parametrize(
    "item",
    [
        {"orderid": "o-1", "quantity": 3, "price": Decimal("19.90")},
        {"orderid": "o-1", "quantity": 3, "price": Decimal("19.90"), "amount": Decimal("59.7")},
        {"orderid": "o-1", "amount": Decimal("59.7"), "event_id": "mine", "item_dt": "mine too", "Hour": 7},
        {"orderid": "o-1", "amount": None, "quantity": 1, "price": 2},
        {"orderid": "o-1", "quantity": "2", "price": "019.90"},
        {"orderid": "o-1", "quantity": Decimal("1.5"), "price": "free"},
        {"orderid": "o-1", "quantity": 10**37, "price": [1, {"a": Decimal("2.50")}], "amount": True},
    ],
)
def test_what_the_transform_adds_and_renames_does_not_count(item: dict[str, Any]) -> None:
    assert sent(item) in of_lake_row(delivered(item))


NUMBER = NUMBERS.map(Decimal)


@settings(deadline=None)
@given(NUMBER)
def test_how_a_number_is_written_does_not_count(number: Decimal) -> None:
    spellings = {str(number), f"{number:E}", f"{number:f}", str(number).replace("E+", "e")}
    if "." in f"{number:f}":
        spellings.add(f"{number:f}000")
    if number >= 0:
        spellings |= {f"+{number:f}", f"00{number:f}"}
    assert len({of_attributes({"n": {"N": text}}) for text in spellings}) == 1


@settings(deadline=None)
@given(NUMBERS, NUMBERS)
def test_which_number_it_is_counts(one: Decimal, other: Decimal) -> None:
    assert (of_item({"n": one}) == of_item({"n": other})) == (one == other)


def test_what_is_not_the_same_differs() -> None:
    values: list[Any] = [
        *("", "5", "true", "null", 5, -5, 50, 0, Decimal("0.5"), True, False, [], [5], ["5"], {}, {"a": 5}, {"b": 5}),
        *([[5]], ["a", 5], {"a": {"a": 5}}, {"a": "5"}, {"a": 5, "b": 5}),
    ]
    items = [{"k": value} for value in values] + [{"k": "x", "l": "y"}, {"k": "y", "l": "x"}, {"kl": "xy"}, {}]
    assert len({of_item(item) for item in items}) == len(items)


def test_zero_has_no_sign() -> None:
    assert len({of_item({"n": zero}) for zero in (0, Decimal("-0"), Decimal("0.00"), Decimal("0E+7"), -0.0)}) == 1


def test_a_price_is_a_number_also_as_a_text_and_nothing_else_is() -> None:
    assert of_item({"price": "19.90"}) == of_item({"price": Decimal("19.9")}) != of_item({"price": "1.99E1"})
    assert of_item({"cost": "19.90"}) != of_item({"cost": Decimal("19.9")})
    assert of_item({"in": {"price": "5"}}) != of_item({"in": {"price": 5}})


def test_a_delete_leaves_nothing() -> None:
    assert of_request(delete_request("o-1", "orderid")) == NOTHING


def test_it_stays_what_it_is() -> None:
    """Ledgers are kept: another way to make fingerprints would be another format."""
    item = {"orderid": "o-1", "quantity": 3, "price": Decimal("19.90"), "paid": True, "tags": ["a", {"b": 1}]}
    assert of_item(item).hex() == "db1f3f464895c410"


def test_orders_come_back_from_the_table_with_the_same(aws: Aws) -> None:
    table = a_table(aws)
    moments = iter(range(1763769600, 1763780000))
    shop = Shop(3, default_world(), lambda: float(next(moments)), key="orderid")
    orders = {str(change.item["orderid"]): change.item for change in (next(shop) for _ in range(200))}
    client = aws.client("dynamodb")
    for item in orders.values():
        client.put_item(TableName=table.name, Item=json.loads(put_request(item, "orderid"))["PutRequest"]["Item"])
    expected = {key: sent(item) for key, item in orders.items()}
    assert {item["orderid"]: of_item(item) for item in table.scan()["Items"]} == expected
    scanned = client.scan(TableName=table.name)["Items"]
    assert {item["orderid"]["S"]: of_attributes(item) for item in scanned} == expected


@settings(deadline=None)
@given(ITEMS, st.binary(max_size=9), st.sets(TEXTS.filter(bool), min_size=1), st.sets(NUMBER, min_size=1))
def test_types_that_only_other_clients_write(
    item: dict[str, Any], data: bytes, texts: set[str], numbers: set[Decimal]
) -> None:
    item = {**item, "data": Binary(data), "texts": texts, "numbers": numbers, "datas": {data, b"more"}}
    typed = {name: TypeSerializer().serialize(value) for name, value in item.items()}
    typed["data"] = {"B": data}
    assert of_item(item) == of_attributes(typed)


def a_table(aws: Aws) -> Any:
    return boto3.resource("dynamodb", region_name=aws.region).create_table(
        TableName="Orders",
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
