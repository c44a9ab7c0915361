"""What DynamoDB's plain requests and answers look like: which are ours, their limits, capacity units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from salespipe.local.api import Answer, AwsError, Call, NotMine
from salespipe.local.dynamodb.items import Stored
from salespipe.local.dynamodb.table import Key, Table
from salespipe.local.dynamodb.values import canonical_item, invalid

_HEADERS: Final = {"content-type": "application/x-amz-json-1.0"}
_CAPACITIES: Final = ("INDEXES", "TOTAL", "NONE")

# What a request may contain for us to answer it. With anything else (expressions, legacy conditions, indexes) it is
# moto's.
_COMMON: Final = frozenset({"TableName", "ReturnConsumedCapacity"})
_WRITE: Final = _COMMON | {"ReturnValues", "ReturnItemCollectionMetrics", "ReturnValuesOnConditionCheckFailure"}
_PLAIN: Final[Mapping[str, frozenset[str]]] = {
    "PutItem": _WRITE | {"Item"},
    "DeleteItem": _WRITE | {"Key"},
    "GetItem": _COMMON | {"Key", "ConsistentRead"},
    "Scan": _COMMON | {"Limit", "ExclusiveStartKey", "ConsistentRead", "Select"},
    "BatchWriteItem": frozenset({"RequestItems", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics"}),
    "BatchGetItem": frozenset({"RequestItems", "ReturnConsumedCapacity"}),
}


def plain(call: Call) -> Mapping[str, Any]:
    """The request, if it has nothing but what we answer. Raises ``NotMine``."""
    if call.params.keys() - _PLAIN[call.operation]:
        raise NotMine
    wanted = call.params.get("ReturnConsumedCapacity", "NONE")
    if wanted not in _CAPACITIES:
        raise invalid(
            f"1 validation error detected: Value '{wanted}' at 'returnConsumedCapacity' failed to satisfy constraint:"
            f" Member must satisfy enum value set: [{', '.join(_CAPACITIES)}]"
        )
    return call.params


def batch(params: Mapping[str, Any], kind: type) -> Mapping[str, Any]:
    """The RequestItems of a batch, by table; each must be of that kind."""
    requests = params.get("RequestItems")
    if not isinstance(requests, dict) or not requests:
        raise invalid(
            "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: Member must have"
            " length greater than or equal to 1"
        )
    if not all(isinstance(request, kind) for request in requests.values()):
        raise AwsError("SerializationException", "Start of structure or map found where not expected.")
    return requests


def write_request(table: Table, write: object) -> tuple[Key, dict[str, Any] | None, int]:
    """The key, the item to put (None to delete) and its size."""
    if not isinstance(write, dict):
        raise AwsError("SerializationException", "Start of structure or map expected.")
    if len(write) != 1:
        raise invalid(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported"
            " datatypes"
        )
    if "PutRequest" in write:
        item, size = canonical_item((write["PutRequest"] or {}).get("Item"))
        return table.key_of_item(item), item, size
    if "DeleteRequest" in write:
        return table.key_of((write["DeleteRequest"] or {}).get("Key"), counted=False), None, 0
    raise NotMine


def refuse_duplicates(keys: Iterable[tuple[Table, Key]]) -> None:
    """Raise what a batch that names a key twice is answered with."""
    seen = [(table.number, key) for table, key in keys]
    if len(set(seen)) < len(seen):
        raise invalid("Provided list of item keys contains duplicates")


def units(size: int, per_unit: int) -> int:
    """Capacity units for so many bytes, rounded up, at least one."""
    return max(1, -(-size // per_unit))


def read_units(page: Iterable[Stored | None], *, consistent: bool) -> float:
    """Read capacity: 4 KB a unit, half of it for an eventually consistent read."""
    return units(sum(stored.size for stored in page if stored), 4096) * (1.0 if consistent else 0.5)


def capacity(params: Mapping[str, Any], used: Iterable[tuple[Table, float]], *, one: bool) -> bytes | None:
    """The ConsumedCapacity member, None when it was not asked for; ``one`` is for the calls on a single table."""
    wanted = params.get("ReturnConsumedCapacity", "NONE")
    if wanted == "NONE":
        return None
    detail = [
        {"TableName": table.name, "CapacityUnits": units}
        | ({"Table": {"CapacityUnits": units}} if wanted == "INDEXES" else {})
        for table, units in used
    ]
    return b'"ConsumedCapacity":' + msgspec.json.encode(detail[0] if one else detail)


def answer(members: list[bytes], capacity: bytes | None) -> Answer:
    """A JSON object from members that are JSON already: items are stored as they are sent."""
    if capacity is not None:
        members.append(capacity)
    return Answer(200, b"{" + b",".join(members) + b"}", _HEADERS)
