"""Made-up orders into the table, at a rate."""

from __future__ import annotations

import math
import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from salespipe.ledger.fingerprint import of_item
from salespipe.load.attributes import Rejected, delete_request, put_request
from salespipe.load.chaos import Chaos, Made
from salespipe.load.course import Course, schedule_of
from salespipe.load.feed import Feed, OnProgress
from salespipe.load.options import check, rate_of
from salespipe.load.pacing import Ramp, due_times
from salespipe.load.report import LoadError, Reject
from salespipe.load.table import open_table
from salespipe.load.writer import Write, Writer
from salespipe.orders import Change, Kind, Mix, Profile, Shop, World, default_world
from salespipe.orders.life import TIME_SCALE
from salespipe.orders.profiles import STEADY

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.ledger import Ledgers
    from salespipe.load.products import Products
    from salespipe.load.report import Progress, Summary
    from salespipe.load.troubles import Trouble

WORKERS = 4


def generate(
    aws: Aws,
    *,
    rate: float | None = None,
    profile: Profile = STEADY,
    ramp: Ramp | None = None,
    duration: float | None = None,
    count: int | None = None,
    seed: int | None = None,
    mix: Mix | None = None,
    time_scale: float = TIME_SCALE,
    world: World | None = None,
    workers: int = WORKERS,
    chaos: Mapping[Trouble, float] | None = None,
    products: Products | None = None,
    ledgers: Ledgers | None = None,
    on_progress: OnProgress | None = None,
    wall: Callable[[], float] = time.time,
    chance: Callable[[], float] = random.random,
) -> Summary:
    """Write ``rate`` changes of orders a second for ``duration`` seconds or ``count`` changes, else until Ctrl-C.

    A change is a new order, a step of an order's life, or a delete; ``mix`` has their shares. Orders carry the time at
    which they were due. ``profile`` shapes the rate and what is bought around their means; a ``ramp`` takes the place
    of the rate. The same ``seed`` gives the same orders under other ids, and without one it is drawn and told in the
    summary. ``chaos`` has shares of trouble among the writes. ``products`` writes the catalogue with its stock into the
    lake. ``ledgers`` records what is acknowledged. ``wall`` is Unix time.

    Raises ``SalespipeError`` for a rate, duration or count that makes no sense and when there is no table to write to,
    ``LoadError`` when it cannot go on.
    """
    rate = rate_of(rate, profile, ramp)
    check(count=count, duration=duration, workers=workers, time_scale=time_scale)
    seed = secrets.randbits(32) if seed is None else seed
    mix = mix or Mix()
    client = open_table(aws)
    key = aws.config.table.partition_key
    start, began = wall(), aws.clock()
    schedule, rhythm = schedule_of(
        rate, profile=profile, ramp=ramp, start=start, time_scale=time_scale, duration=duration
    )
    course = Course.of(schedule, duration=duration, count=count)
    ready = 0
    moment = start
    trouble = Chaos(chaos, seed, key, lambda: moment) if chaos else None

    def writes() -> Iterator[Write]:
        nonlocal ready, moment
        shop = Shop(
            seed,
            world or default_world(),
            lambda: moment,
            mix=mix,
            time_scale=time_scale,
            zipf=aws.config.shop.zipf,
            key=key,
            rhythm=rhythm,
            pace=rate * mix.inserted,
        )
        if products:
            products.open(shop.stock)
        changes = trouble.among(shop) if trouble else shop
        ends = math.inf if course.ends is None else aws.clock() + course.ends
        for due in due_times(schedule, aws.clock, aws.sleep, feed.tick):
            if ready == course.total or aws.clock() > ends:
                return
            moment = start + (due - began)
            change = next(changes)
            ready += 1
            try:
                yield write_of(change, key, due)
            except Rejected as rejected:
                writer.reject(Reject(0, key_of(change, key), str(rejected)))
                if trouble and isinstance(change, Made):
                    trouble.rejected(change)
            if products:
                products.tick()

    def acknowledge(writes: Sequence[Write]) -> None:
        if ledger:
            ledger.append(writes)
        if trouble:
            trouble.count(writes)

    ledger = ledgers.begin("generate", seed=seed) if ledgers else None
    writer = Writer(
        client,
        aws.config.table.name,
        key,
        workers=workers,
        clock=aws.clock,
        sleep=aws.sleep,
        chance=chance,
        acknowledged=acknowledge,
    )
    feed = Feed(
        writer,
        aws.clock,
        target_rate=rate,
        done=lambda: course.done(ready),
        on_progress=on_progress and (lambda progress: on_progress(_as_meant(progress, course))),
    )

    try:
        return _completed(feed.run(writes(), seed=seed), course, profile, trouble)
    except LoadError as error:
        error.summary = _completed(replace(error.summary, seed=seed), course, profile, trouble)
        raise
    finally:
        if ledger:
            ledger.close()
        if products:
            products.close()


def write_of(change: Change | Made, key: str, due: float) -> Write:
    """A change of the shop's, or chaos's, as a write that is due at a time of the writer's clock.

    Raises ``Rejected`` for what DynamoDB would refuse.
    """
    if isinstance(change, Made):
        return Write(change.kind, change.key, change.request(), due, expect=change.expect)
    orderid = key_of(change, key)
    if change.kind is Kind.DELETE:
        return Write(change.kind, orderid, delete_request(orderid, key), due)
    return Write(change.kind, orderid, put_request(change.item, key), due, fingerprint=of_item(change.item))


def key_of(change: Change | Made, key: str) -> str:
    """The id of the order that a change is about."""
    return change.key if isinstance(change, Made) else str(change.item[key])


def _completed(summary: Summary, course: Course, profile: Profile, trouble: Chaos | None) -> Summary:
    """A summary with what only the generator knows."""
    counts = trouble.counts if trouble else {}
    return replace(summary, target_rate=course.mean(summary.seconds), profile=profile.name, chaos=counts)


def _as_meant(progress: Progress, course: Course) -> Progress:
    """Progress beside what the schedule asks for at this moment, and how long it will take still."""
    return replace(
        progress,
        target_rate=course.rate(progress.seconds),
        left=course.left(progress.seconds, progress.acknowledged + progress.rejected),
    )
