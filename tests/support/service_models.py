"""What AWS's own service models, as botocore carries them, say of a call's parameters, and botocore does not check.

botocore refuses unknown and missing members, wrong types and what is below a minimum. The models say more: patterns,
enumerations and maxima, which only the service itself would hold against a call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from botocore.validate import ParamValidator

# Java writes a character beyond U+FFFF as two; Python as one.
_SURROGATES: Final = re.compile(r"\\u(D[89AB][0-9A-F]{2})\\u(D[C-F][0-9A-F]{2})", re.IGNORECASE)
# Java's classes for letters, spaces and numbers, inside brackets. Each of the models' classes with one of them has all
# three and the underscore, which is what Python's \w says but for the spaces.
_CLASSES: Final = {
    r"\p{L}": r"\w",
    r"\p{N}": "",
    r"\p{Z}": r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
}


@cache
def compiled(pattern: str) -> re.Pattern[str] | None:
    """A model's pattern, or None where Python has no such syntax."""
    for theirs, ours in _CLASSES.items():
        pattern = pattern.replace(theirs, ours)
    try:
        return re.compile(_SURROGATES.sub(_one_character, pattern))
    except re.error:
        return None


def _one_character(pair: re.Match[str]) -> str:
    high, low = (int(half, 16) for half in pair.groups())
    return rf"\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08X}"


def violations(shape: Any, value: Any) -> list[str]:
    """Everything in which ``value``, the parameters of a call, breaks its input shape. Empty where nothing does."""
    report = ParamValidator().validate(value, shape)
    return [*([report.generate_report()] if report.has_errors() else []), *_broken(shape, value, "")]


def insist(params: Any, model: Any, **_: Any) -> None:
    """A handler of botocore's ``before-parameter-build``. Raises ``AssertionError`` where a call breaks its model."""
    broken = violations(model.input_shape, params) if model.input_shape else []
    assert not broken, f"{model.service_model.service_name} {model.name}: {'; '.join(broken)}"


def unread(shape: Any, seen: set[str]) -> set[str]:
    """The patterns in a shape, and below it, that Python cannot read. ``seen`` are shapes that were looked at."""
    if shape.name in seen:
        return set()
    seen.add(shape.name)
    match shape.type_name:
        case "structure":
            inner = list(shape.members.values())
        case "list":
            inner = [shape.member]
        case "map":
            inner = [shape.key, shape.value]
        case _:
            inner = []
    pattern = shape.metadata.get("pattern", "")
    found = {pattern} if compiled(pattern) is None else set()
    return found.union(*(unread(each, seen) for each in inner))


def _broken(shape: Any, value: Any, where: str) -> Iterator[str]:
    match shape.type_name:
        case "structure":
            if getattr(shape, "is_tagged_union", False) and len(value) != 1:
                yield f"{where}: a union of {len(value)} members"
            for name, member in value.items():
                if name in shape.members:
                    yield from _broken(shape.members[name], member, f"{where}.{name}")
        case "list":
            yield from _outside(shape, len(value), f"{where}: items")
            for index, item in enumerate(value):
                yield from _broken(shape.member, item, f"{where}[{index}]")
        case "map":
            yield from _outside(shape, len(value), f"{where}: entries")
            for key, item in value.items():
                yield from _broken(shape.key, key, f"{where}: key {key!r}")
                yield from _broken(shape.value, item, f"{where}[{key!r}]")
        case "string":
            yield from _misspelt(shape, value, where)
        case "blob" if isinstance(value, bytes | bytearray):
            yield from _outside(shape, len(value), f"{where}: bytes")
        case "integer" | "long" | "float" | "double":
            yield from _outside(shape, value, where)


def _misspelt(shape: Any, value: str, where: str) -> Iterator[str]:
    yield from _outside(shape, len(value), f"{where} {value[:99]!r}: characters")
    if shape.enum and value not in shape.enum:
        yield f"{where}: {value!r} is none of {shape.enum}"
    pattern = compiled(shape.metadata.get("pattern", ""))
    if pattern is not None and pattern.pattern and not pattern.fullmatch(value):
        yield f"{where}: {value!r} does not match {pattern.pattern}"


def _outside(shape: Any, size: float, what: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield f"{what}: {size} is below {low}"
    if high is not None and size > high:
        yield f"{what}: {size} is above {high}"
