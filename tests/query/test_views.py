"""The view of current orders."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest
import sqlglot

from salespipe.query import views

COLUMNS = ["orderid", "price", "amount", "quantity", "created_at", "status", "event_id", "event_type", "event_time"]


def made(columns: list[str], key: str = "orderid") -> str:
    return views.orders([*columns, "sequence_number"], key, view="orders", events="order_events")


def test_it_is_athena_sql() -> None:
    statement = sqlglot.parse_one(made(COLUMNS), read="athena")
    assert isinstance(statement, sqlglot.exp.Create)


def test_order_as_it_is_now_whatever_came_twice_late_or_in_disorder() -> None:
    with duckdb.connect() as db:
        db.execute(
            "CREATE TABLE order_events "
            "(orderid TEXT, status TEXT, event_id TEXT, event_type TEXT, sequence_number TEXT)"
        )
        db.executemany(
            "INSERT INTO order_events VALUES (?, ?, ?, ?, ?)",
            [
                ("a", "paid", "e2", "MODIFY", "0002"),
                ("a", "placed", "e1", "INSERT", "0001"),
                ("a", "paid", "e2", "MODIFY", "0002"),
                ("b", "placed", "e3", "INSERT", "0003"),
                ("b", None, "e5", "REMOVE", "0005"),
                ("b", "paid", "e4", "MODIFY", "0004"),
                ("c", "placed", "e6", "INSERT", "0006"),
            ],
        )
        sql = made(["orderid", "status", "event_id", "event_type"])
        db.execute(sqlglot.transpile(sql, read="athena", write="duckdb")[0])
        assert db.execute("SELECT * FROM orders ORDER BY orderid").fetchall() == [
            ("a", "paid", "sold"),
            ("c", "placed", "sold"),
        ]


def test_money_is_decimal_and_events_are_not_columns() -> None:
    sql = made(COLUMNS)
    assert 'CAST("price" AS decimal(18, 2)) AS "price"' in sql
    assert '"event_id"' not in sql


def test_another_key_and_odd_column_names() -> None:
    sql = made(['strange "name"', "id"], key="id")
    assert 'PARTITION BY "id"' in sql
    assert '"strange ""name"""' in sql
    assert sqlglot.parse_one(sql, read="athena")


def run(db: duckdb.DuckDBPyConnection, sql: str | None) -> None:
    assert sql is not None
    db.execute(sqlglot.transpile(sql, read="athena", write="duckdb")[0])


def test_cancelled_and_returned_orders_are_told_from_those_sold() -> None:
    sql = made(COLUMNS)
    with duckdb.connect() as db:
        cases = db.execute(
            f"SELECT {sql[sql.index('CASE') : sql.index(' AS sale_outcome')]} "
            "FROM (VALUES ('placed'), ('cancelled'), ('returned'), (NULL), ('anything')) v(status)"
        ).fetchall()
    assert [outcome for (outcome,) in cases] == ["sold", "cancelled", "returned", "sold", "sold"]
    assert "'sold' AS sale_outcome" in made(["orderid"])


HISTORY = [
    # orderid, customer, product, quantity, amount, status, created_at, event_id, event_type, sequence_number, dt, hour
    ("a", "c1", "p1", 2, 5.0, "placed", "2026-01-02T00:00:00.000Z", "e1", "INSERT", "1", "2026-01-02", "00"),
    ("a", "c1", "p1", 2, 5.0, "placed", "2026-01-02T00:00:00.000Z", "e1", "INSERT", "1", "2026-01-02", "01"),
    ("a", "c1", "p1", 2, 5.0, "returned", "2026-01-02T00:00:00.000Z", "e2", "MODIFY", "2", "2026-01-02", "02"),
    ("b", "c1", "p1", 1, 2.5, "placed", "2026-01-03T00:00:00.000Z", "e3", "INSERT", "3", "2026-01-03", "00"),
    ("c", "c2", "p1", 4, 9.9, "paid", "2026-01-03T00:00:00.000Z", "e4", "INSERT", "4", "2026-01-03", "00"),
    ("c", None, None, None, None, None, None, "e5", "REMOVE", "5", "2026-01-03", "01"),
    ("d", "c2", "p1", 8, 9.9, "paid", "2025-12-31T00:00:00.000Z", "e6", "INSERT", "6", "2025-12-31", "00"),
    ("e", None, "p2", 1, 1.0, None, "2026-01-04T00:00:00.000Z", "e7", "INSERT", "7", "2026-01-04", "00"),
    ("f", None, "p3", 1, None, None, "yesterday", "e8", "INSERT", "8", "2026-01-04", "00"),
]
NAMES = ["orderid", "customer_id", "product_id", "quantity", "amount", "status", "created_at"]
NAMES += ["event_id", "event_type", "sequence_number"]
PRODUCTS = ["product_id", "product_name", "price", "stock", "stocked_at", "reorder_level"]


@pytest.fixture
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as db:
        db.execute(
            "CREATE TABLE order_events (orderid TEXT, customer_id TEXT, product_id TEXT, quantity INT, amount DOUBLE, "
            "status TEXT, created_at TEXT, event_id TEXT, event_type TEXT, sequence_number TEXT, dt TEXT, hour TEXT)"
        )
        db.executemany(f"INSERT INTO order_events VALUES ({', '.join('?' * 12)})", HISTORY)
        db.execute(
            "CREATE TABLE products AS SELECT * FROM (VALUES ('p1', 'Tea', 2.5, 10, '2026-01-01T00:00:00.000Z', 3), "
            "('p2', 'Cup', 1.0, 5, '2026-01-01T00:00:00.000Z', 1), "
            "('p3', 'Pot', 9.0, 7, '2026-01-01T00:00:00.000Z', 1))"
            " t(product_id, product_name, price, stock, stocked_at, reorder_level)"
        )
        db.execute("CREATE MACRO from_iso8601_timestamp(t) AS CAST(t AS TIMESTAMP)")
        run(db, views.orders(NAMES, "orderid", view="orders", events="order_events"))
        yield db


def test_on_hand_counts_a_deleted_order_as_it_last_was_and_not_what_came_back(
    lake: duckdb.DuckDBPyConnection,
) -> None:
    run(lake, views.inventory(NAMES, PRODUCTS, "orderid", view="inventory", events="order_events", table="products"))
    found = lake.execute("SELECT product_id, on_hand, sold_since_stocked FROM inventory ORDER BY 1").fetchall()
    assert found == [("p1", 5, 5), ("p2", 4, 1), ("p3", 7, 0)]


def test_history_has_each_event_once_and_tombstones_too(lake: duckdb.DuckDBPyConnection) -> None:
    run(lake, views.order_history(NAMES, view="order_history", events="order_events"))
    found = lake.execute("SELECT event_id, event_type, hour FROM order_history ORDER BY event_id").fetchall()
    assert [event for event, _, _ in found] == ["e1", "e2", "e3", "e4", "e5", "e6", "e7", "e8"]
    assert found[0] == ("e1", "INSERT", "00")
    assert found[4][1] == "REMOVE"


def test_customers_count_what_was_sold(lake: duckdb.DuckDBPyConnection) -> None:
    run(lake, views.customers(NAMES, view="customers", orders="orders"))
    found = lake.execute("SELECT customer_id, orders, units, revenue FROM customers ORDER BY 1").fetchall()
    assert found == [("c1", 1, 1, Decimal("2.50")), ("c2", 1, 8, Decimal("9.90"))]


def test_views_are_left_out_where_the_columns_for_them_do_not_exist() -> None:
    assert views.customers(["orderid"], view="customers", orders="orders") is None
    inventory = {"view": "inventory", "events": "order_events", "table": "products"}
    assert views.inventory(NAMES, [], "orderid", **inventory) is None
    assert views.inventory(["orderid"], PRODUCTS, "orderid", **inventory) is None
    assert views.inventory([c for c in NAMES if c != "status"], PRODUCTS, "orderid", **inventory)


def test_all_of_them_are_athena_sql() -> None:
    made = [
        views.order_history(NAMES, view="order_history", events="order_events"),
        views.customers(NAMES, view="customers", orders="orders"),
        views.inventory(NAMES, PRODUCTS, "orderid", view="inventory", events="order_events", table="products"),
    ]
    for sql in made:
        assert sql is not None
        assert isinstance(sqlglot.parse_one(sql, read="athena"), sqlglot.exp.Create)
