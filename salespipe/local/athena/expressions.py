"""Expressions: Athena SQL -> DuckDB SQL with Trino's types, or Athena's error for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from salespipe.local.athena import calls, conditions, literals, operators, special_forms, windows
from salespipe.local.athena.compiler import mismatch
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.names import member, parts, resolved
from salespipe.local.athena.plan import Expr, Query, Scope
from salespipe.local.athena.type_text import parse
from salespipe.local.athena.types import BOOLEAN, JSON

if TYPE_CHECKING:
    from salespipe.local.athena.syntax import Source


class Expressions:
    """Compiles the expressions of one statement.

    ``now`` is the query's start, Unix seconds; ``subquery`` compiles a query inside an expression. ``compiled`` keeps
    each node's SQL by identity, for the check of GROUP BY.
    """

    def __init__(self, source: Source, now: float, subquery: Callable[[exp.Expr, Scope], Query]) -> None:
        self._source = source
        self._now = dt.datetime.fromtimestamp(int(now * 1000) / 1000, tz=dt.UTC).replace(tzinfo=None)
        self._queries = subquery
        self.compiled: dict[int, str] = {}

    @property
    def source(self) -> Source:
        """The statement's text."""
        return self._source

    @property
    def now(self) -> dt.datetime:
        """The query's start, UTC without saying so."""
        return self._now

    def query(self, node: exp.Expr, scope: Scope) -> Query:
        """A query inside an expression; it sees the fields around it."""
        return self._queries(node, scope)

    def compile(self, node: exp.Expr, scope: Scope) -> Expr:
        """The expression ``node`` in ``scope``.

        Raises ``QueryError`` with Trino's code, message and position.
        """
        made = self._compile(node, scope)
        self.compiled[id(node)] = made.sql
        return made

    def _compile(self, node: exp.Expr, scope: Scope) -> Expr:
        method = _COMPILED.get(type(node))
        if method is None:
            shown = type(node).__name__
            raise QueryError("NOT_SUPPORTED", f"{self._source.where(node)}: {shown} is not supported locally")
        return method(self, node, scope)

    def column(self, node: exp.Column, scope: Scope) -> Expr:
        """A column, or a field inside one."""
        return resolved(node, parts(node), scope, self._source)

    def identifier(self, node: exp.Identifier, scope: Scope) -> Expr:
        """A lambda's argument."""
        return resolved(node, [node], scope, self._source)

    def dot(self, node: exp.Dot, scope: Scope) -> Expr:
        """A field of a row."""
        names = parts(node)
        base: exp.Expr = node
        while isinstance(base, exp.Dot):
            base = base.this
        if isinstance(base, exp.Column | exp.Identifier):
            return resolved(node, names, scope, self._source)
        return member(self.compile(node.this, scope), node.expression.name.lower(), node, self._source)

    def paren(self, node: exp.Paren, scope: Scope) -> Expr:
        """Parentheses."""
        inner = self.compile(node.this, scope)
        return Expr(f"({inner.sql})", inner.type, inner.value)

    def neg(self, node: exp.Neg, scope: Scope) -> Expr:
        """A negated number or interval."""
        if isinstance(node.this, exp.Literal) and not node.this.is_string and str(node.this.this).isdigit():
            return literals.integer(-int(str(node.this.this)), self._source.where(node))
        inner = self.compile(node.this, scope)
        if not (inner.type.numeric or inner.type.name.startswith("interval")):
            raise mismatch(self._source.where(node), f"Cannot negate {inner.type}")
        return Expr(f"(-{inner.sql})", inner.type)

    def is_null(self, node: exp.Is, scope: Scope) -> Expr:
        """IS NULL."""
        inner = self.compile(node.this, scope)
        return Expr(f"({inner.sql} IS {'NULL' if isinstance(node.expression, exp.Null) else 'NOT NULL'})", BOOLEAN)

    def cast(self, node: exp.Cast, scope: Scope) -> Expr:
        """CAST, TRY_CAST, and typed literals such as ``DATE '2026-11-22'``."""
        try:
            target = parse(node.args["to"].sql("trino"))
        except ValueError as error:
            shown = node.args["to"].sql("trino").lower()
            raise mismatch(self._source.where(node), f"Unknown type: {shown}") from error
        if target.name == "decimal" and self._source.before(node.this) == "DECIMAL":
            return literals.literal(self, exp.Literal(this=_with_point(str(node.this.this)), is_string=False), scope)
        return calls.conversion(self, node, scope, target)

    def json(self, node: exp.ParseJSON, scope: Scope) -> Expr:
        """``JSON '[1]'``."""
        return Expr(f"CAST({self.compile(node.this, scope).sql} AS JSON)", JSON)

    def exists(self, node: exp.Exists, scope: Scope) -> Expr:
        """EXISTS."""
        return Expr(f"EXISTS ({self.query(node.this, scope).sql})", BOOLEAN)

    def subquery_value(self, node: exp.Expr, scope: Scope) -> Expr:
        """A query as a value.

        Raises ``QueryError`` when it has more than one column.
        """
        query = self.query(node, scope)
        if len(query.outputs) != 1:
            kinds = ", ".join(str(output.type) for output in query.outputs)
            told = f"Multiple columns returned by subquery are not yet supported. Found {len(query.outputs)}"
            raise QueryError("NOT_SUPPORTED", f"{self._source.where(node)}: {told} ({kinds})")
        return Expr(f"({query.sql})", query.outputs[0].type)


Compiled = Callable[[Any, Any, Scope], Expr]

_COMPILED: Final[dict[type[exp.Expr], Compiled]] = {
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), operators.arithmetic),
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.LT, exp.GT, exp.LTE, exp.GTE), operators.comparison),
    **dict.fromkeys((exp.NullSafeEQ, exp.NullSafeNEQ), operators.comparison),
    **dict.fromkeys((exp.And, exp.Or), operators.logic),
    **dict.fromkeys((exp.Like, exp.Escape), operators.like),
    **dict.fromkeys((exp.Select, exp.Union, exp.Intersect, exp.Except, exp.Values), Expressions.subquery_value),
    **dict.fromkeys((exp.Cast, exp.TryCast), Expressions.cast),
    exp.Not: operators.negation,
    exp.Between: operators.between,
    exp.In: operators.membership,
    exp.DPipe: operators.concatenation,
    exp.Anonymous: calls.call,
    exp.Literal: literals.literal,
    exp.Null: literals.null,
    exp.Boolean: literals.boolean,
    exp.HexString: literals.hex_string,
    exp.UnicodeString: literals.unicode_string,
    exp.Interval: literals.interval,
    exp.CurrentDate: literals.current_date,
    exp.CurrentTimestamp: literals.current_timestamp,
    exp.Localtimestamp: literals.local_timestamp,
    exp.Case: conditions.case,
    exp.If: conditions.if_,
    exp.Array: conditions.array_,
    exp.Tuple: conditions.tuple_,
    exp.Bracket: conditions.bracket,
    exp.Extract: special_forms.extract,
    exp.AtTimeZone: special_forms.at_time_zone,
    exp.Trim: special_forms.trim,
    exp.Substring: special_forms.substring,
    exp.StrPosition: special_forms.position,
    exp.Filter: windows.filtered_call,
    exp.Window: windows.window,
    exp.GroupConcat: windows.list_agg,
    exp.Subquery: Expressions.subquery_value,
    exp.Column: Expressions.column,
    exp.Identifier: Expressions.identifier,
    exp.Dot: Expressions.dot,
    exp.Paren: Expressions.paren,
    exp.Neg: Expressions.neg,
    exp.Is: Expressions.is_null,
    exp.ParseJSON: Expressions.json,
    exp.Exists: Expressions.exists,
}


def _with_point(digits: str) -> str:
    """The text of a decimal literal so that it is none of an integer."""
    return digits if "." in digits else f"{digits}."
