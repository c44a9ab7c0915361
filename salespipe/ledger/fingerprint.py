"""Eight bytes for what an item holds, the same wherever it is met: as it is sent, in the table, in the lake.

What differs on the way without meaning anything does not count: the order of attributes, how a number is written
(DynamoDB keeps 19.90 as 19.9), a NULL attribute, which the lake leaves out, and whether an array of values was a list
or a set, or a text was binary: the lake has arrays and texts only. Neither does whether a price, an amount or a
quantity is a number or its text: the transform makes a number of it. Everything else counts.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from functools import lru_cache
from hashlib import blake2b
from itertools import product
from typing import Any, Final

import msgspec

SIZE: Final = 8
NOTHING: Final = bytes(SIZE)
"""The fingerprint of what a delete leaves behind."""

# What the transform adds to an item, what it wants to be numbers, as long as that is plain, and what it renames.
_ADDED: Final = frozenset(
    {"event_id", "event_type", "event_time", "sequence_number", "arrived_at", "transformed_at", "dt", "hour"}
)
_FIGURES: Final = frozenset({"price", "amount", "quantity"})
_PLAIN_NUMBER: Final = re.compile(r"-?[0-9]{1,38}(?:\.[0-9]{1,38})?", re.ASCII).fullmatch
_RENAMED: Final = re.compile(
    r"item_((item_)*(event_id|event_type|event_time|sequence_number|arrived_at|transformed_at|dt|hour"
    r"|price|amount|quantity))",
    re.IGNORECASE,
).fullmatch

# DynamoDB's numbers have 38 digits, but of others' none is rounded either.
_EXACT: Final = Context(prec=1000, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
_NUMBERS: Final = frozenset({int, Decimal})
_encode: Final = msgspec.msgpack.Encoder().encode


class _Value(msgspec.Struct, gc=False):
    """An attribute's value in DynamoDB JSON, of the two types that orders have; both None for any other."""

    S: str | None = None
    N: str | None = None


class _Put(msgspec.Struct, gc=False):
    item: dict[str, _Value] = msgspec.field(name="Item")


class _Request(msgspec.Struct, gc=False):
    put: _Put | None = msgspec.field(name="PutRequest", default=None)


_decode: Final = msgspec.json.Decoder(_Request).decode


def of_request(request: bytes) -> bytes:
    """The fingerprint of what a request of BatchWriteItem, JSON text, leaves in the table."""
    put = _decode(request).put
    if put is None:
        return NOTHING
    item = put.item
    shape = _shape(tuple(item))
    values: list[Any] = []
    for name in shape.names:
        value = item[name]
        if value.S is not None:
            values.append(value.S)
        elif value.N is not None:
            values.append(_digits(value.N))
        else:
            return of_attributes(msgspec.json.decode(request)["PutRequest"]["Item"])
    return shape.hash(values)


def of_attributes(item: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The fingerprint of an item in DynamoDB JSON, as a low-level client, a stream or a request has it."""
    return _of({name: _typed(value) for name, value in item.items()})


def of_item(item: Mapping[str, Any]) -> bytes:
    """The fingerprint of an item of Python values, as boto3's Table has it or as an order is made.

    str, int, Decimal, float (by its shortest digits), bool, None, bytes and what converts to them, lists, sets, maps.
    """
    shape = _shape(tuple(item))
    values = [
        value if (kind := type(value)) is str else _digits(value) if kind in _NUMBERS else _plain(value)
        for value in [item[name] for name in shape.names]
    ]
    if None in values:
        return _of(dict(zip(shape.names, values, strict=True)))
    return shape.hash(values)


def of_lake_row(row: Mapping[str, Any]) -> tuple[bytes, ...]:
    """The fingerprints that the item of a lake record may have; the record is JSON decoded with exact numbers.

    There are several where ``amount`` may have been the item's own, or have been added as quantity times price, and
    where something that is no number was told as a text in its place. A set of DynamoDB's is known again only if it is
    in order, since JSON does not say that it was one.
    """
    choices: dict[str, list[Any]] = {}
    for name, value in row.items():
        if name not in _ADDED:
            renamed = _RENAMED(name)
            own = renamed[1] if renamed else name
            choices[own] = _told(value) if renamed and own in _FIGURES else [_plain(value)]
    if choices.keys() >= _FIGURES:
        choices["amount"].append(None)
    return tuple({_of(dict(zip(choices, values, strict=True))): None for values in product(*choices.values())})


def _told(text: str) -> list[Any]:
    """The canonical forms of what the transform tells as a text: one, or what the text is in JSON."""
    try:
        return [text, _plain(json.loads(text, parse_float=Decimal))]
    except (ValueError, RecursionError):  # it is no JSON, or none that the transform has made
        return [text]


def _of(item: dict[str, Any]) -> bytes:
    """The fingerprint of canonical values."""
    item = {name: value for name, value in item.items() if value is not None}
    shape = _shape(tuple(item))
    return shape.hash([item[name] for name in shape.names])


class _Shape:
    """What items with the same attributes have in common: their names in order, and where there are figures."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(sorted(names))
        self._head = _encode(self.names)
        self._figures = [place for place, name in enumerate(self.names) if name in _FIGURES]

    def hash(self, values: list[Any]) -> bytes:
        """The fingerprint of canonical values in the names' order."""
        for place in self._figures:
            if isinstance(value := values[place], str) and _PLAIN_NUMBER(value):
                values[place] = _digits(value)
        return blake2b(self._head + _encode(values), digest_size=SIZE).digest()


_shape: Final = lru_cache(maxsize=1024)(_Shape)


def _typed(value: Mapping[str, Any]) -> Any:  # noqa: PLR0911 (DynamoDB has that many types)
    """The canonical form of an attribute's value in DynamoDB JSON."""
    ((kind, held),) = value.items()
    match kind:
        case "S" | "BOOL":
            return held
        case "N":
            return _digits(held)
        case "NULL":
            return None
        case "B":
            return _binary(held)
        case "M":
            return _members((name, _typed(inner)) for name, inner in held.items())
        case "L":
            return [_typed(inner) for inner in held]
        case "SS":
            return _ordered(held)
        case "NS":
            return _ordered(_digits(number) for number in held)
        case "BS":
            return _ordered(_binary(inner) for inner in held)
    raise ValueError(f"not DynamoDB JSON: {kind}")


def _plain(value: Any) -> Any:  # noqa: PLR0911 (as many types)
    """The canonical form of a Python value: numbers are bytes, so that no text is taken for one."""
    match value:
        case None | str() | bool():
            return value
        case float():
            return _digits(repr(value))
        case int() | Decimal():
            return _digits(value)
        case Mapping():
            return _members((name, _plain(inner)) for name, inner in value.items())
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case set() | frozenset():
            return _ordered(_plain(inner) for inner in value)
    return _binary(bytes(value))


def _binary(value: str | bytes) -> str:
    """Binary as the text that JSON has for it."""
    return value if isinstance(value, str) else b64encode(value).decode("ascii")


def _members(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return dict(sorted((name, value) for name, value in pairs if value is not None))


def _ordered(values: Iterable[Any]) -> list[Any]:
    return sorted(values, key=_encode)


@lru_cache(maxsize=4096)
def _digits(number: str | int | Decimal) -> bytes:
    """A number without what does not change it: zeros at either end, a plus, the sign of zero."""
    value = _EXACT.normalize(Decimal(number))
    return str(value).encode() if value else b"0"
