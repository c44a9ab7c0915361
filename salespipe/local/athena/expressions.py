"""Expressions: Athena SQL -> DuckDB SQL with Trino's types, or Athena's error for it."""

from __future__ import annotations

import datetime as dt
import decimal as dec
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sqlglot import exp

from salespipe.local.athena import calls, operators
from salespipe.local.athena.calls import Around, ordering
from salespipe.local.athena.casts import coerced
from salespipe.local.athena.errors import QueryFailed
from salespipe.local.athena.functions.registry import local
from salespipe.local.athena.names import member, parts, resolved
from salespipe.local.athena.operators import mismatch, unified
from salespipe.local.athena.plan import Expr, Query, Scope
from salespipe.local.athena.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DAY_INTERVAL,
    DOUBLE,
    INTEGER,
    JSON,
    MONTH_INTERVAL,
    TIMESTAMP,
    TIMESTAMP_TZ,
    UNKNOWN,
    VARCHAR,
    Type,
    array,
    decimal,
    parse,
)

if TYPE_CHECKING:
    from salespipe.local.athena.syntax import Source

_BINARY: Final[dict[type[exp.Expr], Callable[[Any, Any, Scope], Expr]]] = {
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), operators.arithmetic),
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.LT, exp.GT, exp.LTE, exp.GTE), operators.comparison),
    **dict.fromkeys((exp.NullSafeEQ, exp.NullSafeNEQ), operators.comparison),
    exp.And: operators.logic,
    exp.Or: operators.logic,
    exp.Not: operators.negation,
    exp.Between: operators.between,
    exp.In: operators.membership,
    exp.Like: operators.like,
    exp.Escape: operators.like,
    exp.DPipe: operators.concatenation,
    exp.Anonymous: calls.call,
}
_EXTRACTED: Final = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "week", "day": "day", "day_of_month": "day",
    "day_of_week": "isodow", "dow": "isodow", "dayofweek": "isodow", "day_of_year": "dayofyear", "doy": "dayofyear",
    "year_of_week": "isoyear", "yow": "isoyear", "hour": "hour", "minute": "minute", "second": "second",
}  # fmt: skip


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

    def query(self, node: exp.Expr, scope: Scope) -> Query:
        """A query inside an expression; it sees the fields around it."""
        return self._queries(node, scope)

    def compile(self, node: exp.Expr, scope: Scope) -> Expr:
        """The expression ``node`` in ``scope``.

        Raises ``QueryFailed`` with Trino's code, message and position.
        """
        made = self._compile(node, scope)
        self.compiled[id(node)] = made.sql
        return made

    def _compile(self, node: exp.Expr, scope: Scope) -> Expr:
        binary = _BINARY.get(type(node))
        if binary is not None:
            return binary(self, node, scope)
        method: Callable[[Any, Scope], Expr] | None = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            shown = type(node).__name__
            raise QueryFailed("NOT_SUPPORTED", f"{self._source.where(node)}: {shown} is not supported locally")
        return method(node, scope)

    def _literal(self, node: exp.Literal, _scope: Scope) -> Expr:
        text = str(node.this)
        if node.is_string:
            return Expr("'" + text.replace("'", "''") + "'", Type("varchar", (len(text),)), text)
        if "e" in text.lower():
            return Expr(f"CAST({text} AS DOUBLE)", DOUBLE, float(text))
        if "." in text:
            whole, _, part = text.partition(".")
            kind = decimal(len(whole.lstrip("0")) + len(part) or 1, len(part))
            return Expr(f"CAST({text} AS {kind.duck})", kind, dec.Decimal(text))
        return _integer(int(text), self._source.where(node))

    def _null(self, _node: exp.Null, _scope: Scope) -> Expr:
        return Expr("NULL", UNKNOWN)

    def _boolean(self, node: exp.Boolean, _scope: Scope) -> Expr:
        return Expr("true" if node.this else "false", BOOLEAN, bool(node.this))

    def _hexstring(self, node: exp.HexString, _scope: Scope) -> Expr:
        return Expr(f"unhex('{node.this}')", parse("varbinary"))

    def _column(self, node: exp.Column, scope: Scope) -> Expr:
        return resolved(node, parts(node), scope, self._source)

    def _identifier(self, node: exp.Identifier, scope: Scope) -> Expr:
        return resolved(node, [node], scope, self._source)

    def _dot(self, node: exp.Dot, scope: Scope) -> Expr:
        names = parts(node)
        base: exp.Expr = node
        while isinstance(base, exp.Dot):
            base = base.this
        if isinstance(base, exp.Column | exp.Identifier):
            return resolved(node, names, scope, self._source)
        return member(self.compile(node.this, scope), node.expression.name.lower(), node, self._source)

    def _paren(self, node: exp.Paren, scope: Scope) -> Expr:
        inner = self.compile(node.this, scope)
        return Expr(f"({inner.sql})", inner.type, inner.value)

    def _neg(self, node: exp.Neg, scope: Scope) -> Expr:
        if isinstance(node.this, exp.Literal) and not node.this.is_string and str(node.this.this).isdigit():
            return _integer(-int(str(node.this.this)), self._source.where(node))
        inner = self.compile(node.this, scope)
        if not (inner.type.numeric or inner.type.name.startswith("interval")):
            raise mismatch(self._source.where(node), f"Cannot negate {inner.type}")
        return Expr(f"(-{inner.sql})", inner.type)

    def _is(self, node: exp.Is, scope: Scope) -> Expr:
        inner = self.compile(node.this, scope)
        return Expr(f"({inner.sql} IS {'NULL' if isinstance(node.expression, exp.Null) else 'NOT NULL'})", BOOLEAN)

    def _cast(self, node: exp.Cast, scope: Scope) -> Expr:
        try:
            target = parse(node.args["to"].sql("trino"))
        except ValueError as error:
            shown = node.args["to"].sql("trino").lower()
            raise mismatch(self._source.where(node), f"Unknown type: {shown}") from error
        return calls.conversion(self, node, scope, target)

    _trycast = _cast

    def _parsejson(self, node: exp.ParseJSON, scope: Scope) -> Expr:
        return Expr(f"CAST({self.compile(node.this, scope).sql} AS JSON)", JSON)

    def _case(self, node: exp.Case, scope: Scope) -> Expr:
        where = self._source.where(node)
        operand = self.compile(node.this, scope) if node.this is not None else None
        results = [self.compile(branch.args["true"], scope) for branch in node.args["ifs"]]
        default = node.args.get("default")
        results += [self.compile(default, scope)] if default is not None else []

        def told(one: Type, other: Type) -> str:
            kinds = ", ".join(dict.fromkeys(str(result.type) for result in results))
            return (
                "All CASE results must be the same type or coercible to a common type. Cannot find common type between "
                f"{one} and {other}, all types (without duplicates): [{kinds}]"
            )

        same, joint = unified(results, where, told)
        conditions = [self._when(branch.this, operand, scope) for branch in node.args["ifs"]]
        pairs = zip(conditions, same, strict=False)
        sql = " ".join(f"WHEN {condition} THEN {result.sql}" for condition, result in pairs)
        ending = f" ELSE {same[-1].sql}" if default is not None else ""
        return Expr(f"CASE {sql}{ending} END", joint)

    def _when(self, node: exp.Expr, operand: Expr | None, scope: Scope) -> str:
        value = self.compile(node, scope)
        if operand is not None:
            pair, _ = unified(
                [operand, value],
                self._source.where(node),
                lambda one, other: f"CASE operand type does not match WHEN clause operand type: {one} vs {other}",
            )
            return f"{pair[0].sql} = {pair[1].sql}"
        if value.type.name not in {"boolean", "unknown"}:
            told = f"CASE WHEN clause must evaluate to a boolean (actual: {value.type})"
            raise mismatch(self._source.where(node), told)
        return value.sql

    def _if(self, node: exp.If, scope: Scope) -> Expr:
        condition = self.compile(node.this, scope)
        if condition.type.name not in {"boolean", "unknown"}:
            told = f"IF condition must evaluate to a boolean (actual: {condition.type})"
            raise mismatch(self._source.where(node), told)
        arms = [self.compile(node.args[arm], scope) for arm in ("true", "false") if node.args.get(arm) is not None]
        same, joint = unified(
            arms,
            self._source.where(node),
            lambda one, other: f"Result types for IF must be the same: {one} and {other}",
        )
        ending = f" ELSE {same[1].sql}" if len(same) > 1 else ""
        return Expr(f"CASE WHEN {condition.sql} THEN {same[0].sql}{ending} END", joint)

    def _array(self, node: exp.Array, scope: Scope) -> Expr:
        if not node.expressions:
            return Expr("[]", array(UNKNOWN))
        items, joint = unified(
            [self.compile(item, scope) for item in node.expressions],
            self._source.where(node),
            lambda one, other: f"All ARRAY elements must be the same type: {one} and {other}",
        )
        return Expr(f"[{', '.join(item.sql for item in items)}]", array(joint))

    def _bracket(self, node: exp.Bracket, scope: Scope) -> Expr:
        base, key = self.compile(node.this, scope), self.compile(node.expressions[0], scope)
        if base.type.name == "array" and key.type.integral:
            return Expr(f"trino_subscript({base.sql}, {key.sql})", base.type.of[0])
        if base.type.name == "map":
            return Expr(f"trino_map_value({base.sql}, {coerced(key, base.type.of[0]).sql})", base.type.of[1])
        if base.type.name == "row" and isinstance(key.value, int) and 0 < key.value <= len(base.type.of):
            name = base.type.field_names[key.value - 1]
            return Expr(f"struct_extract({base.sql}, '{name}')", base.type.of[key.value - 1])
        raise mismatch(self._source.where(node), f"Cannot apply operator: {base.type}[{key.type}]")

    def _interval(self, node: exp.Interval, _scope: Scope) -> Expr:
        unit = str(node.args["unit"]).lower().rstrip("s") if node.args.get("unit") else "day"
        amount = str(node.this.this) if node.this is not None else "0"
        kind = MONTH_INTERVAL if unit in {"month", "year"} else DAY_INTERVAL
        if not re.fullmatch(r"[+-]?\d+(\.\d+)?", amount):
            raise QueryFailed(
                "INVALID_LITERAL", f"{self._source.where(node)}: '{amount}' is not a valid INTERVAL literal"
            )
        return Expr(f"INTERVAL '{amount}' {unit}", kind)

    def _extract(self, node: exp.Extract, scope: Scope) -> Expr:
        value = self.compile(node.expression, scope)
        field = str(node.this).lower()
        where = self._source.where(node)
        if field not in _EXTRACTED:
            raise QueryFailed("SYNTAX_ERROR", f"{where}: Invalid EXTRACT field: {field}")
        if value.type.name not in {"date", "timestamp", "timestamp with time zone"}:
            raise mismatch(where, f"Cannot extract {field.upper()} from {value.type}")
        return Expr(f"{_EXTRACTED[field]}({local(value)})", BIGINT)

    def _attimezone(self, node: exp.AtTimeZone, scope: Scope) -> Expr:
        value, zone = self.compile(node.this, scope), self.compile(node.args["zone"], scope)
        if not isinstance(zone.value, str):
            raise QueryFailed("NOT_SUPPORTED", "A time zone that is not a literal is not supported locally")
        kind = Type("timestamp with time zone", zone=zone.value)
        return Expr(coerced(value, TIMESTAMP_TZ).sql, kind)

    def _trim(self, node: exp.Trim, scope: Scope) -> Expr:
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position") or ""), "trim")
        extra = node.args.get("expression")
        inside = f", {self.compile(extra, scope).sql}" if extra is not None else ""
        return Expr(f"{name}({self.compile(node.this, scope).sql}{inside})", VARCHAR)

    def _substring(self, node: exp.Substring, scope: Scope) -> Expr:
        args = [node.args.get(part) for part in ("this", "start", "length")]
        named = exp.Anonymous(this="substring", expressions=[arg for arg in args if arg is not None])
        return calls.call(self, named, scope)

    def _strposition(self, node: exp.StrPosition, scope: Scope) -> Expr:
        return calls.call(self, exp.Anonymous(this="strpos", expressions=[node.this, node.args["substr"]]), scope)

    def _groupconcat(self, node: exp.GroupConcat, scope: Scope, around: Around = Around()) -> Expr:  # noqa: B008
        inner = node.this
        order = f" ORDER BY {ordering(self, inner.expressions, scope)}" if isinstance(inner, exp.Order) else ""
        value = self.compile(inner.this if isinstance(inner, exp.Order) else inner, scope)
        separator = self.compile(node.args["separator"], scope).sql if node.args.get("separator") else "''"
        return Expr(f"string_agg({value.sql}, {separator}{order}){around.filter}{around.over}", VARCHAR)

    def _currentdate(self, _node: exp.CurrentDate, _scope: Scope) -> Expr:
        return Expr(f"DATE '{self._now:%Y-%m-%d}'", DATE)

    def _currenttimestamp(self, _node: exp.CurrentTimestamp, _scope: Scope) -> Expr:
        return Expr(f"TIMESTAMPTZ '{self._now.isoformat(sep=' ')}+00'", TIMESTAMP_TZ)

    def _localtimestamp(self, _node: exp.Localtimestamp, _scope: Scope) -> Expr:
        return Expr(f"TIMESTAMP '{self._now.isoformat(sep=' ')}'", TIMESTAMP)

    def _exists(self, node: exp.Exists, scope: Scope) -> Expr:
        return Expr(f"EXISTS ({self.query(node.this, scope).sql})", BOOLEAN)

    def _subquery_value(self, node: exp.Expr, scope: Scope) -> Expr:
        query = self.query(node, scope)
        if len(query.outputs) != 1:
            kinds = ", ".join(str(output.type) for output in query.outputs)
            told = f"Multiple columns returned by subquery are not yet supported. Found {len(query.outputs)}"
            raise QueryFailed("NOT_SUPPORTED", f"{self._source.where(node)}: {told} ({kinds})")
        return Expr(f"({query.sql})", query.outputs[0].type)

    def _tuple(self, node: exp.Tuple, scope: Scope) -> Expr:
        values = [self.compile(item, scope) for item in node.expressions]
        kind = Type("row", (), tuple(value.type for value in values), ("",) * len(values))
        return Expr(f"row({', '.join(value.sql for value in values)})", kind)

    def _filter(self, node: exp.Filter, scope: Scope) -> Expr:
        return self._called(node.this, scope, Around(filter=self._filtered(node, scope)))

    def _filtered(self, node: exp.Filter, scope: Scope) -> str:
        return f" FILTER (WHERE {operators.truth(self, node.expression.this, scope)})"

    def _window(self, node: exp.Window, scope: Scope) -> Expr:
        inner, filtered, nulls = node.this, "", ""
        if isinstance(inner, exp.IgnoreNulls | exp.RespectNulls):
            nulls = " IGNORE NULLS" if isinstance(inner, exp.IgnoreNulls) else ""
            inner = inner.this
        if isinstance(inner, exp.Filter):
            filtered, inner = self._filtered(inner, scope), inner.this
        return self._called(inner, scope, Around(filtered, f" OVER ({self._frame(node, scope)})", nulls))

    def _called(self, node: exp.Expr, scope: Scope, around: Around) -> Expr:
        if isinstance(node, exp.GroupConcat):
            return self._groupconcat(node, scope, around)
        return calls.call(self, node, scope, around)  # type: ignore[arg-type]

    def _frame(self, node: exp.Window, scope: Scope) -> str:
        named = node.args.get("alias")
        if named is not None:
            definition = scope.windows.get(named.name.lower())
            if definition is None:
                raise QueryFailed(
                    "INVALID_WINDOW_REFERENCE", f"{self._source.where(named)}: Cannot resolve WINDOW name {named.name}"
                )
            return self._frame(definition, scope)
        clauses = []
        if node.args.get("partition_by"):
            keys = ", ".join(self.compile(key, scope).sql for key in node.args["partition_by"])
            clauses.append(f"PARTITION BY {keys}")
        if node.args.get("order") is not None:
            clauses.append(f"ORDER BY {ordering(self, node.args['order'].expressions, scope)}")
        spec = node.args.get("spec")
        if spec is not None:
            clauses.append(self._spec(spec, scope))
        return " ".join(clauses)

    def _spec(self, spec: exp.WindowSpec, scope: Scope) -> str:
        def edge(side: str) -> str:
            value = spec.args.get(side)
            shown = self.compile(value, scope).sql if isinstance(value, exp.Expr) else str(value or "CURRENT ROW")
            return f"{shown} {spec.args.get(f'{side}_side') or ''}".strip()

        return f"{spec.args.get('kind') or 'ROWS'} BETWEEN {edge('start')} AND {edge('end')}"

    _select = _union = _subquery = _subquery_value
    _intersect = _except = _values = _subquery_value


def _integer(value: int, where: str) -> Expr:
    if not -(2**63) <= value < 2**63:
        raise QueryFailed("INVALID_LITERAL", f"{where}: Invalid numeric literal: {value}")
    kind = INTEGER if -(2**31) <= value < 2**31 else BIGINT
    return Expr(f"CAST({value} AS {kind.duck})", kind, value)
