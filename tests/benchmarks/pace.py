"""A rate in real time, for load.py: how exactly it is kept, and how evenly writes leave."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Sequence
from unittest import mock

from nothing import account

from salespipe.load import generate, writer


def pace(endpoint: str, rate: float, seconds: float) -> bool:
    """A rate in real time: how exactly it is kept, and how evenly writes leave."""
    sent: list[tuple[float, float]] = []
    send = writer.Tally.send

    def noted(tally: writer.Tally, writes: Sequence[writer.Write], now: float) -> None:
        sent.extend((write.due, now) for write in writes)
        send(tally, writes, now)

    with mock.patch.object(writer.Tally, "send", noted):
        cpu = time.process_time()
        summary = generate.generate(account(endpoint), rate=rate, duration=seconds, seed=1)
        cpu = time.process_time() - cpu
    off = summary.achieved_rate / rate - 1
    sent.sort()
    print(
        f"--rate {rate:,.0f} for {seconds:.0f} s: {summary.acknowledged:,} acknowledged, "
        f"{summary.achieved_rate:,.2f} a second ({off:+.3%}), {cpu / seconds:.1%} of a core"
    )
    tell("sent after due", [now - due for due, now in sent])
    pairs = itertools.pairwise(sent)
    gaps = [abs((now - before) - (due - earlier)) for (earlier, before), (due, now) in pairs]
    tell("inter-arrival jitter, the time between two writes against their schedule", gaps)
    print(f"  standard deviation of sent after due (jitter_ms): {summary.jitter_ms:.2f} ms")
    print(f"  acknowledged after due: p50 {summary.p50_ms:.1f}, p95 {summary.p95_ms:.1f}, p99 {summary.p99_ms:.1f} ms")
    return abs(off) <= 0.005


def tell(what: str, seconds: list[float]) -> None:
    seconds.sort()
    p50, p99 = (1000 * seconds[int(share * len(seconds))] for share in (0.5, 0.99))
    print(f"  {what}: mean {1000 * statistics.fmean(seconds):.2f}, p50 {p50:.2f}, p99 {p99:.2f} ms")
