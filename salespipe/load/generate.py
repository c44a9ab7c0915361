"""Made-up orders into the table, at a rate."""

from __future__ import annotations

import math
import random
import secrets
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from salespipe.errors import Exit, SalespipeError
from salespipe.load.attributes import delete_request, put_request
from salespipe.load.feed import Feed, OnProgress
from salespipe.load.pacing import Steady, due_times
from salespipe.load.table import open_table
from salespipe.load.writer import Write, Writer
from salespipe.orders import Change, Kind, Mix, Shop, World, default_world
from salespipe.orders.life import TIME_SCALE

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.ledger import Ledgers
    from salespipe.load.products import Products
    from salespipe.load.report import Summary

MAX_RATE: Final = 1_000_000.0
# A stall near the end may be caught up for this many seconds beyond the duration; after that the end is the end.
GRACE: Final = 1.0


def generate(
    aws: Aws,
    *,
    rate: float = 50.0,
    duration: float | None = None,
    count: int | None = None,
    seed: int | None = None,
    mix: Mix | None = None,
    time_scale: float = TIME_SCALE,
    zipf: float = 1.0,
    world: World | None = None,
    workers: int = 4,
    products: Products | None = None,
    ledgers: Ledgers | None = None,
    on_progress: OnProgress | None = None,
    wall: Callable[[], float] = time.time,
    chance: Callable[[], float] = random.random,
) -> Summary:
    """Write ``rate`` changes of orders a second for ``duration`` seconds or ``count`` changes, else until Ctrl-C.

    A change is a new order, a step of an order's life, or a delete; ``mix`` has their shares. Orders carry the time at
    which they were due. The same ``seed`` gives the same orders under other ids, and without one it is drawn and told
    in the summary. ``products`` writes the catalogue with its stock into the lake. ``ledgers`` records what is acknowledged.
    ``wall`` is Unix time.

    Raises ``SalespipeError`` for a rate, duration or count that makes no sense and when there is no table to write to,
    ``LoadError`` when it cannot go on.
    """
    check_rate(rate)
    _check(duration is None or (math.isfinite(duration) and duration > 0), "Duration", f"--duration {duration}")
    check_count(count, "--count")
    _check(math.isfinite(time_scale) and time_scale > 0, "TimeScale", f"--time-scale {time_scale}")
    seed = secrets.randbits(32) if seed is None else seed
    mix = mix or Mix()
    client = open_table(aws)
    key = aws.config.table.partition_key
    total = min(count or math.inf, math.ceil(duration * rate) if duration else math.inf)
    ends = aws.clock() + (duration + GRACE if duration else math.inf)
    ready = 0

    def writes() -> Iterator[Write]:
        nonlocal ready
        start, began = wall(), aws.clock()
        moment = start
        shop = Shop(
            seed,
            world or default_world(),
            lambda: moment,
            mix=mix,
            time_scale=time_scale,
            zipf=zipf,
            key=key,
            pace=rate * mix.inserted,
        )
        if products:
            products.open(shop.stock)
        for due in due_times(Steady(rate), aws.clock, aws.sleep, feed.tick):
            if ready >= total or aws.clock() > ends:
                return
            moment = start + (due - began)
            yield write_of(next(shop), key, due)
            ready += 1
            if products:
                products.tick()

    ledger = ledgers.begin("generate", seed=seed) if ledgers else None
    writer = Writer(
        client,
        aws.config.table.name,
        key,
        workers=workers,
        clock=aws.clock,
        sleep=aws.sleep,
        chance=chance,
        acknowledged=ledger.append if ledger else lambda _: None,
    )
    feed = Feed(
        writer,
        aws.clock,
        target_rate=rate,
        done=lambda: ready / total if total < math.inf else None,
        on_progress=on_progress,
    )
    try:
        return feed.run(writes(), seed=seed)
    finally:
        if ledger:
            ledger.close()
        if products:
            products.close()


def write_of(change: Change, key: str, due: float) -> Write:
    """A change of the shop's as a write that is due at a time of the writer's clock."""
    orderid = str(change.item[key])
    request = delete_request(orderid, key) if change.kind is Kind.DELETE else put_request(change.item, key)
    return Write(change.kind, orderid, request, due)


def check_rate(rate: float | None) -> None:
    """Raise ``SalespipeError`` (exit 2) for a rate that is not between 0 and a million writes a second."""
    _check(rate is None or 0 < rate <= MAX_RATE, "Rate", f"--rate {rate}", "up to a million writes a second")


def check_count(count: int | None, option: str) -> None:
    """Raise ``SalespipeError`` (exit 2) for a number of writes below one."""
    _check(count is None or count > 0, "Count", f"{option} {count}")


def _check(condition: bool, code: str, given: str, wanted: str = "") -> None:
    if not condition:
        raise SalespipeError(
            f"Bad{code}",
            f"{given} makes no sense: it must be greater than zero{', ' if wanted else ''}{wanted}.",
            exit_code=Exit.USAGE,
        )
