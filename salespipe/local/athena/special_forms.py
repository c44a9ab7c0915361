"""Functions with a syntax of their own: EXTRACT, TRIM, SUBSTRING, POSITION, AT TIME ZONE."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from salespipe.local.athena import calls
from salespipe.local.athena.casts import coerced
from salespipe.local.athena.compiler import Compiler, mismatch
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.functions.registry import local
from salespipe.local.athena.plan import Expr, Scope
from salespipe.local.athena.types import BIGINT, TIMESTAMP_TZ, VARCHAR, Type

_EXTRACTED: Final = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "week", "day": "day", "day_of_month": "day",
    "day_of_week": "isodow", "dow": "isodow", "dayofweek": "isodow", "day_of_year": "dayofyear", "doy": "dayofyear",
    "year_of_week": "isoyear", "yow": "isoyear", "hour": "hour", "minute": "minute", "second": "second",
}  # fmt: skip


def extract(compiler: Compiler, node: exp.Extract, scope: Scope) -> Expr:
    """EXTRACT(field FROM x)."""
    value = compiler.compile(node.expression, scope)
    field = str(node.this).lower()
    where = compiler.source.where(node)
    if field not in _EXTRACTED:
        raise QueryError("SYNTAX_ERROR", f"{where}: Invalid EXTRACT field: {field}")
    if value.type.name not in {"date", "timestamp", "timestamp with time zone"}:
        raise mismatch(where, f"Cannot extract {field.upper()} from {value.type}")
    return Expr(f"{_EXTRACTED[field]}({local(value)})", BIGINT)


def at_time_zone(compiler: Compiler, node: exp.AtTimeZone, scope: Scope) -> Expr:
    """``x AT TIME ZONE z``: the same moment, seen in another zone."""
    value, zone = compiler.compile(node.this, scope), compiler.compile(node.args["zone"], scope)
    if not isinstance(zone.value, str):
        raise QueryError("NOT_SUPPORTED", "A time zone that is not a literal is not supported locally")
    kind = Type("timestamp with time zone", zone=zone.value)
    return Expr(coerced(value, TIMESTAMP_TZ).sql, kind)


def trim(compiler: Compiler, node: exp.Trim, scope: Scope) -> Expr:
    """TRIM(LEADING 'x' FROM a)."""
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or ""), "trim")
    extra = node.args.get("expression")
    inside = f", {compiler.compile(extra, scope).sql}" if extra is not None else ""
    return Expr(f"{name}({compiler.compile(node.this, scope).sql}{inside})", VARCHAR)


def substring(compiler: Compiler, node: exp.Substring, scope: Scope) -> Expr:
    """SUBSTRING(a FROM 1 FOR 2)."""
    args = [node.args.get(part) for part in ("this", "start", "length")]
    named = exp.Anonymous(this="substring", expressions=[arg for arg in args if arg is not None])
    return calls.call(compiler, named, scope)


def position(compiler: Compiler, node: exp.StrPosition, scope: Scope) -> Expr:
    """POSITION(a IN b)."""
    return calls.call(compiler, exp.Anonymous(this="strpos", expressions=[node.this, node.args["substr"]]), scope)
