"""DynamoDB attribute values: what the service accepts, how it writes them down, how big they are, how keys sort.

Limits: Amazon DynamoDB Developer Guide, "Constraints in Amazon DynamoDB" (numbers of 38 digits between 1E-130 and
9.99E+125, items of 400 KB, 32 levels of nesting, partition keys of 2048 bytes, sort keys of 1024 bytes).
"""

from __future__ import annotations

import base64
import binascii
import decimal
from collections.abc import Callable, Mapping
from typing import Any, Final

from salespipe.local.api import AwsError

Attributes = Mapping[str, Any]
"""DynamoDB JSON: attribute name to {type: content}; numbers are text, binary is base64 text."""

MAX_ITEM_BYTES: Final = 400 * 1024
_MAX_DEPTH: Final = 32
_EXACT: Final = decimal.Context(prec=38, Emax=9999, Emin=-9999, traps=[decimal.Inexact, decimal.InvalidOperation])
_INVALID: Final = "One or more parameter values were invalid: "


def invalid(message: str) -> AwsError:
    """DynamoDB's ValidationException."""
    return AwsError("ValidationException", message)


def canonical_item(item: object) -> tuple[dict[str, Any], int]:
    """The item as DynamoDB would give it back, and its size in bytes as the 400 KB limit counts it.

    Numbers lose leading and trailing zeros and exponents, sets are sorted. Raises ``AwsError`` with the service's
    message for what it does not accept.
    """
    if not isinstance(item, dict):
        raise AwsError("SerializationException", "Start of structure or map expected.")
    size = 0
    result: dict[str, Any] = {}
    for name, value in item.items():
        text = value.get("S") if type(value) is dict and len(value) == 1 else None
        if type(text) is str:  # most attributes are strings: half the time of a batch is spent in this loop
            result[name] = value
            size += len(name) + len(text) if name.isascii() and text.isascii() else _utf8(name) + _utf8(text)
        else:
            result[name], length = _canonical(value, 1)
            size += _utf8(name) + length
    if size > MAX_ITEM_BYTES:
        raise invalid("Item size has exceeded the maximum allowed size")
    return result, size


def canonical_number(text: object) -> str:
    """A number as DynamoDB writes it: no exponent, no superfluous zeros. Raises ``AwsError`` when out of range."""
    if not isinstance(text, str):
        raise AwsError("SerializationException", "NUMBER_VALUE cannot be converted to String")
    if text.isascii() and text.isdigit() and len(text) <= 38 and (text[0] != "0" or text == "0"):
        return text
    if not text:
        raise invalid("The parameter cannot be converted to a numeric value")
    if "_" in text or not text.isascii() or text != text.strip():  # Decimal is more generous than DynamoDB
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}")
    try:
        number = decimal.Decimal(text)
    except decimal.InvalidOperation:
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}") from None
    if not number.is_finite():
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}")
    if not number:
        return "0"
    if number.adjusted() > 125:
        raise invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if number.adjusted() < -130:
        raise invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    try:
        return format(number.normalize(_EXACT), "f")
    except decimal.Inexact:
        raise invalid("Attempting to store more than 38 significant digits in a Number") from None


def key_bytes(kind: str, content: Any) -> bytes:
    """A key of type S, N or B as bytes that sort as DynamoDB sorts keys. Numbers must be canonical."""
    if kind == "S":
        return str(content).encode("utf-8", "surrogatepass")
    if kind == "B":
        return content if isinstance(content, bytes) else _binary(content)
    number = decimal.Decimal(content)
    if not number:
        return b"\x80"
    # Sign, exponent, digits; what is negative sorts the other way round, and is closed by the highest byte, since
    # there the longer number is the smaller one.
    digits = "".join(map(str, number.as_tuple().digits)).strip("0").encode()
    positive = (number.adjusted() + 1000).to_bytes(2, "big") + digits
    return b"\x81" + positive if number > 0 else b"\x7f" + bytes(255 - byte for byte in positive) + b"\xff"


def _canonical(value: object, depth: int) -> tuple[dict[str, Any], int]:
    if not isinstance(value, dict):
        raise AwsError("SerializationException", "Start of structure or map expected.")
    if len(value) != 1:
        raise invalid(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
            if not value
            else "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported"
            " datatypes"
        )
    ((kind, content),) = value.items()
    if kind == "S":
        if not isinstance(content, str):
            raise AwsError("SerializationException", "Value cannot be converted to String")
        return value, _utf8(content)
    if kind == "N":
        number = canonical_number(content)
        return (value if number == content else {"N": number}), _number_size(number)
    read = _OTHERS.get(kind)
    if read is None:
        raise invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    if depth > _MAX_DEPTH:
        raise invalid("Nesting Levels have exceeded supported limits")
    canonical, size = read(content, depth)
    return {kind: canonical}, size


def _read_binary(content: Any, _depth: int) -> tuple[str, int]:
    return content, len(_binary(content))


def _read_bool(content: Any, _depth: int) -> tuple[bool, int]:
    if not isinstance(content, bool):
        raise AwsError("SerializationException", "Value cannot be converted to Boolean")
    return content, 1


def _read_null(content: Any, _depth: int) -> tuple[bool, int]:
    if content is not True:
        raise invalid(_INVALID + "Null attribute value types must have the value of true")
    return True, 1


def _read_map(content: Any, depth: int) -> tuple[dict[str, Any], int]:
    if not isinstance(content, dict):
        raise AwsError("SerializationException", "Expected map or null")
    size = 3
    result = {}
    for name, value in content.items():
        result[name], length = _canonical(value, depth + 1)
        size += 1 + _utf8(name) + length
    return result, size


def _read_list(content: Any, depth: int) -> tuple[list[Any], int]:
    if not isinstance(content, list):
        raise AwsError("SerializationException", "Expected list or null")
    pairs = [_canonical(value, depth + 1) for value in content]
    return [value for value, _ in pairs], 3 + sum(1 + length for _, length in pairs)


def _read_strings(content: Any, _depth: int) -> tuple[list[str], int]:
    members = _members(content, "An string set  may not be empty")
    return sorted(members), sum(map(_utf8, members))


def _read_numbers(content: Any, _depth: int) -> tuple[list[str], int]:
    numbers = [canonical_number(member) for member in _members(content, "An number set  may not be empty")]
    if len(set(numbers)) < len(numbers):
        raise invalid("Input collection contains duplicates")
    return sorted(numbers, key=decimal.Decimal), sum(map(_number_size, numbers))


def _read_binaries(content: Any, _depth: int) -> tuple[list[str], int]:
    members = _members(content, "Binary sets should not be empty")
    return sorted(members), sum(len(_binary(member)) for member in members)


_OTHERS: Final[Mapping[str, Callable[[Any, int], tuple[Any, int]]]] = {
    "B": _read_binary,
    "BOOL": _read_bool,
    "NULL": _read_null,
    "M": _read_map,
    "L": _read_list,
    "SS": _read_strings,
    "NS": _read_numbers,
    "BS": _read_binaries,
}


def _members(content: Any, when_empty: str) -> list[str]:
    if not isinstance(content, list) or not all(isinstance(member, str) for member in content):
        raise AwsError("SerializationException", "Expected list or null")
    if not content:
        raise invalid(_INVALID + when_empty)
    if len(set(content)) < len(content):
        raise invalid(f"{_INVALID}Input collection [{', '.join(content)}] contains duplicates.")
    return content


def _binary(content: Any) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise AwsError("SerializationException", f"'{content}' can not be converted to a Blob") from None


def _utf8(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _number_size(number: str) -> int:
    """Two digits a byte and a byte for the exponent, as the developer guide estimates it."""
    return (len(number.replace(".", "").strip("-0")) + 1) // 2 + 1 + number.startswith("-")
