"""Operators: which types they take, as Trino tells, and what DuckDB needs to compute the same."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from salespipe.local.athena import decimals
from salespipe.local.athena.casts import coerced
from salespipe.local.athena.compiler import Compiler, mismatch, unified
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.plan import Expr, Query, Scope
from salespipe.local.athena.types import (
    BOOLEAN,
    DATE,
    DAY_INTERVAL,
    TIMESTAMP,
    VARCHAR,
    Type,
    array,
    as_decimal,
    common,
    decimal,
)

_SIGNS: Final[dict[type[exp.Expr], str]] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
}


def arithmetic(compiler: Compiler, node: exp.Binary, scope: Scope) -> Expr:
    """``+ - * / %`` on numbers, dates and intervals."""
    left, right = compiler.compile(node.this, scope), compiler.compile(node.expression, scope)
    sign = _SIGNS[type(node)]
    made = _with_numbers(left, right, sign) or _with_times(left, right, sign)
    if made is None:
        where = compiler.source.operator(node)
        raise mismatch(where, f"Cannot apply operator: {left.type} {sign} {right.type}")
    return made


def _with_numbers(left: Expr, right: Expr, sign: str) -> Expr | None:
    joint = common(left.type, right.type)
    if joint is None or not joint.numeric:
        return None
    if joint.name == "decimal":
        return _decimals(left, right, sign)
    divided = "//" if sign == "/" and joint.integral else sign
    one, other = coerced(left, joint), coerced(right, joint)
    return Expr(f"({one.sql} {divided} {other.sql})", joint)


def _decimals(left: Expr, right: Expr, sign: str) -> Expr:
    one, other = as_decimal(left.type), as_decimal(right.type)
    (p1, s1), (p2, s2) = one.args, other.args
    scale = max(s1, s2)
    whole = max(p1 - s1, p2 - s2)
    a, b = coerced(left, one).sql, coerced(right, other).sql
    if sign == "/":
        result = decimal(p1 + s2 + max(0, s2 - s1), scale)
        return Expr(decimals.quotient(a, b, (one, other), result), result)
    if sign == "*":
        result = decimal(p1 + p2, s1 + s2)
    elif sign == "%":
        result = decimal(min(p1 - s1, p2 - s2) + scale, scale)
    else:
        result = decimal(whole + scale + 1, scale)
    return Expr(f"CAST(({a} {sign} {b}) AS {result.duck})", result)


_INTERVALS: Final = frozenset({"interval day to second", "interval year to month"})
_TEMPORAL: Final = frozenset({"date", "timestamp", "timestamp with time zone", "time"})


def _with_times(left: Expr, right: Expr, sign: str) -> Expr | None:  # noqa: PLR0911 - one answer for each pair
    one, other = left.type.name, right.type.name
    if sign == "+" and one in _INTERVALS and other in _TEMPORAL:
        left, right, one, other = right, left, other, one
    if sign in "+-" and one in _TEMPORAL and other in _INTERVALS:
        return Expr(f"CAST(({left.sql} {sign} {right.sql}) AS {left.type.duck})", left.type)
    if sign in "+-" and one == other and one in _INTERVALS:
        return Expr(f"({left.sql} {sign} {right.sql})", left.type)
    if sign == "-" and one in _TEMPORAL and other in _TEMPORAL:
        joint = common(left.type, right.type)
        target = TIMESTAMP if joint == DATE else joint
        if target is None:
            return None
        return Expr(f"({coerced(left, target).sql} - {coerced(right, target).sql})", DAY_INTERVAL)
    if sign in "*/" and one in _INTERVALS and right.type.numeric:
        return Expr(f"({left.sql} {sign} {right.sql})", left.type)
    if sign == "*" and other in _INTERVALS and left.type.numeric:
        return Expr(f"({right.sql} * {left.sql})", right.type)
    return None


# Trino resolves > as < and <> as =, and its messages say so.
_COMPARISONS: Final[dict[type[exp.Expr], tuple[str, str]]] = {
    exp.EQ: ("=", "="),
    exp.NEQ: ("<>", "="),
    exp.LT: ("<", "<"),
    exp.GT: (">", "<"),
    exp.LTE: ("<=", "<="),
    exp.GTE: (">=", "<="),
    exp.NullSafeEQ: ("IS NOT DISTINCT FROM", "IS DISTINCT FROM"),
    exp.NullSafeNEQ: ("IS DISTINCT FROM", "IS DISTINCT FROM"),
}


def comparison(compiler: Compiler, node: exp.Binary, scope: Scope) -> Expr:
    """``= <> < <= > >=`` and IS DISTINCT FROM, also against ANY and ALL of a query."""
    sign, shown = _COMPARISONS[type(node)]
    left = compiler.compile(node.this, scope)
    if isinstance(node.expression, exp.Any | exp.All):
        query = compiler.query(node.expression.this, scope)
        word = "ALL" if isinstance(node.expression, exp.All) else "ANY"
        return Expr(f"({left.sql} {sign} {word} ({query.sql}))", BOOLEAN)
    right = compiler.compile(node.expression, scope)
    joint = common(left.type, right.type)
    if joint is None:
        where = compiler.source.operator(node)
        raise mismatch(where, f"Cannot apply operator: {left.type} {shown} {right.type}")
    return Expr(f"({coerced(left, joint).sql} {sign} {coerced(right, joint).sql})", BOOLEAN)


def logic(compiler: Compiler, node: exp.Binary, scope: Scope) -> Expr:
    """AND and OR."""
    sides = [truth(compiler, side, scope) for side in (node.this, node.expression)]
    word = "AND" if isinstance(node, exp.And) else "OR"
    return Expr(f"({sides[0]} {word} {sides[1]})", BOOLEAN)


def negation(compiler: Compiler, node: exp.Not, scope: Scope) -> Expr:
    """NOT."""
    inner = compiler.compile(node.this, scope)
    if inner.type.name not in {"boolean", "unknown"}:
        where = compiler.source.where(node)
        told = f"Value of logical NOT expression must evaluate to a boolean (actual: {inner.type})"
        raise mismatch(where, told)
    return Expr(f"(NOT {inner.sql})", BOOLEAN)


def truth(compiler: Compiler, node: exp.Expr, scope: Scope) -> str:
    """SQL of an operand of AND or OR."""
    made = compiler.compile(node, scope)
    if made.type.name not in {"boolean", "unknown"}:
        where = compiler.source.where(node)
        raise mismatch(where, f"Logical expression term must evaluate to a boolean (actual: {made.type})")
    return made.sql


def between(compiler: Compiler, node: exp.Between, scope: Scope) -> Expr:
    """``a BETWEEN b AND c``."""
    value, low, high = (compiler.compile(node.args[part], scope) for part in ("this", "low", "high"))
    where = compiler.source.where(node)
    told = f"Cannot check if {value.type} is BETWEEN {low.type} and {high.type}"
    (value, low, high), _ = unified([value, low, high], where, lambda _one, _other: told)
    return Expr(f"({value.sql} BETWEEN {low.sql} AND {high.sql})", BOOLEAN)


def membership(compiler: Compiler, node: exp.In, scope: Scope) -> Expr:
    """``a IN (1, 2)`` and ``a IN (SELECT ...)``."""
    value = compiler.compile(node.this, scope)
    where = compiler.source.where(node)
    inner = node.args.get("query")
    if inner is not None:
        query = compiler.query(inner, scope)
        if len(query.outputs) > 1:
            return Expr(f"({value.sql} IN (SELECT row({_columns(query)}) FROM ({query.sql}) AS inside))", BOOLEAN)
        joint = common(value.type, query.outputs[0].type)
        if joint is None:
            kinds = f"{value.type} and {query.outputs[0].type}"
            raise mismatch(where, f"value and result of subquery must be of the same type for IN expression: {kinds}")
        listed = f"SELECT CAST(c0 AS {joint.duck}) FROM ({query.sql}) AS inside"
        return Expr(f"({coerced(value, joint).sql} IN ({listed}))", BOOLEAN)
    items = [compiler.compile(item, scope) for item in node.expressions]

    def told(one: Type, _other: Type) -> str:
        return f"IN value and list items must be the same type: {one}"

    (first, *rest), _ = unified([value, *items], where, told)
    return Expr(f"({first.sql} IN ({', '.join(item.sql for item in rest)}))", BOOLEAN)


def _columns(query: Query) -> str:
    return ", ".join(f"c{place}" for place in range(len(query.outputs)))


def like(compiler: Compiler, node: exp.Expr, scope: Scope) -> Expr:
    """``a LIKE b [ESCAPE c]``."""
    escape = ""
    if isinstance(node, exp.Escape):
        escape = f" ESCAPE {compiler.compile(node.expression, scope).sql}"
        node = node.this
    sides = [compiler.compile(side, scope) for side in (node.this, node.expression)]
    for side, word in zip(sides, ("Left side of LIKE expression", "Pattern for LIKE expression"), strict=True):
        if not (side.type.text or side.type.name == "unknown"):
            where = compiler.source.where(node)
            raise mismatch(where, f"{word} must evaluate to a varchar (actual: {side.type})")
    word = "NOT LIKE" if node.args.get("negate") else "LIKE"
    return Expr(f"({sides[0].sql} {word} {sides[1].sql}{escape})", BOOLEAN)


def concatenation(compiler: Compiler, node: exp.DPipe, scope: Scope) -> Expr:
    """``a || b`` of texts or arrays."""
    left, right = compiler.compile(node.this, scope), compiler.compile(node.expression, scope)
    if left.type.name == "array" or right.type.name == "array":
        lists = [value if value.type.name == "array" else _listed(value) for value in (left, right)]
        joint = common(lists[0].type, lists[1].type)
        if joint is not None:
            return Expr(f"({coerced(lists[0], joint).sql} || {coerced(lists[1], joint).sql})", joint)
    elif all(value.type.text or value.type.name == "unknown" for value in (left, right)):
        sides = [coerced(value, VARCHAR).sql for value in (left, right)]
        return Expr(f"({sides[0]} || {sides[1]})", VARCHAR)
    elif left.type.name == right.type.name == "varbinary":
        return Expr(f"({left.sql} || {right.sql})", left.type)
    expected = (
        "concat(array(E), E) E, concat(E, array(E)) E, concat(array(E)) E, concat(char(x), char(y)), concat(varchar), "
        "concat(varbinary)"
    )
    raise QueryError(
        "FUNCTION_NOT_FOUND",
        f"{compiler.source.operator(node)}: Unexpected parameters ({left.type}, {right.type}) for function concat. "
        f"Expected: {expected}",
    )


def _listed(value: Expr) -> Expr:
    return Expr(f"[{value.sql}]", array(value.type))
