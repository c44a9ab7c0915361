"""Values from the command line, bound to a statement's parameters by Athena itself (ExecutionParameters).

Athena takes SQL literals: a text with its quotes, a number bare. Anything that is no literal is made a text, so that no
value can become SQL.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from salespipe.errors import Exit, SalespipeError
from salespipe.query.statements import Statement

# A number as a person writes one; 007 is a code, not a number.
_NUMBER: Final = re.compile(r"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_WORD: Final = re.compile(r"null|true|false", re.IGNORECASE)
_TEXT: Final = re.compile(r"(?:(?:date|time|timestamp|decimal)\s+)?'(?:[^']|'')*'", re.IGNORECASE)
_LONGEST: Final = 1024  # service model: ExecutionParameter


def literal(value: str) -> str:
    """A value as an SQL literal: 42, 1.5, true, NULL and DATE '2026-01-02' as they are, '42' as a text, others quoted.

    Raises ``SalespipeError`` for one that is longer than Athena takes.
    """
    bare = _NUMBER.fullmatch(value) or _WORD.fullmatch(value) or _TEXT.fullmatch(value)
    made = value if bare else "'" + value.replace("'", "''") + "'"
    if len(made) > _LONGEST:
        raise _wrong(f"A parameter has {len(made):,} characters; Athena takes {_LONGEST:,}.", "")
    return made


def bind(statements: Sequence[Statement], given: Sequence[str]) -> list[tuple[str, ...]]:
    """The literals of each statement's parameters.

    Question marks take the values in their order, through all statements; ``:name`` takes ``name=value``. Raises
    ``SalespipeError`` where values are missing or left over.
    """
    named = any(statement.names for statement in statements)
    if not named:
        marks = sum(statement.marks for statement in statements)
        if marks != len(given):
            hint = "Give --param once for each ? in the SQL, in their order."
            raise _wrong(f"Parameters in the SQL: {marks or 'none'}; values given: {len(given) or 'none'}.", hint)
        values = iter(given)
        return [tuple(literal(next(values)) for _ in range(statement.marks)) for statement in statements]
    if any(len(statement.names) != statement.marks for statement in statements):
        raise _wrong("The SQL has parameters of both kinds, ? and :name.", "Write all as :name.")
    by_name = dict(_pair(value) for value in given)
    wanted = {name for statement in statements for name in statement.names}
    if missing := sorted(wanted - by_name.keys()):
        raise _wrong(f"There is no value for :{', :'.join(missing)}.", f"--param {missing[0]}=VALUE")
    if over := sorted(by_name.keys() - wanted):
        raise _wrong(f"The SQL has no :{', :'.join(over)}.", f"It has :{', :'.join(sorted(wanted))}.")
    return [tuple(literal(by_name[name]) for name in statement.names) for statement in statements]


def _pair(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals:
        raise _wrong(f"--param {given} names no parameter.", "--param name=VALUE, since the SQL has :name")
    return name.removeprefix(":"), value


def _wrong(message: str, hint: str) -> SalespipeError:
    return SalespipeError("Parameters", message, hint=hint, exit_code=Exit.USAGE)
