"""How the views in Glue stand, compared with those that a crawl would make now."""

from __future__ import annotations

import base64
import json

import pytest

from salespipe.aws import Aws
from salespipe.query import quarantine, views
from salespipe.query.standing import Standing, standing

COLUMNS = ["orderid", "customer_id", "status", "amount", "created_at", "event_id", "event_type", "sequence_number"]
VIEWS = ("orders", "order_history", "customers")
ALL = (*VIEWS, "quarantine")


def create(aws: Aws, name: str, columns: list[str], text: str = "") -> None:
    glue, names = aws.client("glue"), aws.names
    if not glue.get_databases()["DatabaseList"]:
        glue.create_database(DatabaseInput={"Name": names.database})
    described = [{"Name": column, "Type": "string"} for column in columns]
    table = {"Name": name, "StorageDescriptor": {"Columns": described}, "ViewOriginalText": text}
    glue.create_table(DatabaseName=names.database, TableInput=table)


def kept(query: str) -> str:
    """A view's text as Athena keeps it."""
    return f"/* Presto View: {base64.b64encode(json.dumps({'originalSql': query}).encode()).decode()} */"


def lay(aws: Aws, columns: list[str], **instead: str) -> None:
    """The crawled table, and the views of ``columns``; another query, or none, ``instead``."""
    create(aws, aws.names.events_table, COLUMNS)
    for name, sql in views.wanted(aws.names, columns, []).items():
        if query := instead.get(name, sql.partition(" AS\n")[2]):
            create(aws, name, [], kept(query))
    quarantine.keep(aws)


def looked(aws: Aws) -> Standing:
    found = standing(aws)
    assert found is not None
    return found


def test_nothing_was_crawled(aws: Aws) -> None:
    assert standing(aws) is None


def test_all_are_as_they_should_be(aws: Aws) -> None:
    lay(aws, COLUMNS)
    found = looked(aws)
    assert (found.current, found.missing, found.outdated) == (ALL, (), ())


def test_athenas_own_way_to_write_a_query_is_no_difference(aws: Aws) -> None:
    printed = (
        "SELECT\n  customer_id\n, count(*) orders\n, sum(AMOUNT) revenue\n, min(created_at) first_order\n"
        ", max(created_at) last_order\nFROM\n  orders\n"
        "WHERE ((sale_outcome = 'sold') AND (customer_id IS NOT NULL))\nGROUP BY customer_id\n"
    )
    lay(aws, COLUMNS, customers=printed)
    found = looked(aws)
    assert found.current == ALL


@pytest.mark.parametrize("query", ["SELECT 1 AS orderid", "not SQL ("])
def test_one_is_missing_and_one_another(aws: Aws, query: str) -> None:
    lay(aws, COLUMNS, orders=query, customers="")
    found = looked(aws)
    assert (found.current, found.missing, found.outdated) == (
        ("order_history", "quarantine"),
        ("customers",),
        ("orders",),
    )


def test_columns_that_came_since_make_views_outdated(aws: Aws) -> None:
    lay(aws, [column for column in COLUMNS if column != "amount"])
    found = looked(aws)
    assert (found.missing, found.outdated) == ((), VIEWS)


def test_a_view_that_athena_did_not_write_is_outdated(aws: Aws) -> None:
    lay(aws, COLUMNS, orders="")
    create(aws, "orders", [], "SELECT 1")
    found = looked(aws)
    assert found.outdated == ("orders",)


def test_the_table_of_what_failed_is_missing_or_another(aws: Aws) -> None:
    create(aws, aws.names.events_table, COLUMNS)
    assert "quarantine" in looked(aws).missing
    create(aws, "quarantine", ["errorcode"])
    assert "quarantine" in looked(aws).outdated
    quarantine.keep(aws)
    assert "quarantine" in looked(aws).current
