"""Checks a call's input against the botocore model of its operation, with the words AWS uses."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from salespipe.local.api import AwsError
from salespipe.local.front.routes import service_model

# What a JSON value of each type is called in a SerializationException of AWS's JSON services.
_JSON_TYPES: Final[tuple[tuple[type, str], ...]] = (
    (bool, "TRUE_VALUE"),
    (int, "NUMBER_VALUE"),
    (float, "DECIMAL_VALUE"),
    (str, "STRING_VALUE"),
)
_WANTED: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "string": ((str,), "String"),
    "blob": ((str,), "ByteBuffer"),
    "integer": ((int,), "Integer"),
    "long": ((int,), "Long"),
    "float": ((int, float, str), "Float"),
    "double": ((int, float, str), "Double"),
    "boolean": ((bool,), "Boolean"),
    "timestamp": ((int, float, str), "Date"),
}


def validate(service: str, operation: str, params: Mapping[str, Any]) -> None:
    """Raise what AWS answers for an input that the operation's model does not allow.

    ``SerializationException`` for a value of the wrong JSON type; ``ValidationException`` listing each violation
    (at most ten) of a required member, an enumeration, a length, a range or a pattern. Members that the model does not
    know are ignored, as AWS ignores them.
    """
    shape = service_model(service).operation_model(operation).input_shape
    if shape is None:
        return
    wrong = [text for _, text in zip(range(10), _violations(shape, params, ""), strict=False)]
    if wrong:
        plural = "error" if len(wrong) == 1 else "errors"
        raise AwsError("ValidationException", f"{len(wrong)} validation {plural} detected: {'; '.join(wrong)}")


def _violations(shape: Any, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure":
        yield from _structure(shape, value, path)
    elif kind == "list":
        if not isinstance(value, list):
            raise _unexpected(value, "java.util.ArrayList")
        yield from _range(shape, len(value), path, "length")
        for position, item in enumerate(value, start=1):
            if item is not None:
                yield from _violations(shape.member, item, f"{path}.{position}.member")
    elif kind == "map":
        if not isinstance(value, dict):
            raise _unexpected(value, "java.util.Map")
        yield from _range(shape, len(value), path, "length")
        for key, item in value.items():
            if item is not None:
                yield from _violations(shape.value, item, f"{path}.{key}.member")
    else:
        yield from _scalar(shape, value, path)


def _structure(shape: Any, value: Any, path: str) -> Iterator[str]:
    if getattr(shape, "is_document_type", False):
        return
    if not isinstance(value, Mapping):
        raise _unexpected(value, shape.name)
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{_below(path, name)}' failed to satisfy constraint: Member must not be null"
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _violations(member, value[name], _below(path, name))


def _scalar(shape: Any, value: Any, path: str) -> Iterator[str]:
    types, name = _WANTED[shape.type_name]
    fits: bool = isinstance(value, types) and (type(value) is not bool or bool in types)  # a bool is an int to Python
    if not fits:
        raise _unexpected(value, name)
    failed = f"Value '{value}' at '{path}' failed to satisfy constraint: Member must"
    if shape.type_name == "string":
        allowed = getattr(shape, "enum", None) or shape.metadata.get("enum")
        if allowed and value not in allowed:
            yield f"{failed} satisfy enum value set: [{', '.join(allowed)}]"
        yield from _range(shape, len(value), path, "length", value)
        pattern = shape.metadata.get("pattern")
        if pattern and (compiled := _compile(pattern)) and not compiled.fullmatch(value):
            yield f"{failed} satisfy regular expression pattern: {pattern}"
    elif shape.type_name in {"integer", "long"}:
        yield from _range(shape, value, path, "value", value)


def _range(shape: Any, number: float, path: str, what: str, shown: object = "") -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    failed = f"Value '{shown}' at '{path}' failed to satisfy constraint: Member must have {what}"
    if low is not None and number < low:
        yield f"{failed} greater than or equal to {low}"
    if high is not None and number > high:
        yield f"{failed} less than or equal to {high}"


def _unexpected(value: object, wanted: str) -> AwsError:
    if isinstance(value, dict):
        return AwsError("SerializationException", "Start of structure or map found where not expected.")
    if isinstance(value, list):
        return AwsError("SerializationException", "Start of list found where not expected")
    found = next((name for kind, name in _JSON_TYPES if isinstance(value, kind)), "NULL_VALUE")
    if value is False:
        found = "FALSE_VALUE"
    return AwsError("SerializationException", f"{found} can not be converted to {wanted}")


def _below(path: str, name: str) -> str:
    """AWS writes paths with a lower-case first letter in each member."""
    lower = name[:1].lower() + name[1:]
    return f"{path}.{lower}" if path else lower


@cache
def _compile(pattern: str) -> re.Pattern[str] | None:
    """A model's pattern, or None for one that only Java's expressions understand (Unicode classes, surrogates)."""
    if "\\u" in pattern or "\\p" in pattern:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # a set that Java reads otherwise
        try:
            return re.compile(pattern)
        except re.error:
            return None
