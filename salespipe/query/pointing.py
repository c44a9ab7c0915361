"""The place in a statement that an error names: the line itself, and a caret below the character."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_PLACE: Final = re.compile(r"\bline (\d+):(\d+)")
_WIDEST: Final = 100
_BEFORE: Final = 60


def pointed(reason: str, sql: str) -> str:
    """Two lines, indented: the statement's line that ``reason`` names as ``line 2:8``, and a caret; else empty.

    Columns count characters from 1. Of a line longer than 100 characters the part around the place is shown.
    """
    found = _PLACE.search(reason)
    lines = sql.splitlines()
    if found is None or not 1 <= int(found[1]) <= len(lines):
        return ""
    line, column = lines[int(found[1]) - 1], int(found[2]) - 1
    if not 0 <= column <= len(line):
        return ""
    start = max(0, column - _BEFORE) if len(line) > _WIDEST else 0
    shown = "".join(letter if letter.isprintable() else " " for letter in line[start : start + _WIDEST])
    before = shown[: column - start]
    return f"  {shown}\n  {' ' * sum(map(_width, before))}^"


def _width(letter: str) -> int:
    """How many cells of a terminal a character takes."""
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
