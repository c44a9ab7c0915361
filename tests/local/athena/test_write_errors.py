from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from salespipe.local.api import AwsError

if TYPE_CHECKING:
    from conftest import World


def keys(world: World, prefix: str) -> list[str]:
    return [one["Key"] for one in world.s3.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", ())]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT 1", "MISSING_COLUMN_NAME: line 1:1: Column name not specified at position 1"),
        ("SELECT 1 a, 2 a", "DUPLICATE_COLUMN_NAME: line 1:1: Column name 'a' specified more than once"),
        ("SELECT 1 a, NULL b", "COLUMN_TYPE_UNKNOWN: line 1:1: Column type is unknown at position 2"),
        ("SELECT now() n", "NOT_SUPPORTED: Unsupported Hive type: timestamp(3) with time zone"),
        ("SELECT * FROM nope", "TABLE_NOT_FOUND: line 1:{}: Table 'awsdatacatalog.shop.nope' does not exist"),
    ],
)
def test_queries_that_make_no_table(world: World, query: str, reason: str) -> None:
    at = len("CREATE TABLE t AS SELECT * FROM ") + 1
    assert world.failure(f"CREATE TABLE t AS {query}") == reason.format(at)
    at = len("UNLOAD (SELECT * FROM ") + 1
    assert world.failure(f"UNLOAD ({query}) TO 's3://lake/u/' WITH (format = 'JSON')") == reason.format(at)
    assert keys(world, "u/") == []


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (
            "CREATE TABLE t AS SELECT 1 a",
            "TABLE_ALREADY_EXISTS: line 1:1: Destination table 'awsdatacatalog.shop.t' already",
        ),
        ("CREATE TABLE nope.t AS SELECT 1 a", "SCHEMA_NOT_FOUND: line 1:1: Schema 'nope' does not exist"),
        (
            "CREATE TABLE n WITH (external_location = 's3://lake/t/') AS SELECT 1 a",
            "HIVE_PATH_ALREADY_EXISTS: Target directory for table 'shop.n' already exists: s3://lake/t/. You may need",
        ),
        (
            "CREATE TABLE n WITH (partitioned_by = ARRAY['a']) AS SELECT 1 a, 2 b",
            "HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table and in the same order",
        ),
        (
            "CREATE TABLE n WITH (partitioned_by = ARRAY['z']) AS SELECT 1 a, 2 b",
            "INVALID_TABLE_PROPERTY: line 1:1: Partition columns [z] not present in schema",
        ),
        ("CREATE TABLE n WITH (format = 'ORC') AS SELECT 1 a", "NOT_SUPPORTED: Writing ORC is not supported locally"),
        ("CREATE TABLE n WITH (format = 'CSV') AS SELECT 1 a", "INVALID_TABLE_PROPERTY: line 1:1: Invalid value"),
        ("CREATE TABLE n WITH (colour = 'red') AS SELECT 1 a", "INVALID_TABLE_PROPERTY: line 1:1: Catalog"),
        (
            "CREATE TABLE n WITH (bucketed_by = ARRAY['a'], bucket_count = 2) AS SELECT 1 a",
            "NOT_SUPPORTED: The table property bucketed_by is not supported locally",
        ),
        (
            "CREATE TABLE n WITH (format = 'JSON', write_compression = 'SNAPPY') AS SELECT 1 a",
            "NOT_SUPPORTED: Writing JSON with the compression SNAPPY is not supported locally",
        ),
        (
            "CREATE TABLE n WITH (format = 'TEXTFILE') AS SELECT ARRAY[1] a",
            "NOT_SUPPORTED: Type array(integer) of column",
        ),
        ("INSERT INTO nope SELECT 1", "TABLE_NOT_FOUND: line 1:1: Table 'awsdatacatalog.shop.nope' does not exist"),
        ("INSERT INTO v SELECT 1", "NOT_SUPPORTED: line 1:1: Inserting into views is not supported"),
        (
            "INSERT INTO t SELECT 'x', 1",
            "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types: Table: [integer], Query: [varchar(1)",
        ),
        ("INSERT INTO t VALUES 'x'", "TYPE_MISMATCH: line 1:1: Insert query has mismatched column types: Table: [inte"),
        (
            "INSERT INTO t (z) VALUES 1",
            "COLUMN_NOT_FOUND: line 1:1: Insert column name does not exist in target table: z",
        ),
        ("INSERT INTO t (a, a) VALUES (1, 2)", "DUPLICATE_COLUMN_NAME: line 1:1: Insert column name is specified more"),
        ("INSERT INTO t SELECT 1 / 0", "DIVISION_BY_ZERO: Division by zero"),
    ],
)
def test_what_cannot_be_written_fails_in_athenas_words(world: World, sql: str, reason: str) -> None:
    world.table("t", "a int")
    world.put("t/a.json", {"a": 1})
    world.run("CREATE VIEW v AS SELECT 1 AS a")
    assert world.failure(sql)[: len(reason)] == reason
    assert world.rows("SELECT * FROM t") == [["1"]]


def test_too_many_partitions_at_once(world: World) -> None:
    sql = "CREATE TABLE n WITH (partitioned_by = ARRAY['k']) AS SELECT x, x AS k FROM UNNEST(sequence(1, 101)) u(x)"
    assert world.failure(sql).startswith("HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100 open writers")


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (
            "CREATE TABLE t (a int)",
            "NOT_SUPPORTED: CREATE TABLE without EXTERNAL, for Iceberg, is not supported locally",
        ),
        ("CREATE TABLE t AS SELECT * FORM x", "line 1:28: mismatched input 'FORM'"),
        ("INSERT INTO t", "line 1:14: mismatched input '<EOF>'"),
        ("UNLOAD SELECT 1 TO 's3://lake/x'", "line 1:8: mismatched input 'SELECT'"),
        ("UNLOAD (SELECT 1", "line 1:17: mismatched input '<EOF>'"),
    ],
)
def test_a_statement_that_does_not_parse_is_refused_at_once(world: World, sql: str, told: str) -> None:
    with pytest.raises(AwsError) as caught:
        world.start(sql)
    assert caught.value.code == "InvalidRequestException"
    assert caught.value.message.startswith(told)


def test_an_enforcing_workgroup_refuses_an_external_location(world: World) -> None:
    configuration = {"ResultConfiguration": {"OutputLocation": "s3://lake/own"}, "EnforceWorkGroupConfiguration": True}
    world.call("CreateWorkGroup", Name="strict", Configuration=configuration)
    with pytest.raises(AwsError, match="enforces a centralized output location"):
        world.start("CREATE TABLE t WITH (external_location = 's3://lake/x/') AS SELECT 1 a", WorkGroup="strict")
    told = world.run("CREATE TABLE t AS SELECT 1 a", WorkGroup="strict")
    assert len(keys(world, f"own/tables/{told['QueryExecutionId']}/")) == 1
    world.call("DeleteWorkGroup", WorkGroup="strict", RecursiveDeleteOption=True)


def test_an_output_bucket_that_does_not_exist_leaves_nothing_behind(world: World) -> None:
    sql = "CREATE TABLE t WITH (external_location = 's3://lake/x/') AS SELECT 1 a"
    output = {"OutputLocation": "s3://no-such-bucket/x"}
    assert "no-such-bucket" in world.failure(sql, ResultConfiguration=output)
    assert keys(world, "x/") == []
