"""What JSON and column patterns have in common: comparisons joined by ``&&`` and ``||``, with parentheses."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from salespipe.local.logs.patterns import invalid, regex, unescaped, wildcard

T = TypeVar("T")
Holds = Callable[[Any], bool]
"""Whether a condition holds for a JSON document, or for a column's value."""

TOKEN: Final = re.compile(
    r'\s*(?:(?P<text>"(?:\\.|[^"\\])*")|(?P<regex>%[^%]+%)|(?P<sign>&&|\|\||<=|>=|!=|[=<>(),])'
    r"|(?P<word>(?:\[[^\]]*\]|[^\s&|<>=!(),\"])+))"
)
_ORDER: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


class Tokens:
    """The words of a pattern, one after the other: (kind, text)."""

    def __init__(self, text: str) -> None:
        self._found = list(_tokens(text))
        self._at = 0

    def peek(self) -> tuple[str, str]:
        """The next one, ``("", "")`` at the end."""
        return self._found[self._at] if self._at < len(self._found) else ("", "")

    def next(self) -> tuple[str, str]:
        """Take the next one. Raises ``AwsError`` at the end."""
        if self._at >= len(self._found):
            raise invalid("it ends too early")
        self._at += 1
        return self._found[self._at - 1]

    def took(self, *words: str) -> bool:
        """Take the next ones if they are these, in any case."""
        ahead = self._found[self._at : self._at + len(words)]
        if [text.upper() for kind, text in ahead if kind != "text"] != list(words):
            return False
        self._at += len(words)
        return True


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place, text = 0, text.rstrip()
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            raise invalid(f"at {text[place:].strip()}")
        yield found.lastgroup, found[found.lastgroup]
        place = found.end()


def either(tokens: Tokens, one: Callable[[Tokens], Holds]) -> Holds:
    """Conditions joined by ``||``, of which each may be some joined by ``&&``; ``one`` reads a single one."""
    found = [_both(tokens, one)]
    while tokens.took("||"):
        found.append(_both(tokens, one))
    return found[0] if len(found) == 1 else lambda value: any(holds(value) for holds in found)


def _both(tokens: Tokens, one: Callable[[Tokens], Holds]) -> Holds:
    found = [_single(tokens, one)]
    while tokens.took("&&"):
        found.append(_single(tokens, one))
    return found[0] if len(found) == 1 else lambda value: all(holds(value) for holds in found)


def _single(tokens: Tokens, one: Callable[[Tokens], Holds]) -> Holds:
    if not tokens.took("("):
        return one(tokens)
    inside = either(tokens, one)
    if not tokens.took(")"):
        raise invalid("a parenthesis is not closed")
    return inside


def comparison(sign: str, kind: str, text: str) -> Callable[[Any], bool]:
    """Compare a value that is there: as numbers by size, as text with wildcards or a regular expression."""
    if sign in _ORDER:
        if not _NUMBER.fullmatch(text):
            raise invalid(f"{sign} compares numbers, not {text}")
        compare, limit = _ORDER[sign], float(text)
        return lambda value: (number := _number(value)) is not None and compare(number, limit)
    if sign not in {"=", "!="}:
        raise invalid(f"{sign} is no comparison")
    equal = _equal(kind, text)
    return equal if sign == "=" else lambda value: not equal(value)


def _equal(kind: str, text: str) -> Callable[[Any], bool]:
    if kind == "regex":
        found = regex(text[1:-1])
        return lambda value: found(_text(value))
    if kind == "text":
        alike = wildcard(unescaped(text[1:-1]))
        return lambda value: alike(_text(value))
    if _NUMBER.fullmatch(text):
        wanted = float(text)
        return lambda value: _number(value) == wanted
    alike = wildcard(text)
    return lambda value: alike(_text(value))


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
