"""Prepared statements and execution parameters: question marks replaced by the given SQL literals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sqlglot.tokenizer_core import TokenType

from salespipe.local.api import AwsError
from salespipe.local.athena.ddl_text import Cursor
from salespipe.local.athena.errors import QueryError, QuerySyntaxError
from salespipe.local.athena.kinds import kind_of
from salespipe.local.athena.named import PreparedStatements
from salespipe.local.athena.show import Lines
from salespipe.local.athena.syntax import Source

_LITERAL = re.compile(
    r"\s*(?:'(?:[^']|'')*'|[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|true|false|null|\w+\s+'[^']*')\s*", re.IGNORECASE
)


def with_parameters(text: str, values: Sequence[str]) -> str:
    """``text`` with each ``?`` replaced; a value carries its own quotes, as Athena wants.

    Raises ``QuerySyntaxError`` when the numbers differ.
    """
    marks = [token for token in Source(text).tokens if token.token_type == TokenType.PLACEHOLDER]
    if len(marks) != len(values):
        raise QuerySyntaxError(f"Incorrect number of parameters: expected {len(marks)} but found {len(values)}")
    out, at = "", 0
    for mark, value in zip(marks, values, strict=True):
        if not _LITERAL.fullmatch(value):
            raise QuerySyntaxError(f"Execution parameter {value} is not a literal")
        out += f"{text[at : mark.start]}{value.strip()}"
        at = mark.end + 1
    return out + text[at:]


def prepared(text: str, find: Callable[[str], str]) -> str:
    """The statement that ``EXECUTE name [USING a, b]`` stands for, its parameters put in.

    ``find`` gives the prepared statement's SQL by name. Raises ``QuerySyntaxError``.
    """
    cursor = Cursor(text)
    cursor.need("EXECUTE")
    statement = find(cursor.name())
    if cursor.ended:
        return statement
    cursor.need("USING")
    return with_parameters(statement, _split(cursor.rest()))


class Preparation:
    """PREPARE and DEALLOCATE PREPARE in one workgroup, on the prepared statements that the API has too."""

    def __init__(self, statements: PreparedStatements, region: str, group: str) -> None:
        self._statements = statements
        self._region = region
        self._group = group

    def prepare(self, cursor: Cursor) -> Lines:
        """``PREPARE name FROM statement``."""
        cursor.need("PREPARE")
        name = cursor.name()
        cursor.need("FROM")
        sql = cursor.rest()
        if kind_of(sql) is None:
            raise cursor.unexpected("<query>")
        with _told():
            self._statements.prepare(self._region, (self._group, name), sql)
        return Lines()

    def deallocate(self, cursor: Cursor) -> Lines:
        """``DEALLOCATE PREPARE name``."""
        cursor.need("DEALLOCATE", "PREPARE")
        name = cursor.name()
        cursor.done()
        with _told():
            self._statements.deallocate(self._region, self._group, name)
        return Lines()


@contextmanager
def _told() -> Iterator[None]:
    """What the API refuses becomes the execution's failure."""
    try:
        yield
    except AwsError as error:
        raise QueryError("", error.message) from error


def _split(text: str) -> list[str]:
    parts = re.findall(r"(?:'(?:[^']|'')*'|\([^)]*\)|[^,'(])+", text)
    return [part.strip() for part in parts]
