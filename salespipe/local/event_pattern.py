"""The EventBridge event pattern language, compiled once and matched many times.

Source: EventBridge user guide, "Comparison operators for use in event patterns", and the README of aws/event-ruler.
"""

from __future__ import annotations

import ipaddress
import json
import operator
import re
from collections.abc import Callable
from typing import Any, Final

from salespipe.local.json_path import MISSING

Matcher = Callable[[Any], bool]
"""Whether a decoded event (or a part of it, or ``MISSING``) matches."""

_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMERIC_LIMIT: Final = 5e9


class EventPatternError(ValueError):
    """The pattern cannot be compiled; the message reads like EventBridge's."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Event pattern is not valid. Reason: {reason}")


def compile_pattern(text: str) -> Matcher:
    """Compile a pattern's JSON text into a function of the decoded event. Raises ``EventPatternError``."""
    try:
        pattern = json.loads(text, object_pairs_hook=_without_repeats)
    except ValueError as error:
        if isinstance(error, EventPatternError):
            raise
        raise EventPatternError(f"Filter is not valid JSON: {error}") from None
    if not isinstance(pattern, dict):
        raise EventPatternError("Filter is not an object")
    return _fields(pattern)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise EventPatternError("A field name is given twice in the same object")
    return fields


def _fields(pattern: dict[str, Any]) -> Matcher:
    """All fields of an object must match. Within an array of objects, one element must match them all."""
    if not pattern:
        raise EventPatternError("Empty objects are not allowed")
    alternatives: list[Matcher] = []
    fields: list[tuple[str, Matcher]] = []
    for name, wanted in pattern.items():
        if name == "$or":
            alternatives = _alternatives(wanted)
        elif isinstance(wanted, dict):
            fields.append((name, _fields(wanted)))
        elif isinstance(wanted, list):
            fields.append((name, _any_of(wanted)))
        else:
            raise EventPatternError(f'"{name}" must be an object or an array')

    def matches(value: Any) -> bool:
        if isinstance(value, list):
            return any(matches(element) for element in value)
        get = value.get if isinstance(value, dict) else _nothing
        return all(matcher(get(name, MISSING)) for name, matcher in fields) and (
            not alternatives or any(alternative(value) for alternative in alternatives)
        )

    return matches


def _nothing(_name: str, default: Any) -> Any:
    return default


def _alternatives(wanted: Any) -> list[Matcher]:
    if not isinstance(wanted, list) or len(wanted) < 2 or not all(isinstance(option, dict) for option in wanted):
        raise EventPatternError('"$or" must be an array of two or more objects')
    return [_fields(option) for option in wanted]


def _any_of(conditions: list[Any]) -> Matcher:
    """One of the conditions must hold for the value, or for one element of it when it is an array."""
    if not conditions:
        raise EventPatternError("Empty arrays are not allowed")
    exists = {_exists(condition) for condition in conditions if isinstance(condition, dict) and "exists" in condition}
    tests = [_condition(condition) for condition in conditions if not _is_exists(condition)]

    def matches(value: Any) -> bool:
        leaves = _leaves(value)
        if exists and bool(leaves) in exists:
            return True
        return any(test(leaf) for leaf in leaves for test in tests)

    return matches


def _is_exists(condition: Any) -> bool:
    return isinstance(condition, dict) and "exists" in condition


def _exists(condition: dict[str, Any]) -> bool:
    wanted = condition["exists"]
    if len(condition) != 1 or not isinstance(wanted, bool):
        raise EventPatternError("exists match pattern must be either true or false")
    return wanted


def _leaves(value: Any) -> list[Any]:
    """The strings, numbers, booleans and nulls that a field holds; "exists" too works on these only."""
    if value is MISSING or isinstance(value, dict):
        return []
    if isinstance(value, list):
        return [leaf for element in value for leaf in _leaves(element)]
    return [value]


def _condition(condition: Any) -> Matcher:
    if isinstance(condition, list):
        raise EventPatternError("Nested arrays are not allowed")
    if not isinstance(condition, dict):
        return _equals(condition)
    if len(condition) != 1:
        raise EventPatternError("Only one match type is allowed in a condition")
    ((kind, wanted),) = condition.items()
    if kind not in _CONDITIONS:
        raise EventPatternError(f"Unrecognized match type {kind}")
    return _CONDITIONS[kind](wanted)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equals(wanted: Any) -> Matcher:
    """The same type and value; 1 and 1.0 are the same number, 1 and true are not the same value."""
    if _is_number(wanted):
        return lambda value: _is_number(value) and value == wanted
    return lambda value: type(value) is type(wanted) and value == wanted


def _text(kind: str, wanted: Any) -> str:
    if not isinstance(wanted, str):
        raise EventPatternError(f"{kind} match pattern must be a string")
    return wanted


def _prefix(wanted: Any) -> Matcher:
    if folded := _ignoring_case("prefix", wanted):
        return lambda value: isinstance(value, str) and value.casefold().startswith(folded)
    text = _text("prefix", wanted)
    return lambda value: isinstance(value, str) and value.startswith(text)


def _suffix(wanted: Any) -> Matcher:
    if folded := _ignoring_case("suffix", wanted):
        return lambda value: isinstance(value, str) and value.casefold().endswith(folded)
    text = _text("suffix", wanted)
    return lambda value: isinstance(value, str) and value.endswith(text)


def _ignoring_case(kind: str, wanted: Any) -> str:
    """The text of ``{"equals-ignore-case": text}`` inside prefix and suffix, folded; empty when it is not that."""
    if not isinstance(wanted, dict):
        return ""
    if list(wanted) != ["equals-ignore-case"]:
        raise EventPatternError(f"Unsupported {kind} match pattern: {', '.join(wanted)}")
    return _text(kind, wanted["equals-ignore-case"]).casefold()


def _equals_ignore_case(wanted: Any) -> Matcher:
    folded = _text("equals-ignore-case", wanted).casefold()
    return lambda value: isinstance(value, str) and value.casefold() == folded


def _wildcard(wanted: Any) -> Matcher:
    text = _text("wildcard", wanted)
    parts: list[str] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
            if text[position : position + 1] not in {"*", "\\"}:
                raise EventPatternError(f"Invalid escape character at pos {position - 1}")
            parts.append(re.escape(text[position]))
        elif character == "*":
            if text[position + 1 : position + 2] == "*":
                raise EventPatternError(f"Consecutive wildcard characters at pos {position}")
            parts.append(".*")
        else:
            parts.append(re.escape(character))
        position += 1
    fits = re.compile("".join(parts), re.DOTALL).fullmatch
    return lambda value: isinstance(value, str) and fits(value) is not None


def _anything_but(wanted: Any) -> Matcher:
    """None of what is listed: values, or texts of one match type."""
    if isinstance(wanted, dict):
        if len(wanted) != 1:
            raise EventPatternError("Anything-but takes one match type")
        ((kind, texts),) = wanted.items()
        if kind not in {"prefix", "suffix", "equals-ignore-case", "wildcard"}:
            raise EventPatternError(f"Unsupported anything-but pattern: {kind}")
        excluded = [_CONDITIONS[kind](text) for text in (texts if isinstance(texts, list) else [texts])]
    else:
        values = wanted if isinstance(wanted, list) else [wanted]
        if not all(isinstance(value, str) or _is_number(value) for value in values):
            raise EventPatternError("Value of anything-but must be an array or single string/number value.")
        excluded = [_equals(value) for value in values]
    if not excluded:
        raise EventPatternError("Empty arrays are not allowed")
    return lambda value: not any(test(value) for test in excluded)


def _numeric(wanted: Any) -> Matcher:
    if not isinstance(wanted, list) or len(wanted) not in {2, 4}:
        raise EventPatternError("Value of numeric must be an array of one or two comparisons.")
    tests: list[tuple[Callable[[float, float], bool], float]] = []
    for sign, bound in zip(wanted[::2], wanted[1::2], strict=True):
        if not isinstance(sign, str) or sign not in _COMPARISONS:
            raise EventPatternError(f"Unrecognized numeric range operator: {sign}")
        if not _is_number(bound) or abs(bound) > _NUMERIC_LIMIT:
            raise EventPatternError("Value of numeric must be a number between -5000000000 and 5000000000")
        tests.append((_COMPARISONS[sign], bound))
    if len(tests) == 2 and ({sign[0] for sign in wanted[::2]} != {"<", ">"}):
        raise EventPatternError("Too many elements in numeric expression")
    return lambda value: _is_number(value) and all(test(value, bound) for test, bound in tests)


def _cidr(wanted: Any) -> Matcher:
    try:
        network = ipaddress.ip_network(_text("cidr", wanted), strict=False)
    except ValueError:
        raise EventPatternError(f"Malformed CIDR: {wanted}") from None

    def matches(value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return matches


_CONDITIONS: Final[dict[str, Callable[[Any], Matcher]]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
}
