"""Literals, intervals, and the time at which a query began."""

from __future__ import annotations

import decimal as dec
import re

from sqlglot import exp

from salespipe.local.athena.compiler import Compiler
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.plan import Expr, Scope
from salespipe.local.athena.type_text import parse
from salespipe.local.athena.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DAY_INTERVAL,
    DOUBLE,
    INTEGER,
    MONTH_INTERVAL,
    TIMESTAMP,
    TIMESTAMP_TZ,
    UNKNOWN,
    Type,
    decimal,
)


def literal(compiler: Compiler, node: exp.Literal, _scope: Scope) -> Expr:
    """A text or a number."""
    text = str(node.this)
    if node.is_string:
        return Expr("'" + text.replace("'", "''") + "'", Type("varchar", (len(text),)), text)
    if "e" in text.lower():
        return Expr(f"CAST({text} AS DOUBLE)", DOUBLE, float(text))
    if "." in text:
        whole, _, part = text.partition(".")
        kind = decimal(len(whole.lstrip("0")) + len(part) or 1, len(part))
        return Expr(f"CAST({text} AS {kind.duck})", kind, dec.Decimal(text))
    return integer(int(text), compiler.source.where(node))


def null(_compiler: Compiler, _node: exp.Null, _scope: Scope) -> Expr:
    """NULL."""
    return Expr("NULL", UNKNOWN)


def boolean(_compiler: Compiler, node: exp.Boolean, _scope: Scope) -> Expr:
    """TRUE or FALSE."""
    return Expr("true" if node.this else "false", BOOLEAN, bool(node.this))


def hex_string(_compiler: Compiler, node: exp.HexString, _scope: Scope) -> Expr:
    """``X'41'``."""
    return Expr(f"unhex('{node.this}')", parse("varbinary"))


def interval(compiler: Compiler, node: exp.Interval, _scope: Scope) -> Expr:
    """``INTERVAL '2' DAY``.

    Raises ``QueryError`` INVALID_LITERAL.
    """
    unit = str(node.args["unit"]).lower().rstrip("s") if node.args.get("unit") else "day"
    amount = str(node.this.this) if node.this is not None else "0"
    kind = MONTH_INTERVAL if unit in {"month", "year"} else DAY_INTERVAL
    if not re.fullmatch(r"[+-]?\d+(\.\d+)?", amount):
        raise QueryError(
            "INVALID_LITERAL", f"{compiler.source.where(node)}: '{amount}' is not a valid INTERVAL literal"
        )
    return Expr(f"INTERVAL '{amount}' {unit}", kind)


def current_date(compiler: Compiler, _node: exp.CurrentDate, _scope: Scope) -> Expr:
    """CURRENT_DATE, of the query's start."""
    return Expr(f"DATE '{compiler.now:%Y-%m-%d}'", DATE)


def current_timestamp(compiler: Compiler, _node: exp.CurrentTimestamp, _scope: Scope) -> Expr:
    """CURRENT_TIMESTAMP, of the query's start."""
    return Expr(f"TIMESTAMPTZ '{compiler.now.isoformat(sep=' ')}+00'", TIMESTAMP_TZ)


def local_timestamp(compiler: Compiler, _node: exp.Localtimestamp, _scope: Scope) -> Expr:
    """LOCALTIMESTAMP, of the query's start."""
    return Expr(f"TIMESTAMP '{compiler.now.isoformat(sep=' ')}'", TIMESTAMP)


def unicode_string(_compiler: Compiler, node: exp.UnicodeString, _scope: Scope) -> Expr:
    """A text with code points: ``U&`` before the quotes, four or six hexadecimal digits after a backslash."""
    text = re.sub(r"\\(?:\+([0-9A-Fa-f]{6})|([0-9A-Fa-f]{4}))", lambda m: chr(int(m[1] or m[2], 16)), str(node.this))
    return Expr("'" + text.replace("'", "''") + "'", Type("varchar", (len(text),)), text)


def integer(value: int, where: str) -> Expr:
    """An integer or bigint.

    Raises ``QueryError`` INVALID_LITERAL beyond that.
    """
    if not -(2**63) <= value < 2**63:
        raise QueryError("INVALID_LITERAL", f"{where}: Invalid numeric literal: {value}")
    kind = INTEGER if -(2**31) <= value < 2**31 else BIGINT
    return Expr(f"CAST({value} AS {kind.duck})", kind, value)
