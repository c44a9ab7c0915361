from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

if TYPE_CHECKING:
    from conftest import World

SALES = (
    "SELECT * FROM (VALUES (1, 'a', 2.50, DATE '2026-11-21', ARRAY[1, 2]), (2, CAST(NULL AS varchar), 3.25, "
    "DATE '2026-11-22', NULL)) t(id, name, price, dt, tags)"
)


def done(world: World, sql: str, **params: Any) -> dict[str, Any]:
    told = world.run(sql, **params)
    assert told["Status"]["State"] == "SUCCEEDED", told["Status"]
    return told


def keys(world: World, prefix: str) -> list[str]:
    return [one["Key"] for one in world.s3.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", ())]


def manifest(world: World, told: dict[str, Any]) -> list[str]:
    location = told["Statistics"]["DataManifestLocation"]
    assert location == told["ResultConfiguration"]["OutputLocation"] + "-manifest.csv"
    body = world.s3.get_object(Bucket="lake", Key=location.removeprefix("s3://lake/"))["Body"].read().decode()
    return list(filter(None, body.split("\n")))


def test_a_table_is_created_from_a_query_as_awswrangler_asks_for_it(world: World) -> None:
    sql = (
        'CREATE TABLE "shop"."temp_table_1"\nWITH(\n    external_location = \'s3://lake/out/temp_table_1\',\n'
        f"    write_compression = 'SNAPPY',\n    format = 'PARQUET')\nAS {SALES}"
    )
    told = done(world, sql)
    assert (told["StatementType"], told["SubstatementType"]) == ("DDL", "CREATE_TABLE_AS_SELECT")
    assert told["ResultConfiguration"]["OutputLocation"] == f"s3://lake/results/{told['QueryExecutionId']}"
    (written,) = manifest(world, told)
    assert written.startswith("s3://lake/out/temp_table_1/")
    answer = world.call("GetQueryResults", QueryExecutionId=told["QueryExecutionId"])
    assert answer["UpdateCount"] == 2
    assert answer["ResultSet"]["Rows"] == []
    assert answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"][0]["Name"] == "rows"
    table = world.glue.get_table(DatabaseName="shop", Name="temp_table_1")["Table"]
    storage = table["StorageDescriptor"]
    assert storage["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")
    assert [(one["Name"], one["Type"]) for one in storage["Columns"]] == [
        ("id", "int"),
        ("name", "string"),
        ("price", "decimal(3,2)"),
        ("dt", "date"),
        ("tags", "array<int>"),
    ]
    assert world.rows("SELECT * FROM temp_table_1 ORDER BY id") == [
        ["1", "a", "2.50", "2026-11-21", "[1, 2]"],
        ["2", None, "3.25", "2026-11-22", None],
    ]
    body = world.s3.get_object(Bucket="lake", Key=written.removeprefix("s3://lake/"))["Body"].read()
    assert body.startswith(b"PAR1")


def test_the_compression_of_parquet_is_the_one_asked_for(world: World, tmp_path: Any) -> None:
    for word, stored in (("SNAPPY", "SNAPPY"), ("ZSTD", "ZSTD"), ("NONE", "UNCOMPRESSED"), ("", "GZIP")):
        asked = f", write_compression = '{word}'" if word else ""
        told = done(world, f"CREATE TABLE p{word} WITH (format = 'PARQUET'{asked}) AS SELECT 1 AS a")
        (location,) = manifest(world, told)
        path = tmp_path / (word or "default")
        path.write_bytes(world.s3.get_object(Bucket="lake", Key=location.removeprefix("s3://lake/"))["Body"].read())
        with duckdb.connect() as connection:
            found = connection.execute(f"SELECT compression FROM parquet_metadata('{path}')").fetchall()
        assert found == [(stored,)]


@pytest.mark.parametrize("form", ["PARQUET", "JSON", "TEXTFILE"])
def test_what_is_written_can_be_read_and_added_to(world: World, form: str) -> None:
    columns = "id, name, price, big, real '1.5' AS r, b, t"
    row = "(%d, 'x''\"', 1.5e0, bigint '9', true, TIMESTAMP '2026-11-22 01:02:03.004')"
    values = f"SELECT {columns} FROM (VALUES {row % 1}) v(id, name, price, big, b, t)"
    told = done(world, f"CREATE TABLE made WITH (format = '{form}') AS {values}")
    assert manifest(world, told)[0].startswith(f"s3://lake/results/tables/{told['QueryExecutionId']}/")
    told = done(
        world, f"INSERT INTO made {values.replace('(1,', '(2,')} UNION ALL SELECT 3, '', NULL, NULL, NULL, NULL, NULL"
    )
    assert (told["StatementType"], told["SubstatementType"]) == ("DML", "INSERT")
    assert world.call("GetQueryResults", QueryExecutionId=told["QueryExecutionId"])["UpdateCount"] == 2
    assert len(manifest(world, told)) == 1
    assert world.rows("SELECT * FROM made ORDER BY id") == [
        ["1", "x'\"", "1.5", "9", "1.5", "true", "2026-11-22 01:02:03.004"],
        ["2", "x'\"", "1.5", "9", "1.5", "true", "2026-11-22 01:02:03.004"],
        ["3", "", None, None, None, None, None],
    ]


def test_a_partitioned_table_gets_its_partitions(world: World) -> None:
    query = (
        "SELECT id, name, dt, shop FROM (VALUES (1, 'a', DATE '2026-11-21', 'x/y'), (2, 'b', DATE '2026-11-22', NULL))"
    )
    told = done(world, f"CREATE TABLE p WITH (partitioned_by = ARRAY['dt', 'shop']) AS {query} t(id, name, dt, shop)")
    assert len(manifest(world, told)) == 2
    assert world.lines("SHOW PARTITIONS p") == [
        "dt=2026-11-21/shop=x/y",
        "dt=2026-11-22/shop=__HIVE_DEFAULT_PARTITION__",
    ]
    assert any("/dt=2026-11-21/shop=x%2Fy/" in key for key in keys(world, "results/tables/"))
    inserted = "INSERT INTO p (dt, id, shop) VALUES (DATE '2026-11-21', 3, 'x/y'), (DATE '2026-11-23', 4, 'z')"
    assert world.result(inserted)["UpdateCount"] == 2
    assert world.rows("SELECT id, name, dt, shop FROM p ORDER BY id") == [
        ["1", "a", "2026-11-21", "x/y"],
        ["2", "b", "2026-11-22", None],
        ["3", None, "2026-11-21", "x/y"],
        ["4", None, "2026-11-23", "z"],
    ]
    told = done(world, "SELECT count(*) FROM p WHERE dt = DATE '2026-11-23'")
    assert (
        0
        < told["Statistics"]["DataScannedInBytes"]
        < sum(world.s3.head_object(Bucket="lake", Key=key)["ContentLength"] for key in keys(world, "results/tables/"))
    )


def test_rows_are_inserted_where_a_partition_of_the_catalog_lies(world: World) -> None:
    world.table("t", "a int", keys="dt string")
    world.partition("t", "one", location="s3://lake/elsewhere/one")
    done(world, "INSERT INTO t SELECT 1, 'one' UNION ALL SELECT 2, 'two'")
    assert len(keys(world, "elsewhere/one/")) == len(keys(world, "t/dt=two/")) == 1
    assert world.rows("SELECT a, dt FROM t ORDER BY a") == [["1", "one"], ["2", "two"]]


def test_a_projected_table_gets_no_partitions_but_its_template_is_kept(world: World) -> None:
    parameters = {
        "projection.enabled": "true",
        "projection.day.type": "integer",
        "projection.day.range": "1,9",
        "storage.location.template": "s3://lake/days/${day}/x/",
    }
    world.table("t", "a int", keys="day int", parameters=parameters)
    done(world, "INSERT INTO t VALUES (1, 4), (2, 5)")
    assert [key.rpartition("/")[0] for key in keys(world, "days/")] == ["days/4/x", "days/5/x"]
    assert world.rows("SELECT a FROM t WHERE day = 5") == [["2"]]
    assert world.glue.get_partitions(DatabaseName="shop", TableName="t")["Partitions"] == []


def test_a_table_without_data_and_one_from_no_rows(world: World) -> None:
    told = done(world, "CREATE TABLE none AS SELECT 1 AS a, 'x' AS b WITH NO DATA")
    assert manifest(world, told) == []
    assert world.rows("SELECT * FROM none") == []
    told = done(world, "CREATE TABLE empty AS (SELECT 1 AS a WHERE 1 = 2) WITH DATA;")
    assert manifest(world, told) == []
    assert all(key.endswith((".metadata", "-manifest.csv")) for key in keys(world, "results/tables/"))
    done(world, "CREATE TABLE IF NOT EXISTS empty AS SELECT 2 AS b")
    assert world.lines("SHOW COLUMNS IN empty") == [f"{'a':<20}"]


def test_unload_as_pyathena_and_awswrangler_ask_for_it(world: World) -> None:
    sql = (
        "UNLOAD (\n\tSELECT id, name || ')' AS name FROM (VALUES (1, '\\'), (2, 'b')) t(id, name) -- it's\n)\n"
        "TO 's3://lake/unload/1/'\nWITH (\n\tformat = 'PARQUET',\n\tcompression = 'SNAPPY'\n)"
    )
    told = done(world, sql)
    assert (told["StatementType"], told["SubstatementType"]) == ("DML", "UNLOAD")
    (location,) = manifest(world, told)
    assert location.startswith("s3://lake/unload/1/")
    body = world.s3.get_object(Bucket="lake", Key=location.removeprefix("s3://lake/"))["Body"].read()
    assert body[:4] == b"PAR1"
    world.table("back", "id int, name string", location="s3://lake/unload/1/", serde="ParquetHiveSerDe")
    assert world.rows("SELECT * FROM back ORDER BY id") == [["1", "\\)"], ["2", "b)"]]
    assert "HIVE_PATH_ALREADY_EXISTS" in world.failure(sql)


def test_unload_writes_partitions_and_text(world: World) -> None:
    sql = "UNLOAD (SELECT 1 AS a, 'x' AS b, 'p' AS k) TO 's3://lake/u' WITH (format='TEXTFILE', field_delimiter=',', "
    told = done(world, sql + "compression='NONE', partitioned_by=ARRAY['k'])")
    (location,) = manifest(world, told)
    assert location.startswith("s3://lake/u/k=p/")
    body = world.s3.get_object(Bucket="lake", Key=location.removeprefix("s3://lake/"))["Body"].read()
    assert body == b"1,x\n"


def test_parameters_and_the_scan_limit_hold_for_writes(world: World) -> None:
    world.table("t", "a int")
    world.put("t/a.json", {"a": 1}, {"a": 2})
    size = world.s3.head_object(Bucket="lake", Key="t/a.json")["ContentLength"]
    told = done(world, "CREATE TABLE c AS SELECT a FROM t WHERE a > ?", ExecutionParameters=["1"])
    assert told["Statistics"]["DataScannedInBytes"] == size
    assert world.rows("SELECT * FROM c") == [["2"]]
    assert world.result("INSERT INTO t SELECT a + ? FROM t", ExecutionParameters=["10"])["UpdateCount"] == 2
    assert world.rows("SELECT a FROM t ORDER BY a") == [["1"], ["2"], ["11"], ["12"]]


def test_a_write_that_a_restart_interrupted_is_done_once(world: World) -> None:
    world.table("t", "a int")
    world.put("t/a.json", {"a": 1})
    for sql in ("CREATE TABLE c AS SELECT a FROM t", "INSERT INTO t SELECT a + 1 FROM t"):
        told = done(world, sql)
        execution = world.athena._executions.get("us-east-1", told["QueryExecutionId"])
        assert execution is not None
        world.athena.stop()
        execution.state = "RUNNING"  # as the process left it when it was killed before the end was written down
        world.athena._executions.save(execution)
        world.athena.start()
        assert world.wait(execution.id)["Status"]["State"] == "SUCCEEDED"
    assert world.rows("SELECT a FROM c") == [["1"]]
    assert world.rows("SELECT a FROM t ORDER BY a") == [["1"], ["2"]]
