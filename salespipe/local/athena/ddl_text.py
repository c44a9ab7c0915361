"""Reading DDL: words, names, strings and lists, by position."""

from __future__ import annotations

import re
from typing import Final

from salespipe.local.athena.errors import QuerySyntaxError

_BEFORE: Final = r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*"
_OTHERS: Final = r"""|"(?:[^"]|"")*"|`[^`]*`|[\w$]+|<=|>=|<>|!=|[^\s\w])"""
_TOKEN: Final = re.compile(rf"{_BEFORE}(?P<token>'(?:[^'\\]|''|\\.)*'{_OTHERS}", re.DOTALL)
_TRINO_TOKEN: Final = re.compile(rf"{_BEFORE}(?P<token>'(?:[^']|'')*'{_OTHERS}", re.DOTALL)


class Cursor:
    """A statement's tokens, read from left to right; ``text`` is kept for what is passed on as it was written.

    Hive's DDL escapes with backslashes inside strings, Trino's statements (``escapes`` false) do not.
    """

    def __init__(self, text: str, *, escapes: bool = True) -> None:
        self.text = text.rstrip().removesuffix(";").rstrip()
        self._tokens: list[tuple[str, int, int]] = []
        self._escapes = escapes
        pattern = _TOKEN if escapes else _TRINO_TOKEN
        at = 0
        while found := pattern.match(self.text, at):
            self._tokens.append((found["token"], found.start("token"), found.end("token")))
            at = found.end()
        self._at = 0

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self._at >= len(self._tokens)

    def peek(self, ahead: int = 0) -> str:
        """The next token in upper case, strings and quoted names as they are; empty at the end."""
        place = self._at + ahead
        if place >= len(self._tokens):
            return ""
        token = self._tokens[place][0]
        return token if token[0] in "'\"`" else token.upper()

    def take(self, *words: str) -> bool:
        """Pass over ``words`` when they come next, all of them or none."""
        if any(self.peek(place) != word for place, word in enumerate(words)):
            return False
        self._at += len(words)
        return True

    def need(self, *words: str) -> None:
        """Pass over ``words``; Athena's parse error when something else comes."""
        for word in words:
            if not self.take(word):
                raise self.unexpected(f"'{word}'")

    def name(self) -> str:
        """An identifier in lower case, its quotes taken off."""
        token = self._next("identifier")
        if token[0] == "'":
            self._at -= 1
            raise self.unexpected("identifier")
        return token.strip('`"').replace('""', '"').lower()

    def dotted(self) -> list[str]:
        """``a.b.c`` as its names."""
        names = [self.name()]
        while self.take("."):
            names.append(self.name())
        return names

    def string(self) -> str:
        """A string's value."""
        token = self._next("string")
        if token[0] not in "'\"":
            self._at -= 1
            raise self.unexpected("string")
        bare = token[1:-1].replace("''", "'")
        return re.sub(r"\\(.)", _unescaped, bare) if self._escapes else bare

    def value(self) -> str:
        """A string or a bare word or number, as text."""
        return self.string() if self.peek()[:1] in {"'", '"'} else self._next("value")

    def pairs(self) -> dict[str, str]:
        """``('a'='b', 'c'='d')``."""
        self.need("(")
        found: dict[str, str] = {}
        while not self.take(")"):
            key = self.string()
            self.need("=")
            found[key] = self.value()
            if not self.take(",") and self.peek() != ")":
                raise self.unexpected("')', ','")
        return found

    def hive_type(self) -> str:
        """A column's type as it is written, up to the comma, parenthesis or COMMENT behind it."""
        start, depth = self._at, 0
        while not self.ended:
            word = self.peek()
            if depth == 0 and word in {",", ")", "COMMENT"}:
                break
            depth += {"<": 1, "(": 1, ">": -1, ")": -1}.get(word, 0)
            self._at += 1
        if self._at == start:
            raise self.unexpected("type")
        return "".join(token for token, _, _ in self._tokens[start : self._at]).lower()

    @property
    def offset(self) -> int:
        """Where in the text the next token begins, the text's length at the end."""
        return len(self.text) if self.ended else self._tokens[self._at][1]

    def enclosed(self) -> tuple[int, int]:
        """Pass over ``( ... )``; the offsets of what is inside."""
        self.need("(")
        start, depth = self.offset, 1
        while not self.ended:
            depth += {"(": 1, ")": -1}.get(self.peek(), 0)
            if not depth:
                end = self.offset
                self.need(")")
                return start, end
            self._at += 1
        raise self.unexpected("')'")

    def rest(self) -> str:
        """What is left, as it was written."""
        return "" if self.ended else self.text[self._tokens[self._at][1] :]

    def skip(self) -> None:
        """Pass over one token, whatever it is."""
        self._at += 1

    def done(self) -> None:
        """Refuse anything that is left."""
        if not self.ended:
            raise self.unexpected("<EOF>")

    def unexpected(self, expecting: str) -> QuerySyntaxError:
        """Athena's message for the token that comes next."""
        offset = len(self.text) if self.ended else self._tokens[self._at][1]
        shown = "<EOF>" if self.ended else self._tokens[self._at][0]
        line = self.text[:offset].count("\n") + 1
        column = offset - (self.text[:offset].rfind("\n") + 1) + 1
        return QuerySyntaxError(f"line {line}:{column}: mismatched input '{shown}'. Expecting: {expecting}")

    def _next(self, expecting: str) -> str:
        if self.ended:
            raise self.unexpected(expecting)
        token = self._tokens[self._at][0]
        self._at += 1
        return token


def _unescaped(found: re.Match[str]) -> str:
    return {"t": "\t", "n": "\n", "0": "\0"}.get(found[1], found[1])
