from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import World

CREATE = """CREATE EXTERNAL TABLE IF NOT EXISTS `shop`.`orders` (
  `orderid` string COMMENT 'its number',
  `lines` array<struct<sku:string,n:int>>,
  price decimal(10,2)
)
PARTITIONED BY (dt string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES ('ignore.malformed.json'='true')
STORED AS TEXTFILE
LOCATION 's3://lake/orders/'
TBLPROPERTIES ('classification'='json')"""


def test_a_table_made_by_ddl_is_queried_described_and_dropped(world: World) -> None:
    told = world.run(CREATE)
    assert (told["StatementType"], told["SubstatementType"]) == ("DDL", "CREATE_TABLE")
    world.put("orders/dt=2026-11-22/a.json", {"orderid": "1", "lines": [{"sku": "x", "n": 2}], "price": 1.5})
    world.put("orders/dt=2026-11-21/a.json", {"orderid": "2"})
    assert world.rows("SELECT * FROM orders") == []
    assert world.lines("MSCK REPAIR TABLE orders") == [
        "Partitions not in metastore:\torders:dt=2026-11-21\torders:dt=2026-11-22",
        "Repair: Added partition to metastore orders:dt=2026-11-21",
        "Repair: Added partition to metastore orders:dt=2026-11-22",
    ]
    assert world.lines("SHOW PARTITIONS orders") == ["dt=2026-11-21", "dt=2026-11-22"]
    assert world.rows("SELECT orderid, lines, price, dt FROM orders ORDER BY 1") == [
        ["1", "[{sku=x, n=2}]", "1.50", "2026-11-22"],
        ["2", None, None, "2026-11-21"],
    ]
    assert world.lines("DESCRIBE orders")[:2] == [
        f"{'orderid':<20}\t{'string':<20}\t{'its number':<20}",
        f"{'lines':<20}\t{'array<struct<sku:string,n:int>>':<20}\t{'':<20}",
    ]
    assert world.lines("SHOW COLUMNS IN orders")[-1] == f"{'dt':<20}"
    shown = world.lines("SHOW CREATE TABLE orders")
    assert shown[0] == "CREATE EXTERNAL TABLE `orders`("
    assert "  's3://lake/orders/'" in shown
    world.run("DROP TABLE orders")
    assert world.lines("SHOW TABLES") == []


def test_what_show_create_table_prints_makes_the_same_table(world: World) -> None:
    world.run(CREATE)
    before = world.glue.get_table(DatabaseName="shop", Name="orders")["Table"]
    statement = "\n".join(world.lines("SHOW CREATE TABLE orders"))
    world.run("DROP TABLE shop.orders")
    assert world.run(statement)["Status"]["State"] == "SUCCEEDED"
    after = world.glue.get_table(DatabaseName="shop", Name="orders")["Table"]
    for part in ("Location", "InputFormat", "OutputFormat", "SerdeInfo"):
        assert after["StorageDescriptor"][part] == before["StorageDescriptor"][part]
    assert [c["Type"] for c in after["StorageDescriptor"]["Columns"]] == [
        c["Type"] for c in before["StorageDescriptor"]["Columns"]
    ]
    assert after["PartitionKeys"] == before["PartitionKeys"]


def test_the_contexts_database_may_be_quoted(world: World) -> None:
    world.run(CREATE)
    assert world.lines("SHOW TABLES", database="`shop`") == ["orders"]
    assert world.lines("DESCRIBE `orders`", database="`shop`")


def test_a_table_without_properties_shows_none(world: World) -> None:
    world.run("CREATE EXTERNAL TABLE plain (a string) LOCATION 's3://lake/plain/'")
    storage = world.glue.get_table(DatabaseName="shop", Name="plain")["Table"]["StorageDescriptor"]
    bare = {"Name": "plain", "StorageDescriptor": storage, "TableType": "EXTERNAL_TABLE"}
    world.glue.update_table(DatabaseName="shop", TableInput=bare)
    shown = world.lines("SHOW CREATE TABLE plain")
    world.run("DROP TABLE plain")
    assert world.run("\n".join(shown))["Status"]["State"] == "SUCCEEDED"


def test_partitions_are_added_and_dropped(world: World) -> None:
    world.run(CREATE)
    world.put("elsewhere/a.json", {"orderid": "9"})
    world.run(
        "ALTER TABLE orders ADD IF NOT EXISTS PARTITION (dt='a') LOCATION 's3://lake/elsewhere/' PARTITION (dt = 'b')"
    )
    assert world.lines("SHOW PARTITIONS orders") == ["dt=a", "dt=b"]
    assert world.rows("SELECT orderid, dt FROM orders") == [["9", "a"]]
    assert "AlreadyExistsException" in world.failure("ALTER TABLE orders ADD PARTITION (dt='a')")
    world.run("ALTER TABLE orders DROP PARTITION (dt='a')")
    assert world.lines("SHOW PARTITIONS orders") == ["dt=b"]
    assert "Partition not found" in world.failure("ALTER TABLE orders DROP PARTITION (dt='a')")
    world.run("ALTER TABLE orders SET TBLPROPERTIES ('k'='v')")
    assert world.glue.get_table(DatabaseName="shop", Name="orders")["Table"]["Parameters"]["k"] == "v"


def test_databases(world: World) -> None:
    world.run("CREATE DATABASE IF NOT EXISTS other COMMENT 'of others' LOCATION 's3://lake/other/'")
    assert world.lines("SHOW DATABASES") == ["default", "other", "shop"]
    assert world.lines("SHOW SCHEMAS LIKE 'o*'") == ["other"]
    assert world.failure("CREATE DATABASE other").endswith("Database other already exists")
    world.run("CREATE EXTERNAL TABLE other.t (a int) LOCATION 's3://lake/t/'")
    assert world.lines("SHOW TABLES IN other") == ["t"]
    assert "is not empty" in world.failure("DROP DATABASE other")
    world.run("DROP SCHEMA other CASCADE")
    assert world.lines("SHOW DATABASES") == ["default", "shop"]
    assert world.failure("SHOW TABLES IN other").endswith("Database does not exist: other")
    assert world.run("DROP DATABASE IF EXISTS other")["Status"]["State"] == "SUCCEEDED"


def test_a_view_is_kept_in_glue_as_athena_keeps_it(world: World) -> None:
    world.table("events", "orderid string, price double", keys="dt string")
    world.put("events/dt=1/a.json", {"orderid": "x", "price": 2.5}, {"orderid": "y", "price": 0.25})
    world.partition("events", "1", location="s3://lake/events/dt=1/")
    sql = "SELECT orderid, CAST(price AS decimal(18, 2)) AS price, dt FROM events"
    assert world.run(f"CREATE VIEW orders AS\n{sql}")["StatementType"] == "DDL"
    table = world.glue.get_table(DatabaseName="shop", Name="orders")["Table"]
    assert table["TableType"] == "VIRTUAL_VIEW"
    assert table["ViewExpandedText"] == "/* Presto View */"
    assert [(c["Name"], c["Type"]) for c in table["StorageDescriptor"]["Columns"]] == [
        ("orderid", "string"),
        ("price", "decimal(18,2)"),
        ("dt", "string"),
    ]
    text = table["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
    assert json.loads(base64.b64decode(text)) == {
        "originalSql": sql,
        "catalog": "awsdatacatalog",
        "schema": "shop",
        "columns": [
            {"name": "orderid", "type": "varchar"},
            {"name": "price", "type": "decimal(18,2)"},
            {"name": "dt", "type": "varchar"},
        ],
    }
    assert world.rows("SELECT sum(price) FROM shop.orders", database="default") == [["2.75"]]
    assert world.lines("SHOW VIEWS") == ["orders"]
    assert world.lines("SHOW CREATE VIEW orders") == ["CREATE VIEW shop.orders AS", sql]
    world.run("CREATE OR REPLACE VIEW cheap AS SELECT * FROM orders WHERE price < 1")
    assert world.rows("SELECT orderid FROM cheap") == [["y"]]
    assert world.run("SELECT * FROM cheap WHERE dt = '2'")["Statistics"]["DataScannedInBytes"] == 0
    assert world.failure("CREATE VIEW cheap AS SELECT 1 AS one").endswith(
        "View already exists: 'awsdatacatalog.shop.cheap'"
    )
    world.run("DROP VIEW orders")
    assert world.failure("SELECT * FROM cheap") == (
        "INVALID_VIEW: line 1:15: Failed analyzing stored view 'awsdatacatalog.shop.cheap': "
        "line 1:15: Table 'awsdatacatalog.shop.orders' does not exist"
    )


def test_a_view_says_what_it_cannot_have(world: World) -> None:
    assert world.failure("CREATE VIEW v AS SELECT now() AS t") == (
        "NOT_SUPPORTED: Unsupported Hive type: timestamp(3) with time zone"
    )
    assert world.failure("CREATE VIEW v AS SELECT 1 AS a, 2 AS a").startswith("DUPLICATE_COLUMN_NAME")
    assert world.failure("CREATE VIEW v AS SELECT nope FROM (VALUES 1) t(x)").startswith("COLUMN_NOT_FOUND: line 1:8")
    assert world.failure("CREATE VIEW v AS SELECT 1 +").startswith("line 1:11: mismatched input '<EOF>'")
    assert world.failure("DROP VIEW v").endswith("View 'awsdatacatalog.shop.v' does not exist")
    world.run("CREATE VIEW v AS SELECT 1 AS a")
    world.run("CREATE OR REPLACE VIEW v AS SELECT * FROM v")
    assert world.failure("SELECT * FROM v").startswith("INVALID_VIEW: ")


def test_information_schema(world: World) -> None:
    world.table("t", "a int, b array<string>", keys="dt string")
    world.run("CREATE VIEW v AS SELECT 1 AS one")
    tables = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'shop' ORDER BY 1"
    assert world.rows(tables) == [["t", "BASE TABLE"], ["v", "VIEW"]]
    columns = (
        "SELECT column_name, data_type, ordinal_position, extra_info FROM information_schema.columns "
        "WHERE table_schema = 'shop' AND table_name = 't' ORDER BY ordinal_position"
    )
    assert world.rows(columns) == [
        ["a", "integer", "1", None],
        ["b", "array(varchar)", "2", None],
        ["dt", "varchar", "3", "partition key"],
    ]
    assert world.rows("SELECT schema_name FROM information_schema.schemata ORDER BY 1") == [["default"], ["shop"]]


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("DESCRIBE nope", "FAILED: SemanticException [Error 10001]: Table not found shop.nope"),
        ("DROP TABLE nope", "FAILED: SemanticException [Error 10001]: Table not found nope"),
        ("CREATE EXTERNAL TABLE t (a int)", "FAILED: SemanticException Table location can not be null"),
        ("CREATE EXTERNAL TABLE t (a int", "line 1:31: mismatched input '<EOF>'. Expecting: ')', ',', 'COMMENT'"),
        ("CREATE EXTERNAL TABLE t (a integr) LOCATION 's3://b/'", "FAILED: ParseException cannot recognize input near"),
        ("EXPLAIN SELECT 1", "NOT_SUPPORTED: EXPLAIN is not supported locally"),
        ("DELETE FROM t WHERE a = 1", "NOT_SUPPORTED: DELETE is not supported locally"),
        ("UPDATE t SET a = 1", "NOT_SUPPORTED: UPDATE is not supported locally"),
        ("MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE", "NOT_SUPPORTED: MERGE is not supported locally"),
        ("OPTIMIZE t REWRITE DATA USING BIN_PACK", "NOT_SUPPORTED: OPTIMIZE is not supported locally"),
        ("VACUUM t", "NOT_SUPPORTED: VACUUM is not supported locally"),
        (
            "USING EXTERNAL FUNCTION f(x int) RETURNS int LAMBDA 'l' SELECT f(1)",
            "NOT_SUPPORTED: USING EXTERNAL FUNCTION is not supported locally",
        ),
        ("ALTER TABLE s RENAME TO u", "NOT_SUPPORTED: ALTER TABLE ... RENAME is not supported locally"),
        (
            "SELECT * FROM s TABLESAMPLE BERNOULLI (10)",
            "NOT_SUPPORTED: line 1:15: TABLESAMPLE is not supported locally",
        ),
        ("SELECT * FROM s FOR VERSION AS OF 3", "NOT_SUPPORTED: line 1:15: FOR TIMESTAMP or VERSION AS OF is not"),
        (
            "SELECT * FROM s MATCH_RECOGNIZE (PATTERN (A) DEFINE A AS true)",
            "NOT_SUPPORTED: line 1:1: MATCH_RECOGNIZE is not supported locally",
        ),
    ],
)
def test_a_statement_that_cannot_be_run_says_why(world: World, sql: str, told: str) -> None:
    world.table("s", "a int")
    assert world.failure(sql).startswith(told)
