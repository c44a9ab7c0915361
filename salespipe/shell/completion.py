"""What may follow at the cursor: tables, columns, functions and keywords. Text in, suggestions out; no terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from salespipe.query import vocabulary
from salespipe.query.catalogue import Table
from salespipe.query.formats import FORMATS
from salespipe.shell import commands

_WORD: Final = re.compile(r"[\w.\\?]*$")
# Texts, quoted names and comments, whole or begun.
_CLOSED: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*\n|/\*.*?\*/", re.DOTALL)
_BEGUN: Final = re.compile(r"['\"]|--|/\*")
_NAMES_TABLE: Final = re.compile(r"\b(?:FROM|JOIN|INTO|TABLE|VIEW|DESCRIBE|DESC|EXISTS)\s+$", re.IGNORECASE)
_MORE_TABLES: Final = re.compile(r"\bFROM\s+\w+(?:\s+(?:AS\s+)?\w+)?(?:\s*,\s*\w+(?:\s+\w+)?)*\s*,\s*$", re.IGNORECASE)
_MENTIONS: Final = re.compile(
    r"(?:\b(?:FROM|JOIN|INTO|DESCRIBE)\s+|,\s*)(\w+)(?:\s+(?:AS\s+)?(?!(?:FROM|WHERE|ON|GROUP|ORDER|LIMIT|JOIN|LEFT|"
    r"RIGHT|INNER|FULL|CROSS|UNION|HAVING|USING|AS)\b)(\w+))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A word that may stand in place of the last ``length`` characters; ``kind`` tells a person what it is."""

    text: str
    length: int
    kind: str


def suggestions(
    before: str, after: str, tables: Mapping[str, Table], favourites: Iterable[str] = ()
) -> list[Suggestion]:
    """What may follow ``before`` the cursor, the likeliest first; ``after`` counts where tables are looked for."""
    if commands.is_command(before):
        return list(_of_command(before.lstrip(), tables, favourites))
    before = _CLOSED.sub(lambda found: " " if found[0].startswith(("-", "/")) else "x", before)
    if _BEGUN.search(before):
        return []
    statement = before.rpartition(";")[2]
    found = _WORD.search(statement)
    word = found[0] if found else ""
    ahead = statement[: len(statement) - len(word)]
    mentioned = _mentioned(statement + after.partition(";")[0], tables)
    if _NAMES_TABLE.search(ahead) or _MORE_TABLES.search(ahead):
        return _starting(word, _tables(tables))
    owner, dot, part = word.rpartition(".")
    if dot:
        table = mentioned.get(owner.lower()) or tables.get(owner.lower())
        return _starting(part, [(field.name, field.type) for field in table.fields]) if table else []
    return _starting(word, _anything(word, mentioned, tables)) if word else []


def _anything(word: str, mentioned: Mapping[str, Table], tables: Mapping[str, Table]) -> Iterator[tuple[str, str]]:
    for table in {table.name: table for table in mentioned.values()}.values():
        yield from ((field.name, field.type) for field in table.fields)
    keywords = vocabulary.keywords() if word[:1].isupper() else tuple(map(str.lower, vocabulary.keywords()))
    yield from ((keyword, "keyword") for keyword in keywords)
    yield from ((f"{name}(", "function") for name in vocabulary.functions())
    yield from _tables(tables)


def _tables(tables: Mapping[str, Table]) -> list[tuple[str, str]]:
    """Views first: they are what questions are asked of."""
    views = sorted(tables.values(), key=lambda table: (not table.is_view, table.name))
    return [(table.name, "view" if table.is_view else "table") for table in views]


def _mentioned(statement: str, tables: Mapping[str, Table]) -> dict[str, Table]:
    """The tables that a statement names, by name and by alias."""
    found = {}
    for name, alias in _MENTIONS.findall(statement):
        if table := tables.get(name.lower()):
            found[name.lower()] = table
            if alias:
                found[alias.lower()] = table
    return found


def _of_command(text: str, tables: Mapping[str, Table], favourites: Iterable[str]) -> Iterator[Suggestion]:
    name, space, rest = text.partition(" ")
    if not space:
        yield from _starting(name, [(known, "command") for known in commands.NAMES])
    elif name == r"\d":
        yield from _starting(rest, _tables(tables))
    elif name in {r"\f", r"\fd", r"\fs"}:
        yield from _starting(rest, [(known, "favourite") for known in sorted(favourites)])
    elif name == r"\format":
        yield from _starting(rest, [(known, "format") for known in FORMATS])
    elif name == r"\timing":
        yield from _starting(rest, [("on", ""), ("off", "")])


def _starting(word: str, known: Iterable[tuple[str, str]]) -> list[Suggestion]:
    """Those that begin with the word, each once."""
    found = dict.fromkeys(pair for pair in known if pair[0].lower().startswith(word.lower()))
    once = {text.lower(): (text, kind) for text, kind in reversed(found)}
    return [Suggestion(text, len(word), kind) for text, kind in reversed(once.values())]
