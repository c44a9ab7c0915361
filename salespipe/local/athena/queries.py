"""Queries: SELECT, set operations, WITH, ORDER BY and LIMIT -> one DuckDB query and its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlglot import exp

from salespipe.local.athena import grouping, pruning
from salespipe.local.athena.calls import direction
from salespipe.local.athena.casts import coerced
from salespipe.local.athena.compiler import mismatch
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.expressions import Expressions
from salespipe.local.athena.names import parts
from salespipe.local.athena.plan import Cte, Expr, Field, Output, Plan, Query, Scope
from salespipe.local.athena.relations import Relations
from salespipe.local.athena.session import Session
from salespipe.local.athena.syntax import Source
from salespipe.local.athena.types import Type, common

# What the parser takes as part of a SELECT and nothing here computes.
_UNREAD: Final = {
    "match": "MATCH_RECOGNIZE",
    "laterals": "LATERAL VIEW",
    "locks": "FOR UPDATE",
    "sort": "SORT BY",
    "cluster": "CLUSTER BY",
    "distribute": "DISTRIBUTE BY",
    "qualify": "QUALIFY",
    "connect": "CONNECT BY",
    "into": "SELECT INTO",
}


class Queries:
    """Compiles the queries of one text: a statement, or a view that it names, ``depth`` views deep."""

    def __init__(self, source: Source, session: Session, plan: Plan, depth: int = 0) -> None:
        self.source = source
        self.session = session
        self.plan = plan
        self.expressions = Expressions(source, session.now, self.query)
        self.relations = Relations(self, depth)

    def query(self, node: exp.Expr, scope: Scope | None) -> Query:
        """A query of any kind, ``scope`` being what lies around it.

        Raises ``QueryError`` with Athena's message.
        """
        node = _without_parentheses(node)
        ctes = self._with(node, scope)
        if isinstance(node, exp.Select):
            made = self._select(node, scope, ctes)
        elif isinstance(node, exp.SetOperation):
            made = self._set_operation(node, scope, ctes)
        elif isinstance(node, exp.Values):
            made = self._values(node, scope, ctes)
        elif isinstance(node, exp.Subquery):
            inner = self.query(node.this, Scope(parent=scope, ctes=ctes) if ctes else scope)
            made = self._modified(node, inner, scope, ctes)
        elif isinstance(node, exp.Table):
            made = self.query(exp.select("*").from_(node), scope)
        else:
            told = f"{type(node).__name__} is not supported locally"
            raise QueryError("NOT_SUPPORTED", f"{self.source.where(node)}: {told}")
        return made

    def _with(self, node: exp.Expr, scope: Scope | None) -> Mapping[str, Cte]:
        visible: dict[str, Cte] = dict(scope.ctes) if scope is not None else {}
        clause = node.args.get("with_")
        if clause is None:
            return visible
        if clause.args.get("recursive"):
            raise QueryError("NOT_SUPPORTED", f"{self.source.where(node)}: Recursive WITH is not supported locally")
        for cte in clause.expressions:
            columns = tuple(column.name.lower() for column in cte.args["alias"].columns)
            visible = {**visible, cte.alias.lower(): Cte(cte.this, columns, dict(visible), scope)}
        return visible

    def _select(self, node: exp.Select, parent: Scope | None, ctes: Mapping[str, Cte]) -> Query:
        for part, shown in _UNREAD.items():
            if node.args.get(part):
                raise QueryError("NOT_SUPPORTED", f"{self.source.where(node)}: {shown} is not supported locally")
        windows = {window.this.name.lower(): window for window in node.args.get("windows") or ()}
        scope = Scope(parent=parent, ctes=ctes, windows=windows)
        source = self.relations.from_clause(node, scope)
        where = self._condition(node.args.get("where"), scope, "WHERE")
        if where:
            pruning.push(node.args["where"].this, scope, self.expressions)
        items = self._items(node, scope)
        group = grouping.clause(node, items, scope, self.expressions)
        having = self._condition(node.args.get("having"), scope, "HAVING")
        order = self._order(node, items, scope)
        grouping.check(node, group, scope, self.expressions)
        selected = ", ".join(f'{item.sql} AS "c{place}"' for place, item in enumerate(items))
        distinct = "DISTINCT " if node.args.get("distinct") else ""
        sql = f"SELECT {distinct}{selected}{source}{where}{group.sql}{having}{order}{self._limit(node, scope)}"
        return Query(sql, tuple(_passed_on(item, node, group) for item in items))

    def _condition(self, clause: exp.Expr | None, scope: Scope, word: str) -> str:
        if clause is None:
            return ""
        made = self.expressions.compile(clause.this, scope)
        if made.type.name not in {"boolean", "unknown"}:
            where = self.source.where(clause.this)
            raise mismatch(where, f"{word} clause must evaluate to a boolean: actual type {made.type}")
        return f" {word} {made.sql}"

    def _items(self, node: exp.Select, scope: Scope) -> list[Output]:
        items: list[Output] = []
        for item in node.expressions:
            if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
                items.extend(self._star(item, scope))
                continue
            alias = item.alias.lower() if isinstance(item, exp.Alias) else ""
            inner = item.this if isinstance(item, exp.Alias) else item
            made = self.expressions.compile(inner, scope)
            name = alias or _implied_name(inner) or f"_col{len(items)}"
            items.append(Output(name, made.type, made.sql, _origin(made.sql, scope)))
        return items

    def _star(self, node: exp.Expr, scope: Scope) -> list[Output]:
        wanted = [part.name.lower() for part in parts(node)] if isinstance(node, exp.Column) else []
        found = [field for field in scope.fields if not field.hidden and (not wanted or field.relation == wanted[-1])]
        if not wanted:
            found = [field for field in found if not field.qualified]
        if not found:
            where = self.source.where(node)
            if wanted:
                raise QueryError("TABLE_NOT_FOUND", f"{where}: Unable to resolve reference {'.'.join(wanted)}")
            raise QueryError("COLUMN_NOT_FOUND", f"{where}: SELECT * not allowed in queries without FROM clause")
        for field in found:
            if field.scan is not None:
                field.scan.used.add(field.name)
        return [Output(field.name, field.type, field.sql, field) for field in found]

    def _order(self, node: exp.Expr, items: Sequence[Output], scope: Scope) -> str:
        clause = node.args.get("order")
        if clause is None:
            return ""
        outputs: dict[str, list[Expr]] = {}
        for item in items:
            outputs.setdefault(item.name, []).append(Expr(item.sql, item.type))
        inside = Scope(scope.fields, scope.parent, scope.ctes, {}, outputs, scope.windows)
        return f" ORDER BY {', '.join(self._ordered(item, items, inside, node) for item in clause.expressions)}"

    def _ordered(self, item: exp.Expr, items: Sequence[Output], scope: Scope, node: exp.Expr) -> str:
        if isinstance(item.this, exp.Literal) and not item.this.is_string:
            place = int(str(item.this.this))
            if not 0 < place <= len(items):
                where = self.source.where(item.this)
                raise QueryError(
                    "INVALID_COLUMN_REFERENCE", f"{where}: ORDER BY position {place} is not in select list"
                )
            return f'"c{place - 1}"{direction(item)}'
        made = self.expressions.compile(item.this, scope)
        place = next((n for n, output in enumerate(items) if output.sql == made.sql), -1)
        if place < 0 and node.args.get("distinct"):
            where = self.source.where(item.this)
            told = "For SELECT DISTINCT, ORDER BY expressions must appear in select list"
            raise QueryError("EXPRESSION_NOT_IN_DISTINCT", f"{where}: {told}")
        return (f'"c{place}"' if place >= 0 else made.sql) + direction(item)

    def _limit(self, node: exp.Expr, scope: Scope) -> str:
        sql = ""
        limit, offset = node.args.get("limit"), node.args.get("offset")
        count = limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression if limit else None
        if limit is not None and not isinstance(count, exp.Var):
            sql += f" LIMIT {self.expressions.compile(count, scope).sql if count is not None else 1}"
        if offset is not None:
            sql += f" OFFSET {self.expressions.compile(offset.expression, scope).sql}"
        return sql

    def _set_operation(self, node: exp.SetOperation, parent: Scope | None, ctes: Mapping[str, Cte]) -> Query:
        scope = Scope(parent=parent, ctes=ctes)
        left, right = self.query(node.this, scope), self.query(node.expression, scope)
        word = type(node).__name__.upper()
        where = self.source.where(node.expression)
        if len(left.outputs) != len(right.outputs):
            counts = f"{len(left.outputs)}, {len(right.outputs)}"
            raise mismatch(where, f"{word} query has different number of fields: {counts}")
        joint: list[Type] = []
        for place, (one, other) in enumerate(zip(left.outputs, right.outputs, strict=True), 1):
            wider = common(one.type, other.type)
            if wider is None:
                kinds = f"{one.type}, {other.type}"
                raise mismatch(where, f"column {place} in {word} query has incompatible types: {kinds}")
            joint.append(wider)
        every = "" if node.args.get("distinct", True) else " ALL"
        sql = f"({_brought(left, joint)}) {word}{every} ({_brought(right, joint)})"
        outputs = [
            Output(output.name, kind, f'"c{place}"')
            for place, (output, kind) in enumerate(zip(left.outputs, joint, strict=True))
        ]
        return self._modified(node, Query(sql, tuple(outputs)), parent, ctes)

    def _modified(self, node: exp.Expr, query: Query, parent: Scope | None, ctes: Mapping[str, Cte]) -> Query:
        """ORDER BY and LIMIT behind a set operation or a query in parentheses."""
        if not any(node.args.get(part) for part in ("order", "limit", "offset")):
            return query
        alias = self.plan.alias()
        outputs = [
            Output(output.name, output.type, f'"{alias}"."c{place}"') for place, output in enumerate(query.outputs)
        ]
        fields = [Field(output.name, output.type, output.sql) for output in outputs]
        scope = Scope(fields, parent, ctes)
        order = self._order(node, outputs, scope)
        listed = ", ".join(f'{output.sql} AS "c{place}"' for place, output in enumerate(outputs))
        sql = f'SELECT {listed} FROM ({query.sql}) AS "{alias}"{order}{self._limit(node, scope)}'
        return Query(sql, tuple(outputs))

    def _values(self, node: exp.Values, parent: Scope | None, ctes: Mapping[str, Cte]) -> Query:
        scope = Scope(parent=parent, ctes=ctes)
        rows = [
            [
                self.expressions.compile(cell, scope)
                for cell in (row.expressions if isinstance(row, exp.Tuple) else [row])
            ]
            for row in node.expressions
        ]
        if len({len(row) for row in rows}) > 1:
            raise mismatch(self.source.where(node), "Values rows have mismatched sizes")
        joint = [cell.type for cell in rows[0]]
        for row in rows[1:]:
            for place, cell in enumerate(row):
                wider = common(joint[place], cell.type)
                if wider is None:
                    where = self.source.where(node.expressions[0])
                    kinds = f"{joint[place]} and {cell.type}"
                    raise mismatch(where, f"Values rows have mismatched types: {kinds}")
                joint[place] = wider
        lines = [", ".join(coerced(cell, kind).sql for cell, kind in zip(row, joint, strict=True)) for row in rows]
        alias = self.plan.alias()
        names = ", ".join(f"c{place}" for place in range(len(joint)))
        listed = ", ".join(f"({line})" for line in lines)
        outputs = tuple(Output(f"_col{place}", kind, f'"c{place}"') for place, kind in enumerate(joint))
        return Query(f'SELECT * FROM (VALUES {listed}) AS "{alias}"({names})', outputs)


_WRAPPERS: Final = ("order", "limit", "offset", "with_", "joins")


def _without_parentheses(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Subquery | exp.Paren) and not any(node.args.get(part) for part in _WRAPPERS):
        node = node.this
    return node


def _implied_name(node: exp.Expr) -> str:
    """The name that a column keeps without an alias: its own, or a row's field's."""
    names: list[Any] = parts(node)
    return str(names[-1].name).lower() if names else ""


def _origin(sql: str, scope: Scope) -> Field | None:
    return next((field for field in scope.fields if field.sql == sql), None)


def _passed_on(item: Output, node: exp.Select, group: grouping.Group) -> Output:
    """The column, with its origin only where a filter on it may as well be applied before this SELECT."""
    counted = node.args.get("limit") or node.args.get("offset") or node.find(exp.Window)
    if counted or (group.grouped and item.sql not in group.keys):
        return Output(item.name, item.type, item.sql)
    return item


def _brought(query: Query, types: Sequence[Type]) -> str:
    if all(output.type.duck == kind.duck for output, kind in zip(query.outputs, types, strict=True)):
        return query.sql
    cells = [
        f"{coerced(Expr(f'c{place}', output.type), kind).sql} AS c{place}"
        for place, (output, kind) in enumerate(zip(query.outputs, types, strict=True))
    ]
    return f"SELECT {', '.join(cells)} FROM ({query.sql}) AS side"
