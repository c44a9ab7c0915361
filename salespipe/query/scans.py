"""Which tables a statement reads, through views, and what it demands of their partition columns.

Everything errs to one side: a condition that is not understood demands nothing, a table named twice is read twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from salespipe.query.pushing import conjuncts, inward, naming, on_keys, opaque

if TYPE_CHECKING:
    from salespipe.query.catalogue import Catalogue, Table

_DEPTH: Final = 16
_OURS: Final = frozenset({"", "awsdatacatalog"})


class NotUnderstoodError(Exception):
    """A statement whose tables cannot be told."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One reading of a table. ``conditions`` name only its partition columns, as columns of the table ``KEY``."""

    table: Table
    conditions: tuple[exp.Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class _Named:
    """A WITH query, the ones that it may name itself, and whether its columns have other names outside."""

    query: exp.Expr
    ctes: Mapping[str, _Named]
    renamed: bool


def scans(catalogue: Catalogue, sql: str, parameters: Sequence[str] = ()) -> list[Scan]:
    """What a query, or a statement that holds one, reads; ``parameters`` are SQL literals for its question marks.

    Raises ``NotUnderstoodError`` where the statement, or a view in it, is not understood.
    """
    tree = _parsed(_filled(sql, parameters))
    if isinstance(tree, exp.Update | exp.Delete | exp.Merge):
        raise NotUnderstoodError("a statement that reads what it writes to")
    reader = _Reader(catalogue)
    found = [scan for query in _queries(tree) for scan in reader.read(query, {}, (), "", 0)]
    target = tree.this if isinstance(tree, exp.Create | exp.Insert) else None
    reader.require_all(tree, target)
    return found


def _filled(sql: str, parameters: Sequence[str]) -> str:
    """The text with ``parameters`` in place of its question marks, as far as there are."""
    if not parameters:
        return sql
    try:
        tokens = sqlglot.tokenize(sql, read="athena")
    except SqlglotError as error:
        raise NotUnderstoodError(str(error)) from error
    marks = [token for token in tokens if token.text == "?" and token.token_type.name == "PLACEHOLDER"]
    for mark, text in reversed(list(zip(marks, parameters, strict=False))):
        sql = f"{sql[: mark.start]}{text}{sql[mark.end + 1 :]}"
    return sql


def _parsed(sql: str) -> exp.Expr:
    try:
        trees = [tree for tree in sqlglot.parse(sql, dialect="athena") if tree is not None]
    except (SqlglotError, RecursionError) as error:
        raise NotUnderstoodError(str(error)) from error
    if len(trees) != 1 or isinstance(trees[0], exp.Command):
        raise NotUnderstoodError(sql)
    return trees[0]


class _Reader:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._seen: set[int] = set()

    def require_all(self, tree: exp.Expr, target: exp.Expr | None = None) -> None:
        """Raises ``NotUnderstoodError`` for a table in ``tree``, but not in ``target``, that nothing has come by."""
        written = {id(table) for table in target.find_all(exp.Table)} if target else set()
        for table in tree.find_all(exp.Table):
            if id(table) not in self._seen | written:
                raise NotUnderstoodError(f"where {table.name} is read")

    def read(
        self,
        query: exp.Expr,
        ctes: Mapping[str, _Named],
        outer: Sequence[exp.Expr],
        database: str,
        depth: int,
    ) -> Iterator[Scan]:
        """What ``query`` reads, given ``outer`` conditions on its columns, which they name without a table."""
        if depth > _DEPTH:
            raise NotUnderstoodError("views within views without end")
        if with_ := query.args.get("with_"):
            for cte in with_.expressions:
                renamed = bool(cte.args["alias"].args.get("columns"))
                ctes = {**ctes, cte.alias.lower(): _Named(cte.this, ctes, renamed)}
        if isinstance(query, exp.SetOperation):
            for side in (query.this, query.expression):
                yield from self.read(side, ctes, (), database, depth + 1)
        elif isinstance(query, exp.Select):
            yield from self._select(query, ctes, outer, database, depth + 1)
        elif isinstance(query, exp.Subquery):
            passed = () if query.args.get("limit") or query.args.get("offset") else outer
            yield from self._source(query.this, ctes, passed, database, depth + 1)
        else:
            for inner in _queries_within(query):
                yield from self.read(inner, ctes, (), database, depth + 1)

    def _select(
        self,
        select: exp.Select,
        ctes: Mapping[str, _Named],
        outer: Sequence[exp.Expr],
        database: str,
        depth: int,
    ) -> Iterator[Scan]:
        where = select.args.get("where")
        conditions = list(conjuncts(where.this)) if where else []
        if not opaque(select):
            conditions += [inner for condition in outer if (inner := inward(condition, select)) is not None]
        sources = list(_from(select))
        for source, nullable in sources:
            others = [other for other, _ in sources if other is not source]
            own = partial(self._none_has, others, ctes, database)
            demanded = () if nullable else tuple(naming(source, conditions, own))
            yield from self._source(source, ctes, demanded, database, depth)
        known = {id(source) for source, _ in sources}
        for inner in _queries_within(select, known | {id(select.args.get("with_"))}):
            yield from self.read(inner, ctes, (), database, depth)

    def _none_has(self, sources: Iterable[exp.Expr], ctes: Mapping[str, _Named], database: str, name: str) -> bool:
        return not any(self._may_have(source, name, ctes, database) for source in sources)

    def _may_have(self, source: exp.Expr, name: str, ctes: Mapping[str, _Named], database: str) -> bool:
        """Whether a relation may have a column of that name; only a table's columns are known for certain."""
        alias = source.args.get("alias")
        if isinstance(source, exp.Unnest) and alias is not None and alias.args.get("columns"):
            return name in {column.name.lower() for column in alias.args["columns"]}
        if (
            not isinstance(source, exp.Table)
            or source.args.get("joins")
            or (not source.db and source.name.lower() in ctes)
        ):
            return True
        table = self._catalogue.table(source.name, source.db or database)
        return (
            table is None
            or (alias is not None and bool(alias.args.get("columns")))
            or any(field.name == name for field in table.fields)
        )

    def _source(
        self,
        source: exp.Expr,
        ctes: Mapping[str, _Named],
        conditions: Sequence[exp.Expr],
        database: str,
        depth: int,
    ) -> Iterator[Scan]:
        if joins := source.args.get("joins") if not isinstance(source, exp.Select) else None:
            conditions = ()  # (a JOIN b): whose columns a condition names is not told here
            for join in joins:
                yield from self._source(join.this, ctes, (), database, depth)
                for inner in _queries_within(join, {id(join.this)}):
                    yield from self.read(inner, ctes, (), database, depth)
        self._seen.add(id(source))
        if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
            yield from self.read(source, ctes, conditions, database, depth)
            return
        name = source.name.lower()
        if not source.db and name in ctes:
            named = ctes[name]
            yield from self.read(named.query, named.ctes, () if named.renamed else conditions, database, depth)
            return
        if source.catalog.lower() not in _OURS:
            raise NotUnderstoodError(f"the catalog {source.catalog}")
        table = self._catalogue.table(name, source.db or database)
        if table is None:
            return  # Athena will say so, or it is one that reads no objects: information_schema, "orders$partitions"
        if not table.is_view:
            keys = {key.name for key in table.keys}
            yield Scan(table, tuple(made for one in conditions if (made := on_keys(one, keys)) is not None))
        elif table.sql is None:
            raise NotUnderstoodError(f"the view {table.name}")
        else:
            view = _parsed(table.sql)
            for query in _queries(view):
                yield from self.read(query, {}, conditions, table.schema, depth)
            self.require_all(view)


def _queries(tree: exp.Expr) -> Iterator[exp.Expr]:
    """The outermost queries of a statement."""
    if isinstance(tree, exp.Query):
        yield tree
    else:
        yield from _queries_within(tree)


def _queries_within(node: exp.Expr, skipped: Iterable[int] = ()) -> Iterator[exp.Expr]:
    """The queries below ``node``, without those that are in another, or in a node whose id is ``skipped``."""
    for child in node.iter_expressions():
        if id(child) in skipped:
            continue
        if isinstance(child, exp.Query) and not isinstance(child, exp.Table):
            yield child
        else:
            yield from _queries_within(child, skipped)


def _from(select: exp.Select) -> Iterator[tuple[exp.Expr, bool]]:
    """The relations of FROM, and whether an outer join may fill each with NULLs."""
    clause = select.args.get("from_")
    if clause is None:
        return
    joins = select.args.get("joins") or ()
    sides = [str(join.args.get("side") or "").upper() for join in joins]
    yield clause.this, any(side in {"RIGHT", "FULL"} for side in sides)
    for place, join in enumerate(joins):
        later = any(side in {"RIGHT", "FULL"} for side in sides[place + 1 :])
        yield join.this, later or sides[place] in {"LEFT", "FULL"}
