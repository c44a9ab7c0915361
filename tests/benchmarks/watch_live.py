"""What ``salespipe watch`` costs while orders pour in, and how soon a write is on its board.

    python tests/benchmarks/watch_live.py [--rate 2000] [--seconds 30] [--writes 100] [--beside 200]

First the command itself runs in a terminal of 200 by 60 that a program reads, beside ``salespipe generate``: its
processor time is that of its process alone, a frame is what it paints at once, and wanted is one for each half second,
or for each second where nothing comes in, which is what it is compared with. Then orders are written one by one, each
by a PutItem, beside a steady rate of others: from the answer to the PutItem to the first snapshot that has it.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import secrets
import select
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from random import Random

from stand import Wire, deployed, order, processor_seconds

from salespipe.aws import Aws
from salespipe.watch.live import Live
from salespipe.watch.model import Choice, Window
from salespipe.watch.tally import Tally
from salespipe.watch.watcher import Watcher

COLUMNS, LINES = 200, 60
FRAMES_A_SECOND = 2.0
PAINTED = b"\x1b[?2026h"
WARM_SECONDS = 8.0
COMMAND = (sys.executable, "-m", "salespipe.cli.main")


class Screen:
    """The command in a terminal: what it paints is read all the time, so that it never waits."""

    def __init__(self, folder: Path) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            [*COMMAND, "watch", "--window", "15m"],
            stdin=slave,
            stdout=slave,
            stderr=subprocess.DEVNULL,
            env=environment(folder) | {"TERM": "xterm-256color", "LANG": "C.UTF-8"},
            start_new_session=True,
        )
        os.close(slave)
        self.frames: list[float] = []

    def watch(self, seconds: float) -> None:
        """Read for so long, and note when a frame came."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            ready, _, _ = select.select([self.master], [], [], left)
            if not ready:
                return
            try:
                painted = os.read(self.master, 1 << 16).count(PAINTED)
            except OSError as error:
                raise SystemExit(f"watch has ended: {error}") from error
            self.frames += [time.monotonic()] * painted

    def close(self) -> int:
        """Ctrl-C; the exit code."""
        os.write(self.master, b"\x03")
        with suppress(SystemExit):
            self.watch(10)
        os.close(self.master)
        return self.process.wait(10)


def environment(folder: Path) -> dict[str, str]:
    """Of a command that works on the local AWS in a folder."""
    return os.environ | {"SALESPIPE_HOME": str(folder), "SALESPIPE_TARGET": "local"}


@contextmanager
def selling(folder: Path, rate: float) -> Iterator[None]:
    """Orders at a rate, by a process of its own."""
    if rate <= 0:
        yield
        return
    words = [*COMMAND, "generate", "--rate", f"{rate:g}", "--no-ledger", "--json"]
    with subprocess.Popen(
        words, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=60)
            print(f"  generate: {said.strip()[:200]}", flush=True)


def cost(folder: Path, rate: float, seconds: float) -> float:
    """The share of one core that the command takes while so many events a second come in."""
    with selling(folder, rate):
        screen = Screen(folder)
        try:
            screen.watch(WARM_SECONDS)
            screen.frames.clear()
            used, began = processor_seconds(screen.process.pid), time.monotonic()
            screen.watch(seconds)
            wall = time.monotonic() - began
            share = (processor_seconds(screen.process.pid) - used) / wall
        finally:
            code = screen.close()
    gaps = [later - earlier for earlier, later in pairwise(screen.frames)]
    print(
        f"{rate:,.0f} events/s: {share:.1%} of a core; {len(screen.frames)} frames in {wall:.0f} s,"
        f" {(FRAMES_A_SECOND if rate else 1.0) * wall:.0f} wanted, longest gap {max(gaps, default=0):.2f} s;"
        f" exit code {code}",
        flush=True,
    )
    return share


def latencies(aws: Aws, writes: int) -> list[float]:
    """Seconds from the answer to a PutItem until a snapshot has the order."""
    chance = Random(7)
    watcher = Watcher(Live(lambda: aws, clock=time.monotonic), lambda key: Tally(key=key), Choice(window=Window.MINUTE))
    watcher.start()
    wire, found = Wire(aws), []
    run = secrets.token_hex(4)
    try:
        while (seen := watcher.wait(60)) is not None and seen.reading.filling:
            pass
        for number in range(writes):
            time.sleep(chance.random())
            orderid = f"late-{run}-{number}"
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            # Of a channel of its own, so that it is on the board however many others come.
            channel = f"late-{run}-{number}"
            item = order(orderid, number) | {"created_at": {"S": now}, "channel": {"S": channel}}
            wire.put(item)
            acknowledged = time.monotonic()
            while not shown(watcher, channel):
                watcher.wait(5)
                if time.monotonic() - acknowledged > 30:
                    raise SystemExit(f"{orderid} was not on the board after 30 s")
            found.append(time.monotonic() - acknowledged)
    finally:
        wire.close()
        watcher.stop()
    return found


def shown(watcher: Watcher, channel: str) -> bool:
    newest = watcher.newest
    return newest is not None and any(each.key == channel for each in newest.board.channels)


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rate", type=float, default=2000)
    options.add_argument("--seconds", type=float, default=30)
    options.add_argument("--writes", type=int, default=100)
    options.add_argument("--beside", type=float, default=200)
    asked = options.parse_args()
    with deployed() as (aws, folder):
        print(f"load of this machine before: {os.getloadavg()[0]:.1f}, on {os.cpu_count()} cores", flush=True)
        idle = cost(folder, 0, asked.seconds)
        busy = cost(folder, asked.rate, asked.seconds)
        print(f"ratio, share of a core at {asked.rate:,.0f} events/s against none: {busy / idle:.1f}")
        for beside in (0.0, asked.beside):
            with selling(folder, beside):
                found = latencies(aws, asked.writes)
            print(
                f"acknowledged to shown, beside {beside:,.0f} events/s: median {statistics.median(found):.2f} s,"
                f" p95 {percentile(found, 0.95):.2f} s, longest {max(found):.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
