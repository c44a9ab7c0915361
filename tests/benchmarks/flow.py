"""How fast orders flow from write to queryable on the local target, beside writing alone into a bare moto server.

    python tests/benchmarks/flow.py [--orders 20000] [--singles 10]

Both are measured in one run, with the same orders, the same client code (BatchWriteItem, 25 items a call, four
threads) and a server process of its own each. It prints a line for each figure; the last gives the ratio.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from salespipe import lifecycle
from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.local import daemon
from salespipe.pipeline import pipeline
from salespipe.query import athena, crawl

BATCH = 25
THREADS = 4

Item = dict[str, dict[str, str]]


def order(number: int) -> Item:
    """An order as the generator writes it: 14 attributes, about 600 bytes on the wire."""
    return {
        "orderid": {"S": f"bench-{number:09d}"},
        "customer_id": {"S": f"c-{number % 5000:05d}"},
        "customer_name": {"S": "Nadia Sørensen-Okafor"},
        "region": {"S": ("north", "south", "east", "west")[number % 4]},
        "product_id": {"S": f"p-{number % 200:04d}"},
        "product_name": {"S": "Stoneware mug, dark blue"},
        "category": {"S": "kitchen"},
        "quantity": {"N": str(1 + number % 5)},
        "price": {"N": f"{5 + number % 90}.{number % 100:02d}"},
        "channel": {"S": "web"},
        "payment_method": {"S": "card"},
        "status": {"S": "placed"},
        "created_at": {"S": "2026-11-22T10:00:00.000Z"},
        "updated_at": {"S": "2026-11-22T10:00:00.000Z"},
    }


def write(client: Any, table: str, orders: Sequence[Item]) -> float:
    """Write the orders from four threads; returns seconds."""
    began = time.perf_counter()

    def send(batch: Sequence[Item]) -> None:
        left: dict[str, Any] = {table: [{"PutRequest": {"Item": item}} for item in batch]}
        while left:
            left = client.batch_write_item(RequestItems=left)["UnprocessedItems"]

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(send, [orders[start : start + BATCH] for start in range(0, len(orders), BATCH)]))
    return time.perf_counter() - began


@contextmanager
def bare_moto() -> Iterator[Aws]:
    """A moto server as its own documentation starts it, with a table that has a stream."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        aws = Aws(Config(), endpoint=f"http://127.0.0.1:{port}")
        aws.client("dynamodb").create_table(
            TableName=aws.config.table.name,
            AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        yield aws
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def deployed() -> Iterator[Aws]:
    """The pipeline on a local AWS of its own, crawled once, so that what arrives is queryable."""
    with tempfile.TemporaryDirectory() as folder:
        server = daemon.start(Path(folder), 0)
        try:
            aws = Aws(Config(), endpoint=server.endpoint)
            began = time.perf_counter()
            for _ in lifecycle.up(aws, pipeline(aws)):
                pass
            print(f"up: {time.perf_counter() - began:.2f} s")
            write(aws.client("dynamodb"), aws.config.table.name, [order(0)])
            crawl.crawl(aws)
            yield aws
        finally:
            daemon.stop(Path(folder))


def queryable(aws: Aws) -> int:
    """How many orders Athena counts."""
    (count,) = athena.run(aws, "SELECT count(*) FROM order_events").rows[0]
    assert isinstance(count, int)
    return count


def await_count(aws: Aws, wanted: int, limit: float = 300) -> None:
    """Wait until Athena counts ``wanted`` orders."""
    began = time.perf_counter()
    while (count := queryable(aws)) < wanted:
        if time.perf_counter() - began > limit:
            raise SystemExit(f"only {count:,} of {wanted:,} orders were queryable after {limit:.0f} s")
        time.sleep(0.2)
    assert count == wanted, f"{count:,} rows for {wanted:,} orders"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--orders", type=int, default=20_000)
    options.add_argument("--singles", type=int, default=10)
    asked = options.parse_args()
    orders = [order(number) for number in range(1, asked.orders + 1)]

    with bare_moto() as aws:
        seconds = write(aws.client("dynamodb"), aws.config.table.name, orders)
        baseline = len(orders) / seconds
        print(f"baseline, write alone into bare moto: {baseline:,.0f} orders/s")

    with deployed() as aws:
        began = time.perf_counter()
        written = write(aws.client("dynamodb"), aws.config.table.name, orders)
        await_count(aws, len(orders) + 1)
        flow = len(orders) / (time.perf_counter() - began)
        print(f"write alone into the local target: {len(orders) / written:,.0f} orders/s")
        print(f"write to queryable: {flow:,.0f} orders/s, every order exactly once in {len(orders):,}")
        latencies = []
        for single in range(asked.singles):
            began = time.perf_counter()
            number = len(orders) + 1 + single
            write(aws.client("dynamodb"), aws.config.table.name, [order(number)])
            await_count(aws, number + 1)
            latencies.append(time.perf_counter() - began)
        wait = aws.config.batch_window_seconds + aws.config.transform_buffer_seconds + aws.config.buffer_seconds
        print(
            f"one order, write to queryable: median {statistics.median(latencies):.2f} s, "
            f"longest {max(latencies):.2f} s (its buffers: {wait} s)"
        )
    print(f"ratio, write to queryable against write alone into bare moto: {flow / baseline:.2f}")


if __name__ == "__main__":
    main()
