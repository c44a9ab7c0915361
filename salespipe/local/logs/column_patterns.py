"""Filter patterns for lines of columns: ``[ip, user, ..., status = 4*, bytes > 1000]``.

Source: CloudWatch Logs user guide, "Using filter patterns to match terms in space-delimited log events". What stands in
brackets or quotation marks is one column.
"""

from __future__ import annotations

import re
from typing import Final

from salespipe.local.logs.conditions import Holds, Tokens, comparison, either
from salespipe.local.logs.patterns import Matches, invalid

_COLUMN: Final = re.compile(r'\[([^\]]*)\]|"([^"]*)"|(\S+)')
_REST: Final = "..."


def compile_columns(pattern: str) -> Matches:
    """What a pattern in brackets matches: lines of as many columns, of which each is as it is to be.

    One ``...`` stands for any number of columns.
    """
    if not pattern.endswith("]"):
        raise invalid("a bracket is not closed")
    tokens = Tokens(pattern[1:-1])
    wanted: list[Holds | None] = [_column(tokens)]
    while tokens.took(","):
        wanted.append(_column(tokens))
    if tokens.peek()[0]:
        raise invalid(f"at {tokens.peek()[1]}")
    if wanted.count(None) > 1:
        raise invalid("it has more than one ...")
    before = wanted.index(None) if None in wanted else len(wanted)
    first = [holds for holds in wanted[:before] if holds]
    last = [holds for holds in wanted[before:] if holds]

    def matches(message: str) -> bool:
        found = [
            next((part for part in column.groups() if part is not None), "") for column in _COLUMN.finditer(message)
        ]
        if len(found) < len(first) + len(last) or (None not in wanted and len(found) > len(first)):
            return False
        ends = found[len(found) - len(last) :]
        return all(holds(value) for holds, value in zip([*first, *last], [*found[: len(first)], *ends], strict=True))

    return matches


def _column(tokens: Tokens) -> Holds | None:
    """What a column has to be; None for ``...``."""
    if tokens.took(_REST):
        return None
    return either(tokens, _condition)


def _condition(tokens: Tokens) -> Holds:
    """A name, which any value fits, or a name with a comparison."""
    kind, name = tokens.next()
    if kind != "word" or not re.fullmatch(r"[\w-]+", name):
        raise invalid(f"{name} is no name of a column")
    if tokens.peek()[0] != "sign" or tokens.peek()[1] in {",", ")", "&&", "||"}:
        return lambda _value: True
    sign = tokens.next()[1]
    return comparison(sign, *tokens.next())
