"""DynamoDB stream events as a pipe puts them into Kinesis: made by hand, and of a whole shop."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from salespipe.load.attributes import Rejected
from salespipe.load.chaos import Chaos, Made
from salespipe.orders import Change, Kind, Shop

Typed = dict[str, dict[str, Any]]
_NAMES = {Kind.INSERT: "INSERT", Kind.UPDATE: "MODIFY", Kind.DELETE: "REMOVE"}


def record(kind: str, key: str, sequence: int, at: float, image: Typed | None = None) -> bytes:
    """One event; ``kind`` is its eventName, ``at`` Unix time, which the table tells in whole seconds."""
    change: dict[str, Any] = {"ApproximateCreationDateTime": int(at), "Keys": {"orderid": {"S": key}}}
    if image is not None:
        change["NewImage"] = {"orderid": {"S": key}, **image}
    change |= {"SequenceNumber": f"{10**20 + sequence}", "SizeBytes": 300, "StreamViewType": "NEW_IMAGE"}
    event = {
        "eventID": f"{sequence:032x}",
        "eventName": kind,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": change,
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/OrdersRawTable/stream/2026-11-22T01:02:03.456",
    }
    return json.dumps(event, separators=(",", ":")).encode()


def typed(item: Mapping[str, Any]) -> Typed:
    """An item's attributes in DynamoDB JSON: numbers and texts."""
    return {
        name: {"N": str(value)} if isinstance(value, int | Decimal) else {"S": value} for name, value in item.items()
    }


def iso(moment: datetime) -> str:
    """As orders have their times."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def of_shop(shop: Iterator[Change], *, sequence: int = 0) -> Iterator[bytes]:
    """The events of a shop's changes."""
    for number, change in enumerate(shop, sequence):
        image = None if change.kind is Kind.DELETE else typed(change.item)
        yield record(_NAMES[change.kind], str(change.item["orderid"]), number, change.at, image)


def of_chaos(shop: Shop, chaos: Chaos, clock: Callable[[], float]) -> Iterator[bytes]:
    """The events of a shop with trouble between, as a table would tell them: only what changes an item is one."""
    table: dict[str, Typed] = {}
    number = 0
    for each in chaos.among(shop):
        if isinstance(each, Made):
            try:
                request = json.loads(each.request())
            except Rejected:
                continue
            image = request["PutRequest"]["Item"] if "PutRequest" in request else None
            key = each.key
        else:
            key = str(each.item["orderid"])
            image = None if each.kind is Kind.DELETE else typed(each.item)
        old = table.get(key)
        if old == image:
            continue
        number += 1
        if image is None:
            del table[key]
            yield record("REMOVE", key, number, clock())
        else:
            table[key] = image
            yield record("MODIFY" if old else "INSERT", key, number, clock(), image)
