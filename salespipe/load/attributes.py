"""Items as DynamoDB JSON text, written once; what DynamoDB would refuse is found here, before it is sent.

Limits are those of the DynamoDB developer guide, "Constraints" and "Item sizes and formats".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

MAX_ITEM: Final = 400 * 1024
# DynamoDB takes a key of 2,048 bytes, but the pipe hands it to Kinesis as the partition key, of 256 characters at most
# (service model kinesis.PartitionKey): a longer one would end in the dead-letter queue. 256 are fewer bytes.
MAX_KEY: Final = 256
MAX_NAME: Final = 65_535
MAX_DIGITS: Final = 38
MAX_DEPTH: Final = 32
# The largest whole number that surely fits: more digits only do when they end in zeros.
SAFE_INTEGER: Final = 10**MAX_DIGITS

_to_json: Final = msgspec.json.Encoder().encode


class Rejected(Exception):  # noqa: N818 (a verdict on one item, not a fault of the program)
    """An item that DynamoDB would not take, and why."""


def put_request(item: Mapping[str, Any], key: str) -> bytes:
    """A PutRequest of BatchWriteItem: compact UTF-8 JSON.

    ``item`` holds str, int, Decimal, bool, None, and lists and dicts of these; a finite float is written with its
    shortest digits. Raises ``Rejected`` for an item that DynamoDB would refuse: no key or an empty one, a number out of
    range, a value of another type, more than 400 KB.
    """
    _check_key(item.get(key), key)
    _check_names(tuple(item))
    # The commonest type without a further call.
    attributes = {name: {"S": value} if type(value) is str else _value(name, value, 1) for name, value in item.items()}
    request = _encode({"PutRequest": {"Item": attributes}})
    # The text is never shorter than the item's size in DynamoDB's own counting, which is slower to tell.
    if len(request) > MAX_ITEM and (size := item_size(item)) > MAX_ITEM:
        raise Rejected(f"the item has {size:,} bytes; DynamoDB takes {MAX_ITEM:,}")
    return request


def delete_request(value: str, key: str) -> bytes:
    """A DeleteRequest of BatchWriteItem. Raises ``Rejected`` for an empty or overlong key."""
    _check_key(value, key)
    return _encode({"DeleteRequest": {"Key": {key: {"S": value}}}})


def item_size(item: Mapping[str, Any]) -> int:
    """An item's size in bytes as DynamoDB counts it: names and values, numbers by their digits."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Any) -> int:
    match value:
        case str():
            return len(value.encode())
        case bool() | None:
            return 1
        case int() | float() | Decimal():
            exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
            return (len(exact.as_tuple().digits) - _trailing_zeros(exact)) // 2 + 2
        case Mapping():
            return sum(len(name.encode()) + _size(inner) + 1 for name, inner in value.items()) + 3
    return sum(_size(inner) + 1 for inner in value) + 3


def _value(name: str, value: Any, depth: int) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        raise Rejected(f"{name}: nested more than {MAX_DEPTH} levels deep")
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case Decimal() | int() | float():
            return {"N": _number(name, value)}
        case None:
            return {"NULL": True}
        case Mapping():
            _check_names(tuple(value))
            return {"M": {inner: _value(inner, one, depth + 1) for inner, one in value.items()}}
        case list() | tuple():
            return {"L": [_value(name, one, depth + 1) for one in value]}
    raise Rejected(f"{name}: {type(value).__name__} is no type that an order has")


def _number(name: str, value: Decimal | float) -> str:
    if isinstance(value, int):
        if -SAFE_INTEGER < value < SAFE_INTEGER:
            return str(value)
        value = Decimal(value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise Rejected(f"{name}: {value} is not a number that DynamoDB has")
        value = Decimal(repr(value))
    if not value.is_finite():
        raise Rejected(f"{name}: {value} is not a number that DynamoDB has")
    text = str(value)
    if len(text) > MAX_DIGITS or "E" in text:
        digits = len(value.as_tuple().digits) - _trailing_zeros(value)
        if digits > MAX_DIGITS:
            raise Rejected(f"{name}: a number with {digits} digits; DynamoDB keeps {MAX_DIGITS}")
        if value and not -130 <= value.adjusted() <= 125:
            raise Rejected(f"{name}: {text:.20} is out of DynamoDB's range of 1E-130 to 9.9E+125")
    return text


def _trailing_zeros(value: Decimal) -> int:
    digits = "".join(map(str, value.as_tuple().digits))
    return len(digits) - len(digits.rstrip("0"))


@lru_cache(maxsize=4096)
def _check_names(names: tuple[str, ...]) -> None:
    if not all(isinstance(name, str) and name for name in names):
        raise Rejected("an attribute has no name")
    for name in names:
        if len(name) > MAX_NAME // 4 and len(name.encode(errors="surrogatepass")) > MAX_NAME:
            raise Rejected(f"{name:.20}... is a name longer than {MAX_NAME} bytes")


def _check_key(value: object, key: str) -> None:
    if not isinstance(value, str) or not value:
        raise Rejected(f"{key} is empty" if value in (None, "") else f"{key} is not a string")
    if len(value) > MAX_KEY:
        raise Rejected(f"{key} is longer than {MAX_KEY} characters, which Kinesis does not take as a partition key")


def _encode(request: dict[str, Any]) -> bytes:
    try:
        return _to_json(request)
    except UnicodeEncodeError:
        raise Rejected("the text is not valid Unicode") from None
