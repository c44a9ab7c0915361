"""What it takes to prove that nothing was lost: memory, reading, and comparing, beside comparing with a plain dict.

    python tests/benchmarks/verify.py [--orders 1000000] [--updated 0.2]

Orders go through the whole pipeline of one local AWS, from BatchWriteItem to S3, and into a ledger; some are written a
second time. Then ``verify`` runs in a process of its own, told of as it goes on. The baseline of comparing is what one
would write first: every record of every hop in dicts, over the very same records in the same process. It runs behind
``verify``, so that its memory is told apart from it. Comparing runs on one core, so that processor time is what is
compared: what else the machine does is left out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from stand import THREADS, deployed, numbered, write

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.flow.drain import drain
from salespipe.ledger import Ledgers
from salespipe.ledger.fingerprint import of_attributes
from salespipe.load.writer import Write
from salespipe.orders import Kind
from salespipe.query.crawl import crawl
from salespipe.trust.proof.bucket import Bucket, Windows
from salespipe.trust.proof.spool import Spool
from salespipe.trust.proof.weigh import weigh
from salespipe.trust.verify import Verification

SLICE = 20_000
MB_ALLOWED = 500
RATE_WANTED = 100_000


def fill(aws: Aws, folder: Path, orders: int, updated: float) -> None:
    """Write orders through the pipeline and record them, slice by slice; the last ones a second time."""
    again = int(orders * updated)
    began = time.perf_counter()
    with Ledgers(aws, folder).begin("benchmark") as ledger:
        for start in [*range(1, orders + 1, SLICE), *range(1, again + 1, SLICE)]:
            second = ledger.entries >= orders
            stop = min(start + SLICE, (again if second else orders) + 1)
            items = numbered(start, stop)
            if second:
                for item in items:
                    item["status"] = {"S": "paid"}
            write(aws, items, threads=THREADS)
            kind = Kind.UPDATE if second else Kind.INSERT
            ledger.append([Write(kind, item["orderid"]["S"], b"", 0.0, 0, 0, of_attributes(item)) for item in items])
            print(f"  {ledger.entries:,} written ({time.perf_counter() - began:.0f} s)", flush=True)
    drain(aws, patience=600, progress=lambda _: None)
    crawl(aws)
    print(f"{orders:,} orders, {again:,} of them twice, through the pipeline: {time.perf_counter() - began:.0f} s")


def peak_mb() -> float:
    """The most memory that this process has had resident, MB; getrusage would also count who started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


class Measured(Verification):
    """A verification that measures itself, and then the baseline over the same records."""

    def _compare(self, spool: Spool, windows: Windows, *rest: Any) -> None:
        print(f"read, at most {peak_mb():.0f} MB resident", flush=True)
        began = time.process_time()
        super()._compare(spool, windows, *rest)
        own = time.process_time() - began
        orders, wall = self._report.orders, self._report.seconds
        self.own_mb, self.rate = peak_mb(), orders / own
        print(
            f"compared: {orders:,} orders in {own:.1f} s of one core, {self.rate:,.0f} a second"
            f" ({orders / wall:,.0f} by the clock)",
            flush=True,
        )
        began = time.process_time()
        wrong = baseline(spool)
        seconds = time.process_time() - began
        print(
            f"baseline, dicts of everything: {seconds:.1f} s, {orders / seconds:,.0f} a second, {wrong} orders differ;"
            f" verify is {seconds / own:.1f} times as fast, in {self.own_mb:.0f} MB resident instead of {peak_mb():.0f}"
        )


def baseline(spool: Spool) -> int:
    """Every record in dicts by order and event, then order by order; how many differ in anything."""
    hops: dict[str, dict[str, Any]] = {name: defaultdict(dict) for name in ("table_stream", "kinesis", "lake")}
    versions: dict[str, list[bytes]] = defaultdict(list)
    table: dict[str, bytes] = {}
    rows: Counter[str] = Counter()
    for number in range(spool.buckets):
        bucket = Bucket.load(spool, number)
        for name, events in hops.items():
            hop = getattr(bucket, name)
            for index, key in enumerate(hop.column(0)):
                event_id = hop.rest(index)[0]
                if name == "lake":
                    events[key][event_id] = hop.column(3)[index], hop.column(4)[index]
                else:
                    events[key][event_id] = hop.rest(index)[1], hop.rest(index)[2]
        for key, fingerprint in zip(bucket.ledger.column(0), bucket.ledger.column(1), strict=True):
            versions[key].append(fingerprint)
        table.update(zip(bucket.table.column(0), bucket.table.column(2), strict=True))
        rows.update(bucket.view.column(0))
    wrong = 0
    for key in table.keys() | versions.keys():
        written, came, delivered = (hops[name][key] for name in hops)
        ordered = [content for _, content in sorted(delivered.values())]
        wrong += not (
            written == came == delivered
            and (key not in versions or versions[key] == ordered)
            and table.get(key) == ordered[-1]
            and rows[key] == 1
        )
    return wrong


def child(folder: Path) -> None:
    """Verify what runs on that folder."""
    from salespipe.local import daemon

    server = daemon.find(folder)
    assert server is not None, "the server is not running"
    aws = Aws(Config(), endpoint=server.endpoint)
    kept = Ledgers(aws, folder).of_table()
    last, told = "", [0.0, 0.0]

    def progress(detail: str) -> None:
        nonlocal last
        now = time.perf_counter()
        if told[0]:
            told[1] = max(told[1], now - told[0])
        told[0] = now
        if (step := detail.partition(":")[0]) != last:
            last = step
            print(f"  {detail}", flush=True)

    began = time.perf_counter()
    verification = Measured(aws, weigh(aws, kept[0]), kept, progress=progress)
    report = verification.run()
    for hop in report.hops:
        rate = hop.records / hop.seconds if hop.seconds else 0
        print(f"  read {hop.name}: {hop.records:,} in {hop.seconds:.1f} s, {rate:,.0f}/s")
    print(f"in all {time.perf_counter() - began:.0f} s; never longer than {told[1]:.1f} s without a word")
    print(f"exit code {int(report.exit_code)}, {sum(report.findings.counts.values())} findings")
    print(f"under {MB_ALLOWED} MB: {'yes' if verification.own_mb < MB_ALLOWED else 'NO'}")
    print(f"at least {RATE_WANTED:,} orders/s compared: {'yes' if verification.rate >= RATE_WANTED else 'NO'}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--orders", type=int, default=1_000_000)
    options.add_argument("--updated", type=float, default=0.2, help="share of the orders that is written twice")
    options.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.child:
        child(asked.child)
        return
    with deployed() as (aws, folder):
        fill(aws, folder, asked.orders, asked.updated)
        subprocess.run([sys.executable, __file__, "--child", str(folder)], check=True, env=os.environ)


if __name__ == "__main__":
    main()
