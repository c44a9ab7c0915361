"""FILTER, OVER and the frames of window functions, and LISTAGG."""

from __future__ import annotations

from sqlglot import exp

from salespipe.local.athena import calls, operators
from salespipe.local.athena.calls import NOTHING, Around, ordering
from salespipe.local.athena.compiler import Compiler
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.plan import Expr, Scope
from salespipe.local.athena.types import VARCHAR


def list_agg(compiler: Compiler, node: exp.GroupConcat, scope: Scope, around: Around = NOTHING) -> Expr:
    """LISTAGG(a, b) WITHIN GROUP (ORDER BY c)."""
    inner = node.this
    order = f" ORDER BY {ordering(compiler, inner.expressions, scope)}" if isinstance(inner, exp.Order) else ""
    value = compiler.compile(inner.this if isinstance(inner, exp.Order) else inner, scope)
    separator = compiler.compile(node.args["separator"], scope).sql if node.args.get("separator") else "''"
    return Expr(f"string_agg({value.sql}, {separator}{order}){around.filter}{around.over}", VARCHAR)


def filtered_call(compiler: Compiler, node: exp.Filter, scope: Scope) -> Expr:
    """``f(x) FILTER (WHERE ...)``."""
    return _called(compiler, node.this, scope, Around(filter=_condition(compiler, node, scope)))


def _condition(compiler: Compiler, node: exp.Filter, scope: Scope) -> str:
    return f" FILTER (WHERE {operators.truth(compiler, node.expression.this, scope)})"


def window(compiler: Compiler, node: exp.Window, scope: Scope) -> Expr:
    """``f(x) OVER (...)``."""
    inner, filtered, nulls = node.this, "", ""
    if isinstance(inner, exp.IgnoreNulls | exp.RespectNulls):
        nulls = " IGNORE NULLS" if isinstance(inner, exp.IgnoreNulls) else ""
        inner = inner.this
    if isinstance(inner, exp.Filter):
        filtered, inner = _condition(compiler, inner, scope), inner.this
    return _called(compiler, inner, scope, Around(filtered, f" OVER ({_frame(compiler, node, scope)})", nulls))


def _called(compiler: Compiler, node: exp.Expr, scope: Scope, around: Around) -> Expr:
    if isinstance(node, exp.GroupConcat):
        return list_agg(compiler, node, scope, around)
    return calls.call(compiler, node, scope, around)  # type: ignore[arg-type]


def _frame(compiler: Compiler, node: exp.Window, scope: Scope) -> str:
    named = node.args.get("alias")
    if named is not None:
        definition = scope.windows.get(named.name.lower())
        if definition is None:
            raise QueryError(
                "INVALID_WINDOW_REFERENCE", f"{compiler.source.where(named)}: Cannot resolve WINDOW name {named.name}"
            )
        return _frame(compiler, definition, scope)
    clauses = []
    if node.args.get("partition_by"):
        keys = ", ".join(compiler.compile(key, scope).sql for key in node.args["partition_by"])
        clauses.append(f"PARTITION BY {keys}")
    if node.args.get("order") is not None:
        clauses.append(f"ORDER BY {ordering(compiler, node.args['order'].expressions, scope)}")
    spec = node.args.get("spec")
    if spec is not None:
        clauses.append(_spec(compiler, spec, scope))
    return " ".join(clauses)


def _spec(compiler: Compiler, spec: exp.WindowSpec, scope: Scope) -> str:
    def edge(side: str) -> str:
        value = spec.args.get(side)
        shown = compiler.compile(value, scope).sql if isinstance(value, exp.Expr) else str(value or "CURRENT ROW")
        return f"{shown} {spec.args.get(f'{side}_side') or ''}".strip()

    return f"{spec.args.get('kind') or 'ROWS'} BETWEEN {edge('start')} AND {edge('end')}"
