"""How long it takes to find one order's way, beside looking through everything with boto3.

    python tests/benchmarks/trace.py [--orders 100000] [--traced 5]

Orders fill a pipeline on a local AWS of its own; some are written by ``generate``, with a ledger, in between. Then
``salespipe trace`` is run for some of these, as typed, its start-up included: with the ledger, without it, and for an
order that never was. The baseline is what one would write first: every record of every shard since the beginning, every
object of the lake, and a query in Athena for the order, in a process that has started already.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stand import deployed, numbered, write

from salespipe.aws import Aws
from salespipe.flow.drain import drain
from salespipe.ledger import Ledgers
from salespipe.load.generate import generate
from salespipe.query import athena
from salespipe.query.crawl import crawl

SLICE = 20_000
SECONDS_ALLOWED = 2.0


def fill(aws: Aws, folder: Path, orders: int) -> list[str]:
    """Write so many orders, and some with a ledger among them; these orders' ids."""
    ledgers = Ledgers(aws, folder)
    for number, start in enumerate(range(1, orders + 1, SLICE)):
        write(aws, numbered(start, min(start + SLICE, orders + 1)))
        drain(aws, patience=600, progress=lambda _: None)
        generate(aws, rate=200.0, count=40, seed=number, ledgers=ledgers)
        print(f"  {min(start + SLICE - 1, orders):,} written", flush=True)
    drain(aws, patience=600, progress=lambda _: None)
    crawl(aws)
    return sorted({entry.key for reading in ledgers.of_table()[0] for entry in reading})


def typed(folder: Path, order: str, expected: int = 0) -> float:
    """Seconds that the command takes."""
    began = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-m", "salespipe.cli.main", "trace", order, "--json"],
        env=os.environ | {"SALESPIPE_HOME": str(folder)},
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if run.returncode != expected:
        raise SystemExit(f"trace {order} ended {run.returncode}: {run.stdout[:1000]} {run.stderr}")
    return seconds


def by_hand(aws: Aws, order: str) -> float:
    """Seconds to look through all of Kinesis, all of the lake, and to ask Athena."""
    began, names, mark = time.perf_counter(), aws.names, order.encode()
    kinesis, s3, met = aws.client("kinesis"), aws.client("s3"), 0
    for shard in kinesis.list_shards(StreamName=names.stream)["Shards"]:
        where = {"StreamName": names.stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(**where)["ShardIterator"]
        while True:
            answer = kinesis.get_records(ShardIterator=iterator)
            met += sum(mark in record["Data"] for record in answer["Records"])
            if not answer["MillisBehindLatest"]:
                break
            iterator = answer["NextShardIterator"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=names.bucket, Prefix=names.events_prefix):
        for each in page["Contents"]:
            body = gzip.decompress(s3.get_object(Bucket=names.bucket, Key=each["Key"])["Body"].read())
            met += sum(mark in line for line in body.splitlines())
    met += len(athena.run(aws, f"SELECT * FROM orders WHERE orderid = '{order}'").rows)
    if met < 2:
        raise SystemExit(f"{order} was not met by hand")
    return time.perf_counter() - began


def told(what: str, seconds: list[float], baseline: float) -> None:
    middle = statistics.median(seconds)
    print(
        f"{what}: {middle:.2f} s (at most {max(seconds):.2f} s of {len(seconds)}),"
        f" {baseline / middle:.1f} times as fast as by hand;"
        f" under {SECONDS_ALLOWED:.0f} s: {'yes' if middle < SECONDS_ALLOWED else 'NO'}"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--orders", type=int, default=100_000)
    options.add_argument("--traced", type=int, default=5)
    asked = options.parse_args()
    with deployed() as (aws, folder):
        known = fill(aws, folder, asked.orders)
        orders = known[:: max(1, len(known) // asked.traced)][: asked.traced]
        print(f"{asked.orders:,} orders beside {len(known):,} of generate's; load {os.getloadavg()[0]:.1f}", flush=True)
        timed: Callable[[str], float] = lambda order: typed(folder, order)  # noqa: E731
        typed(folder, orders[0])  # once for what is read from disk for the first time
        baseline = statistics.median(by_hand(aws, order) for order in orders[:2])
        print(f"by hand, everything read with boto3: {baseline:.2f} s", flush=True)
        told("trace, with a ledger", [timed(order) for order in orders], baseline)
        folder.joinpath("ledgers").rename(folder / "put-aside")
        told("trace, without a ledger", [timed(order) for order in orders], baseline)
        never = [typed(folder, f"never-{number}", expected=1) for number in range(asked.traced)]
        told("trace of an order that never was", never, baseline)


if __name__ == "__main__":
    main()
