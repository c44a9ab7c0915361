"""How many orders a second one core makes, writes and sees acknowledged, against boto3's ways to write them.

    python tests/benchmarks/load.py speed [--rounds 3]
    python tests/benchmarks/load.py pace [--rate 50 --rate 2000] [--seconds 60]
    python tests/benchmarks/load.py memory [--orders 1000000]

The DynamoDB is one that does nothing, in a process of its own. All take turns in one run, and what counts is the CPU
time of this process with all its threads: orders a second per core. boto3's are given their items; ours are made on the
way, and everything is done that ``salespipe generate`` does. The raw socket sends what ours sent, signed beforehand,
and looks at no answer: nobody can be faster. Exit code 1 when ours is not three times ``batch_writer``, when a rate is
missed by more than 0.5 %, or when memory grows by more than a tenth after a tenth of the orders.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from boto3.dynamodb.types import TypeSerializer
from nothing import TABLE, account, nothing
from pace import pace

from salespipe.ledger import Ledgers
from salespipe.load import batch_call, generate, writer
from salespipe.load.attributes import put_request
from salespipe.load.batches import BATCH
from salespipe.load.report import Progress, Summary
from salespipe.orders import Item, Kind, Shop, default_world

TARGET = 3.0
# Of a shop that has been open for long, so that its orders are in all stages of their lives.
SHOP_RATE = 2000.0
Stages = dict[str, float]


class Hurry:
    """A clock on which nobody ever waits: sleeping makes it jump."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def clock(self) -> float:
        return time.monotonic() + self.skipped

    def sleep(self, seconds: float) -> None:
        self.skipped += seconds


def some_items(count: int) -> list[Item]:
    moments = iter(range(1_700_000_000, 1_800_000_000))
    shop = Shop(1, default_world(), lambda: float(next(moments)))
    changes = (next(shop) for _ in range(10 * count))
    return [change.item for change in changes if change.kind is Kind.INSERT][:count]


def ours(endpoint: str, orders: int, options: dict[str, Any]) -> Summary:
    """What ``salespipe generate`` does, without ever waiting for an order to be due."""
    hurry = Hurry()
    aws = account(endpoint, clock=hurry.clock, sleep=hurry.sleep)
    with tempfile.TemporaryDirectory() as home:
        ledgers = Ledgers(aws, Path(home))
        summary = generate.generate(aws, rate=SHOP_RATE, count=orders, seed=1, ledgers=ledgers, **options)
    assert summary.acknowledged == orders == summary.consumed_write_units
    return summary


def raw(endpoint: str, requests: Sequence[bytes], batches: int) -> None:
    """Send what is signed already, over and over, on one connection."""
    host, _, port = endpoint.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(batches):
            connection.sendall(requests[number % len(requests)])
            while not connection.recv(65536).endswith(b"}"):
                pass


def signed(endpoint: str, items: Sequence[Item]) -> list[bytes]:
    """The very bytes that ours would send for some batches."""
    call = batch_call.BatchWrite(account(endpoint).client("dynamodb"), TABLE)
    host, made = endpoint.removeprefix("http://"), []
    for at in range(0, len(items), BATCH):
        requests = [put_request(item, "orderid") for item in items[at : at + BATCH]]
        request = call._request(call._head + b",".join(requests) + b"]}}")
        headers = {"Host": host, "Accept-Encoding": "identity", **request.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        made.append(f"POST / HTTP/1.1\r\n{lines}\r\n".encode() + request.body)
    return made


def contenders(endpoint: str, items: list[Item]) -> dict[str, tuple[int, Callable[[int], object]]]:
    """Whoever takes part: how many orders a turn, and a turn."""
    client = account(endpoint).client("dynamodb")
    session = boto3.session.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1")
    table = session.resource("dynamodb", endpoint_url=endpoint, config=client.meta.config).Table(TABLE)
    serialize = TypeSerializer().serialize
    puts = [{"PutRequest": {"Item": {name: serialize(value) for name, value in item.items()}}} for item in items]
    ready = signed(endpoint, items)

    def put_item(count: int) -> None:
        for item in items[:count]:
            table.put_item(Item=item)

    def batch_writer(count: int) -> None:
        with table.batch_writer() as batch:
            for item in items[:count]:
                batch.put_item(Item=item)

    def batch_write_item(count: int) -> None:
        for at in range(0, count, BATCH):
            client.batch_write_item(RequestItems={TABLE: puts[at : at + BATCH]})

    return {
        "put_item of boto3's resource": (2_000, put_item),
        "batch_writer of boto3's resource": (10_000, batch_writer),
        "batch_write_item of boto3's client, attributes serialised before": (10_000, batch_write_item),
        "salespipe generate, orders made on the way": (50_000, lambda count: ours(endpoint, count, {})),
        "the same with one worker": (50_000, lambda count: ours(endpoint, count, {"workers": 1})),
        "one raw socket, everything made and signed before": (
            100_000,
            lambda count: raw(endpoint, ready, count // BATCH),
        ),
    }


def speed(endpoint: str, rounds: int) -> bool:
    """All of them in turn, then where the time of ours goes."""
    taking_part = contenders(endpoint, some_items(10_000))
    per_cpu: dict[str, list[float]] = defaultdict(list)
    per_wall: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name, (count, turn) in taking_part.items():
            wall, cpu = time.perf_counter(), time.process_time()
            turn(count)
            per_cpu[name].append(count / (time.process_time() - cpu))
            per_wall[name].append(count / (time.perf_counter() - wall))
    names = list(taking_part)
    best = {name: statistics.median(per_cpu[name]) for name in names}
    base, mine, bound = best[names[1]], best[names[3]], best[names[-1]]
    print(f"acknowledged orders a second, medians of {rounds} turns      per core  per wall second  x batch_writer")
    for name in names:
        print(f"  {name:66}{best[name]:9,.0f}{statistics.median(per_wall[name]):12,.0f}{best[name] / base:11.2f}")
    lowest, highest = min(per_cpu[names[3]]) / max(per_cpu[names[1]]), max(per_cpu[names[3]]) / min(per_cpu[names[1]])
    print(
        f"generate is {mine / base:.2f} times batch_writer (turns from {lowest:.2f} to {highest:.2f}; wanted {TARGET})"
    )
    print(f"and at {mine / bound:.1%} of the raw socket")
    tell_stages(endpoint, 50_000, bound)
    return mine / base >= TARGET


def tell_stages(endpoint: str, orders: int, bound: float) -> None:
    """Where the CPU time of ours goes, by stage, microseconds an order; ``bound`` is the raw socket's rate."""
    spent: Stages = defaultdict(float)
    moments = (1_700_000_000 + number / SHOP_RATE for number in range(orders + 1))
    shop = Shop(1, default_world(), lambda: next(moments))
    began = time.thread_time()
    changes = [next(shop) for _ in range(orders)]
    spent["making orders"] = (made := time.thread_time()) - began
    writes = [generate.write_of(change, "orderid", 0.0) for change in changes]
    spent["serialising and checking them"] = time.thread_time() - made
    del changes, writes
    parts = [
        (batch_call.BatchWrite, "_request", "signing"),
        (batch_call.BatchWrite, "_sent", "HTTP, the socket included"),
        (batch_call, "_decode", "reading the answer"),
        (writer.Tally, "send", "counting, latencies"),
        (writer.Tally, "acknowledge", "counting, latencies"),
    ]
    lock = threading.Lock()

    def timed(call: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def inner(*args: Any) -> Any:
            began = time.thread_time()
            try:
                return call(*args)
            finally:
                with lock:
                    spent[stage] += time.thread_time() - began

        return inner

    class Told(writer.Writer):
        """A writer whose listener is timed too."""

        def __init__(self, *args: Any, **options: Any) -> None:
            if "acknowledged" in options:
                options["acknowledged"] = timed(options["acknowledged"], "the ledger")
            super().__init__(*args, **options)

    with mock.patch.object(generate, "Writer", Told):
        originals = [(owner, name, getattr(owner, name)) for owner, name, _ in parts]
        for owner, name, stage in parts:
            setattr(owner, name, timed(getattr(owner, name), stage))
        began = time.process_time()
        ours(endpoint, orders, {})
        whole = time.process_time() - began
        for owner, name, original in originals:
            setattr(owner, name, original)
    spent["pacing, queue, threads, and the rest"] = whole - sum(spent.values())
    print("where the time goes, microseconds of CPU an order")
    for stage, seconds in spent.items():
        print(f"  {stage:40}{seconds / orders * 1e6:6.1f}{seconds / whole:8.1%}")
    print(f"  {'all':40}{whole / orders * 1e6:6.1f}")
    ideal = (whole - spent["HTTP, the socket included"]) / orders + 1 / bound
    print(f"were its HTTP no more than the raw socket, it would be {1 / ideal:,.0f} a second")


def memory(endpoint: str, orders: int) -> bool:
    """The memory of this process while many orders go through it."""
    marks, sizes = [orders // 10, orders // 4, orders // 2, orders * 3 // 4, orders], list[float]()

    def look(progress: Progress) -> None:
        if len(sizes) < len(marks) and progress.acknowledged >= marks[len(sizes)]:
            sizes.append(resident())
            print(f"  {progress.acknowledged:>12,} orders: {sizes[-1]:6.1f} MB")

    print("memory")
    look_at_end = ours(endpoint, orders, {"on_progress": look})
    if len(sizes) < len(marks):
        look(look_at_end)
    growth = sizes[-1] / sizes[0] - 1
    print(f"  {growth:+.1%} from {marks[0]:,} orders on")
    return growth <= 0.1


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("part", choices=["speed", "pace", "memory"])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--rate", type=float, action="append")
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--orders", type=int, default=1_000_000)
    asked = options.parse_args()
    with nothing() as endpoint:
        if asked.part == "speed":
            return 0 if speed(endpoint, asked.rounds) else 1
        if asked.part == "pace":
            kept = [pace(endpoint, rate, asked.seconds) for rate in asked.rate or (50, 2000)]
            return 0 if all(kept) else 1
        return 0 if memory(endpoint, asked.orders) else 1


if __name__ == "__main__":
    sys.exit(main())
