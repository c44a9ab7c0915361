"""Reference data for the lake: the catalogue, with what each product's stock was at its last delivery.

One object of JSON lines, ``products/products.json``, overwritten as a whole. With it and the orders' history, SQL finds
what is on hand; ``salespipe.orders.stock`` has the formula.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from threading import Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.orders import Item
    from salespipe.orders.stock import Stock

OBJECT: Final = "products.json"
# Seconds between two writes at least: at 0.005 USD a thousand PUTs, less than half a cent an hour.
INTERVAL: Final = 5.0
# Seconds that the end of a run waits for S3: boto3's own patience with a network that drops everything is minutes.
PATIENCE: Final = 15.0


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

    def __init__(self, aws: Aws, *, interval: float = INTERVAL, patience: float = PATIENCE) -> None:
        self._aws = aws
        self._patience = patience
        self._interval = interval
        self._stock: Stock | None = None
        self._writing: Thread | None = None
        self._seen = 0
        self._next = 0.0
        self.problem: Exception | None = None

    def open(self, stock: Stock) -> None:
        """Begin with a shop's stock, and write it."""
        self._stock = stock
        self._write(stock)

    def tick(self) -> None:
        """Write, if it is time to and something was delivered or the last try failed. Cheap: for after every order."""
        stock = self._stock
        if stock is None or (stock.deliveries == self._seen and not self.problem) or self._aws.clock() < self._next:
            return
        if self._writing is None or not self._writing.is_alive():
            self._write(stock)

    def close(self) -> None:
        """Write what is not written yet, unless S3 refuses, and wait for it, though not for ever."""
        if self._settled() and self._stock and self._stock.deliveries != self._seen and not self.problem:
            self._write(self._stock)
        if not self._settled():
            self.problem = TimeoutError(f"S3 has not answered for {self._patience:.0f} s")

    def _settled(self) -> bool:
        if self._writing:
            self._writing.join(self._patience)
        return self._writing is None or not self._writing.is_alive()

    def _write(self, stock: Stock) -> None:
        self._seen = stock.deliveries
        self._next = self._aws.clock() + self._interval
        # The rows are a copy made here: the shop goes on selling meanwhile.
        self._writing = Thread(target=self._put, args=(stock.rows(),), name="products", daemon=True)
        self._writing.start()

    def _put(self, rows: list[Item]) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        from salespipe.errors import SalespipeError

        try:
            write_products(self._aws, rows)
        except (BotoCoreError, ClientError, SalespipeError) as error:
            self.problem = error
        else:
            self.problem = None
