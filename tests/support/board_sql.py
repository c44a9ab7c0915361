"""What SQL over the views says to the questions that a board answers, from the same events by way of the transform."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import sqlglot

from salespipe.functions.transform.handler import lake_record
from salespipe.local.athena.functions.times import MACROS
from salespipe.query import views
from salespipe.watch.model import Board, Choice, Customers, Sales, Slice

TEXTS = ["orderid", "customer_id", "customer_name", "region", "product_id", "product_name", "category", "channel"]
TEXTS += ["status", "created_at", "event_id", "event_type", "event_time", "sequence_number", "dt", "hour"]
COLUMNS = [*TEXTS, "quantity", "price", "amount"]
PRODUCTS = ["product_id", "product_name", "stock", "stocked_at", "reorder_level"]
ISO = "trino_iso_timestamp"
SALES = (
    "count(*), count(*) FILTER (WHERE sale_outcome = 'sold'), "
    "coalesce(sum(CASE WHEN sale_outcome = 'sold' THEN quantity END), 0), "
    "coalesce(sum(CASE WHEN sale_outcome = 'sold' THEN amount END), 0), "
    "count(*) FILTER (WHERE sale_outcome = 'cancelled'), count(*) FILTER (WHERE sale_outcome = 'returned')"
)


class Lake:
    """The views over the events that could be transformed. ``folder`` is for a file of them."""

    def __init__(self, records: Iterable[bytes], folder: Path, products: Sequence[dict[str, Any]] = ()) -> None:
        lines, self.quarantined = [], 0
        for data in records:
            try:
                lines.append(lake_record(json.loads(data)))
            except Exception:  # noqa: BLE001 (as the transform does)
                self.quarantined += 1
        file = folder / "events.json"
        file.write_text("".join(lines))
        self.db = db = duckdb.connect(config={"threads": 1})
        columns = ", ".join([*(f"{name}: 'VARCHAR'" for name in TEXTS), "quantity: 'INTEGER'"])
        columns += ", price: 'DOUBLE', amount: 'DOUBLE'"
        db.execute("SET TimeZone = 'UTC'")
        db.execute(f"CREATE MACRO {ISO}{MACROS['trino_iso_timestamp']}")
        if lines:
            db.execute(
                f"CREATE TABLE order_events AS FROM read_json('{file}', columns = {{{columns}}}, "
                "format = 'newline_delimited', maximum_object_size = 16777216)"
            )
        else:
            names = [*(f"{name} VARCHAR" for name in TEXTS), "quantity INTEGER", "price DOUBLE", "amount DOUBLE"]
            db.execute(f"CREATE TABLE order_events ({', '.join(names)})")
        db.execute(
            "CREATE TABLE products (product_id TEXT, product_name TEXT, stock INT, stocked_at TEXT, reorder_level INT)"
        )
        for row in products:
            db.execute("INSERT INTO products VALUES (?, ?, ?, ?, ?)", [row.get(name) for name in PRODUCTS])
        kept = [name for name in COLUMNS if name not in ("dt", "hour")]
        for sql in (
            views.orders(kept, "orderid", view="orders", events="order_events"),
            views.order_history([*kept, "dt", "hour"], view="order_history", events="order_events"),
            views.inventory(kept, PRODUCTS, "orderid", view="inventory", events="order_events", table="products"),
        ):
            assert sql
            # sqlglot would make a cast of it, which reads and rounds as DuckDB does.
            named = sql.replace("from_iso8601_timestamp", ISO)
            db.execute(sqlglot.transpile(named, read="athena", write="duckdb")[0])

    def chosen(self, choice: Choice, *, by: str = "created_at") -> None:
        """Have the table ``chosen``, of the orders of a choice and the time that they belong to."""
        tests, values = ["true"], []
        for column, wanted in (
            ("coalesce(product_id, '(none)')", choice.product),
            ("coalesce(region, '(none)')", choice.region),
            ("coalesce(channel, '(none)')", choice.channel),
            ("coalesce(category, '(none)')", choice.category),
            ("customer_id", choice.customer),
        ):
            if wanted is not None:
                tests.append(f"{column} = ?")
                values.append(wanted)
        if choice.text:
            names = ("orderid", "product_id", "product_name", "customer_id", "customer_name")
            tests.append("(" + " OR ".join(f"contains(lower(coalesce({name}, '')), ?)" for name in names) + ")")
            values += [choice.text.lower()] * len(names)
        at = "created_at"
        if by == "event_time":
            at = "(SELECT min(event_time) FROM order_history h WHERE h.orderid IS NOT DISTINCT FROM orders.orderid)"
        self.db.execute(
            f"CREATE OR REPLACE TABLE chosen AS SELECT *, {at} AS moment FROM orders WHERE {' AND '.join(tests)}",
            values,
        )

    def one(self, sql: str, *values: Any) -> Any:
        return self.db.execute(sql, values).fetchall()

    def sales(self, since: datetime, until: datetime) -> Sales:
        (row,) = self.one(f"SELECT {SALES} FROM chosen WHERE moment >= ? AND moment < ?", _naive(since), _naive(until))
        return sales(row)

    def points(self, since: datetime, until: datetime, step: timedelta) -> dict[datetime, Sales]:
        rows = self.one(
            f"SELECT time_bucket(?, moment, ?), {SALES} FROM chosen WHERE moment >= ? AND moment < ? GROUP BY 1",
            *(step, _naive(since), _naive(since), _naive(until)),
        )
        return {start.replace(tzinfo=UTC): sales(row) for start, *row in rows}

    def slices(self, column: str, since: datetime, until: datetime) -> dict[str, Sales]:
        rows = self.one(
            f"SELECT coalesce({column}, '(none)'), {SALES} FROM chosen WHERE moment >= ? AND moment < ? GROUP BY 1",
            *(_naive(since), _naive(until)),
        )
        return {key: sales(row) for key, *row in rows}

    def customers(self, known: datetime, since: datetime, until: datetime) -> Customers:
        (row,) = self.one(
            "WITH sold AS (SELECT customer_id, moment FROM chosen "
            "WHERE sale_outcome = 'sold' AND customer_id IS NOT NULL AND moment >= ? AND moment < ?), "
            "buyers AS (SELECT customer_id, min(moment) AS first, count(*) FILTER (WHERE moment >= ?) AS orders "
            "FROM sold GROUP BY 1) SELECT count(*), count(*) FILTER (WHERE first >= ?), "
            "count(*) FILTER (WHERE first < ?), count(*) FILTER (WHERE orders > 1) FROM buyers "
            "WHERE orders > 0",
            *(_naive(known), _naive(until), _naive(since), _naive(since), _naive(since)),
        )
        return Customers(**dict(zip(("buyers", "new", "returning", "repeating"), row, strict=True)))

    def statuses(self, since: datetime, until: datetime) -> dict[str, int]:
        rows = self.one(
            "SELECT coalesce(status, '(none)'), count(*) FROM chosen WHERE moment >= ? AND moment < ? GROUP BY 1",
            *(_naive(since), _naive(until)),
        )
        return dict(rows)

    def on_hand(self) -> dict[str, int]:
        return dict(self.one("SELECT product_id, on_hand FROM inventory"))


def sales(row: Sequence[Any]) -> Sales:
    names = ("placed", "orders", "units", "revenue", "cancelled", "returned")
    return Sales(**dict(zip(names, row, strict=True)))


def agree(board: Board, lake: Lake, *, known: datetime) -> None:
    """Assert that every business figure of the board is the views'. Orders before ``known`` are forgotten."""
    lake.chosen(board.choice, by=board.basis)
    now, before = (board.since, board.until), (board.before_since, board.before_until)
    assert board.sales == lake.sales(*now)
    assert board.before == lake.sales(*before)
    for column, slices in (
        ("product_id", board.products),
        ("category", board.categories),
        ("region", board.regions),
        ("channel", board.channels),
    ):
        assert told(slices) == (lake.slices(column, *now), lake.slices(column, *before)), column
        assert [each.key for each in slices] == sorted(
            (each.key for each in slices), key=lambda key: (-_of(slices, key), key)
        )
    for points, (since, until) in ((board.points, now), (board.points_before, before)):
        assert points[0].start == since
        assert points[-1].start < until
        step = points[1].start - since if len(points) > 1 else until - since
        assert [point.start for point in points] == [since + number * step for number in range(len(points))]
        assert until - points[-1].start <= step
        assert {p.start: p.sales for p in points if p.sales.placed} == lake.points(since, until, step)
    assert board.customers == lake.customers(known, *now)
    assert board.customers_before == lake.customers(known, *before)
    assert board.statuses == lake.statuses(*now)
    of = lake.slices("customer_id", *now)
    first = sorted((key for key, each in of.items() if each.orders), key=lambda key: (-of[key].revenue, key))
    first = [key for key in first if key != "(none)"][: len(board.top_customers) or 1]
    assert {each.key: each.sales for each in board.top_customers} == {key: of[key] for key in first}
    span = (_naive(board.since), _naive(board.until))
    largest = lake.one(
        "SELECT orderid, coalesce(amount, 0) FROM chosen WHERE sale_outcome = 'sold' AND moment >= ? AND moment < ? "
        "ORDER BY 2 DESC, 1 LIMIT 20",
        *span,
    )
    assert [(each.orderid, each.amount) for each in board.largest] == largest
    latest = lake.one(
        "SELECT orderid FROM chosen WHERE moment >= ? AND moment < ? ORDER BY moment DESC, 1 LIMIT 20", *span
    )
    assert [(each.orderid,) for each in board.latest] == latest


def told(slices: Sequence[Slice]) -> tuple[dict[str, Sales], dict[str, Sales]]:
    return (
        {each.key: each.sales for each in slices if each.sales.placed},
        {each.key: each.before for each in slices if each.before.placed},
    )


def _of(slices: Sequence[Slice], key: str) -> Any:
    return next(each.sales.revenue for each in slices if each.key == key)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
