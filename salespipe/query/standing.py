"""Whether the views stand as a crawl by this version of salespipe would make them, from what Glue knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from salespipe.query import views
from salespipe.query.catalogue import Catalogue

if TYPE_CHECKING:
    from salespipe.aws import Aws


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of each view that the crawled columns allow, by name."""

    current: tuple[str, ...]
    missing: tuple[str, ...]
    outdated: tuple[str, ...]


def standing(aws: Aws) -> Standing | None:
    """Compare the views in Glue with those that a crawl would write now; None where nothing was crawled yet.

    A view is outdated when another version of salespipe made it, when columns came since, or when somebody else
    changed it. Raises what boto3 raises, except for absence.
    """
    found = Catalogue(aws).tables()
    events = found.get(aws.names.events_table)
    if events is None:
        return None
    products = found.get(aws.names.products_table)
    wanted = views.wanted(
        aws.names,
        [column.name for column in events.columns],
        [column.name for column in products.columns] if products else [],
    )
    stored = {name: found[name].sql for name in wanted if name in found}
    return _judged(wanted, stored)


def _judged(wanted: Mapping[str, str], stored: Mapping[str, str | None]) -> Standing:
    same = {
        name
        for name, sql in stored.items()
        if sql is not None and _plain(sql) == _plain(wanted[name].partition(" AS\n")[2])
    }
    return Standing(
        tuple(name for name in wanted if name in same),
        tuple(name for name in wanted if name not in stored),
        tuple(name for name in wanted if name in stored and name not in same),
    )


def _plain(sql: str) -> str:
    """A query in one spelling of many.

    Athena does not keep a view's query as it was written but as its own parser prints it, with parentheses around
    every condition, other line breaks, and NOT in another place.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        query = sqlglot.parse_one(sql, read="athena")
    except SqlglotError:
        return sql
    for name in query.find_all(exp.Identifier):
        name.set("quoted", False)
        name.set("this", str(name.this).lower())
    for inner in list(query.find_all(exp.Paren)):
        inner.replace(inner.this)
    return query.sql(dialect="athena")
