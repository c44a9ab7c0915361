"""Kill the local AWS again and again under load, and prove that every acknowledged order is queryable afterwards.

    python tests/benchmarks/kills.py [--kills 50] [--rate 400] [--writers 4] [--seed N] [--longest 2.5]

The pipeline is deployed on a data folder of its own. While several clients write orders, one by one and in batches,
the server is ended with ``kill -9`` at random moments and started again. An order whose call failed may be there or
not; one that was acknowledged must be, and Athena must find it. Exit code 1 when one is lost.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Self

from stand import BATCH, Item, RefusedError, Wire, account_for, await_delivery, deployed, order

from salespipe.aws import Aws
from salespipe.local import daemon


class Load:
    """Clients that write without pause for the server's absence, each remembering what was acknowledged to it."""

    def __init__(self, aws: Aws, writers: int, rate: float) -> None:
        self._aws = aws
        self._pause = writers / rate
        self._ended = threading.Event()
        self._acknowledged: list[list[str]] = [[] for _ in range(writers)]
        self.refused: list[str] = []
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(writers)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def acknowledged(self) -> set[str]:
        """The orders that have been acknowledged so far."""
        return {orderid for mine in self._acknowledged for orderid in list(mine)}

    def _work(self, number: int) -> None:
        """Every second writer writes in batches. An order whose call failed is not written again."""
        wire, mine, size = Wire(self._aws, timeout=30), self._acknowledged[number], BATCH if number % 2 else 1
        count, due = 0, time.monotonic()
        while not self._ended.is_set():
            items: list[Item] = [order(f"k{number}-{count + offset:07d}", count) for offset in range(size)]
            count += size
            try:
                wire.put(items[0]) if size == 1 else wire.put_batch(items)
            except RefusedError as refused:
                self.refused.append(str(refused))
            except (OSError, http.client.HTTPException):
                self._ended.wait(0.02)  # it is being killed, or started
            else:
                mine.extend(item["orderid"]["S"] for item in items)
            due = max(due + size * self._pause, time.monotonic() - 1)
            self._ended.wait(max(0.0, due - time.monotonic()))
        wire.close()


def kill_and_restart(folder: Path) -> tuple[int, float]:
    """Returns the process that was killed, and the seconds until another answered in its place."""
    running = daemon.find(folder)
    assert running is not None, "the server is not running"
    began = time.perf_counter()
    os.kill(running.pid, signal.SIGKILL)
    os.waitpid(running.pid, 0)
    daemon.start(folder, int(running.endpoint.rpartition(":")[2]))
    return running.pid, time.perf_counter() - began


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=50)
    options.add_argument("--rate", type=float, default=400, help="orders a second, all writers together")
    options.add_argument("--writers", type=int, default=4)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options.add_argument("--longest", type=float, default=2.5, help="seconds between a start and the next kill")
    asked = options.parse_args()
    chance = random.Random(asked.seed)
    print(f"seed {asked.seed}", flush=True)
    with deployed() as (aws, folder):
        with Load(aws, asked.writers, asked.rate) as load:
            for number in range(1, asked.kills + 1):
                delay = chance.uniform(0, asked.longest)
                time.sleep(delay)
                pid, seconds = kill_and_restart(folder)
                print(
                    f"kill {number}: process {pid} after {delay:.2f} s, {len(load.acknowledged()):,} acknowledged,"
                    f" answering again after {seconds:.2f} s",
                    flush=True,
                )
        acknowledged = load.acknowledged()
        await_delivery(aws, acknowledged)
        whole = account_for(aws, acknowledged)
        for refused in sorted(set(load.refused))[:5]:
            print(f"refused: {refused}")
    verdict = "nothing was lost" if whole else "ORDERS WERE LOST"
    print(f"{asked.kills} kills, {len(acknowledged):,} acknowledged orders: {verdict} (seed {asked.seed})")
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
