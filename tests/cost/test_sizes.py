"""The sizes that the estimate assumes, measured again with the project's own code."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import pytest

from salespipe.cost import sizes
from salespipe.functions.transform.handler import lake_record
from salespipe.load.attributes import item_size, put_request
from salespipe.local.dynamodb.stream_store import source_suffix
from salespipe.orders import Change, Kind, Shop, default_world

CHANGES = 20_000
EVENTS = {Kind.INSERT: "INSERT", Kind.UPDATE: "MODIFY", Kind.DELETE: "REMOVE"}
STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/OrdersRawTable/stream/2026-11-22T01:02:03.456"


@pytest.fixture(scope="module")
def changes() -> list[Change]:
    ticks: Iterator[int] = count()
    shop = Shop(7, default_world(), lambda: 1763769600 + next(ticks) / 10)
    return list(islice(shop, CHANGES))


@pytest.fixture(scope="module")
def events(changes: list[Change]) -> list[bytes]:
    return [_event(change, number) for number, change in enumerate(changes)]


def _event(change: Change, number: int) -> bytes:
    """A change as DynamoDB Streams tells it and the pipe hands it on (NEW_IMAGE)."""
    image = json.loads(put_request(change.item, "orderid"))["PutRequest"]["Item"]
    about: dict[str, Any] = {"ApproximateCreationDateTime": int(change.at), "Keys": {"orderid": image["orderid"]}}
    if change.kind is not Kind.DELETE:
        about["NewImage"] = image
    about |= {
        "SequenceNumber": f"{111100000000000000001 + number}",
        "SizeBytes": item_size(change.item),
        "StreamViewType": "NEW_IMAGE",
    }
    told = {
        "eventID": hashlib.md5(str(number).encode()).hexdigest(),  # noqa: S324 - an identity, no secret
        "eventName": EVENTS[change.kind],
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": about,
    }
    text = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    return text[:-1] + source_suffix(STREAM)


def test_an_item(changes: list[Change]) -> None:
    average = sum(item_size(change.item) for change in changes) / CHANGES
    assert average == pytest.approx(sizes.ITEM_BYTES, rel=0.25)


def test_an_event_in_kinesis(events: list[bytes]) -> None:
    assert sum(map(len, events)) / CHANGES == pytest.approx(sizes.EVENT_BYTES, rel=0.25)
    assert max(map(len, events)) <= sizes.KB  # the rounding of Kinesis is that of a single KB


def test_a_line_in_the_lake(events: list[bytes]) -> None:
    lines = [lake_record(json.loads(event)).encode() for event in events]
    objects = [b"".join(lines[begin : begin + 600]) for begin in range(0, CHANGES, 600)]
    compressed = sum(len(gzip.compress(one)) for one in objects)
    assert compressed / CHANGES == pytest.approx(sizes.GZIPPED_LINE_BYTES, rel=0.25)


def test_new_items(changes: list[Change]) -> None:
    inserts = sum(change.kind is Kind.INSERT for change in changes)
    deletes = sum(change.kind is Kind.DELETE for change in changes)
    assert (inserts - deletes) / CHANGES == pytest.approx(float(sizes.NEW_ITEMS), rel=0.25)


def test_units() -> None:
    assert [sizes.units(size, 1024) for size in (0, 1, 1024, 1025, 5000)] == [1, 1, 1, 2, 5]
