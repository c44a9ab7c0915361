"""What is on hand, found by SQL from the lake alone, is what the shop has on its shelves: on a running local AWS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salespipe import lifecycle
from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.load.generate import generate
from salespipe.load.products import Products
from salespipe.local import daemon
from salespipe.orders.stock import Stock
from salespipe.pipeline import pipeline
from salespipe.query import athena, crawl

# The formula of salespipe.orders.stock. A deleted order counts as it last was, so history is asked, and not the view.
ON_HAND = """
WITH history AS (
  SELECT orderid, product_id, quantity, status, created_at,
    row_number() OVER (PARTITION BY orderid ORDER BY sequence_number DESC) AS version
  FROM order_events
  WHERE event_type <> 'REMOVE'
)
SELECT
  products.product_id,
  products.stock - coalesce(sum(history.quantity), 0) AS on_hand
FROM products
LEFT JOIN history
  ON history.product_id = products.product_id
  AND history.version = 1
  AND history.status NOT IN ('cancelled', 'returned')
  AND history.created_at >= products.stocked_at
GROUP BY products.product_id, products.stock
"""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    folder: Path = tmp_path_factory.mktemp("shop") / "aws"
    server = daemon.start(folder, 0)
    try:
        aws = Aws(Config(), endpoint=server.endpoint)
        for _ in lifecycle.up(aws, pipeline(aws)):
            pass
        yield aws
    finally:
        daemon.stop(folder)


class Watched(Products):
    """Keeps the shop's stock for the test to look at."""

    stock: Stock

    def open(self, stock: Stock) -> None:
        self.stock = stock
        super().open(stock)


def test_sql_over_the_lake_gives_the_shops_own_numbers(aws: Aws) -> None:
    products = Watched(aws, interval=0.2)
    # A day of the shop's in a twentieth of a second, so that suppliers deliver within a second or so.
    summary = generate(aws, rate=1500, count=3000, seed=7, time_scale=2_000_000, products=products)
    assert (summary.acknowledged, products.problem) == (3000, None)
    shop = products.stock
    assert shop.deliveries > 5
    crawl.crawl(aws)
    found: dict[Any, Any] = dict(athena.run(aws, ON_HAND).rows)
    assert found == shop.on_hand()
    assert min(found.values()) == 0


def test_the_crawler_sees_the_same_types_every_time(aws: Aws) -> None:
    for _ in range(2):
        crawl.crawl(aws)
        table = aws.client("glue").get_table(DatabaseName=aws.names.database, Name="products")["Table"]
        columns = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
        assert columns == {
            "product_id": "string",
            "product_name": "string",
            "category": "string",
            "price": "double",
            "stock": "int",
            "stocked_at": "string",
            "reorder_level": "int",
            "lead_days": "int",
        }
    (count,) = athena.run(aws, "SELECT count(*) FROM orders WHERE amount > 0").rows[0]
    assert isinstance(count, int)
    assert count > 1000
