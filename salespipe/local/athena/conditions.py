"""CASE, IF, arrays, rows and subscripts."""

from __future__ import annotations

from sqlglot import exp

from salespipe.local.athena.casts import coerced
from salespipe.local.athena.compiler import Compiler, mismatch, unified
from salespipe.local.athena.plan import Expr, Scope
from salespipe.local.athena.types import UNKNOWN, Type, array


def case(compiler: Compiler, node: exp.Case, scope: Scope) -> Expr:
    """CASE, with and without an operand."""
    where = compiler.source.where(node)
    operand = compiler.compile(node.this, scope) if node.this is not None else None
    results = [compiler.compile(branch.args["true"], scope) for branch in node.args["ifs"]]
    default = node.args.get("default")
    results += [compiler.compile(default, scope)] if default is not None else []

    def told(one: Type, other: Type) -> str:
        kinds = ", ".join(dict.fromkeys(str(result.type) for result in results))
        return (
            "All CASE results must be the same type or coercible to a common type. Cannot find common type between "
            f"{one} and {other}, all types (without duplicates): [{kinds}]"
        )

    same, joint = unified(results, where, told)
    conditions = [_when(compiler, branch.this, operand, scope) for branch in node.args["ifs"]]
    pairs = zip(conditions, same, strict=False)
    sql = " ".join(f"WHEN {condition} THEN {result.sql}" for condition, result in pairs)
    ending = f" ELSE {same[-1].sql}" if default is not None else ""
    return Expr(f"CASE {sql}{ending} END", joint)


def _when(compiler: Compiler, node: exp.Expr, operand: Expr | None, scope: Scope) -> str:
    value = compiler.compile(node, scope)
    if operand is not None:
        pair, _ = unified(
            [operand, value],
            compiler.source.where(node),
            lambda one, other: f"CASE operand type does not match WHEN clause operand type: {one} vs {other}",
        )
        return f"{pair[0].sql} = {pair[1].sql}"
    if value.type.name not in {"boolean", "unknown"}:
        told = f"CASE WHEN clause must evaluate to a boolean (actual: {value.type})"
        raise mismatch(compiler.source.where(node), told)
    return value.sql


def if_(compiler: Compiler, node: exp.If, scope: Scope) -> Expr:
    """IF(condition, a, b)."""
    condition = compiler.compile(node.this, scope)
    if condition.type.name not in {"boolean", "unknown"}:
        told = f"IF condition must evaluate to a boolean (actual: {condition.type})"
        raise mismatch(compiler.source.where(node), told)
    arms = [compiler.compile(node.args[arm], scope) for arm in ("true", "false") if node.args.get(arm) is not None]
    same, joint = unified(
        arms,
        compiler.source.where(node),
        lambda one, other: f"Result types for IF must be the same: {one} and {other}",
    )
    ending = f" ELSE {same[1].sql}" if len(same) > 1 else ""
    return Expr(f"CASE WHEN {condition.sql} THEN {same[0].sql}{ending} END", joint)


def array_(compiler: Compiler, node: exp.Array, scope: Scope) -> Expr:
    """``ARRAY[a, b]``."""
    if not node.expressions:
        return Expr("[]", array(UNKNOWN))
    items, joint = unified(
        [compiler.compile(item, scope) for item in node.expressions],
        compiler.source.where(node),
        lambda one, other: f"All ARRAY elements must be the same type: {one} and {other}",
    )
    return Expr(f"[{', '.join(item.sql for item in items)}]", array(joint))


def bracket(compiler: Compiler, node: exp.Bracket, scope: Scope) -> Expr:
    """A subscript: ``a[1]`` of an array, map or row."""
    base, key = compiler.compile(node.this, scope), compiler.compile(node.expressions[0], scope)
    if base.type.name == "array" and key.type.integral:
        return Expr(f"trino_subscript({base.sql}, {key.sql})", base.type.of[0])
    if base.type.name == "map":
        return Expr(f"trino_map_value({base.sql}, {coerced(key, base.type.of[0]).sql})", base.type.of[1])
    if base.type.name == "row" and isinstance(key.value, int) and 0 < key.value <= len(base.type.of):
        name = base.type.field_names[key.value - 1]
        return Expr(f"struct_extract({base.sql}, '{name}')", base.type.of[key.value - 1])
    raise mismatch(compiler.source.where(node), f"Cannot apply operator: {base.type}[{key.type}]")


def tuple_(compiler: Compiler, node: exp.Tuple, scope: Scope) -> Expr:
    """``(a, b)``, a row."""
    values = [compiler.compile(item, scope) for item in node.expressions]
    kind = Type("row", (), tuple(value.type for value in values), ("",) * len(values))
    return Expr(f"row({', '.join(value.sql for value in values)})", kind)
