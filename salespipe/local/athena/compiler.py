"""What the compilers of the kinds of expression share: the compiler around them, common types, refusals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from salespipe.local.athena.casts import coerced
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.plan import Expr, Query, Scope
from salespipe.local.athena.types import Type, common

if TYPE_CHECKING:
    from sqlglot import exp

    from salespipe.local.athena.syntax import Source


class Compiler(Protocol):
    """What an operator needs of the compiler around it."""

    @property
    def source(self) -> Source:
        """The statement's text."""
        ...

    @property
    def now(self) -> dt.datetime:
        """The query's start, UTC without saying so."""
        ...

    def compile(self, node: exp.Expr, scope: Scope) -> Expr:
        """An expression in a scope."""
        ...

    def query(self, node: exp.Expr, scope: Scope) -> Query:
        """A query inside a scope."""
        ...


def mismatch(where: str, message: str) -> QueryError:
    """A TYPE_MISMATCH at a position."""
    return QueryError("TYPE_MISMATCH", f"{where}: {message}")


def unified(values: Sequence[Expr], where: str, told: Callable[[Type, Type], str]) -> tuple[list[Expr], Type]:
    """The values brought to their common type; ``told`` words the refusal."""
    joint = values[0].type
    for value in values[1:]:
        wider = common(joint, value.type)
        if wider is None:
            raise mismatch(where, told(joint, value.type))
        joint = wider
    return [coerced(value, joint) for value in values], joint
