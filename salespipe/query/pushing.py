"""Conditions on their way from a WHERE clause to the table whose partitions they choose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from sqlglot import exp

from salespipe.query.partition_values import KEY

# What does not pass a row on as it came: a condition on what such a SELECT answers is not one on what it reads.
_OPAQUE: Final = ("group", "having", "distinct", "limit", "offset", "qualify", "match", "pivots")


def opaque(select: exp.Select) -> bool:
    """Whether a condition on what a SELECT answers says nothing of the rows that it reads."""
    if any(select.args.get(part) for part in _OPAQUE):
        return True
    return any(True for shown in select.expressions for _ in shown.find_all(exp.AggFunc, exp.Window, exp.Unnest))


def conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    """The parts of a condition that all have to hold, without those that ask another query."""
    node = node.unnest()
    for part in node.flatten() if isinstance(node, exp.And) else (node,):
        if not any(True for _ in part.find_all(exp.Query, exp.Window)):
            yield part


def inward(condition: exp.Expr, select: exp.Select) -> exp.Expr | None:
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


def naming(source: exp.Expr, conditions: Iterable[exp.Expr], own: Callable[[str], bool]) -> Iterator[exp.Expr]:
    """The conditions that name only columns of ``source``, without its name before them.

    ``own`` tells of a column that is named without a table whether no other relation can have it.
    """
    alias = source.args.get("alias")
    if alias is not None and alias.args.get("columns"):
        return
    name = source.alias_or_name.lower()
    for condition in conditions:
        columns = list(condition.find_all(exp.Column))
        if columns and all(
            (column.table.lower() == name if column.table else own(column.name.lower())) and not column.args.get("db")
            for column in columns
        ):
            made = condition.copy()
            for column in list(made.find_all(exp.Column)):
                column.set("table", None)
            yield made


def on_keys(condition: exp.Expr, keys: Iterable[str]) -> exp.Expr | None:
    """The condition with partition columns marked; None where it names another column."""
    made = condition.copy()
    columns = list(made.find_all(exp.Column))
    if any(column.name.lower() not in keys for column in columns):
        return None
    for column in columns:
        column.set("this", exp.to_identifier(column.name.lower()))
        column.set("table", exp.to_identifier(KEY))
    return made
