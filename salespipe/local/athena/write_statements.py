"""CREATE TABLE AS, INSERT INTO and UNLOAD, taken apart: what is written, where to, and the query that gives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from salespipe.local.athena.ddl_text import Cursor
from salespipe.local.athena.errors import QueryError, QuerySyntaxError
from salespipe.local.athena.syntax import parse_query

_QUERY_STARTS: Final = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "("})
_NO_DATA: Final = ("WITH", "NO", "DATA")

Property = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """One statement; ``query`` has blanks for all that stands before it, so that positions in it stay true.

    ``names`` is the dotted name of the table, empty for UNLOAD, whose target is ``location``. ``columns`` are those
    that INSERT names. ``lenient`` is IF NOT EXISTS, ``filled`` is false for WITH NO DATA.
    """

    query: str
    names: tuple[str, ...] = ()
    location: str = ""
    columns: tuple[str, ...] = ()
    properties: dict[str, Property] = field(default_factory=dict)
    lenient: bool = False
    filled: bool = True

    def text(self, name: str) -> str:
        """A property that is a string, empty when it is not given.

        Raises ``QueryError`` when it is a list.
        """
        found = self.properties.get(name, "")
        if not isinstance(found, str):
            told = f"Invalid value for table property '{name}': expected varchar"
            raise QueryError("INVALID_TABLE_PROPERTY", f"line 1:1: {told}")
        return found

    def names_of(self, name: str) -> tuple[str, ...]:
        """A property that is a list of column names, in lower case."""
        found = self.properties.get(name, ())
        return tuple(one.lower() for one in ((found,) if isinstance(found, str) else found))


def create_table_as(text: str) -> Write:
    """``CREATE TABLE [IF NOT EXISTS] name [WITH (...)] AS query [WITH [NO] DATA]``.

    Raises ``QuerySyntaxError``, and ``QueryError`` for Iceberg's CREATE TABLE.
    """
    cursor = Cursor(text, escapes=False)
    cursor.need("CREATE", "TABLE")
    lenient = cursor.take("IF", "NOT", "EXISTS")
    names = tuple(cursor.dotted())
    if cursor.peek() == "(":
        raise QueryError("NOT_SUPPORTED", "CREATE TABLE without EXTERNAL, for Iceberg, is not supported locally")
    properties = _properties(cursor) if cursor.take("WITH") else {}
    cursor.need("AS")
    start = cursor.offset
    body, filled = cursor.text, True
    while not cursor.ended:
        end = cursor.offset
        if cursor.take(*_NO_DATA) and cursor.ended:
            body, filled = text[:end], False
        elif cursor.take("WITH", "DATA") and cursor.ended:
            body = text[:end]
        else:
            cursor.skip()
    return Write(_query(body, start), names, properties=properties, lenient=lenient, filled=filled)


def insert(text: str) -> Write:
    """``INSERT INTO name [(columns)] query``.

    Raises ``QuerySyntaxError``.
    """
    cursor = Cursor(text, escapes=False)
    cursor.need("INSERT", "INTO")
    names = tuple(cursor.dotted())
    columns: list[str] = []
    if cursor.peek() == "(" and cursor.peek(1) not in _QUERY_STARTS:
        cursor.need("(")
        columns.append(cursor.name())
        while not cursor.take(")"):
            cursor.need(",")
            columns.append(cursor.name())
    if cursor.peek() not in _QUERY_STARTS:
        raise cursor.unexpected("'(', 'SELECT', 'TABLE', 'VALUES', 'WITH'")
    return Write(_query(cursor.text, cursor.offset), names, columns=tuple(columns))


def unload(text: str) -> Write:
    """``UNLOAD (query) TO 's3://...' WITH (...)``.

    Raises ``QuerySyntaxError``.
    """
    cursor = Cursor(text, escapes=False)
    cursor.need("UNLOAD")
    start, end = cursor.enclosed()
    cursor.need("TO")
    location = cursor.string()
    properties = _properties(cursor) if cursor.take("WITH") else {}
    cursor.done()
    return Write(_query(text[:end], start), location=location, properties=properties)


PARSERS: Final = {"CREATE_TABLE_AS_SELECT": create_table_as, "INSERT": insert, "UNLOAD": unload}


def _query(text: str, start: int) -> str:
    """The query that begins at an offset, behind as many blanks and line ends as there were characters."""
    query = "".join(letter if letter == "\n" else " " for letter in text[:start]) + text[start:]
    parse_query(query)
    return query


def _properties(cursor: Cursor) -> dict[str, Property]:
    cursor.need("(")
    found: dict[str, Property] = {}
    while not cursor.take(")"):
        name = cursor.name()
        cursor.need("=")
        found[name] = _list(cursor) if cursor.take("ARRAY", "[") else cursor.value()
        if not cursor.take(",") and cursor.peek() != ")":
            raise cursor.unexpected("')', ','")
    if not found:
        raise QuerySyntaxError("line 1:1: mismatched input ')'. Expecting: <identifier>")
    return found


def _list(cursor: Cursor) -> tuple[str, ...]:
    values: list[str] = []
    while not cursor.take("]"):
        values.append(cursor.string())
        if not cursor.take(",") and cursor.peek() != "]":
            raise cursor.unexpected("',', ']'")
    return tuple(values)
