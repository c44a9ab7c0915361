"""A filter as people type it, in CloudWatch's filter pattern syntax."""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = re.compile(r'([?-]?)("(?:\\.|[^"\\])*"|%[^%]*%|\S+)')
_BARE: Final = re.compile(r'[A-Za-z0-9_]+|".*"|%.*%', re.DOTALL)


def quoted(pattern: str) -> str:
    """The pattern, in which words that CloudWatch would refuse are quoted: ``order-7`` becomes ``"order-7"``.

    A term with other characters than letters, digits and the underscore has to be in double quotes (CloudWatch Logs
    user guide, filter pattern syntax). Patterns for JSON and for columns are left as they are.
    """
    text = pattern.strip()
    if text.startswith(("{", "[")):
        return text
    return " ".join(sign + _term(term) for sign, term in _WORD.findall(text))


def _term(term: str) -> str:
    if _BARE.fullmatch(term):
        return term
    inside = term.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inside}"'
