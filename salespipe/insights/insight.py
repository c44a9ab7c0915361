"""One insight: what it asks, what it needs, and its SQL."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from salespipe.errors import Exit, SalespipeError
from salespipe.insights.parameters import TYPES, Parameter

if TYPE_CHECKING:
    from salespipe.query.model import Value

GROUPS: Final = ("sales", "customers", "inventory", "pipeline", "other")
CHARTS: Final = ("table", "bars", "line", "heat", "none")
_REQUIRED: Final = ("title", "question", "group", "chart")
_KEYS: Final = (*_REQUIRED, "needs", "counts", "param")
_HEADER: Final = re.compile(r"--\s*([a-z]+)\s*:\s*(.*?)\s*")
_PARAMETER: Final = re.compile(r"([a-z_]+)\s+([a-z|]+)\s*=\s*(\S.*)")
_COLUMN: Final = re.compile(r"([\w$]+)\.([\w$]+)")
# A text, a quoted name, a comment, a cast, or what is looked for: a parameter, or the end of the statement.
_TOKEN: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|::|:([a-z_]+)|(;)", re.DOTALL)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


@dataclass(frozen=True, slots=True)
class Insight:
    """A question with its SQL.

    ``needs`` are the columns, by table or view, without which it cannot be asked. ``counts`` are the rows, by their
    first column, whose numbers are whole though other rows make their column one of decimals.
    """

    name: str
    title: str
    question: str
    group: str
    chart: str
    sql: str
    needs: tuple[tuple[str, str], ...] = ()
    parameters: tuple[Parameter, ...] = ()
    counts: tuple[str, ...] = ()
    file: str = field(default="", compare=False)

    def statement(self, values: Mapping[str, str] | None = None, *, buffers: int = 0) -> str:
        """The SQL with ``values`` in place of the defaults; names that it does not have are of no concern here.

        ``buffers`` is how many seconds Firehose holds records back at most. Raises ``SalespipeError`` for a bad value.
        """
        given = values or {}
        literals = {
            each.name: each.literal(given.get(each.name, each.default), buffers=buffers) for each in self.parameters
        }
        return _TOKEN.sub(lambda token: literals[token[1]] if token[1] else token[0], self.sql)

    @property
    def nothing(self) -> str:
        """What to say of an answer without rows."""
        return f"Nothing{' in this period' if any(each.type == 'period' for each in self.parameters) else ''}."

    def whole(self, row: tuple[Value, ...]) -> tuple[Value, ...]:
        """A row of the answer; where it is one of counts, its decimals that are whole as integers."""
        if not row or row[0] not in self.counts:
            return row
        return tuple(int(each) if isinstance(each, Decimal) and each == int(each) else each for each in row)

    def missing(self, columns: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
        """The tables or columns that it needs and that ``columns``, by table, do not have: ``orders.region``."""
        absent = dict.fromkeys(table for table, _ in self.needs if table not in columns)
        lacking = [f"{table}.{column}" for table, column in self.needs if column not in columns.get(table, {column})]
        return (*absent, *lacking)


def parse(name: str, text: str, file: Path) -> Insight:
    """Read an insight. Raises ``SalespipeError`` (exit code 2) naming the file, the line and what is wrong there."""
    if not _NAME.fullmatch(name) or name in {*GROUPS, "report"}:
        raise _bad(file, 1, f"{name!r} cannot be an insight's name: use small letters, digits and hyphens")
    header, body = _split(text, file)
    fields: dict[str, str] = {}
    parameters: list[Parameter] = []
    for line, key, value in header:
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, n=1)
            raise _bad(file, line, f"unknown key {key!r}{f', did you mean {near[0]!r}?' if near else ''}")
        if key == "param":
            parameters.append(_parameter(value, file, line))
        elif key in fields or not value:
            raise _bad(file, line, f"the key {key!r} {'stands here twice' if key in fields else 'has no value'}")
        else:
            fields[key] = _checked(key, value, file, line)
    if missing := [key for key in _REQUIRED if key not in fields]:
        raise _bad(file, 1, f"the header lacks {', '.join(missing)}")
    sql = body.strip().removesuffix(";").rstrip()
    _check_sql(sql, {each.name for each in parameters}, file, text)
    return Insight(
        name,
        **{key: fields[key] for key in _REQUIRED},
        sql=sql,
        needs=_needs(fields.get("needs", "")),
        parameters=tuple(parameters),
        counts=tuple(filter(None, (each.strip() for each in fields.get("counts", "").split(",")))),
        file=str(file),
    )


def _split(text: str, file: Path) -> tuple[list[tuple[int, str, str]], str]:
    header: list[tuple[int, str, str]] = []
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        found = _HEADER.fullmatch(line.rstrip("\r\n"))
        if not found:
            return header, "".join(lines[number - 1 :])
        header.append((number, found[1], found[2]))
    raise _bad(file, len(lines) or 1, "there is no SQL after the header")


def _checked(key: str, value: str, file: Path, line: int) -> str:
    allowed = {"group": GROUPS, "chart": CHARTS}.get(key)
    if allowed and value not in allowed:
        raise _bad(file, line, f"{key} is {value!r}, and can be {', '.join(allowed)}")
    if key == "needs" and not all(_COLUMN.fullmatch(each.strip()) for each in value.split(",")):
        raise _bad(file, line, "needs are columns with their table, as in: orders.amount, orders.region")
    return value


def _needs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((found[1], found[2]) for found in _COLUMN.finditer(text))


def _parameter(value: str, file: Path, line: int) -> Parameter:
    found = _PARAMETER.fullmatch(value)
    if not found:
        raise _bad(file, line, "a parameter is a name, a type and a default, as in: limit integer = 10")
    name, kind, default = found.groups()
    choices = tuple(kind.split("|")) if "|" in kind else ()
    if not choices and kind not in TYPES:
        raise _bad(file, line, f"the type {kind!r} is none of {', '.join(TYPES)}, nor a list such as day|week")
    parameter = Parameter(name, "choice" if choices else kind, default, choices)
    try:
        parameter.literal(default, buffers=0)
    except SalespipeError as error:
        raise _bad(file, line, error.message) from None
    return parameter


def _check_sql(sql: str, names: set[str], file: Path, text: str) -> None:
    below = text.index(sql) if sql else 0
    if not sql or not re.match(r"(--[^\n]*\n|\s)*(SELECT|WITH)\b", sql, re.IGNORECASE):
        raise _bad(file, text.count("\n", 0, below) + 1, "an insight is one SELECT, which may begin with WITH")
    for token in _TOKEN.finditer(sql):
        line = text.count("\n", 0, below + token.start()) + 1
        if token[2]:
            raise _bad(file, line, "an insight is one statement, and here begins another")
        if token[1] and token[1] not in names:
            raise _bad(file, line, f"the header has no parameter {token[1]!r}")


def _bad(file: Path, line: int, what: str) -> SalespipeError:
    return SalespipeError(
        "BadInsight",
        f"{file}, line {line}: {what}.",
        hint="A header is lines of `-- key: value`, as in the shipped ones: salespipe insights --sql sales-by-region",
        exit_code=Exit.USAGE,
    )
