"""SQL text as it is written, in files too -> statements, and the places in each where parameters go."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# What must not be taken apart: texts, quoted names (Hive's DDL quotes them by backticks) and comments. Without its
# end, each goes to the end of the text: Athena says what is wrong with it.
_TOKEN: Final = re.compile(
    r"""(?P<text>'(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z) | `[^`]*(?:`|\Z))
      | (?P<comment>--[^\n]* | /\*.*?(?:\*/|\Z))
      | (?P<end>;) | (?P<mark>\?) | (?P<name>(?<![:\w]):[A-Za-z_]\w*)
      | (?P<space>\s+) | (?P<rest>[^'"`;?:\s/-]+ | .)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: ``sql`` has ``?`` for each parameter, ``names`` are those that were written ``:name``, in order.

    ``line`` is where it begins in the text, from 1. ``marks`` counts the parameters.
    """

    sql: str
    line: int = 1
    marks: int = 0
    names: tuple[str, ...] = ()


def split(text: str) -> list[Statement]:
    """The statements of a text, without the semicolons between them and without what is only comment or space."""
    found: list[Statement] = []
    one = _Building(1)
    line = 1
    for token in _TOKEN.finditer(text):
        kind, written = token.lastgroup, token[0]
        if kind == "end":
            found += one.made()
            one = _Building(line)
        else:
            one.add(kind or "", written, line)
        line += written.count("\n")
    return found + one.made()


class _Building:
    """A statement in the making."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.pieces: list[str] = []
        self.names: list[str] = []
        self.marks = 0
        self.empty = True

    def add(self, kind: str, written: str, line: int) -> None:
        """Take a token."""
        if not self.pieces and kind == "space":
            return
        if not self.pieces:
            self.line = line
        self.empty = self.empty and kind in {"space", "comment"}
        if kind == "name":
            self.names.append(written[1:])
            written = "?"
        if kind in {"mark", "name"}:
            self.marks += 1
        self.pieces.append(written)

    def made(self) -> list[Statement]:
        """The statement, if there is any."""
        if self.empty:
            return []
        return [Statement("".join(self.pieces).rstrip(), self.line, self.marks, tuple(self.names))]
