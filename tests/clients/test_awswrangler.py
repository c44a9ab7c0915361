"""awswrangler (AWS SDK for pandas), its endpoints set as its own configuration has them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

wr = pytest.importorskip("awswrangler", reason="awswrangler is not installed: pip install 'salespipe[clients]'")

pytestmark = [
    pytest.mark.usefixtures("environment", "configured"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # between awswrangler and pandas
]

LAKE = "s3://clients-lake"
RESULTS = f"{LAKE}/results/"


@pytest.fixture
def configured(endpoint: str) -> Iterator[None]:
    services = ("s3", "athena", "glue", "sts")
    for service in services:
        setattr(wr.config, f"{service}_endpoint_url", endpoint)
    yield
    for service in services:
        wr.config.reset(f"{service}_endpoint_url")


def read(lake: str, sql: str, **options: Any) -> Any:
    return wr.athena.read_sql_query(sql, **{"database": lake, "s3_output": RESULTS, "ctas_approach": False, **options})


def test_a_query_becomes_a_frame_with_types(lake: str) -> None:
    frame = read(lake, "SELECT * FROM orders ORDER BY orderid")
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "orderid": "string",
        "quantity": "Int32",
        "price": "float64",
        "region": "string",
        "created_at": "datetime64[us]",
        "dt": "string",
    }
    assert frame["orderid"].tolist() == ['o "4", more', "o-1", "o-2", "o-3"]
    assert frame["quantity"].sum() == 8
    assert frame["created_at"].max() == datetime(2026, 1, 2, 23, 59, 59)


@pytest.mark.parametrize("way", [{"ctas_approach": True}, {"unload_approach": True}])
def test_a_query_comes_by_way_of_parquet(lake: str, way: dict[str, bool]) -> None:
    path = f"{LAKE}/by-way-of-parquet/{next(iter(way))}/"
    frame = read(lake, "SELECT orderid, quantity, price, created_at, dt FROM orders", s3_output=path, **way)
    frame = frame.sort_values("orderid")
    assert frame["orderid"].tolist() == ['o "4", more', "o-1", "o-2", "o-3"]
    assert frame["quantity"].isna().tolist() == [True, False, False, False]
    assert frame["price"].tolist()[1:] == [1.5, 20.25, 0.2]
    assert frame["created_at"].max() == datetime(2026, 1, 2, 23, 59, 59)
    assert [name for name in wr.catalog.tables(database=lake)["Table"] if name.startswith("temp_table")] == []


def test_a_table_is_made_of_a_query(lake: str) -> None:
    made = wr.athena.create_ctas_table(
        "SELECT region, sum(quantity) AS units FROM orders GROUP BY region",
        database=lake,
        ctas_table="regions",
        s3_output=f"{LAKE}/made/",
        wait=True,
    )
    assert (made["ctas_database"], made["ctas_table"]) == (lake, "regions")
    found = read(lake, "SELECT region, units FROM regions ORDER BY region")
    assert found["region"].tolist() == ["north", "south", "west"]
    assert found["units"].tolist()[:2] == [7, 1]
    assert wr.s3.read_parquet_table(database=lake, table="regions")["units"].sum() == 8
    wr.catalog.delete_table_if_exists(lake, "regions")


def test_parameters_chunks_and_a_workgroup(lake: str) -> None:
    found = read(lake, "SELECT orderid FROM orders WHERE region = :region ORDER BY 1", params={"region": "north"})
    assert found["orderid"].tolist() == ["o-1", "o-3"]
    chunks = read(lake, "SELECT orderid FROM orders", chunksize=3)
    assert [len(chunk) for chunk in chunks] == [3, 1]
    counted = read(lake, "SELECT count(*) AS orders FROM orders", s3_output=None, workgroup="clients")
    assert counted["orders"].tolist() == [4]


def test_errors_carry_athenas_text(lake: str) -> None:
    with pytest.raises(wr.exceptions.QueryFailed, match="COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"):
        read(lake, "SELECT nope FROM orders")


def test_objects_are_read_without_athena() -> None:
    frame = wr.s3.read_json(f"{LAKE}/orders/", lines=True, dataset=True)
    assert sorted(frame["orderid"]) == ['o "4", more', "o-1", "o-2", "o-3"]
    assert sorted(frame["dt"].astype(str).unique()) == ["2026-01-01", "2026-01-02"]


def test_parquet_is_written_catalogued_and_read_back(lake: str) -> None:
    import pandas as pd

    frame = pd.DataFrame(
        {
            "id": [1, 2, 3],
            "name": ["a", None, "c"],
            "amount": [1.5, 2.5, 3.5],
            "at": pd.to_datetime(["2026-01-01 01:02:03", "2026-01-01 00:00:00", "2026-01-03 00:00:00"]),
            "day": ["x", "x", "y"],
        }
    )
    written = {"path": f"{LAKE}/written/", "dataset": True, "database": lake, "table": "written"}
    wr.s3.to_parquet(frame, **written, partition_cols=["day"], mode="overwrite")
    types = {"id": "bigint", "name": "string", "amount": "double", "at": "timestamp", "day": "string"}
    assert wr.catalog.get_table_types(database=lake, table="written") == types
    partitions = wr.catalog.get_partitions(database=lake, table="written")
    assert partitions == {f"{LAKE}/written/day=x/": ["x"], f"{LAKE}/written/day=y/": ["y"]}

    asked = read(lake, "SELECT * FROM written ORDER BY id")
    assert asked["at"].tolist() == frame["at"].tolist()
    assert asked["name"].isna().tolist() == [False, True, False]
    assert asked["day"].tolist() == ["x", "x", "y"]
    assert wr.s3.read_parquet_table(database=lake, table="written")["amount"].sum() == 7.5

    wr.s3.to_parquet(frame, **written, partition_cols=["day"], mode="append")
    assert read(lake, "SELECT count(*) AS n, sum(amount) AS amount FROM written").to_dict("records") == [
        {"n": 6, "amount": 15.0}
    ]
    assert len(wr.s3.list_objects(f"{LAKE}/written/")) == 4
    wr.s3.delete_objects(f"{LAKE}/written/")
    assert wr.s3.list_objects(f"{LAKE}/written/") == []
    assert wr.catalog.delete_table_if_exists(lake, "written")


def test_csv_is_written_and_asked(lake: str) -> None:
    import pandas as pd

    frame = pd.DataFrame({"id": [1, 2], "name": ["a, b", 'c "d"']})
    wr.s3.to_csv(frame, path=f"{LAKE}/csv/", dataset=True, database=lake, table="written_csv", index=False)
    asked = read(lake, "SELECT id, name FROM written_csv ORDER BY id")
    assert asked["id"].tolist() == [1, 2]
    wr.catalog.delete_table_if_exists(lake, "written_csv")


def test_the_catalog_is_listed_and_described(lake: str) -> None:
    tables = wr.catalog.tables(database=lake)
    assert "orders" in tables["Table"].tolist()
    columns = wr.catalog.table(database=lake, table="orders")
    assert columns["Column Name"].tolist() == ["orderid", "quantity", "price", "region", "created_at", "dt"]
    assert columns["Partition"].tolist() == [False] * 5 + [True]
    assert lake in wr.catalog.databases()["Database"].tolist()


def test_the_table_is_shown_and_repaired_through_athena(lake: str) -> None:
    described = wr.athena.describe_table("orders", lake, s3_output=RESULTS)
    assert described["Column Name"].tolist()[:2] == ["orderid", "quantity"]
    shown = wr.athena.show_create_table("orders", lake, s3_output=RESULTS)
    assert shown.startswith("CREATE EXTERNAL TABLE `orders`(")
    assert wr.athena.repair_table("orders", lake, s3_output=RESULTS) == "SUCCEEDED"
