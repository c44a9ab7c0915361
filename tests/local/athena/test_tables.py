from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import World


def events(world: World) -> None:
    world.table("events", "orderid string, quantity int, price double", keys="dt string")
    for day, count in (("2026-11-20", 2), ("2026-11-21", 3)):
        records = [{"orderid": f"{day}-{n}", "quantity": n, "price": 2.5} for n in range(count)]
        world.put(f"events/dt={day}/a.gz", *records)
        world.partition("events", day, location=f"s3://lake/events/dt={day}/")


def size(world: World, key: str) -> int:
    return int(world.s3.head_object(Bucket="lake", Key=key)["ContentLength"])


def scanned(world: World, sql: str) -> int:
    told = world.run(sql)
    assert told["Status"]["State"] == "SUCCEEDED", told["Status"]
    return int(told["Statistics"]["DataScannedInBytes"])


def test_a_partitioned_table_is_read_and_only_the_partitions_that_are_asked_for(world: World) -> None:
    events(world)
    assert world.rows("SELECT dt, count(*), sum(quantity), sum(price) FROM events GROUP BY dt ORDER BY 1") == [
        ["2026-11-20", "2", "1", "5.0"],
        ["2026-11-21", "3", "3", "7.5"],
    ]
    first, second = (size(world, f"events/dt=2026-11-{day}/a.gz") for day in (20, 21))
    assert scanned(world, "SELECT count(*) FROM events") == first + second
    assert scanned(world, "SELECT count(*) FROM events WHERE dt = '2026-11-20'") == first
    assert scanned(world, "SELECT * FROM events e WHERE e.dt > '2026-11-20' AND quantity > 0") == second
    assert scanned(world, "SELECT * FROM events WHERE dt IN ('2026-11-20') OR dt LIKE '%-21'") == first + second
    assert scanned(world, "SELECT * FROM (SELECT orderid, dt AS day FROM events) WHERE day = '2026-11-20'") == first
    assert scanned(world, "SELECT * FROM events WHERE dt = '1999-01-01'") == 0


def test_only_the_objects_whose_path_is_asked_for_are_read(world: World) -> None:
    events(world)
    first, second = (size(world, f"events/dt=2026-11-{day}/a.gz") for day in (20, 21))
    path, other = (f"s3://lake/events/dt=2026-11-{day}/a.gz" for day in (20, 21))
    assert scanned(world, f"SELECT * FROM events WHERE \"$path\" = '{path}'") == first
    assert scanned(world, f"SELECT * FROM events e WHERE quantity > 0 AND e.\"$path\" IN ('{other}', 'x')") == second
    assert scanned(world, f"SELECT * FROM events WHERE \"$path\" IN ('{path}') OR dt = '2026-11-21'") == first + second
    assert scanned(world, "SELECT * FROM events WHERE \"$path\" LIKE '%-20/a.gz'") == first + second
    assert scanned(world, f"SELECT * FROM (SELECT dt, \"$path\" AS place FROM events) WHERE place < '{other}'") == first
    assert world.rows(f"SELECT count(*) FROM events WHERE \"$path\" = '{path}' AND dt = '2026-11-21'") == [["0"]]
    assert world.rows(f"SELECT count(*) FROM events WHERE NOT (\"$path\" = '{path}')") == [["3"]]


def test_a_filter_is_not_pushed_where_it_would_change_the_answer(world: World) -> None:
    events(world)
    ranked = "SELECT dt, row_number() OVER (ORDER BY dt, orderid) AS place FROM events"
    assert world.rows(f"SELECT place FROM ({ranked}) WHERE dt = '2026-11-21' ORDER BY 1") == [["3"], ["4"], ["5"]]
    joined = "SELECT count(*) FROM (VALUES '2026-11-20', 'x') d(day) LEFT JOIN events ON dt = day WHERE dt IS NULL"
    assert world.rows(joined) == [["1"]]


def test_path_is_a_hidden_column(world: World) -> None:
    events(world)
    assert world.rows("SELECT DISTINCT \"$path\" FROM events WHERE dt = '2026-11-20'") == [
        ["s3://lake/events/dt=2026-11-20/a.gz"]
    ]
    assert len(world.rows("SELECT * FROM events LIMIT 1")[0]) == 4


def test_a_table_without_objects_and_one_without_partitions_are_empty(world: World) -> None:
    world.table("empty", "a int, b array<string>", keys="dt string")
    world.table("bare", "a int")
    assert world.rows("SELECT count(*), sum(a), max(dt) FROM empty") == [["0", None, None]]
    assert world.rows("SELECT * FROM bare") == []


def test_folders_hidden_files_and_empty_objects_are_no_data(world: World) -> None:
    world.table("t", "a int")
    world.put("t/a.json", {"a": 1})
    world.put("t/_SUCCESS", {"a": 2})
    world.put("t/.hidden", {"a": 3})
    world.put("t/_temporary/part", {"a": 4})
    world.s3.put_object(Bucket="lake", Key="t/sub/", Body=b"")
    world.put("t/sub/b.json", {"a": 5})
    assert world.rows("SELECT a FROM t ORDER BY a") == [["1"], ["5"]]


def test_partition_values_have_their_declared_types(world: World) -> None:
    world.table("t", "a int", keys="day date, n int")
    world.put("t/x/a.json", {"a": 1})
    world.partition("t", "2026-11-20", "7", location="s3://lake/t/x/")
    world.put("t/y/a.json", {"a": 2})
    world.partition("t", "__HIVE_DEFAULT_PARTITION__", "8", location="s3://lake/t/y")
    assert world.rows("SELECT a, day, n + 1 FROM t ORDER BY a") == [["1", "2026-11-20", "8"], ["2", None, "9"]]
    assert world.rows("SELECT a FROM t WHERE day = DATE '2026-11-20' AND n = 7") == [["1"]]


# The OpenX SerDe ------------------------------------------------------------------------------------------------------


def test_keys_are_matched_whatever_their_case_and_what_is_missing_is_null(world: World) -> None:
    world.table("t", "orderid string, place struct<city:string,zip:int>, tags map<string,string>, n array<int>")
    world.put("t/a.json", {"OrderId": "1", "Place": {"City": "Ulm", "ZIP": 7}, "tags": {"Key": "V"}, "N": [1, None]})
    world.put("t/b.json", {"orderid": "2", "unknown": 1})
    assert world.rows("SELECT orderid, place, place.city, tags, n FROM t ORDER BY 1") == [
        ["1", "{city=Ulm, zip=7}", "Ulm", "{Key=V}", "[1, null]"],
        ["2", None, None, None, None],
    ]


def test_text_columns_take_any_value_and_iso_times_stay_text(world: World) -> None:
    world.table("t", "a string, ts string")
    world.put("t/a.json", {"a": 1.5, "ts": "2026-11-22T01:02:03.004Z"}, {"a": True}, {"a": {"x": [1, 2]}}, {"a": None})
    assert [row[0] for row in world.rows("SELECT a FROM t")] == ["1.5", "true", '{"x":[1,2]}', None]
    assert world.rows("SELECT ts, hour(from_iso8601_timestamp(ts)) FROM t LIMIT 1") == [
        ["2026-11-22T01:02:03.004Z", "1"]
    ]


def test_a_value_of_the_wrong_type_fails_the_query(world: World) -> None:
    world.table("t", "id string, n int", serde_parameters={"ignore.malformed.json": "true"})
    world.put("t/a.json", {"id": "1", "n": 1}, {"id": "2", "n": "abc"})
    told = world.failure("SELECT sum(n) FROM t")
    assert told == "HIVE_BAD_DATA: Error parsing field value 'abc' for field 1: For input string: \"abc\""
    assert world.rows("SELECT id FROM t ORDER BY 1") == [["1"], ["2"]]


def test_a_malformed_line_fails_the_query_or_is_a_row_of_nulls(world: World) -> None:
    for name, ignore in (("strict", "false"), ("lenient", "true")):
        world.table(name, "a int", location="s3://lake/bad/", serde_parameters={"ignore.malformed.json": ignore})
    world.put("bad/a.json.gz", {"a": 1}, "{'a' 2", {"a": 3})
    assert world.failure("SELECT a FROM strict").startswith("HIVE_CURSOR_ERROR: Row is not a valid JSON Object")
    assert world.rows("SELECT a FROM lenient") == [["1"], [None], ["3"]]


def test_of_two_objects_on_one_line_only_the_first_is_read(world: World) -> None:
    world.table("t", "a int")
    world.put("t/a.json", '{"a": 1}{"a": 2}{"a": 3}')
    assert world.rows("SELECT a FROM t") == [["1"]]


def test_serde_mappings_name_the_key_of_a_column(world: World) -> None:
    world.table("t", "ts string, a_b int", serde_parameters={"mapping.ts": "timestamp", "dots.in.keys": "true"})
    world.put("t/a.json", {"timestamp": "now", "a.b": 4})
    assert world.rows("SELECT ts, a_b FROM t") == [["now", "4"]]


def test_timestamps_in_json_are_hive_texts(world: World) -> None:
    world.table("t", "at timestamp, day date")
    world.put("t/a.json", {"at": "2026-11-22 01:02:03.004", "day": "2026-11-22"})
    assert world.rows("SELECT at, day FROM t") == [["2026-11-22 01:02:03.004", "2026-11-22"]]
    world.put("t/b.json", {"at": "2026-11-22T01:02:03Z"})
    assert world.failure("SELECT at FROM t").startswith("HIVE_BAD_DATA: Error parsing field value '2026-11-22T01")


# Other formats --------------------------------------------------------------------------------------------------------


def test_csv_with_the_opencsv_serde(world: World) -> None:
    world.table(
        "t",
        "a string, n int",
        serde="org.apache.hadoop.hive.serde2.OpenCSVSerde",
        serde_parameters={"separatorChar": ";"},
        parameters={"skip.header.line.count": "1"},
    )
    world.put("t/a.csv", "name;number", '"x;""y""";1', "z;2")
    assert world.rows("SELECT a, n FROM t ORDER BY n") == [['x;"y"', "1"], ["z", "2"]]
    world.put("t/b.csv", "name;number", "z;many")
    assert world.failure("SELECT n FROM t").startswith("HIVE_BAD_DATA: Error parsing field value 'many' for field 1")


def test_delimited_text(world: World) -> None:
    serde = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
    world.table("t", "a string, n int, d double", serde=serde, serde_parameters={"field.delim": "\t"})
    world.put("t/a.tsv", "x\t1\t2.5", 'a"b\tmany\t\\N', "short")
    assert world.rows("SELECT * FROM t") == [["x", "1", "2.5"], ['a"b', None, None], ["short", None, None]]


def test_parquet(world: World, tmp_path: object) -> None:
    import duckdb

    path = f"{tmp_path}/t.parquet"
    duckdb.sql(f"COPY (SELECT 1 AS Id, 2.5::DECIMAL(10,2) AS price, [1, 2] AS n) TO '{path}' (FORMAT parquet)")
    serde = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    world.table("t", "id bigint, price decimal(10,2), n array<int>, later string", serde=serde)
    world.s3.upload_file(path, "lake", "t/a.parquet")
    assert world.rows("SELECT * FROM t") == [["1", "2.50", "[1, 2]", None]]


def test_a_format_that_is_not_read_says_so(world: World) -> None:
    world.table("t", "a int", serde="org.apache.hadoop.hive.ql.io.orc.OrcSerde")
    world.put("t/a.orc", "x")
    assert world.failure("SELECT * FROM t").startswith("HIVE_UNSUPPORTED_FORMAT: ")


# Projection -----------------------------------------------------------------------------------------------------------

DATES = {
    "projection.enabled": "true",
    "projection.dt.type": "date",
    "projection.dt.format": "yyyy-MM-dd",
    "projection.dt.range": "2026-11-01,NOW",
    "projection.hour.type": "integer",
    "projection.hour.range": "0,23",
    "projection.hour.digits": "2",
}


def test_projection_finds_partitions_that_the_catalog_does_not_hold(world: World) -> None:
    world.table("t", "a int", keys="dt string, hour string", parameters=DATES)
    world.put("t/dt=2026-11-21/hour=05/a.json", {"a": 1})
    world.put("t/dt=2026-11-22/hour=03/a.json", {"a": 2})
    world.put("t/dt=2026-11-23/hour=00/later.json", {"a": 3})
    world.put("t/dt=2026-10-31/hour=00/earlier.json", {"a": 4})
    world.put("t/dt=2026-11-22/hour=3/unpadded.json", {"a": 5})
    assert world.rows("SELECT a, dt, hour FROM t ORDER BY a") == [["1", "2026-11-21", "05"], ["2", "2026-11-22", "03"]]
    assert scanned(world, "SELECT * FROM t WHERE dt = '2026-11-22'") == size(world, "t/dt=2026-11-22/hour=03/a.json")
    assert world.lines("SHOW PARTITIONS t") == []


def test_projection_with_a_location_template(world: World) -> None:
    parameters = {
        "projection.enabled": "true",
        "projection.datehour.type": "date",
        "projection.datehour.format": "yyyy/MM/dd/HH",
        "projection.datehour.range": "NOW-2DAYS,NOW",
        "projection.datehour.interval.unit": "HOURS",
        "projection.region.type": "enum",
        "projection.region.values": "eu,us",
        "storage.location.template": "s3://lake/raw/${region}/${datehour}/",
    }
    world.table("t", "a int", keys="datehour string, region string", parameters=parameters)
    world.put("raw/eu/2026/11/22/03/a.json", {"a": 1})
    world.put("raw/us/2026/11/21/23/a.json", {"a": 2})
    world.put("raw/us/2026/11/19/23/old.json", {"a": 3})
    world.put("raw/mars/2026/11/22/03/a.json", {"a": 4})
    rows = [["1", "2026/11/22/03", "eu"], ["2", "2026/11/21/23", "us"]]
    assert world.rows("SELECT a, datehour, region FROM t ORDER BY a") == rows
    assert world.rows("SELECT a FROM t WHERE datehour >= '2026/11/22/00'") == [["1"]]


def test_injected_projection_wants_its_value(world: World) -> None:
    parameters = {"projection.enabled": "true", "projection.device.type": "injected"}
    world.table("t", "a int", keys="device string", parameters=parameters)
    world.put("t/device=x7/a.json", {"a": 1})
    assert world.rows("SELECT a, device FROM t WHERE device = 'x7'") == [["1", "x7"]]
    assert world.failure("SELECT a FROM t").startswith(
        "CONSTRAINT_VIOLATION: For the injected projected partition column device"
    )


@pytest.mark.parametrize("name", ["SHOP.T", '"shop"."T"', "awsdatacatalog.shop.t", '"AwsDataCatalog".shop.t'])
def test_names_are_found_whatever_their_case(world: World, name: str) -> None:
    world.table("t", "a int")
    world.put("t/a.json", {"a": 1})
    assert world.rows(f'SELECT T.A, "A" FROM {name} T', database="") == [["1", "1"]]
