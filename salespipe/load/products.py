"""Reference data for the lake: the catalogue, with what each product's stock was at its last delivery.

One object of JSON lines, ``products/products.json``, overwritten as a whole. With it and the orders' history, SQL finds
what is on hand; ``salespipe.orders.stock`` has the formula.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.orders import Item
    from salespipe.orders.stock import Stock

OBJECT: Final = "products.json"
# Seconds between two writes at least: at 0.005 USD a thousand PUTs, less than half a cent an hour.
INTERVAL: Final = 5.0


def lines(rows: Iterable[Item]) -> bytes:
    """Rows as JSON lines, decimals digit for digit: a price has its decimal point, or a crawl sees whole numbers."""
    return "".join(
        "{" + ", ".join(f"{json.dumps(name)}: {_literal(value)}" for name, value in row.items()) + "}\n" for row in rows
    ).encode()


def _literal(value: str | int | Decimal) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def write_products(aws: Aws, rows: Iterable[Item]) -> None:
    """PutObject of the whole catalogue. Raises what boto3 raises."""
    names = aws.names
    aws.client("s3").put_object(
        Bucket=names.bucket,
        Key=f"{names.products_prefix}{OBJECT}",
        Body=lines(rows),
        ContentType="application/x-ndjson",
    )


class Products:
    """Keeps the lake's catalogue up to date while a shop sells, without making anybody wait for S3.

    Written when the shop opens, after deliveries (``interval`` seconds apart at least), and at the end. Until then what
    SQL finds on hand lacks the deliveries since. Orders do not depend on it, so nothing is raised: ``problem`` has the
    reason why the last write failed, or None.
    """

    def __init__(self, aws: Aws, *, interval: float = INTERVAL) -> None:
        self._aws = aws
        self._interval = interval
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="products")
        self._stock: Stock | None = None
        self._writing: Future[None] | None = None
        self._seen = 0
        self._next = 0.0
        self.problem: Exception | None = None

    def open(self, stock: Stock) -> None:
        """Begin with a shop's stock, and write it."""
        self._stock = stock
        self._write(stock)

    def tick(self) -> None:
        """Write, if there were deliveries and it is time to. Cheap: call it after every order."""
        stock = self._stock
        if stock is None or stock.deliveries == self._seen or self._aws.clock() < self._next:
            return
        if self._writing is None or self._writing.done():
            self._write(stock)

    def close(self) -> None:
        """Write what is not written yet, unless S3 refuses, and wait for it."""
        if self._writing:
            self._writing.result()
        if self._stock and self._stock.deliveries != self._seen and not self.problem:
            self._write(self._stock)
        self._worker.shutdown()

    def _write(self, stock: Stock) -> None:
        self._seen = stock.deliveries
        self._next = self._aws.clock() + self._interval
        # The rows are a copy made here: the shop goes on selling meanwhile.
        self._writing = self._worker.submit(self._put, stock.rows())

    def _put(self, rows: list[Item]) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        from salespipe.errors import SalespipeError

        try:
            write_products(self._aws, rows)
        except (BotoCoreError, ClientError, SalespipeError) as error:
            self.problem = error
        else:
            self.problem = None
