"""GROUP BY, and the rule that what is selected beside it must be grouped or aggregated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from salespipe.local.athena import functions
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.plan import Output, Scope

if TYPE_CHECKING:
    from salespipe.local.athena.expressions import Expressions


@dataclass(frozen=True, slots=True)
class Group:
    """A compiled GROUP BY: its SQL, the SQL of its keys, and whether the query makes groups at all."""

    sql: str
    keys: frozenset[str]
    grouped: bool


def clause(node: exp.Select, items: Sequence[Output], scope: Scope, expressions: Expressions) -> Group:
    """The GROUP BY of a SELECT; ordinals mean items of the select list."""
    group = node.args.get("group")
    aggregated = any(True for part in _checked(node) for _ in _aggregates(part))
    if group is None:
        return Group("", frozenset(), aggregated or node.args.get("having") is not None)
    keys: list[str] = []

    def key(part: exp.Expr) -> str:
        if isinstance(part, exp.Rollup | exp.Cube):
            word = "ROLLUP" if isinstance(part, exp.Rollup) else "CUBE"
            return f"{word} ({', '.join(key(inner) for inner in part.expressions)})"
        if isinstance(part, exp.GroupingSets):
            return f"GROUPING SETS ({', '.join(key(inner) for inner in part.expressions)})"
        if isinstance(part, exp.Tuple | exp.Paren):
            inner = part.expressions if isinstance(part, exp.Tuple) else [part.this]
            return f"({', '.join(key(one) for one in inner)})"
        keys.append(_key(part, node, items, scope, expressions))
        return keys[-1]

    listed = [*group.expressions, *(group.args.get("rollup") or ()), *(group.args.get("cube") or ())]
    listed += group.args.get("grouping_sets") or ()
    return Group(f" GROUP BY {', '.join(key(part) for part in listed)}", frozenset(keys), True)


def _key(part: exp.Expr, node: exp.Select, items: Sequence[Output], scope: Scope, expressions: Expressions) -> str:
    where = expressions.source.where(part)
    if isinstance(part, exp.Literal) and not part.is_string:
        place = int(str(part.this))
        if not 0 < place <= len(items):
            raise QueryError("INVALID_COLUMN_REFERENCE", f"{where}: GROUP BY position {place} is not in select list")
        if len(node.expressions) == len(items) and any(True for _ in _aggregates(node.expressions[place - 1])):
            told = "GROUP BY clause cannot contain aggregations, window functions or grouping operations"
            raise QueryError("EXPRESSION_NOT_SCALAR", f"{where}: {told}: {node.expressions[place - 1].sql('trino')}")
        return items[place - 1].sql
    return expressions.compile(part, scope).sql


def _checked(node: exp.Select) -> Iterator[exp.Expr]:
    yield from node.expressions
    if node.args.get("having") is not None:
        yield node.args["having"].this
    if node.args.get("order") is not None:
        yield from (item.this for item in node.args["order"].expressions)


def _is_aggregate(node: exp.Expr) -> bool:
    if isinstance(node, exp.GroupConcat):
        return not isinstance(node.parent, exp.Window)
    if not isinstance(node, exp.Anonymous) or functions.kind(str(node.name)) != "aggregate":
        return False
    around = node.parent
    while isinstance(around, exp.Filter | exp.IgnoreNulls | exp.RespectNulls):
        around = around.parent
    return not (isinstance(around, exp.Window) and around.this.find(type(node)) is not None and _called(around) is node)


def _called(window: exp.Window) -> exp.Expr:
    inner: exp.Expr = window.this
    while isinstance(inner, exp.Filter | exp.IgnoreNulls | exp.RespectNulls):
        inner = inner.this
    return inner


def _aggregates(node: exp.Expr) -> Iterator[exp.Expr]:
    """The aggregate calls of this query inside ``node``: not those of subqueries, not window functions."""
    if isinstance(node, exp.Query):
        return
    if _is_aggregate(node):
        yield node
        return
    for child in node.iter_expressions():
        yield from _aggregates(child)


def check(node: exp.Select, group: Group, scope: Scope, expressions: Expressions) -> None:
    """Refuse a column that is neither grouped nor aggregated, and an aggregate in WHERE.

    Raises ``QueryError`` EXPRESSION_NOT_AGGREGATE or EXPRESSION_NOT_SCALAR.
    """
    where = node.args.get("where")
    for found in _aggregates(where.this) if where is not None else ():
        place = expressions.source.where(found)
        told = "WHERE clause cannot contain aggregations, window functions or grouping operations"
        raise QueryError("EXPRESSION_NOT_SCALAR", f"{place}: {told}: [{found.sql('trino').lower()}]")
    if not group.grouped:
        return
    own = {field.sql for field in scope.fields}
    aliases = {item.alias.lower() for item in node.expressions if isinstance(item, exp.Alias)}
    for part in _checked(node):
        _refuse(part.this if isinstance(part, exp.Alias) else part, group, own, aliases, expressions)


def _refuse(node: exp.Expr, group: Group, own: set[str], aliases: set[str], expressions: Expressions) -> None:
    sql = expressions.compiled.get(id(node), "")
    if isinstance(node, exp.Query) or sql in group.keys or _is_aggregate(node):
        return
    if isinstance(node, exp.Filter) and _is_aggregate(node.this):
        return
    if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Anonymous):
        raise QueryError(
            "EXPRESSION_NOT_AGGREGATE",
            f"{expressions.source.where(node)}: '*' must be an aggregate expression or appear in GROUP BY clause",
        )
    if isinstance(node, exp.Column | exp.Dot) and sql in own:
        ordered = node.find_ancestor(exp.Order, exp.Select)
        if isinstance(ordered, exp.Order) and node.name.lower() in aliases:
            return
        shown = node.sql("trino").lower()
        raise QueryError(
            "EXPRESSION_NOT_AGGREGATE",
            f"{expressions.source.where(node)}: '{shown}' must be an aggregate expression or appear in GROUP BY clause",
        )
    for child in node.iter_expressions():
        _refuse(child, group, own, aliases, expressions)
