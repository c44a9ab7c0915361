"""Filter patterns for JSON: ``{ $.level = "ERROR" && ($.count > 3 || $.order.id = ord-*) }``.

Source: CloudWatch Logs user guide, "Using filter patterns to match terms in JSON log events".
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from salespipe.local.logs.conditions import Holds, Tokens, comparison, either
from salespipe.local.logs.patterns import Matches, invalid

_STEP: Final = re.compile(r"""\.([\w-]+)|\[(\d+)\]|\['([^']+)'\]|\["([^"]+)"\]""")
_MISSING: Final = object()
_IS: Final[dict[str, Any]] = {"NULL": None, "TRUE": True, "FALSE": False}


def compile_json(pattern: str) -> Matches:
    """What a pattern in braces matches; a message that is no JSON object never does."""
    if not pattern.endswith("}"):
        raise invalid("a brace is not closed")
    tokens = Tokens(pattern[1:-1])
    holds = either(tokens, _condition)
    if tokens.peek()[0]:
        raise invalid(f"at {tokens.peek()[1]}")

    def matches(message: str) -> bool:
        try:
            document = msgspec.json.decode(message)
        except (msgspec.DecodeError, UnicodeError):
            return False
        return isinstance(document, dict) and holds(document)

    return matches


def _condition(tokens: Tokens) -> Holds:
    find = _selector(tokens.next()[1])
    if tokens.took("NOT", "EXISTS"):
        return lambda document: find(document) is _MISSING
    for word, value in _IS.items():
        if tokens.took("IS", word):
            return lambda document, value=value: find(document) is value  # type: ignore[misc]
    sign = tokens.next()[1]
    compare = comparison(sign, *tokens.next())

    def holds(document: Any) -> bool:
        found = find(document)
        return found is not _MISSING and not isinstance(found, dict | list) and compare(found)

    return holds


def _selector(text: str) -> Any:
    """``$.a.b[0]`` as what it leads to in a document, or to nothing."""
    steps: list[str | int] = []
    place = 1
    while place < len(text):
        step = _STEP.match(text, place)
        if step is None:
            raise invalid(f"{text} is no path to a field")
        steps.append(int(step[2]) if step[2] else step[1] or step[3] or step[4])
        place = step.end()
    if not text.startswith("$") or not steps:
        raise invalid(f"{text} is no path to a field")

    def find(document: Any) -> Any:
        for step in steps:
            try:
                document = document[step]
            except (KeyError, IndexError, TypeError):
                return _MISSING
        return document

    return find
