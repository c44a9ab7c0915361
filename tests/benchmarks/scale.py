"""What it costs when many orders have passed: processor time for each, memory, starting again, and doing nothing.

    python tests/benchmarks/scale.py [--orders 300000]

One local AWS; each figure stands beside the same figure of the same run when little or nothing had passed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from stand import await_count, deployed, numbered, processor_seconds, resident_mb, write

from salespipe.aws import Aws
from salespipe.local import daemon

SLICE = 10_000
IDLE_SECONDS = 10.0
QUIET_SECONDS = 4.0


def cost(aws: Aws, folder: Path, passed: int) -> float:
    """Microseconds of processor for each of the next orders until it is in S3, the transform's process included.

    Neither Athena nor S3 is asked meanwhile: what a query or a listing costs is a matter of the objects there are. That
    all is delivered is seen from outside, by the files of the bodies: nothing new for longer than any buffer holds it.
    """
    pid = pid_of(folder)
    began = processor_seconds(pid)
    write(aws, numbered(passed + 1, passed + 1 + SLICE))
    count, since = 0, time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        time.sleep(0.2)
        now = sum(1 for _ in (folder / "objects").rglob("*"))
        if now != count:
            count, since = now, time.monotonic()
    return (processor_seconds(pid) - began) / SLICE * 1e6


def pid_of(folder: Path) -> int:
    """The running server's process."""
    server = daemon.find(folder)
    assert server is not None, "the server is not running"
    return server.pid


def started(folder: Path) -> float:
    """Seconds from asking for a server until it answers."""
    began = time.perf_counter()
    daemon.start(folder, 0)
    return time.perf_counter() - began


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--orders", type=int, default=300_000)
    asked = options.parse_args()

    with tempfile.TemporaryDirectory() as name:
        empty = Path(name) / "aws"
        fresh = started(empty)
        time.sleep(2)
        small = resident_mb(pid_of(empty))
        daemon.stop(empty)
    print(f"start with an empty folder: {fresh:.2f} s, resident {small:.0f} MB", flush=True)

    with deployed() as (aws, folder):
        pid, passed = pid_of(folder), 0
        costs: dict[int, float] = {}
        for wanted in sorted({SLICE, 100_000, asked.orders}):
            if wanted > asked.orders:
                continue
            write(aws, numbered(passed + 1, wanted - SLICE + 1))
            await_count(aws, wanted - SLICE + 1)
            costs[wanted] = cost(aws, folder, wanted - SLICE)
            await_count(aws, wanted + 1)
            passed = wanted
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / passed
            print(
                f"after {passed:,} orders: {costs[passed]:.0f} µs of processor for each,"
                f" resident {resident_mb(pid):.0f} MB, {size:,.0f} bytes of disk for each",
                flush=True,
            )
        full = resident_mb(pid)
        time.sleep(2)
        began = processor_seconds(pid)
        time.sleep(IDLE_SECONDS)
        print(f"idle: {(processor_seconds(pid) - began) / IDLE_SECONDS:.1%} of one processor", flush=True)
        daemon.stop(folder)
        again = started(folder)
        await_count(aws, passed + 1)
        print(
            f"start with {passed:,} orders in the folder: {again:.2f} s, resident {resident_mb(pid_of(folder)):.0f} MB"
        )
    first, last = min(costs), max(costs)
    print(f"ratio, processor time of an order after {last:,} against after {first:,}: {costs[last] / costs[first]:.2f}")
    print(f"ratio, resident memory after {last:,} orders against an empty folder: {full / small:.1f}")
    print(f"ratio, start with {last:,} orders against an empty folder: {again / fresh:.1f}")


if __name__ == "__main__":
    main()
