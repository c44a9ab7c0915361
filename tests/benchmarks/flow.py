"""How fast orders flow from write to queryable on the local target, beside writing alone into a bare moto server.

    python tests/benchmarks/flow.py [--orders 100000] [--singles 10]

Both are measured in one run, with the same orders, the same client (plain sockets, see stand.py) and a server process
of its own each; everything that the local target acknowledges is durable, moto keeps it in memory. The last lines give
the ratios.
"""

from __future__ import annotations

import argparse
import statistics
import time

from stand import await_count, bare_moto, deployed, numbered, objects, write

from salespipe.aws import Aws

# Bare moto is not kept waiting longer than it takes to know its speed.
BASELINE_ORDERS = 10_000
PUTS = 2_000


def seconds_to_object(aws: Aws, number: int) -> float:
    """From before an order's write until the object with it is there."""
    before, began = objects(aws), time.perf_counter()
    write(aws, numbered(number, number + 1), threads=1)
    while objects(aws) == before:
        time.sleep(0.005)
    return time.perf_counter() - began


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--orders", type=int, default=100_000)
    options.add_argument("--singles", type=int, default=10)
    asked = options.parse_args()
    total = asked.orders + 1
    orders = numbered(1, total)

    with bare_moto() as aws:
        base_puts = PUTS / write(aws, numbered(total, total + PUTS), one_by_one=True)
        print(f"baseline, PutItem into bare moto: {base_puts:,.0f}/s", flush=True)
        some = orders[:BASELINE_ORDERS]
        baseline = len(some) / write(aws, some)
        print(f"baseline, BatchWriteItem alone into bare moto: {baseline:,.0f} orders/s", flush=True)

    with deployed() as (aws, _):
        began = time.perf_counter()
        written = write(aws, orders)
        await_count(aws, total)
        flow = len(orders) / (time.perf_counter() - began)
        print(f"BatchWriteItem into the local target: {len(orders) / written:,.0f} orders/s")
        print(f"write to queryable: {flow:,.0f} orders/s, every order exactly once in {len(orders):,}", flush=True)
        latencies = [seconds_to_object(aws, total + single) for single in range(asked.singles)]
        interval = max(aws.config.transform_buffer_seconds, aws.config.buffer_seconds)
        if latencies:
            print(
                f"one order, write to S3 object: median {statistics.median(latencies):.2f} s,"
                f" longest {max(latencies):.2f} s (buffer interval {interval} s)",
                flush=True,
            )
        total += asked.singles
        puts = PUTS / write(aws, numbered(total, total + PUTS), one_by_one=True)
        print(f"PutItem into the local target, the pipeline at work behind it: {puts:,.0f}/s")
    print(f"ratio, write to queryable against BatchWriteItem alone into bare moto: {flow / baseline:.2f}")
    print(f"ratio, PutItem against bare moto: {puts / base_puts:.2f}")


if __name__ == "__main__":
    main()
