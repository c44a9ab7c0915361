"""Function calls: overloads, lambdas, aggregates with FILTER and ORDER BY, window functions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from salespipe.local.athena import decimals, functions
from salespipe.local.athena.casts import cast, castable, coerced
from salespipe.local.athena.compiler import Compiler, mismatch, unified
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.functions.registry import Match, substituted
from salespipe.local.athena.functions.times import ZONED
from salespipe.local.athena.plan import Expr, Scope
from salespipe.local.athena.types import BOOLEAN, UNKNOWN, VARCHAR, Type


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a call: ``FILTER (WHERE ...)``, ``OVER (...)``, IGNORE NULLS."""

    filter: str = ""
    over: str = ""
    nulls: str = ""


NOTHING: Final = Around()

_JSON_PATHS: Final = frozenset({"json_extract", "json_extract_scalar", "json_size"})
_SPECIAL: Final = frozenset({"coalesce", "nullif", "try", "typeof", "row", "now", "if", "current_timezone"})


def call(compiler: Compiler, node: exp.Anonymous, scope: Scope, around: Around = Around()) -> Expr:
    """A call by name.

    Raises ``QueryError`` FUNCTION_NOT_FOUND when there is no such function or none that takes these arguments.
    """
    name = str(node.this if isinstance(node.this, str) else node.this.name).lower()
    if name in _SPECIAL:
        return _special(compiler, name, node, scope)
    kind = functions.kind(name)
    where = compiler.source.where(node)
    if kind is None:
        raise QueryError("FUNCTION_NOT_FOUND", f"{where}: Function '{name}' not registered")
    if kind == "window" and not around.over:
        raise QueryError("EXPRESSION_NOT_WINDOW", f"{where}: Window function {name} requires an OVER clause")
    arguments, distinct, order = _arguments(node)
    args = [None if isinstance(arg, exp.Lambda) else compiler.compile(arg, scope) for arg in arguments]
    match = functions.overload(name, [arg.type if arg is not None else None for arg in args])
    if match is None:
        given = ", ".join("function" if arg is None else str(arg.type) for arg in args)
        told = f"Unexpected parameters ({given}) for function {name}. Expected: {functions.expected(name)}"
        raise QueryError("FUNCTION_NOT_FOUND", f"{where}: {told}")
    values, result = _brought(compiler, match, args, arguments, scope)
    result = _refined(name, values, result)
    if name in _JSON_PATHS and isinstance(values[1].value, str):
        values[1] = _json_path(values[1].value, where)
    try:
        sql = match.function.build(values, result)
    except QueryError as error:
        raise QueryError(error.code, f"{where}: {error.message}") from error
    if kind == "scalar":
        return Expr(sql, result)
    inside = f" ORDER BY {ordering(compiler, order.expressions, scope)}" if order is not None else ""

    def modified(of: str) -> str:
        return _modified(of, "DISTINCT " if distinct else "", inside, around)

    exact = name == "avg" and result.name == "decimal"
    sql = decimals.average(values[0].sql, result, modified) if exact else modified(sql)
    return Expr(f"CAST({sql} AS {result.duck})" if result.name != "unknown" else sql, result)


def _arguments(node: exp.Anonymous) -> tuple[list[exp.Expr], bool, exp.Order | None]:
    arguments = [arg for arg in node.expressions if not isinstance(arg, exp.Star)]
    distinct = bool(arguments) and isinstance(arguments[0], exp.Distinct)
    if distinct:
        arguments = [*arguments[0].expressions, *arguments[1:]]
    order = arguments[-1] if arguments and isinstance(arguments[-1], exp.Order) else None
    if order is not None:
        arguments[-1] = order.this
        if isinstance(order.this, exp.Distinct):
            distinct = True
            arguments[-1:] = order.this.expressions
    return arguments, distinct, order


def _brought(
    compiler: Compiler, match: Match, args: Sequence[Expr | None], nodes: Sequence[exp.Expr], scope: Scope
) -> tuple[list[Expr], Type]:
    """The arguments brought to the overload's types; lambdas come last, when their arguments' types are known."""
    function = match.function
    bound: dict[str, Type] = {}
    values: list[Expr] = []
    params = [*function.params, *[function.params[-1]] * (len(args) - len(function.params))] if args else []
    for param, arg, target in zip(params, args, match.targets, strict=True):
        if arg is not None:
            values.append(coerced(arg, target) if target.name != "unknown" else arg)
            _learn(param, target, bound)
    for place, (param, arg) in enumerate(zip(params, args, strict=True)):
        if arg is None:
            values.insert(place, _lambda(compiler, nodes[place], param, bound, scope))
    returns = substituted(function.returns, bound) if None in args else match.returns
    if function.returns.name == "decimal" and args and args[0] is not None:
        kind = values[0].type
        returns = Type("decimal", (38, kind.args[1])) if function.name == "sum" else kind
    return values, returns


def _learn(param: Type, actual: Type, bound: dict[str, Type]) -> None:
    if len(param.name) == 1:
        bound[param.name] = actual
    for inner, known in zip(param.of, actual.of, strict=False):
        _learn(inner, known, bound)


def _lambda(compiler: Compiler, node: exp.Expr, param: Type, bound: dict[str, Type], scope: Scope) -> Expr:
    names = [str(name.name).lower() for name in node.expressions]
    *inputs, output = param.of
    if len(names) != len(inputs):
        told = f"Expected a lambda that takes {len(inputs)} argument(s) but got {len(names)}"
        raise QueryError("INVALID_PARAMETER_USAGE", f"{compiler.source.where(node)}: {told}")
    made = {name: f"arg{len(scope.arguments)}_{place}" for place, name in enumerate(names)}
    known = {name: Expr(made[name], substituted(kind, bound)) for name, kind in zip(names, inputs, strict=True)}
    body = compiler.compile(node.this, scope.inside(known))
    if len(output.name) == 1 and output.name in bound:
        body = coerced(body, bound[output.name])
    elif len(output.name) == 1:
        bound[output.name] = body.type
    elif output == BOOLEAN and body.type.name not in {"boolean", "unknown"}:
        raise mismatch(compiler.source.where(node), f"Lambda must evaluate to a boolean (actual: {body.type})")
    return Expr(f"lambda {', '.join(made.values())}: {body.sql}", Type("function"), (*made.values(), body.sql))


def _json_path(text: str, where: str) -> Expr:
    """A JSON path as DuckDB writes it: ``$."a"`` where Trino also has ``$["a"]``."""
    if not text.startswith("$"):
        raise QueryError("INVALID_FUNCTION_ARGUMENT", f"{where}: Invalid JSON path: '{text}'")
    dotted = re.sub(r"""\[\s*["'](.*?)["']\s*\]""", r'."\1"', text)
    return Expr("'" + dotted.replace("'", "''") + "'", VARCHAR, text)


def _refined(name: str, values: Sequence[Expr], result: Type) -> Type:
    """Results whose type depends on a value: the zone named last, the length of a rounded decimal."""
    if name in ZONED and len(values) == 2 and isinstance(values[1].value, str):
        return Type(result.name, zone=values[1].value)
    if name in {"date_trunc", "date_add"}:
        return values[-1].type
    if result.name == "decimal" and name in {"ceil", "ceiling", "floor", "round"} and len(values) == 1:
        precision, scale = values[0].type.args
        return Type("decimal", (min(38, precision - scale + min(scale, 1)), 0))
    return result


def _modified(sql: str, distinct: str, order: str, around: Around) -> str:
    """The call with what stands inside and behind its parentheses."""
    opening = sql.index("(") + 1
    return f"{sql[:opening]}{distinct}{sql[opening:-1]}{order}{around.nulls}){around.filter}{around.over}"


def ordering(compiler: Compiler, items: Sequence[exp.Expr], scope: Scope) -> str:
    """SQL of ORDER BY items; Trino puts NULL last unless told otherwise."""
    return ", ".join(f"{compiler.compile(item.this, scope).sql}{direction(item)}" for item in items)


def direction(item: exp.Expr) -> str:
    """``ASC|DESC NULLS FIRST|LAST`` of an ORDER BY item."""
    way = "DESC" if item.args.get("desc") else "ASC"
    return f" {way} NULLS {'FIRST' if item.args.get('nulls_first') else 'LAST'}"


def _special(  # noqa: PLR0911 - one answer for each function
    compiler: Compiler, name: str, node: exp.Anonymous, scope: Scope
) -> Expr:
    where = compiler.source.where(node)
    if name == "now":
        return compiler.compile(exp.CurrentTimestamp(), scope)
    if name == "current_timezone":
        return Expr("'UTC'", VARCHAR)
    values = [compiler.compile(arg, scope) for arg in node.expressions]
    if name == "row":
        kind = Type("row", (), tuple(value.type for value in values), ("",) * len(values))
        packed = ", ".join(f"field{place} := {value.sql}" for place, value in enumerate(values))
        return Expr(f"struct_pack({packed})", kind)
    if name == "typeof":
        return Expr(f"'{values[0].type}'", VARCHAR)
    if name == "try":
        return Expr(f"TRY({values[0].sql})", values[0].type)

    def told(_one: Type, _other: Type) -> str:
        kinds = list(dict.fromkeys(str(value.type) for value in values))
        return (
            f"All {name.upper()} operands must be the same type or coercible to a common type. Cannot find common type "
            f"between {_one} and {_other}, all types (without duplicates): [{', '.join(kinds)}]"
        )

    if name == "nullif":
        both, _ = unified(values, where, lambda one, other: f"Types are not comparable with NULLIF: {one} vs {other}")
        equal = f"{both[0].sql} = {both[1].sql}"
        return Expr(f"CASE WHEN {equal} THEN NULL ELSE {values[0].sql} END", values[0].type)
    if len(values) < 2:
        raise QueryError(
            "INVALID_FUNCTION_ARGUMENT", f"{where}: The '{name}' function must have at least two arguments"
        )
    same, joint = unified(values, where, told)
    return Expr(f"coalesce({', '.join(value.sql for value in same)})", joint)


def conversion(compiler: Compiler, node: exp.Cast, scope: Scope, target: Type) -> Expr:
    """CAST and TRY_CAST.

    Raises ``QueryError`` TYPE_MISMATCH when Trino has no such cast.
    """
    value = compiler.compile(node.this, scope)
    if not castable(value.type, target):
        raise mismatch(compiler.source.where(node), f"Cannot cast {value.type} to {target}")
    sql = cast(value, target)
    return Expr(f"TRY({sql})" if isinstance(node, exp.TryCast) else sql, target)


def unknown() -> Expr:
    """NULL."""
    return Expr("NULL", UNKNOWN)
