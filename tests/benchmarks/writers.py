"""Several clients write at once, and every hop is counted: table, its stream, Kinesis, S3, Athena.

    python tests/benchmarks/writers.py [--writers 8] [--seconds 60]

Each writes as fast as it is answered, half of them one by one and half in batches. Exit code 1 when a hop lacks an
acknowledged order, or has one twice: without failures nothing gives a reason for duplicates.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time

from stand import BATCH, Item, Wire, account_for, await_delivery, deployed, order

from salespipe.aws import Aws


def write_for(aws: Aws, writer: int, seconds: float, acknowledged: set[str]) -> None:
    """Write until the time is up."""
    wire, count, size = Wire(aws), 0, BATCH if writer % 2 else 1
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        items: list[Item] = [order(f"w{writer}-{count + offset:07d}", count) for offset in range(size)]
        count += size
        wire.put(items[0]) if size == 1 else wire.put_batch(items)
        acknowledged.update(item["orderid"]["S"] for item in items)
    wire.close()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--writers", type=int, default=8)
    options.add_argument("--seconds", type=float, default=60)
    asked = options.parse_args()
    with deployed() as (aws, _):
        sets: list[set[str]] = [set() for _ in range(asked.writers)]
        threads = [
            threading.Thread(target=write_for, args=(aws, writer, asked.seconds, mine))
            for writer, mine in enumerate(sets)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        acknowledged = set().union(*sets)
        print(
            f"{asked.writers} writers: {len(acknowledged):,} orders, {len(acknowledged) / asked.seconds:,.0f} a second"
        )
        await_delivery(aws, acknowledged)
        whole = account_for(aws, acknowledged, exactly=True)
    print(f"every order once in every hop: {'yes' if whole else 'NO'}")
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
