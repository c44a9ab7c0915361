"""The view of current orders."""

from __future__ import annotations

import duckdb
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
        assert db.execute("SELECT * FROM orders ORDER BY orderid").fetchall() == [("a", "paid"), ("c", "placed")]


def test_money_is_decimal_and_events_are_not_columns() -> None:
    sql = made(COLUMNS)
    assert 'CAST("price" AS decimal(18, 2)) AS "price"' in sql
    assert '"event_id"' not in sql


def test_another_key_and_odd_column_names() -> None:
    sql = made(['strange "name"', "id"], key="id")
    assert 'PARTITION BY "id"' in sql
    assert '"strange ""name"""' in sql
    assert sqlglot.parse_one(sql, read="athena")
