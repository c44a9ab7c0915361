"""Whether the views, and the table of what failed, stand as a crawl by this version of salespipe would make them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from salespipe.query import quarantine, views
from salespipe.query.catalogue import Catalogue

if TYPE_CHECKING:
    from salespipe.aws import Aws


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of each view that the crawled columns allow, and of the table ``quarantine``, by name."""

    current: tuple[str, ...]
    missing: tuple[str, ...]
    outdated: tuple[str, ...]


def standing(aws: Aws) -> Standing | None:
    """Compare what is in Glue with what a crawl would write now; None where nothing was crawled yet.

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
    same = {name: _same(found[name].sql, sql) for name, sql in wanted.items() if name in found}
    failed = aws.names.quarantine_table
    if failed in found:
        same[failed] = quarantine.stands(found[failed], aws.names)
    every = (*wanted, failed)
    return Standing(
        tuple(name for name in every if same.get(name)),
        tuple(name for name in every if name not in same),
        tuple(name for name in every if same.get(name) is False),
    )


def _same(stored: str | None, wanted: str) -> bool:
    return stored is not None and _plain(stored) == _plain(wanted.partition(" AS\n")[2])


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
