"""CloudWatch's filter patterns: terms in any text, comparisons of JSON's fields, and of a line's columns.

Source: CloudWatch Logs user guide, "Filter pattern syntax for metric filters, subscription filters, filter log events,
and Live Tail". Matching is case-sensitive, and a term is found within a longer word, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from salespipe.local.api import AwsError

Matches = Callable[[str], bool]
"""Whether a message is what the pattern asks for."""

_MAX: Final = 1024  # characters of a pattern (service model, FilterPattern)
_TERM: Final = re.compile(r'\s*([?-]?)(?:"((?:\\.|[^"\\])*)"|%([^%]+)%|(\w+))(?=\s|$)')
# What a regular expression may hold: these, letters and digits. Brackets for parts of it are not among them.
_REGEX: Final = re.compile(r"[A-Za-z0-9:_#=@/;,\- ^$?\[\]{}|\\*+.]+")


def compile_filter(pattern: str) -> Matches:
    """What a pattern matches; an empty one matches everything. Raises ``AwsError`` InvalidParameterException."""
    text = pattern.strip()
    if len(text) > _MAX:
        raise invalid(f"a pattern has at most {_MAX} characters")
    if not text:
        return lambda _message: True
    if text.startswith("{"):
        from salespipe.local.logs.json_patterns import compile_json

        return compile_json(text)
    if text.startswith("["):
        from salespipe.local.logs.column_patterns import compile_columns

        return compile_columns(text)
    return _terms(text)


def _terms(text: str) -> Matches:
    """All that are plain, any that has a ``?``, none that has a ``-``. With others, those with a ``?`` are ignored."""
    found: dict[str, list[Matches]] = {"": [], "?": [], "-": []}
    place = 0
    while place < len(text):
        term = _TERM.match(text, place)
        if term is None:
            raise invalid(f"at character {place + 1}")
        sign, quoted, expression, word = term.groups()
        found[sign].append(regex(expression) if expression is not None else _contains(word or unescaped(quoted)))
        place = term.end()
    wanted, either, unwanted = found[""], found["?"], found["-"]
    if either and not wanted and not unwanted:
        return lambda message: any(matches(message) for matches in either)
    return lambda message: (
        all(matches(message) for matches in wanted) and not any(matches(message) for matches in unwanted)
    )


def _contains(term: str) -> Matches:
    return lambda message: term in message


def unescaped(text: str) -> str:
    """What stands between two quotation marks, where a backslash takes the next character as it is."""
    return re.sub(r"\\(.)", r"\1", text)


def regex(expression: str) -> Matches:
    """A regular expression that is looked for anywhere in a text."""
    if not _REGEX.fullmatch(expression):
        raise invalid(f"the regular expression {expression} has characters that are not supported")
    try:
        found = re.compile(expression, re.ASCII)
    except re.error as error:
        raise invalid(f"the regular expression {expression}: {error}") from None
    return lambda text: found.search(text) is not None


def wildcard(text: str) -> Matches:
    """A text in which each ``*`` stands for anything."""
    found = re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)
    return lambda value: found.fullmatch(value) is not None


def invalid(why: str) -> AwsError:
    """The error for a pattern that is none."""
    return AwsError("InvalidParameterException", f"Invalid filter pattern: {why}")
