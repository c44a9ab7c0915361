"""PyAthena, the Python world's driver for Athena, pointed at the endpoint.

``endpoint_url`` is for Athena alone: the cursors that read result files ask S3 by themselves, at AWS_ENDPOINT_URL.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import quote_plus

import pytest

pyathena = pytest.importorskip("pyathena", reason="PyAthena is not installed: pip install 'salespipe[clients]'")

pytestmark = pytest.mark.usefixtures("environment")

RESULTS = "s3://clients-lake/results/"
EVERY_ROW = (
    "SELECT orderid, quantity, price, created_at, dt, CAST(price AS decimal(10,2)) AS money FROM orders ORDER BY 1"
)
FIRST = ("o-1", 2, 1.5, datetime(2026, 1, 1, 9), "2026-01-01", Decimal("1.50"))
NO_NUMBERS = ('o "4", more', None, None, datetime(2026, 1, 2, 23, 59, 59), "2026-01-02", None)


@pytest.fixture
def connection(endpoint: str, lake: str) -> Iterator[Any]:
    with pyathena.connect(
        endpoint_url=endpoint, region_name="us-east-1", s3_staging_dir=RESULTS, schema_name=lake, poll_interval=0.05
    ) as connection:
        yield connection


def rows(connection: Any, sql: str, *parameters: Any, **options: Any) -> Any:
    cursor = connection.cursor()
    cursor.execute(sql, *parameters, **options)
    return cursor.fetchall()


def test_rows_have_athenas_names_and_types(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(EVERY_ROW)
    assert [(column[0], column[1]) for column in cursor.description] == [
        ("orderid", "varchar"),
        ("quantity", "integer"),
        ("price", "double"),
        ("created_at", "timestamp"),
        ("dt", "varchar"),
        ("money", "decimal"),
    ]
    found = cursor.fetchall()
    assert found[:2] == [NO_NUMBERS, FIRST]
    assert len(found) == 4
    assert cursor.output_location.startswith(RESULTS)
    assert cursor.data_scanned_in_bytes > 0


def test_every_scalar_type_is_converted(connection: Any) -> None:
    sql = (
        "SELECT true, BIGINT '5', REAL '1.5', DECIMAL '1.50', DATE '2026-01-02', X'00ff', NULL, ARRAY[1, 2], 'a,\"b\nc'"
    )
    assert rows(connection, sql) == [
        (True, 5, 1.5, Decimal("1.50"), date(2026, 1, 2), b"\x00\xff", None, [1, 2], 'a,"b\nc')
    ]


def test_more_rows_than_a_page_holds(connection: Any) -> None:
    sql = "SELECT n FROM UNNEST(sequence(1, 2500)) AS t(n)"
    assert [row[0] for row in rows(connection, sql)] == list(range(1, 2501))


def test_rows_as_dictionaries(connection: Any) -> None:
    from pyathena.cursor import DictCursor

    cursor = connection.cursor(DictCursor)
    cursor.execute("SELECT orderid, price FROM orders WHERE quantity = 2")
    assert cursor.fetchall() == [{"orderid": "o-1", "price": 1.5}]


def test_parameters_of_both_styles(connection: Any) -> None:
    named = "SELECT orderid FROM orders WHERE region = %(region)s AND quantity > %(least)d"
    assert rows(connection, named, {"region": "north", "least": 3}) == [("o-3",)]
    marked = "SELECT orderid FROM orders WHERE region = ? AND quantity > ?"
    assert rows(connection, marked, ["'north'", "3"], paramstyle="qmark") == [("o-3",)]


def test_show_and_describe(connection: Any) -> None:
    assert ("orders",) in rows(connection, "SHOW TABLES")
    assert ("clients",) in rows(connection, "SHOW DATABASES")
    assert rows(connection, "SHOW PARTITIONS orders") == [("dt=2026-01-01",), ("dt=2026-01-02",)]
    described = [row[0].split() for row in rows(connection, "DESCRIBE orders")]
    assert described[:2] == [["orderid", "string"], ["quantity", "int"]]
    assert described[-1] == ["dt", "string"]
    shown = rows(connection, "SHOW CREATE TABLE orders")
    assert shown[0] == ("CREATE EXTERNAL TABLE `orders`(",)
    assert ("  's3://clients-lake/orders/'",) in shown
    columns = connection.cursor().get_table_metadata("orders").columns
    assert [column.name for column in columns] == ["orderid", "quantity", "price", "region", "created_at"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT nope FROM orders", "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"),
        ("SELECT * FROM nope", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.clients.nope' does not exist"),
        ("SELECT 1 / 0", "DIVISION_BY_ZERO: Division by zero"),
    ],
)
def test_errors_carry_athenas_text(connection: Any, sql: str, message: str) -> None:
    with pytest.raises(pyathena.OperationalError) as caught:
        rows(connection, sql)
    assert str(caught.value).startswith(message)


def test_a_query_that_is_no_query_is_refused_at_once(connection: Any) -> None:
    with pytest.raises(pyathena.DatabaseError, match="InvalidRequestException"):
        rows(connection, "SELEC 1")


def test_a_workgroup_says_where_results_go(endpoint: str, lake: str) -> None:
    with pyathena.connect(
        endpoint_url=endpoint, region_name="us-east-1", work_group="clients", schema_name=lake
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM orders")
        assert cursor.fetchone() == (4,)
        assert cursor.output_location.startswith(RESULTS)


def test_several_queries_at_once(connection: Any) -> None:
    from pyathena.async_cursor import AsyncCursor

    cursor = connection.cursor(AsyncCursor)
    futures = [cursor.execute(f"SELECT {number}")[1] for number in range(4)]
    assert [future.result().fetchone() for future in futures] == [(0,), (1,), (2,), (3,)]
    cursor.close()


def test_arrow_tables(connection: Any, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'salespipe[clients]'")
    from pyarrow import fs
    from pyathena.arrow.cursor import ArrowCursor

    # The cursor reads with Arrow's own S3 client, which asks AWS whatever the environment says
    # (github.com/apache/arrow/issues/49643), and PyAthena has no option for it.
    monkeypatch.setattr(fs, "S3FileSystem", partial(fs.S3FileSystem, endpoint_override=endpoint))
    cursor = connection.cursor(ArrowCursor)
    table = cursor.execute(EVERY_ROW).as_arrow()
    assert dict(zip(table.schema.names, table.schema.types, strict=True)) == {
        "orderid": pyarrow.string(),
        "quantity": pyarrow.int32(),
        "price": pyarrow.float64(),
        "created_at": pyarrow.timestamp("us"),
        "dt": pyarrow.string(),
        "money": pyarrow.string(),  # PyAthena's choice, so that no digit is lost
    }
    # Without another wish of the user's, Arrow reads a NULL text of a CSV file as an empty one.
    expected = [(*NO_NUMBERS[:-1], ""), (*FIRST[:-1], "1.50")]
    assert [tuple(row.values()) for row in table.to_pylist()][:2] == expected
    unloaded = connection.cursor(ArrowCursor, unload=True).execute(EVERY_ROW).as_arrow()
    assert unloaded.schema.field("money").type == pyarrow.decimal128(10, 2)
    assert sorted(tuple(row.values()) for row in unloaded.to_pylist())[:2] == [NO_NUMBERS, FIRST]


def test_pandas_frames(connection: Any) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed: pip install 'salespipe[clients]'")
    from pyathena.pandas.cursor import PandasCursor

    cursor = connection.cursor(PandasCursor)
    frame = cursor.execute(EVERY_ROW).as_pandas()
    assert list(frame["orderid"]) == ['o "4", more', "o-1", "o-2", "o-3"]
    assert frame["quantity"].sum() == 8
    assert frame["price"].sum() == pytest.approx(21.95)
    assert frame["created_at"].max() == datetime(2026, 1, 2, 23, 59, 59)
    assert frame["quantity"].isna().tolist() == [True, False, False, False]


def test_sqlalchemy_reflects_and_asks(endpoint: str, lake: str) -> None:
    sa = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'salespipe[clients]'")
    url = (
        f"awsathena+rest://anyone:anything@athena.us-east-1.amazonaws.com:443/{lake}"
        f"?s3_staging_dir={quote_plus(RESULTS)}&endpoint_url={quote_plus(endpoint)}&poll_interval=0.05"
    )
    engine = sa.create_engine(url)
    orders = sa.Table("orders", sa.MetaData(), autoload_with=engine)
    assert [column.name for column in orders.columns][-1] == "dt"
    wanted = (
        sa.select(orders.c.region, sa.func.sum(orders.c.quantity).label("units"))
        .where(orders.c.dt == "2026-01-01")
        .group_by(orders.c.region)
        .order_by("region")
    )
    with engine.connect() as connection:
        assert connection.execute(wanted).fetchall() == [("north", 2), ("south", 1)]
    engine.dispose()
