"""The catalogue in the lake: written when a shop opens, after deliveries, and at the end."""

import json
import threading
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.load.products import Products, lines
from salespipe.orders import default_world
from salespipe.orders.stock import Stock

START = 1_763_769_600_000


class S3:
    """Keeps what is put; refuses while it is told to."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.calls: list[dict[str, Any]] = []
        self.refuses = False
        self.open = threading.Event()
        self.open.set()

    def put_object(self, **call: Any) -> None:
        assert self.open.wait(10)
        if self.refuses:
            raise ClientError({"Error": {"Code": "NoSuchBucket", "Message": "gone"}}, "PutObject")
        self.calls.append({name: value for name, value in call.items() if name != "Body"})
        self.bodies.append(call["Body"])


class Lake:
    """Reference data of a shop's stock, kept in an S3 that is told what to do, at a time that a test sets."""

    def __init__(self) -> None:
        self.s3, self.now = S3(), 100.0
        aws = Aws(Config(), endpoint="http://127.0.0.1:9", clock=lambda: self.now)
        aws._clients["s3"] = self.s3
        aws._account = "123456789012"
        self.products = Products(aws, interval=5)
        self.stock = Stock(default_world().products, START, pace=25, time_scale=200_000, chance=lambda: 0.5)

    def deliver(self, units: int = 10) -> None:
        self.stock.add(self.stock.shelves[0], units)

    def settle(self) -> None:
        """Wait for the write that is under way."""
        assert self.products._writing
        self.products._writing.join()

    def stocks(self) -> list[int]:
        """The first product's stock in each object written so far."""
        return [json.loads(body.splitlines()[0])["stock"] for body in self.s3.bodies]


@pytest.fixture
def lake() -> Lake:
    return Lake()


def test_each_line_is_a_product_and_prices_keep_their_digits(lake: Lake) -> None:
    rows = lake.stock.rows()
    text = lines(rows).decode()
    assert [json.loads(line, parse_float=Decimal) for line in text.splitlines()] == rows
    assert text.endswith("}\n")
    assert f'"price": {default_world().products[0].price}, "stock": ' in text.splitlines()[0]
    assert lines([{"name": 'A "Größe" 🎈', "price": Decimal("5.00")}]) == (
        '{"name": "A \\"Größe\\" 🎈", "price": 5.00}\n'.encode()
    )


def test_it_is_written_where_the_crawler_looks(lake: Lake) -> None:
    lake.products.open(lake.stock)
    lake.products.close()
    assert lake.s3.calls == [
        {
            "Bucket": "salespipe-dev-123456789012-us-east-1",
            "Key": "products/products.json",
            "ContentType": "application/x-ndjson",
        }
    ]
    assert lake.products.problem is None


def test_deliveries_are_written_after_a_while_and_at_the_end(lake: Lake) -> None:
    opening = lake.stock.shelves[0].stock
    lake.products.open(lake.stock)
    lake.settle()
    lake.deliver()
    lake.products.tick()
    assert lake.stocks() == [opening]
    lake.now += 5
    lake.products.tick()
    lake.settle()
    lake.now += 5
    lake.products.tick()  # nothing was delivered since
    lake.deliver()
    lake.products.close()
    assert lake.stocks() == [opening, opening + 10, opening + 20]


def test_a_slow_s3_is_not_waited_for_and_gets_no_second_write_meanwhile(lake: Lake) -> None:
    lake.s3.open.clear()
    lake.products.open(lake.stock)
    for _ in range(3):
        lake.deliver()
        lake.now += 5
        lake.products.tick()
    lake.s3.open.set()
    lake.products.close()
    opening = default_world().products[0].stock
    assert lake.stocks() == [opening, opening + 30]


def test_a_refusal_is_told_and_not_raised_and_the_next_write_may_do(lake: Lake) -> None:
    lake.s3.refuses = True
    lake.products.open(lake.stock)
    lake.settle()
    assert "NoSuchBucket" in str(lake.products.problem)
    lake.s3.refuses = False
    lake.now += 5
    lake.products.tick()
    lake.settle()
    assert lake.products.problem is None
    lake.products.close()


def test_without_a_bucket_it_does_not_insist_at_the_end(lake: Lake) -> None:
    lake.s3.refuses = True
    lake.products.open(lake.stock)
    lake.deliver()
    lake.products.close()
    assert lake.products.problem
    assert lake.s3.bodies == []


def test_an_s3_that_never_answers_is_left_alone_in_the_end(lake: Lake) -> None:
    lake.products._patience = 0.05
    lake.s3.open.clear()
    lake.products.open(lake.stock)
    lake.products.close()
    assert "not answered" in str(lake.products.problem)
    lake.s3.open.set()
    lake.settle()


def test_what_never_opened_closes() -> None:
    products = Lake().products
    products.tick()
    products.close()
    assert products.problem is None
