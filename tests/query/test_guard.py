"""The guard: what a statement may scan at worst is never less than what the local Athena then scans."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.local import daemon
from salespipe.query import guard, model
from salespipe.query.catalogue import Catalogue

EVERYTHING = 10**12
DAYS = [f"2026-11-{day:02d}" for day in range(18, 23)]
HOURS = ["00", "05", "11", "23"]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
JSON = "org.openx.data.jsonserde.JsonSerDe"
PROJECTION = {
    "projection.enabled": "true",
    "projection.dt.type": "date",
    "projection.dt.format": "yyyy-MM-dd",
    "projection.dt.range": "2020-01-01,2027-01-01",
    "projection.hour.type": "integer",
    "projection.hour.range": "0,23",
    "projection.hour.digits": "2",
}
VIEWS = {
    "orders": "SELECT orderid, amount FROM (SELECT orderid, amount, row_number() OVER (PARTITION BY orderid "
    "ORDER BY sequence_number DESC) AS version FROM order_events) WHERE version = 1",
    "order_history": "SELECT orderid, amount, dt AS day, hour FROM order_events WHERE amount > 0",
    "recent": "SELECT * FROM order_events WHERE dt >= '2026-11-21'",
    "both": "SELECT orderid, dt, hour FROM order_events UNION ALL SELECT orderid, dt, hour FROM catalogued",
    "daily": "SELECT dt, sum(amount) AS amount FROM order_events GROUP BY dt",
}


class Lake:
    """A small lake in a local AWS: a projected, a catalogued and a plain table, and views over them."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.sizes: dict[tuple[str, str, str], int] = {}
        names = aws.names
        aws.client("s3").create_bucket(Bucket=names.bucket)
        aws.client("glue").create_database(DatabaseInput={"Name": names.database})
        location = {"ResultConfiguration": {"OutputLocation": names.results_location}}
        aws.client("athena").create_work_group(Name=names.workgroup, Configuration=location)
        for table in ("order_events", "catalogued"):
            self.table(table, PROJECTION if table == "order_events" else {}, keys=("dt", "hour"))
            for day in DAYS:
                for hour in HOURS:
                    self.partition(table, day, hour)
        self.table("products", {}, keys=())
        self.put("products/a.json", 7, "products", "", "")
        for name, sql in VIEWS.items():
            self.scanned(f"CREATE VIEW {name} AS {sql}")

    def table(self, name: str, parameters: dict[str, str], *, keys: tuple[str, ...]) -> None:
        columns = [("orderid", "string"), ("amount", "double"), ("sequence_number", "string")]
        self.aws.client("glue").create_table(
            DatabaseName=self.aws.names.database,
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
                "Parameters": {"classification": "json", **parameters},
                "StorageDescriptor": self.storage(columns, f"{name}/"),
            },
        )

    def storage(self, columns: list[tuple[str, str]], prefix: str) -> dict[str, Any]:
        return {
            "Columns": [{"Name": name, "Type": kind} for name, kind in columns],
            "Location": f"s3://{self.aws.names.bucket}/{prefix}",
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {"SerializationLibrary": JSON},
        }

    def partition(self, table: str, day: str, hour: str) -> None:
        prefix = f"{table}/dt={day}/hour={hour}/"
        self.put(f"{prefix}one.json", 1 + len(self.sizes), table, day, hour)
        if table == "catalogued":
            storage = self.storage([("orderid", "string"), ("amount", "double")], prefix)
            self.aws.client("glue").create_partition(
                DatabaseName=self.aws.names.database,
                TableName=table,
                PartitionInput={"Values": [day, hour], "StorageDescriptor": storage},
            )

    def put(self, key: str, rows: int, *place: str) -> None:
        body = b'{"orderid":"o","amount":1.5,"sequence_number":"7"}\n' * rows
        self.aws.client("s3").put_object(Bucket=self.aws.names.bucket, Key=key, Body=body)
        self.sizes[place[0], place[1], place[2]] = len(body)

    def whole(self, table: str = "order_events") -> int:
        return sum(size for (name, _, _), size in self.sizes.items() if name == table)

    def of(self, days: list[str], hours: list[str] = HOURS, table: str = "order_events") -> int:
        return sum(self.sizes[table, day, hour] for day in days for hour in hours)

    def scanned(self, sql: str, parameters: list[str] | None = None) -> int | None:
        """The bytes that Athena scans; None where the query fails."""
        athena, names = self.aws.client("athena"), self.aws.names
        more: dict[str, Any] = {"ExecutionParameters": parameters} if parameters else {}
        identifier = athena.start_query_execution(
            QueryString=sql, WorkGroup=names.workgroup, QueryExecutionContext={"Database": names.database}, **more
        )["QueryExecutionId"]
        while True:
            told = athena.get_query_execution(QueryExecutionId=identifier)["QueryExecution"]
            if told["Status"]["State"] not in {"QUEUED", "RUNNING"}:
                break
            time.sleep(0.005)
        return told["Statistics"]["DataScannedInBytes"] if told["Status"]["State"] == "SUCCEEDED" else None

    def worst(self, sql: str, **more: Any) -> int:
        found = guard.estimate(self.aws, sql, enough_bytes=EVERYTHING, now=lambda: NOW, **more)
        assert found is not None, sql
        assert found.complete, found
        return found.bytes


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    folder = tmp_path_factory.mktemp("guard")
    yield Lake(Aws(Config(), endpoint=daemon.start(folder, 0).endpoint))
    daemon.stop(folder)


class Queries:
    """Random SELECTs over the lake's tables and views, with conditions that are understood and others."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - the same queries each time

    def query(self) -> str:  # noqa: PLR0911 - one shape after the other
        pick = self.chance.choice
        shape = self.chance.randrange(12)
        if shape < 3:
            source = pick(["order_events", "catalogued", "recent", "both"])
            return f"SELECT count(*) FROM {source} WHERE {self.condition()}"
        if shape == 3:
            return f"SELECT * FROM order_history WHERE {self.condition('day')}"
        if shape == 4:
            source = pick(["orders", "daily", "products"])
            return f"SELECT count(*) FROM {source}" + (f" WHERE dt = '{pick(DAYS)}'" if source == "daily" else "")
        if shape == 5:
            inner = pick(["SELECT *", "SELECT dt, hour, orderid", "SELECT orderid, hour AS dt, dt AS hour"])
            more = pick(["", " LIMIT 3", f" WHERE {self.condition()}"])
            return f"SELECT dt FROM ({inner} FROM catalogued{more}) t WHERE {self.condition()}"
        if shape == 6:
            side = pick(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
            one, other = self.condition("a.dt", "a.hour"), self.condition("b.dt", "b.hour")
            joined = f"order_events a {side} catalogued b ON a.dt = b.dt AND a.hour = b.hour"
            return f"SELECT count(*) FROM {joined} WHERE {one} {pick(['AND', 'OR'])} {other}"
        if shape == 7:
            return (
                f"WITH w AS (SELECT * FROM order_events WHERE {self.condition()}) "
                f"SELECT * FROM w WHERE {self.condition()} UNION ALL SELECT * FROM w WHERE hour IN "
                f"(SELECT hour FROM catalogued WHERE {self.condition()})"
            )
        if shape == 8:
            joined = pick(
                ["order_events a JOIN products p ON a.orderid = p.orderid", "order_events a CROSS JOIN products p"]
            )
            joined = pick([joined, f"({joined})", f"products q JOIN ({joined}) ON true"])
            return f"SELECT count(*) FROM {joined} WHERE {self.condition()}"
        if shape == 9:
            inner = pick(["SELECT dt, hour, orderid", "SELECT hour, dt, orderid", "SELECT orderid, hour, dt"])
            return (
                f"WITH w (dt, hour, x) AS ({inner} FROM catalogued), v AS (SELECT * FROM w) SELECT count(*) "
                f"FROM {pick(['w', 'v', 'w AS y (hour, dt, x)', 'v CROSS JOIN UNNEST(ARRAY[1]) AS u (one)'])} "
                f"WHERE {self.condition()}"
            )
        if shape == 10:
            inner = f"SELECT max(hour) FROM catalogued c WHERE c.dt = e.dt AND {self.condition('dt', 'hour')}"
            return f"SELECT count(*) FROM order_events e WHERE {self.condition()} AND hour <= ({inner})"
        return f"SELECT (SELECT max(amount) FROM order_events WHERE {self.condition()}), 1 FROM products"

    def condition(self, dt: str = "dt", hour: str = "hour", depth: int = 2) -> str:
        pick = self.chance.choice
        if depth and self.chance.random() < 0.6:
            one, other = self.condition(dt, hour, depth - 1), self.condition(dt, hour, depth - 1)
            return pick([f"({one} AND {other})", f"({one} OR {other})", f"NOT ({one})", f"{one} AND {other}"])
        day, later, at = pick(DAYS), pick(DAYS), pick(HOURS)
        operator = pick(["=", "<>", "<", "<=", ">", ">="])
        return pick(
            [
                f"{dt} {operator} '{day}'",
                f"'{day}' {operator} {dt}",
                f"{hour} {operator} '{at}'",
                f"{dt} IN ('{day}', '{later}')",
                f"{dt} NOT IN ('{day}', NULL)",
                f"{dt} BETWEEN '{day}' AND '{later}'",
                f"{dt} NOT BETWEEN '{day}' AND '{later}'",
                f"{dt} LIKE '2026-11-2%'",
                f"{dt} NOT LIKE '%1_'",
                f"date({dt}) {operator} date '{day}' - interval '1' day",
                f"CAST({dt} AS date) {operator} date_add('month', 1, date '2026-10-20')",
                f"{dt} {operator} date_format(timestamp '{day} 05:00:00' - interval '7' hour, '%Y-%m-%d')",
                f"CAST({hour} AS integer) {operator} 11",
                f"substr({dt}, 9, 2) {operator} '20'",
                f"{dt} || {hour} {operator} '{day}{at}'",
                f"date_parse({dt} || ' ' || {hour}, '%Y-%m-%d %H') {operator} timestamp '{day} 10:30:00'",
                f"date_trunc('month', date({dt})) = date '2026-11-01'",
                f"{dt} IS NOT NULL",
                f"length({dt}) = 10",
                f"upper({hour}) = '{at}'",
                "orderid <> 'x'",
                "amount > 1",
                "true",
            ]
        )


@pytest.mark.parametrize("seed", range(3))
def test_athena_never_scans_more_than_was_estimated(lake: Lake, seed: int) -> None:
    queries, ran, narrowed = Queries(seed), 0, 0
    catalogue = Catalogue(lake.aws)
    for _ in range(45):
        sql = queries.query()
        scanned = lake.scanned(sql)
        if scanned is None:
            continue  # such as an alias that a view does not have: nothing is scanned then
        worst = lake.worst(sql, catalogue=catalogue)
        assert worst >= scanned, sql
        ran += 1
        narrowed += worst < lake.whole()
    assert ran > 25
    assert narrowed > 3


PRUNED = [
    ("dt = '2026-11-20'", DAYS[2:3], HOURS),
    ("dt = '2026-11-20' AND hour = '05'", DAYS[2:3], ["05"]),
    ("hour = '05'", DAYS, ["05"]),
    ("dt IN ('2026-11-18', '2026-11-22')", [DAYS[0], DAYS[4]], HOURS),
    ("dt BETWEEN '2026-11-19' AND '2026-11-20'", DAYS[1:3], HOURS),
    ("dt >= '2026-11-21' AND amount > 3", DAYS[3:], HOURS),
    ("NOT dt < '2026-11-21'", DAYS[3:], HOURS),
    ("(dt = '2026-11-18' AND hour < '05') OR dt > '2026-11-21'", None, None),
    ("dt >= CAST(current_date - interval '1' day AS varchar)", DAYS[3:], HOURS),
    ("date(dt) >= current_date - interval '1' day", DAYS[3:], HOURS),
    ("dt = date_format(now(), '%Y-%m-%d')", DAYS[4:], HOURS),
    ("dt = format_datetime(current_timestamp, 'yyyy-MM-dd')", DAYS[4:], HOURS),
    ("dt LIKE '2026-11-2%'", DAYS[2:], HOURS),
    ("dt = '2026-11-20' OR amount > 3", DAYS, HOURS),
    ("reverse(dt) = 'x'", DAYS, HOURS),
    ("dt = '2025-01-01'", [], HOURS),
]


@pytest.mark.parametrize(("condition", "days", "hours"), PRUNED, ids=[case[0] for case in PRUNED])
@pytest.mark.parametrize("table", ["order_events", "catalogued"])
def test_what_is_understood_is_counted_exactly(
    lake: Lake, table: str, condition: str, days: list[str] | None, hours: list[str] | None
) -> None:
    expected = (
        lake.of(days, hours or HOURS, table)
        if days is not None
        else lake.of(DAYS[:1], ["00"], table) + lake.of(DAYS[4:], HOURS, table)
    )
    assert lake.worst(f"SELECT * FROM {table} WHERE {condition}") == expected


def test_views_are_seen_through(lake: Lake) -> None:
    assert lake.worst("SELECT * FROM orders") == lake.whole()
    assert lake.worst("SELECT * FROM order_history WHERE day = '2026-11-20'") == lake.of(DAYS[2:3])
    assert lake.worst("SELECT * FROM recent WHERE hour = '11'") == lake.of(DAYS[3:], ["11"])
    assert lake.worst("SELECT * FROM orders o JOIN products p ON true") == lake.whole() + lake.whole("products")


def test_a_column_needs_no_table_where_no_other_relation_has_it(lake: Lake) -> None:
    day = lake.of(DAYS[2:3])
    assert lake.worst("SELECT * FROM order_events, products WHERE dt = '2026-11-20'") == day + lake.whole("products")
    unnested = "order_events CROSS JOIN UNNEST(ARRAY[1, 2]) AS u (n)"
    assert lake.worst(f"SELECT * FROM {unnested} WHERE dt = '2026-11-20'") == day


def test_nothing_is_missed_in_parentheses(lake: Lake) -> None:
    both = lake.whole() + lake.whole("products")
    assert lake.worst("SELECT * FROM (order_events JOIN products ON true)") == both
    assert lake.worst("SELECT * FROM ((SELECT * FROM order_events) JOIN products ON true)") == both


def test_columns_that_a_with_query_renames_demand_nothing(lake: Lake) -> None:
    sql = "WITH w (dt) AS (SELECT orderid FROM order_events) SELECT * FROM w WHERE dt = '2026-11-20'"
    assert lake.worst(sql) == lake.whole()


def test_a_table_that_is_read_twice_counts_twice(lake: Lake) -> None:
    assert lake.worst("SELECT * FROM products UNION SELECT * FROM products") == 2 * lake.whole("products")
    assert lake.worst("SELECT 1 WHERE EXISTS (SELECT 1 FROM products)") == lake.whole("products")


def test_bound_parameters_narrow_too(lake: Lake) -> None:
    sql = "SELECT * FROM order_events WHERE dt = ? AND hour = ?"
    assert lake.worst(sql, parameters=["'2026-11-20'", "'05'"]) == lake.of(DAYS[2:3], ["05"])
    assert lake.worst(sql) == lake.whole()


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t AS SELECT * FROM products",
        "INSERT INTO t SELECT * FROM products",
        "UNLOAD (SELECT * FROM products) TO 's3://b/x/' WITH (format = 'JSON')",
        "EXPLAIN ANALYZE SELECT * FROM products",
        "-- what is there\n/* all of it */ (SELECT * FROM products);",
    ],
)
def test_statements_that_hold_a_query_count_it(lake: Lake, sql: str) -> None:
    assert lake.worst(sql) == lake.whole("products")


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW TABLES",
        "DESCRIBE orders",
        "DROP TABLE t",
        "MSCK REPAIR TABLE t",
        "CREATE VIEW v AS SELECT * FROM order_events",
        "CREATE EXTERNAL TABLE t (a string) LOCATION 's3://b/x/'",
        "EXPLAIN SELECT * FROM order_events",
        "ALTER TABLE t ADD PARTITION (dt = '2026-01-01')",
    ],
)
def test_what_reads_no_objects_is_free(lake: Lake, sql: str) -> None:
    assert guard.estimate(lake.aws, sql) is None


def test_what_is_not_understood_counts_as_everything(lake: Lake) -> None:
    everything = lake.whole() + lake.whole("catalogued") + lake.whole("products")
    assert lake.worst("EXECUTE somebodys") == everything
    assert lake.worst("DELETE FROM order_events WHERE amount = 0") == everything
    assert lake.worst("SELECT ... FROM order_events") == everything


@pytest.mark.parametrize("operator", ["OR", "AND"])
def test_long_conditions_are_understood_and_endless_ones_count_as_everything(lake: Lake, operator: str) -> None:
    def worst(count: int) -> int:
        sign = "=" if operator == "OR" else "<>"
        terms = (f"dt {sign} '2026-11-{number % 20:02d}'" for number in range(count))
        return lake.worst(f"SELECT * FROM order_events WHERE {f' {operator} '.join(terms)}")

    expected = lake.of(DAYS[:2]) if operator == "OR" else lake.of(DAYS[2:])
    assert worst(200) == expected
    assert worst(3000) >= expected


def test_listing_stops_above_the_threshold(lake: Lake) -> None:
    found = guard.estimate(lake.aws, "SELECT * FROM order_events", enough_bytes=10)
    assert found is not None
    assert not found.complete
    assert found.asks(500)
    assert "more than" in guard.question(found)


def test_the_price_has_a_floor(lake: Lake) -> None:
    found = guard.estimate(lake.aws, "SELECT 1")
    assert found is not None
    assert (found.bytes, found.usd) == (0, model.usd(model.LEAST_BILLED, "us-east-1"))


def test_a_question_names_bytes_price_and_what_stops_it(lake: Lake) -> None:
    found = guard.estimate(lake.aws, "SELECT * FROM products")
    assert found is not None
    assert not found.asks(500)
    assert found.asks(0)
    asked = guard.question(found)
    assert "0.0 MB of products" in asked
    assert "0.000048 USD" in asked
    assert "stops it at 1.0 GB" in asked


def test_where_sizes_may_not_be_read_the_guard_says_so(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: Any, **__: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "ListObjectsV2")

    monkeypatch.setattr(lake.aws.client("s3"), "get_paginator", denied)
    found = guard.estimate(lake.aws, "SELECT * FROM products")
    assert found is not None
    assert not found.complete
    assert "nobody knows how much" in guard.question(found)
    assert "Access Denied" in guard.question(found)
