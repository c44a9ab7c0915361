"""The transform against Firehose's contract and DynamoDB's JSON."""

import json
import math
import re
import subprocess
import sys
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from hypothesis import given, settings
from hypothesis import strategies as st

from salespipe.functions.transform import handler as transform

ORDER = {
    "orderid": {"S": "o-1"},
    "product_name": {"S": 'Zoë\'s "Pen"\n'},
    "quantity": {"N": "2"},
    "price": {"N": "19.9"},
}


def stream_event(image: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A DynamoDB stream event as Pipes sends it, with fields overridden (None leaves one out)."""
    change = {
        "ApproximateCreationDateTime": changes.pop("at", 1763769600),
        "Keys": {"orderid": {"S": "o-1"}},
        "NewImage": ORDER if image is None else image,
        "SequenceNumber": changes.pop("sequence", "111100000000000000001"),
        "SizeBytes": 57,
        "StreamViewType": "NEW_IMAGE",
    }
    event = {
        "eventID": "c4ca4238a0b923820dcc509a6f75849b",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": change,
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026-11-22T01:02:03.456",
    } | changes
    if event["eventName"] == "REMOVE":
        del change["NewImage"]
    return event


def invoke(*datas: bytes) -> list[dict[str, Any]]:
    """The records of the answer to one invocation, which must survive Lambda's own JSON."""
    records = [{"recordId": f"r{i}", "data": b64encode(data).decode()} for i, data in enumerate(datas)]
    answer = transform.handler({"invocationId": "i", "region": "us-east-1", "records": records})
    answered: list[dict[str, Any]] = json.loads(json.dumps(answer))["records"]
    return answered


def line_of(image: dict[str, Any] | None = None, **changes: Any) -> str:
    """The one line that an event becomes, but for the time of now."""
    (answer,) = invoke(json.dumps(stream_event(image, **changes)).encode())
    assert answer["result"] == "Ok"
    return without_now(b64decode(answer["data"]).decode())


def without_now(line: str) -> str:
    """A line without when it was made."""
    shorter, times = re.subn(r',"transformed_at":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"}\n$', "}\n", line)
    assert times == 1
    return shorter


def test_an_insert_becomes_one_line() -> None:
    line = line_of()
    assert line.endswith("}\n")
    assert line.count("\n") == 1
    assert json.loads(line, parse_float=Decimal) == {
        "orderid": "o-1",
        "product_name": 'Zoë\'s "Pen"\n',
        "quantity": 2,
        "price": Decimal("19.9"),
        "amount": Decimal("39.8"),
        "event_id": "c4ca4238a0b923820dcc509a6f75849b",
        "event_type": "INSERT",
        "event_time": "2025-11-22T00:00:00.000Z",
        "sequence_number": "0000000000000000000111100000000000000001",
    }


def test_the_way_so_far_is_told_where_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transform.time, "time", lambda: 1763769605.0004)
    data = b64encode(json.dumps(stream_event()).encode()).decode()
    records = [
        {"recordId": "r0", "approximateArrivalTimestamp": 1763769601234, "data": data},
        {"recordId": "r1", "data": data},
    ]
    known, unknown = (
        json.loads(b64decode(record["data"])) for record in transform.handler({"records": records})["records"]
    )
    assert known["arrived_at"] == "2025-11-22T00:00:01.234Z"
    assert known["transformed_at"] == unknown["transformed_at"] == "2025-11-22T00:00:05.000Z"
    assert "arrived_at" not in unknown


def test_a_remove_is_a_tombstone() -> None:
    assert json.loads(line_of(eventName="REMOVE")) == {
        "orderid": "o-1",
        "event_id": "c4ca4238a0b923820dcc509a6f75849b",
        "event_type": "REMOVE",
        "event_time": "2025-11-22T00:00:00.000Z",
        "sequence_number": "0000000000000000000111100000000000000001",
    }


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("price", "20", "20.0"),
        ("price", "1E2", "100.0"),
        ("price", "1.5E-2", "0.015"),
        ("amount", "-3", "-3.0"),
        ("amount", "0.10", "0.10"),
        ("quantity", "3", "3"),
        ("quantity", "0", "0"),
        ("quantity", "-7", "-7"),
        ("quantity", "2.0", "2"),
        ("quantity", "1E3", "1000"),
        ("weight", "4", "4.0"),
        ("weight", "4.25", "4.25"),
        ("weight", "1E+125", "1E+125"),
        ("weight", "12345678901234567890123456789012345678", "12345678901234567890123456789012345678.0"),
        ("weight", ".5", "0.5"),
        ("weight", "007", "7.0"),
    ],
)
def test_numbers_have_the_form_of_their_column(name: str, text: str, expected: str) -> None:
    assert f'"{name}":{expected},' in line_of({"orderid": {"S": "o-1"}, name: {"N": text}})


@pytest.mark.parametrize(
    ("name", "typed", "field", "value"),
    [
        ("price", {"S": "19.90"}, "price", "19.90"),
        ("price", {"S": "20"}, "price", "20.0"),
        ("quantity", {"S": "7"}, "quantity", "7"),
        ("price", {"S": "N/A"}, "item_price", '"N/A"'),
        ("price", {"S": "1e999999999"}, "item_price", '"1e999999999"'),
        ("amount", {"S": ""}, "item_amount", '""'),
        ("quantity", {"N": "2.5"}, "item_quantity", '"2.5"'),
        ("quantity", {"N": "2147483647"}, "quantity", "2147483647"),
        ("quantity", {"N": "-2147483648"}, "item_quantity", '"-2147483648"'),
        ("quantity", {"N": "9E+125"}, "item_quantity", '"9' + 125 * "0" + '"'),
        ("quantity", {"BOOL": True}, "item_quantity", '"true"'),
        ("price", {"M": {"eur": {"N": "3"}}}, "item_price", '"{\\"eur\\":3.0}"'),
        ("item_price", {"S": "mine"}, "item_item_price", '"mine"'),
    ],
)
def test_what_is_no_number_gets_a_text_column_of_its_own(name: str, typed: Any, field: str, value: str) -> None:
    line = line_of({"orderid": {"S": "o-1"}, name: typed})
    assert f'"{field}":{value},' in line
    assert set(json.loads(line)) == {"orderid", field, "event_id", "event_type", "event_time", "sequence_number"}


def test_numbers_keep_their_form_inside_documents() -> None:
    image = {"lines": {"L": [{"M": {"quantity": {"N": "2.0"}, "price": {"N": "5"}, "size": {"N": "1"}}}]}}
    assert '"lines":[{"quantity":2,"price":5.0,"size":1.0}]' in line_of(image)


@pytest.mark.parametrize(
    ("attributes", "amount"),
    [
        ({"quantity": {"N": "3"}, "price": {"N": "0.1"}}, "0.3"),
        ({"quantity": {"N": "3"}, "price": {"N": "20"}}, "60.0"),
        ({"quantity": {"N": "1" * 38}, "price": {"N": "0.01"}}, "1" * 36 + ".11"),
        ({"quantity": {"N": "3"}, "price": {"N": "20"}, "amount": {"N": "7"}}, "7.0"),
        ({"quantity": {"N": "3"}, "price": {"N": "20"}, "amount": {"NULL": True}}, "60.0"),
        ({"quantity": {"N": "3"}}, None),
        ({"quantity": {"N": "3"}, "price": {"S": "free"}}, None),
        ({"quantity": {"N": "3"}, "price": {"S": "0.10"}}, "0.30"),
        ({"quantity": {"N": "2.5"}, "price": {"N": "3"}}, "7.5"),
    ],
)
def test_amount_is_quantity_times_price_exactly(attributes: dict[str, Any], amount: str | None) -> None:
    decoded = json.loads(line_of(attributes), parse_float=str)
    assert decoded.get("amount") == amount


def test_event_fields_and_partition_columns_win_and_nothing_is_lost() -> None:
    image = {name: {"S": name} for name in ("event_id", "item_event_id", "Event_Type", "dt", "HOUR", "day")}
    decoded = json.loads(line_of(image))
    assert decoded["event_id"] == "c4ca4238a0b923820dcc509a6f75849b"
    assert {
        "item_event_id": "event_id",
        "item_item_event_id": "item_event_id",
        "item_Event_Type": "Event_Type",
        "item_dt": "dt",
        "item_HOUR": "HOUR",
        "day": "day",
    }.items() <= decoded.items()
    assert len({name.lower() for name in decoded}) == len(decoded)


@pytest.mark.parametrize("at", [1763769600, 1.7637696e9, "1.7637696E9"])
def test_event_time_in_every_form_that_serialisers_give_it(at: object) -> None:
    assert json.loads(line_of(at=at))["event_time"] == "2025-11-22T00:00:00.000Z"
    assert json.loads(line_of(at=1763769600.25))["event_time"] == "2025-11-22T00:00:00.250Z"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"eventName":"INSERT"}',
        b"[" * 100_000,
        json.dumps(stream_event(eventName="TRUNCATE")).encode(),
        json.dumps(stream_event(sequence="abc")).encode(),
        json.dumps(stream_event(sequence="1" * 41)).encode(),
        json.dumps(stream_event(at="yesterday")).encode(),
        json.dumps(stream_event(at=math.inf)).encode(),
        json.dumps(stream_event(dynamodb=[])).encode(),
        json.dumps(stream_event({"orderid": {"S": 5}})).encode(),
        json.dumps(stream_event({"orderid": {"Q": "5"}})).encode(),
        json.dumps(stream_event({"orderid": {}})).encode(),
        json.dumps(stream_event({"orderid": {"S": "a", "N": "1"}})).encode(),
        json.dumps(stream_event({"weight": {"N": "NaN"}})).encode(),
        json.dumps(stream_event({"quantity": {"N": "three"}})).encode(),
        json.dumps(stream_event({"open": {"BOOL": "yes"}})).encode(),
        json.dumps(stream_event({"name": {"S": "\ud800"}})).encode(),
    ],
)
def test_one_bad_record_fails_alone_and_comes_back_as_it_was(data: bytes) -> None:
    good = json.dumps(stream_event()).encode()
    before, bad, after = invoke(good, data, good)
    assert (before["result"], after["result"]) == ("Ok", "Ok")
    assert bad == {"recordId": "r1", "result": "ProcessingFailed", "data": b64encode(data).decode()}


def test_data_that_is_no_base64_fails_alone() -> None:
    answer = transform.handler({"records": [{"recordId": "r", "data": "a"}, {"recordId": "s"}]})
    assert answer["records"] == [
        {"recordId": "r", "result": "ProcessingFailed", "data": "a"},
        {"recordId": "s", "result": "ProcessingFailed", "data": ""},
    ]


def test_an_insert_without_an_image_is_not_taken_for_an_empty_order() -> None:
    event = stream_event()
    del event["dynamodb"]["NewImage"]
    assert invoke(json.dumps(event).encode())[0]["result"] == "ProcessingFailed"


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=6)
SCALARS = st.one_of(st.none(), st.booleans(), st.text(), st.binary(max_size=20), NUMBERS)
SETS = st.one_of(
    st.sets(st.text(min_size=1), min_size=1, max_size=3),
    st.sets(NUMBERS, min_size=1, max_size=3),
    st.sets(st.binary(min_size=1, max_size=8), min_size=1, max_size=3),
)
NAMES = st.text(min_size=1, max_size=8)
VALUES = st.recursive(
    st.one_of(SCALARS, SETS), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
)


def on_the_wire(typed: dict[str, Any]) -> dict[str, Any]:
    """An attribute value of boto3's as it stands in a stream event: blobs as base64 text."""
    ((kind, value),) = typed.items()
    match kind:
        case "B":
            value = b64encode(value).decode()
        case "BS":
            value = [b64encode(blob).decode() for blob in value]
        case "L":
            value = [on_the_wire(inner) for inner in value]
        case "M":
            value = {name: on_the_wire(inner) for name, inner in value.items()}
    return {kind: value}


def plain(value: Any) -> Any:
    """What boto3's deserializer gives, as the lake should show it."""
    match value:
        case Binary() | bytes():
            return b64encode(bytes(value)).decode()
        case set():
            return sorted((plain(one) for one in value), key=str)
        case list():
            return [plain(one) for one in value]
        case dict():
            return {name: plain(one) for name, one in value.items() if one is not None}
        case bool() | None | str():
            return value
    return Decimal(value)


def alike(shown: Any, wanted: Any) -> bool:
    """Whether two values are equal, lists that stand for sets in any order."""
    if isinstance(wanted, dict):
        return shown.keys() == wanted.keys() and all(alike(shown[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return len(shown) == len(wanted) and (
            all(map(alike, shown, wanted)) or sorted(shown, key=str) == sorted(wanted, key=str)
        )
    return bool(shown == wanted)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES.filter(lambda name: not transform.RESERVED.fullmatch(name)), VALUES, max_size=5))
def test_every_item_reads_back_as_boto3_reads_it(attributes: dict[str, Any]) -> None:
    typed = {name: TypeSerializer().serialize(value) for name, value in attributes.items()}
    wanted = plain({name: TypeDeserializer().deserialize(value) for name, value in typed.items()})
    wire = {name: on_the_wire(value) for name, value in typed.items()}
    shown = json.loads(line_of(wire), parse_float=Decimal, parse_int=Decimal)
    for field in ("event_id", "event_type", "event_time", "sequence_number"):
        del shown[field]
    if "amount" not in wanted:
        shown.pop("amount", None)
    assert alike(shown, wanted)


@given(st.floats(min_value=0, max_value=253402300799))
def test_event_time_reads_back_within_a_millisecond(seconds: float) -> None:
    shown = datetime.fromisoformat(json.loads(line_of(at=seconds))["event_time"])
    assert abs((shown - datetime.fromtimestamp(seconds, UTC)).total_seconds()) <= 0.001


def test_the_file_alone_runs_as_lambda_runs_it() -> None:
    """The zip holds handler.py only, and the runtime has no salespipe."""
    program = "import sys; sys.path.insert(0, sys.argv[1]); import handler; print(handler.handler({'records': []}))"
    folder = Path(transform.__file__).parent
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "{'records': []}\n"
