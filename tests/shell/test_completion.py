from __future__ import annotations

import pytest

from salespipe.query.catalogue import Field, Table
from salespipe.shell.completion import suggestions


def table(name: str, columns: str, *, view: bool = False) -> Table:
    fields = tuple(Field(column, "string") for column in columns.split())
    return Table("shop", name, fields, sql="SELECT 1" if view else None)


TABLES = {
    each.name: each
    for each in (
        table("order_events", "orderid amount dt"),
        table("orders", "orderid amount customer_id", view=True),
        table("products", "product_id stock"),
    )
}


def words(before: str, after: str = "") -> list[str]:
    return [one.text for one in suggestions(before, after, TABLES, ["best", "worst"])]


@pytest.mark.parametrize(
    "before",
    [
        "SELECT * FROM ",
        "select *\nfrom ",
        "SELECT 1; SELECT * FROM ",
        "SELECT * FROM products, ",
        "SELECT * FROM products p JOIN ",
        "DESCRIBE ",
        "INSERT INTO ",
        r"\d ",
    ],
)
def test_where_a_table_is_named_views_come_first(before: str) -> None:
    assert words(before) == ["orders", "order_events", "products"]
    assert words(f"{before}order_") == ["order_events"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SELECT am", " FROM orders"),
        ("SELECT * FROM orders WHERE am", ""),
        ("SELECT o.am", " FROM orders AS o"),
        ("SELECT orders.am", " FROM orders"),
        ("SELECT * FROM products p JOIN orders o ON o.am", ""),
        ("SELECT * FROM products, orders o WHERE AM", ""),
        ("SELECT 'it''s; ', \"FROM\", am", " FROM orders"),
        ("SELECT /* from products */ am", " FROM orders"),
    ],
)
def test_columns_are_those_of_the_tables_that_the_statement_names(before: str, after: str) -> None:
    assert words(before, after)[0] == "amount"


def test_another_statements_tables_do_not_count() -> None:
    assert "stock" not in words("SELECT * FROM products; SELECT st", " FROM orders; SELECT * FROM products")


def test_an_alias_has_only_its_own_columns() -> None:
    assert words("SELECT p.", " FROM products p JOIN orders o ON true") == ["product_id", "stock"]
    assert words("SELECT nobody.", " FROM products p") == []


def test_functions_and_keywords_follow_and_keywords_keep_their_case() -> None:
    assert "date_trunc(" in words("SELECT date_t")
    assert words("sel")[0] == "select"
    assert words("SEL")[0] == "SELECT"
    assert words("SELECT a FROM orders whe") == ["when", "where"]


@pytest.mark.parametrize("before", ["", "SELECT ", "SELECT 'am", 'SELECT "am', "SELECT 1 -- am", "SELECT /* am"])
def test_nothing_is_suggested_unasked_in_texts_and_in_comments(before: str) -> None:
    assert words(before, " FROM orders") == []


def test_commands_and_what_belongs_behind_them() -> None:
    assert words("\\fo") == [r"\format"]
    assert words(r"\f w") == ["worst"]
    assert words(r"\format c") == ["csv"]
    assert words(r"\timing o") == ["on", "off"]
    assert words(r"\o ") == []


def test_a_suggestion_replaces_what_was_typed_of_it() -> None:
    one = suggestions("SELECT o.am", " FROM orders o", TABLES)[0]
    assert (one.text, one.length, one.kind) == ("amount", 2, "string")
