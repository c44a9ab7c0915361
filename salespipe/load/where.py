"""``--where``: a SQL condition over the columns of one row, evaluated by the standard library's SQLite.

SQLite's is the dialect. A column whose values read as numbers compares as numbers, one with codes like 007 as text;
what is empty in a CSV is NULL.
"""

from __future__ import annotations

import difflib
import json
import re
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from salespipe.errors import Exit, SalespipeError
from salespipe.load.lines import Record
from salespipe.load.mapping import listed
from salespipe.load.values import NUMBER, PLAIN_NUMBER

# Strings, quoted names and comments: what is within them is neither a parenthesis nor a name.
_TOKENS: Final = re.compile(
    r"""'(?:[^']|'')*'|"(?P<quoted>(?:[^"]|"")*)"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|(?P<bracket>[()])""", re.DOTALL
)
_MAX_INTEGER: Final = 2**63


class Where:
    """A condition, to be asked of every record; for one thread.

    ``sample`` has the first records, which tell how columns compare. Raises ``SalespipeError`` (exit 2) for what is no
    condition on a row.
    """

    def __init__(self, condition: str, columns: Sequence[str], sample: Sequence[Record], name: str) -> None:
        self._given = f"--where {condition!r}"
        self._columns = columns
        self._name = name
        self._check_shape(condition)
        # SQLite takes A and a for one name: the first column of a name is the one that is meant.
        known: dict[str, str] = {}
        for column in columns:
            known.setdefault(column.lower(), column)
        self._question = f"SELECT 1 FROM row WHERE (\n{condition}\n)"
        self._used = self._compile(list(known.values()), sample)
        self._connection = self._table(self._used, sample)
        marks = ", ".join(["1", *"?" * len(self._used)])
        self._put = f"INSERT OR REPLACE INTO row VALUES ({marks})"

    def holds(self, record: Record) -> bool:
        """Whether the condition is true of a record; not when it is NULL.

        Raises ``sqlite3.Error`` when it cannot be evaluated for this one.
        """
        values = record.values
        self._connection.execute(self._put, [_stored(values.get(column)) for column in self._used])
        return self._connection.execute(self._question).fetchone() is not None

    def close(self) -> None:
        """End the database in memory."""
        self._connection.close()

    def _check_shape(self, condition: str) -> None:
        """Whatever stays within its own parentheses, and selects nothing, can only be an expression."""
        depth = 0
        for token in _TOKENS.finditer(condition):
            depth += {"(": 1, ")": -1}.get(token["bracket"] or "", 0)
            quoted = token["quoted"]
            # SQLite would take an unknown name in double quotes for a string.
            if quoted is not None and quoted.replace('""', '"').lower() not in map(str.lower, self._columns):
                raise self._refused(f"there is no column {quoted!r}", quoted)
            if depth < 0:
                break
        if depth or not condition.strip():
            raise self._refused("its parentheses do not match" if depth else "it is empty")

    def _compile(self, columns: list[str], sample: Sequence[Record]) -> list[str]:
        """The columns that the condition reads."""
        used: dict[str, None] = {}
        selects = 0

        def authorize(action: int, _first: str | None, second: str | None, *_: object) -> int:
            nonlocal selects
            if action == sqlite3.SQLITE_SELECT:
                selects += 1
                return sqlite3.SQLITE_OK if selects == 1 else sqlite3.SQLITE_DENY
            if action == sqlite3.SQLITE_READ:
                used[second or ""] = None
                return sqlite3.SQLITE_OK
            harmless = action == sqlite3.SQLITE_FUNCTION and second != "load_extension"
            return sqlite3.SQLITE_OK if harmless else sqlite3.SQLITE_DENY

        try:
            connection = self._table(columns, sample)
        except sqlite3.Error as error:
            raise self._refused(str(error)) from error
        try:
            connection.set_authorizer(authorize)
            connection.execute(self._question)
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            if selects > 1:
                raise self._refused("it must be a condition on one row, without SELECT") from error
            unknown = str(error).partition("no such column: ")[2]
            raise self._refused(str(error), unknown) from error
        finally:
            connection.close()
        return [column for column in columns if column in used]

    def _table(self, columns: Sequence[str], sample: Sequence[Record]) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        named = [f"{_quoted(column)} {_affinity(column, sample)}" for column in columns]
        key = "k" + "_" * max(map(len, columns), default=0)  # no column's name
        connection.execute(f"CREATE TABLE row ({', '.join([f'{key} INTEGER PRIMARY KEY', *named])})")
        return connection

    def _refused(self, why: str, unknown: str = "") -> SalespipeError:
        near = difflib.get_close_matches(unknown, self._columns, n=1, cutoff=0.5) if unknown else []
        return SalespipeError(
            "BadWhere",
            f"{self._given}: {why}; {self._name} has {listed(self._columns)}.",
            hint=f"Did you mean {near[0]}?"
            if near
            else "Write a SQL condition, like --where \"pieces > 2 AND day = ''\"",
            exit_code=Exit.USAGE,
        )


def _affinity(column: str, sample: Sequence[Record]) -> str:
    """What SQLite makes of the text of a column: NUMERIC turns what reads as a number into one."""
    texts = (value for record in sample if isinstance(value := record.values.get(column), str))
    return "TEXT" if any(NUMBER(text) and not PLAIN_NUMBER(text) for text in texts) else "NUMERIC"


def _stored(value: Any) -> Any:
    """A value as SQLite can hold it."""
    match value:
        case "":
            return None
        case str():
            return value.encode(errors="replace").decode()
        case None | bool() | float() | bytes():
            return value
        case int() | Decimal():
            return value if isinstance(value, int) and -_MAX_INTEGER <= value < _MAX_INTEGER else float(value)
    return value.isoformat() if isinstance(value, datetime) else json.dumps(value, default=str)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""').replace("\0", "") + '"'
