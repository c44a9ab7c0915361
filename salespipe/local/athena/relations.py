"""FROM: tables, views, subqueries, VALUES, UNNEST and joins -> DuckDB SQL and the fields they bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from salespipe.local.athena import information
from salespipe.local.athena.casts import coerced
from salespipe.local.athena.compiler import mismatch
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.names import column
from salespipe.local.athena.plan import Cte, Expr, Field, Query, Scan, Scope
from salespipe.local.athena.session import CATALOG
from salespipe.local.athena.syntax import parse_query
from salespipe.local.athena.types import BIGINT, VARCHAR, Type, common, quoted
from salespipe.local.athena.views import View, decoded

if TYPE_CHECKING:
    from salespipe.local.athena.queries import Queries

_VIEW_DEPTH = 16
# What the parser takes behind a relation and nothing here computes.
_UNREAD = {"sample": "TABLESAMPLE", "version": "FOR TIMESTAMP or VERSION AS OF", "pivots": "PIVOT"}


class Relations:
    """Compiles the FROM clauses of one text."""

    def __init__(self, queries: Queries, depth: int = 0) -> None:
        self._queries = queries
        self._depth = depth

    def from_clause(self, node: exp.Select, scope: Scope) -> str:
        """`` FROM ...`` of a SELECT, empty when it has none; ``scope`` receives the fields."""
        clause = node.args.get("from_")
        if clause is None:
            return ""
        sql, scope.fields = self._relation(clause.this, scope)
        for inner in clause.this.args.get("joins") or ():
            sql = self._join(sql, inner, scope)
        for join in node.args.get("joins") or ():
            sql = self._join(sql, join, scope)
        return f" FROM {sql}"

    def _join(self, left: str, join: exp.Join, scope: Scope) -> str:
        before = scope.fields
        side = str(join.args.get("side") or "").upper()
        if isinstance(join.this, exp.Unnest):
            return self._unnested(left, join.this, scope, keep=side == "LEFT")
        right, fields = self._relation(join.this, scope)
        for inner in join.this.args.get("joins") or ():
            nested = Scope(fields, scope.parent, scope.ctes)
            right = f"({self._join(right, inner, nested)})"
            fields = nested.fields
        if side in {"RIGHT", "FULL"}:
            before = [replace(field, outer=True) for field in before]
        if side in {"LEFT", "FULL"}:
            fields = [replace(field, outer=True) for field in fields]
        scope.fields = [*before, *fields]
        if join.args.get("using"):
            return self._using(left, right, join, (before, fields), scope)
        condition = join.args.get("on")
        if condition is None:
            return f"{left} CROSS JOIN {right}"
        made = self._queries.expressions.compile(condition, scope)
        if made.type.name not in {"boolean", "unknown"}:
            where = self._queries.source.where(condition)
            raise mismatch(where, f"JOIN ON clause must evaluate to a boolean: actual type {made.type}")
        return f"{left} {side or 'INNER'} JOIN {right} ON {made.sql}"

    def _using(
        self, left: str, right: str, join: exp.Join, sides: tuple[list[Field], list[Field]], scope: Scope
    ) -> str:
        before, fields = sides
        side = str(join.args.get("side") or "INNER").upper()
        conditions, merged = [], []
        names = [name.name.lower() for name in join.args["using"]]
        for name, node in zip(names, join.args["using"], strict=True):
            pair = [
                next((field for field in of if field.name == name and not field.qualified), None)
                for of in (before, fields)
            ]
            one, other = pair
            if one is None or other is None:
                told = f"Column '{name}' is missing from {'left' if one is None else 'right'} side of join"
                raise QueryError("COLUMN_NOT_FOUND", f"{self._queries.source.where(node)}: {told}")
            joint = common(one.type, other.type)
            if joint is None:
                where = self._queries.source.where(node)
                raise mismatch(where, f"Column '{name}' has incompatible types: {one.type}, {other.type}")
            a, b = (coerced(Expr(field.sql, field.type), joint).sql for field in (one, other))
            for field in (one, other):
                if field.scan is not None:
                    field.scan.used.add(field.name)
            conditions.append(f"{a} = {b}")
            merged.append(Field(name, joint, {"FULL": f"coalesce({a}, {b})", "RIGHT": b}.get(side, a)))
        rest = [replace(field, qualified=True) if field.name in names else field for field in (*before, *fields)]
        scope.fields = [*merged, *rest]
        return f"{left} {side} JOIN {right} ON {' AND '.join(conditions)}"

    def _relation(  # noqa: PLR0911 - one answer for each kind of relation
        self, node: exp.Expr, scope: Scope
    ) -> tuple[str, list[Field]]:
        alias = node.args.get("alias")
        named = alias.name.lower() if alias is not None and alias.this is not None else ""
        columns = [name.name.lower() for name in alias.columns] if alias is not None else []
        for part, shown in _UNREAD.items():
            if node.args.get(part):
                told = f"{self._queries.source.where(node)}: {shown} is not supported locally"
                raise QueryError("NOT_SUPPORTED", told)
        if isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
            return self._derived(self._queries.query(node.this, Scope(ctes=scope.ctes)), named, columns, node)
        if isinstance(node, exp.Table):
            return self._table(node, named, columns, scope)
        if isinstance(node, exp.Unnest):
            return self._unnest(node, scope)
        if isinstance(node, exp.Lateral):
            query = self._queries.query(node.this, scope)
            sql, fields = self._derived(query, named, columns, node)
            return f"LATERAL {sql}", fields
        if isinstance(node, exp.Values):
            bare = node.copy()
            bare.set("alias", None)
            return self._derived(self._queries.query(node, Scope(ctes=scope.ctes)), named, columns, node)
        if isinstance(node, exp.Subquery | exp.Paren):
            if isinstance(node.this, exp.Table | exp.Values | exp.Subquery | exp.Unnest):
                inner = Scope(parent=scope.parent, ctes=scope.ctes)
                sql, inner.fields = self._relation(node.this, inner)
                for join in node.this.args.get("joins") or ():
                    sql = self._join(sql, join, inner)
                return f"({sql})" if node.this.args.get("joins") else sql, inner.fields
            around = Scope(parent=scope.parent, ctes=scope.ctes)
            return self._derived(self._queries.query(node.this, around), named, columns, node)
        told = f"{type(node).__name__} in FROM is not supported locally"
        raise QueryError("NOT_SUPPORTED", f"{self._queries.source.where(node)}: {told}")

    def _derived(self, query: Query, name: str, columns: Sequence[str], node: exp.Expr) -> tuple[str, list[Field]]:
        if columns and len(columns) != len(query.outputs):
            where = self._queries.source.where(node)
            told = (
                f"Column alias list has {len(columns)} entries but '{name}' has {len(query.outputs)} columns available"
            )
            raise mismatch(where, told)
        alias = self._queries.plan.alias()
        fields = [
            Field(columns[n] if columns else out.name, out.type, column(alias, f"c{n}"), name, origin=out.origin)
            for n, out in enumerate(query.outputs)
        ]
        return f"({query.sql}) AS {quoted(alias)}", fields

    def _table(self, node: exp.Table, named: str, columns: Sequence[str], scope: Scope) -> tuple[str, list[Field]]:
        name, schema = node.name.lower(), node.db.lower()
        cte = scope.ctes.get(name) if not schema else None
        if cte is not None:
            return self._cte(cte, named or name, columns, node)
        session = self._queries.session
        where = self._queries.source.where(node)
        if not (schema or session.database):
            raise QueryError("MISSING_SCHEMA_NAME", f"{where}: Schema must be specified when session schema is not set")
        if node.catalog and node.catalog.lower() != CATALOG:
            raise QueryError("CATALOG_NOT_FOUND", f"{where}: Catalog '{node.catalog.lower()}' does not exist")
        schema = schema or session.database
        if schema == "information_schema":
            query = information.table(name, session.catalog)
            if query is not None:
                return self._derived(query, named or name, columns, node)
        table = session.catalog.table(schema, name)
        if table is None:
            if not session.catalog.has_database(schema):
                raise QueryError("SCHEMA_NOT_FOUND", f"{where}: Schema '{schema}' does not exist")
            raise QueryError("TABLE_NOT_FOUND", f"{where}: Table '{CATALOG}.{schema}.{name}' does not exist")
        if table.view_text:
            return self._view(decoded(table), named or name, columns, node)
        scan = Scan(table, f"scan_{len(self._queries.plan.scans)}", self._queries.plan.alias())
        self._queries.plan.scans.append(scan)
        known = [*table.columns, *table.partition_keys]
        if columns and len(columns) != len(known):
            told = f"Column alias list has {len(columns)} entries but '{name}' has {len(known)} columns available"
            raise mismatch(where, told)
        fields = [
            Field(key.name, key.type, column(scan.alias, key.name), named or name, "" if named else schema, scan=scan)
            for key in known
        ]
        for place, other in enumerate(columns):
            fields[place] = Field(other, known[place].type, fields[place].sql, named, origin=fields[place])
            scan.used.add(known[place].name)
        hidden = [
            Field(word, kind, column(scan.alias, word), named or name, hidden=True, scan=scan) for word, kind in HIDDEN
        ]
        return f"{scan.name} AS {quoted(scan.alias)}", [*fields, *hidden]

    def _cte(self, cte: Cte, name: str, columns: Sequence[str], node: exp.Table) -> tuple[str, list[Field]]:
        around = Scope(parent=cte.scope, ctes=cte.visible)
        query = self._queries.query(cte.query, around)
        return self._derived(query, name, columns or cte.columns, node)

    def _view(self, view: View, name: str, columns: Sequence[str], node: exp.Table) -> tuple[str, list[Field]]:
        """A view is its query in its own database; a view that no longer compiles says so with its own name."""
        from salespipe.local.athena.queries import Queries

        queries = self._queries
        if self._depth >= _VIEW_DEPTH:
            raise QueryError("INVALID_VIEW", f"View '{CATALOG}.{view.schema}.{view.name}' is recursive")
        try:
            tree, source = parse_query(view.sql)
            inner = Queries(source, queries.session.using(view.database), queries.plan, self._depth + 1)
            query = inner.query(tree, None)
        except QueryError as error:
            where = queries.source.where(node)
            told = f"Failed analyzing stored view '{CATALOG}.{view.schema}.{view.name}': {error.message}"
            raise QueryError("INVALID_VIEW", f"{where}: {told}") from error
        return self._derived(query, name, columns or view.columns, node)

    def _unnest(self, node: exp.Unnest, scope: Scope) -> tuple[str, list[Field]]:
        """UNNEST as the only relation."""
        inner = Scope([], scope.parent, scope.ctes)
        sql = self._unnested("(SELECT 1) AS one", node, inner, keep=False)
        return sql, inner.fields

    def _unnested(self, left: str, node: exp.Unnest, scope: Scope, *, keep: bool) -> str:
        """``left CROSS JOIN UNNEST(...)`` as a projection over ``left``: the rows stay in their order."""
        alias, inner = self._queries.plan.alias(), self._queries.plan.alias()
        passed = [f'{field.sql} AS "p{place}"' for place, field in enumerate(scope.fields)]
        made: list[str] = []
        kinds: list[Type] = []
        picks: list[str] = []
        values = [self._queries.expressions.compile(value, scope) for value in node.expressions]
        lists = [part for value in values for part in self._lists(value, node)]
        longest = f"greatest({', '.join(f'coalesce(len({sql}), 0)' for sql, _ in lists)})"
        for place, (sql, kind) in enumerate(lists):
            padded = f"CASE WHEN {longest} = 0 THEN [NULL] ELSE {sql} END" if keep else sql
            made.append(f'unnest({padded}) AS "u{place}"')
            if kind.name == "row":
                fields = zip(kind.field_names, kind.of, strict=True)
                parts = [(f"struct_extract({column(inner, f'u{place}')}, '{name}')", of) for name, of in fields]
            else:
                parts = [(column(inner, f"u{place}"), kind)]
            picks.extend(part for part, _ in parts)
            kinds.extend(of for _, of in parts)
        names = [name.name.lower() for name in node.args["alias"].columns] if node.args.get("alias") else []
        if node.args.get("offset"):
            made.append(f'unnest(CASE WHEN {longest} = 0 THEN [NULL] ELSE range(1, {longest} + 1) END) AS "place"')
            picks.append(column(inner, "place"))
            kinds.append(BIGINT)
            if isinstance(node.args["offset"], exp.Identifier):
                names.append(node.args["offset"].name.lower())
        relation = node.args["alias"].name.lower() if node.args.get("alias") else ""
        if names and len(names) != len(kinds):
            told = f"Column alias list has {len(names)} entries but '{relation}' has {len(kinds)} columns available"
            raise mismatch(self._queries.source.where(node), told)
        before = [
            replace(field, sql=column(alias, f"p{n}"), origin=field, scan=None) for n, field in enumerate(scope.fields)
        ]
        for field in scope.fields:
            if field.scan is not None and not field.hidden:
                field.scan.used.add(field.name)
        new = [
            Field(names[n] if names else f"_col{n}", kind, column(alias, f"e{n}"), relation)
            for n, kind in enumerate(kinds)
        ]
        kept = [f'{column(inner, f"p{n}")} AS "p{n}"' for n in range(len(scope.fields))]
        shown = [f'{sql} AS "e{n}"' for n, sql in enumerate(picks)]
        scope.fields = [*before, *new]
        projected = f"SELECT {', '.join([*passed, *made])} FROM {left}"
        return f"(SELECT {', '.join([*kept, *shown])} FROM ({projected}) AS {quoted(inner)}) AS {quoted(alias)}"

    def _lists(self, value: Expr, node: exp.Unnest) -> list[tuple[str, Type]]:
        if value.type.name == "array":
            return [(value.sql, value.type.of[0])]
        if value.type.name == "map":
            keys, values = f"map_keys({value.sql})", f"map_values({value.sql})"
            return [(keys, value.type.of[0]), (values, value.type.of[1])]
        raise mismatch(self._queries.source.where(node), f"Cannot unnest type: {value.type}")


HIDDEN = (("$path", VARCHAR), ("$file_size", BIGINT))
