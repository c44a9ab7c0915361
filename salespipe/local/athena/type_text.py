"""Reads types as Hive (Glue) and as Trino spell them: ``struct<a:int>``, ``row(a integer)``, ``timestamp(3)``."""

from __future__ import annotations

import re
from typing import Final

from salespipe.local.athena.types import DAY_INTERVAL, DUCK, MONTH_INTERVAL, UNBOUNDED, Type

_ALIASES: Final = {
    "string": "varchar",
    "int": "integer",
    "float": "real",
    "struct": "row",
    "binary": "varbinary",
    "double precision": "double",
    "numeric": "decimal",
    "dec": "decimal",
    "timestamptz": "timestamp with time zone",
    "long": "bigint",
}

_TOKEN: Final = re.compile(r'\s*("(?:[^"]|"")*"|`[^`]*`|[\w.$-]+|\d+|[<>(),:])')


class _Reader:
    """Reads a type in Hive's or in Trino's spelling from its tokens."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _TOKEN.findall(text)
        if re.sub(r"\s+", "", "".join(self.tokens)) != re.sub(r"\s+", "", text):
            raise ValueError(text)
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else ""

    def take(self, *wanted: str) -> bool:
        if self.peek().lower() in wanted:
            self.at += 1
            return True
        return False

    def type(self) -> Type:
        word = self.peek()
        self.at += 1
        if not word:
            raise ValueError(self.text)
        if len(word) == 1 and word.isupper():
            return Type(word)
        name = word.lower()
        if name == "double":
            self.take("precision")
        name = _ALIASES.get(name, name)
        if name == "interval":
            return self.interval()
        args: list[int] = []
        of: list[Type] = []
        fields: list[str] = []
        if self.take("<", "("):
            while not self.take(">", ")"):
                self.argument(name, args, of, fields)
                if not self.peek():
                    raise ValueError(self.text)
                self.take(",")
        if name in {"timestamp", "time"}:
            args = []
            if self.take("with"):
                self.at += 2
                name += " with time zone"
        return self.made(name, args, of, fields)

    def argument(self, name: str, args: list[int], of: list[Type], fields: list[str]) -> None:
        if self.peek().isdigit():
            args.append(int(self.peek()))
            self.at += 1
        elif name == "row":
            named = self.peek(1) not in {",", ")", ">", "(", "<"}
            fields.append(self.peek().strip('`"').lower() if named else "")
            self.at += named
            self.take(":")
            of.append(self.type())
        else:
            of.append(self.type())

    def interval(self) -> Type:
        unit = self.peek().lower()
        self.at += 3
        return DAY_INTERVAL if unit == "day" else MONTH_INTERVAL

    def made(self, name: str, args: list[int], of: list[Type], fields: list[str]) -> Type:
        if name == "decimal" and len(args) < 2:
            args = [args[0] if args else (38 if not of else 0), 0]
        if name in {"array", "map", "row", "function"}:
            if len(of) != {"array": 1, "map": 2}.get(name, len(of)):
                raise ValueError(self.text)
            return Type(name, (), tuple(of), tuple(fields))
        if name not in DUCK and name != "decimal":
            raise ValueError(self.text)
        if name == "varchar" and args and args[0] >= UNBOUNDED:
            args = []
        return Type(name, tuple(args))


def parse(text: str) -> Type:
    """The type that ``text`` spells, in Hive's or Trino's way.

    Raises ``ValueError`` when there is no such type.
    """
    reader = _Reader(text)
    found = reader.type()
    if reader.peek():
        raise ValueError(text)
    return found
