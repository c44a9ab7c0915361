"""Which tables a statement reads, through views, and what it demands of their partition columns.

Everything errs to one side: a condition that is not understood demands nothing, a table named twice is read twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from salespipe.query.partition_values import KEY

if TYPE_CHECKING:
    from salespipe.query.catalogue import Catalogue, Table

_DEPTH: Final = 16
_OURS: Final = frozenset({"", "awsdatacatalog"})
# What does not pass a row on as it came: a condition on what such a SELECT answers is not one on what it reads.
_OPAQUE: Final = ("group", "having", "distinct", "limit", "offset", "qualify", "match", "pivots")


class NotUnderstoodError(Exception):
    """A statement whose tables cannot be told."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One reading of a table. ``conditions`` name only its partition columns, as columns of the table ``KEY``."""

    table: Table
    conditions: tuple[exp.Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class _Named:
    """A WITH query and the ones that it may name itself."""

    query: exp.Expr
    ctes: Mapping[str, _Named]


def scans(catalogue: Catalogue, sql: str, parameters: Sequence[str] = ()) -> list[Scan]:
    """What a query, or a statement that holds one, reads; ``parameters`` are SQL literals for its question marks.

    Raises ``NotUnderstoodError`` where the statement, or a view in it, is not understood.
    """
    tree = _parsed(_filled(sql, parameters))
    reader = _Reader(catalogue)
    return [scan for query in _queries(tree) for scan in reader.read(query, {}, (), "", 0)]


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
                ctes = {**ctes, cte.alias.lower(): _Named(cte.this, ctes)}
        if isinstance(query, exp.SetOperation):
            for side in (query.this, query.expression):
                yield from self.read(side, ctes, (), database, depth + 1)
        elif isinstance(query, exp.Select):
            yield from self._select(query, ctes, outer, database, depth + 1)
        elif isinstance(query, exp.Subquery) and not query.args.get("limit"):
            yield from self.read(query.this, ctes, outer, database, depth + 1)
        elif isinstance(query, exp.Table):  # TABLE orders
            yield from self._source(query, ctes, (), database, depth + 1)
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
        conditions = list(_conjuncts(where.this)) if where else []
        if not _opaque(select):
            conditions += [inner for condition in outer if (inner := _inward(condition, select)) is not None]
        sources = list(_from(select))
        for source, nullable in sources:
            alone = len(sources) == 1
            demanded = () if nullable else tuple(_for(source, conditions, alone=alone))
            yield from self._source(source, ctes, demanded, database, depth)
        known = {id(source) for source, _ in sources}
        for inner in _queries_within(select, known | {id(select.args.get("with_"))}):
            yield from self.read(inner, ctes, (), database, depth)

    def _source(
        self,
        source: exp.Expr,
        ctes: Mapping[str, _Named],
        conditions: Sequence[exp.Expr],
        database: str,
        depth: int,
    ) -> Iterator[Scan]:
        if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
            yield from self.read(source, ctes, conditions, database, depth)
            return
        name = source.name.lower()
        if not source.db and name in ctes:
            named = ctes[name]
            yield from self.read(named.query, named.ctes, conditions, database, depth)
            return
        if source.catalog.lower() not in _OURS:
            raise NotUnderstoodError(f"the catalog {source.catalog}")
        table = self._catalogue.table(name, source.db or database)
        if table is None:
            return  # Athena will say so, or it is one that reads no objects: information_schema, "orders$partitions"
        if not table.is_view:
            keys = {key.name for key in table.keys}
            yield Scan(table, tuple(made for one in conditions if (made := _on_keys(one, keys)) is not None))
        elif table.sql is None:
            raise NotUnderstoodError(f"the view {table.name}")
        else:
            view = next(_queries(_parsed(table.sql)))
            yield from self.read(view, {}, conditions, table.schema, depth)


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
    joins = [*(clause.this.args.get("joins") or ()), *(select.args.get("joins") or ())]
    sides = [str(join.args.get("side") or "").upper() for join in joins]
    yield clause.this, any(side in {"RIGHT", "FULL"} for side in sides)
    for place, join in enumerate(joins):
        later = any(side in {"RIGHT", "FULL"} for side in sides[place + 1 :])
        yield join.this, later or sides[place] in {"LEFT", "FULL"}


def _opaque(select: exp.Select) -> bool:
    if any(select.args.get(part) for part in _OPAQUE):
        return True
    return any(True for shown in select.expressions for _ in shown.find_all(exp.AggFunc, exp.Window, exp.Unnest))


def _conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.And):
        yield from _conjuncts(node.this)
        yield from _conjuncts(node.expression)
    elif not any(True for _ in node.find_all(exp.Query, exp.Window)):
        yield node


def _inward(condition: exp.Expr, select: exp.Select) -> exp.Expr | None:
    """A condition on what a SELECT answers as one on what it reads; None where it is not a column unchanged."""
    shown = {each.alias_or_name.lower(): each.unalias() for each in select.expressions}
    starred = any(each.is_star for each in select.expressions)

    def inner(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column):
            return node
        found = shown.get(node.name.lower())
        if isinstance(found, exp.Column):
            return found.copy()
        return exp.column(node.name) if found is None and starred else exp.column(node.name, table="\0none")

    return condition.copy().transform(inner)


def _for(source: exp.Expr, conditions: Iterable[exp.Expr], *, alone: bool) -> Iterator[exp.Expr]:
    """The conditions that name only columns of ``source``, without its name before them."""
    alias = source.args.get("alias")
    if alias is not None and alias.args.get("columns"):
        return
    name = source.alias_or_name.lower()
    for condition in conditions:
        columns = list(condition.find_all(exp.Column))
        if columns and all(
            (column.table.lower() == name if column.table else alone) and not column.args.get("db")
            for column in columns
        ):
            made = condition.copy()
            for column in list(made.find_all(exp.Column)):
                column.set("table", None)
            yield made


def _on_keys(condition: exp.Expr, keys: Iterable[str]) -> exp.Expr | None:
    """The condition with partition columns marked; None where it names another column."""
    made = condition.copy()
    columns = list(made.find_all(exp.Column))
    if any(column.name.lower() not in keys for column in columns):
        return None
    for column in columns:
        column.set("this", exp.to_identifier(column.name.lower()))
        column.set("table", exp.to_identifier(KEY))
    return made
