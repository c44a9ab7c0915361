"""The board and Athena say the same of the same time, after chaos, on the local AWS in a process of its own.

``SALESPIPE_AGREEMENT_SECONDS=120 pytest tests/watch/test_agreement.py`` writes for two minutes.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from salespipe import lifecycle
from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.load.generate import generate
from salespipe.load.products import Products
from salespipe.load.report import Summary
from salespipe.load.troubles import parse_chaos
from salespipe.local import daemon
from salespipe.pipeline import pipeline
from salespipe.query import athena, crawl
from salespipe.watch.live import Live
from salespipe.watch.model import Board, Choice, Sales, Slice, Window
from salespipe.watch.tally import Tally
from salespipe.watch.watcher import Watcher

pytestmark = pytest.mark.long

SECONDS = float(os.environ.get("SALESPIPE_AGREEMENT_SECONDS", "12"))
RATE = 500.0
COLUMNS = ("product_id", "category", "region", "channel", "customer_id", "status", "point")

SOLD = "sale_outcome = 'sold'"
SUMS = (
    f"count(*), count_if({SOLD}), coalesce(sum(quantity) FILTER (WHERE {SOLD}), 0),"
    f" coalesce(sum(amount) FILTER (WHERE {SOLD}), 0),"
    " count_if(sale_outcome = 'cancelled'), count_if(sale_outcome = 'returned')"
)


class Story(NamedTuple):
    """What happened: a watcher that saw all of it, with the lake crawled at the end."""

    aws: Aws
    watcher: Watcher
    began: datetime
    ended: datetime
    summary: Summary


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("agreement")
    aws = Aws(Config(), endpoint=daemon.start(folder, 0).endpoint)
    for _ in lifecycle.up(aws, pipeline(aws)):
        pass
    watcher = Watcher(Live(lambda: aws, clock=time.monotonic), lambda key: Tally(key=key), Choice(window=Window.MINUTE))
    watcher.start()
    began = datetime.now(UTC)
    summary = generate(
        aws, rate=RATE, duration=SECONDS, chaos=parse_chaos("all"), products=Products(aws), seed=20261123
    )
    ended = datetime.now(UTC)
    crawl.crawl(aws)
    _read_to_the_end(watcher)
    yield Story(aws, watcher, began, ended, summary)
    watcher.stop()
    daemon.stop(folder)
    assert not [thread for thread in threading.enumerate() if thread.name == "watcher"]


def _read_to_the_end(watcher: Watcher) -> None:
    """All is in the stream: what is read last has been read when nothing more comes for a while."""
    events = -1
    for _ in range(60):
        time.sleep(1.5)
        seen = watcher.newest
        assert seen is not None
        assert seen.failure is None
        if seen.board.events == events and not any(lag.behind_seconds for lag in seen.reading.shards):
            return
        events = seen.board.events
    pytest.fail("the stream was not read to its end within 90 s")


class Asked:
    """What Athena answers for a board's time and choice."""

    def __init__(self, aws: Aws, board: Board) -> None:
        self.aws = aws
        self.board = board
        self._sums = self._summed()

    def sums(self, by: str, *, before: bool = False) -> dict[Any, Sales]:
        """The sums by a column, ``point`` or ``all``."""
        return self._sums[by, before]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in athena.run(self.aws, sql).rows]

    def _summed(self) -> dict[tuple[str, bool], dict[Any, Sales]]:
        """All sums of both windows by one query: ``grouping`` is 0 for the column that a row is about."""
        board = self.board
        step = (board.points[1].start - board.points[0].start) // timedelta(milliseconds=1)
        sides = []
        for before, since in ((False, board.since), (True, board.before_since)):
            point = f"date_diff('millisecond', {timestamp(since)}, created_at) / {step} AS point"
            sides.append(
                f"SELECT *, {str(before).lower()} AS earlier, {point} FROM orders WHERE {self.where(before=before)}"
            )
        sets = ", ".join(f"(earlier, {column})" for column in COLUMNS)
        named = ", ".join([*(f"grouping({column})" for column in COLUMNS), *COLUMNS])
        rows = self.rows(
            f"SELECT earlier, {named}, {SUMS} FROM ({' UNION ALL '.join(sides)})"
            f" GROUP BY GROUPING SETS ({sets}, (earlier))"
        )
        found: dict[tuple[str, bool], dict[Any, Sales]] = {
            (column, before): {} for column in ("all", *COLUMNS) for before in (False, True)
        }
        count = len(COLUMNS)
        for before, *rest in rows:
            about, keys, those = rest[:count], rest[count : 2 * count], tuple(rest[2 * count :])
            column = COLUMNS[about.index(0)] if 0 in about else "all"
            found[column, before][keys[about.index(0)] if 0 in about else None] = sales(those)
        return found

    def where(self, *, before: bool = False) -> str:
        board = self.board
        since, until = (board.before_since, board.before_until) if before else (board.since, board.until)
        return " AND ".join([f"created_at >= {timestamp(since)}", f"created_at < {timestamp(until)}", *self.chosen])

    @property
    def chosen(self) -> list[str]:
        """What is asked for but time."""
        choice = self.board.choice
        wanted = {"region": choice.region, "channel": choice.channel, "category": choice.category}
        return [f"{column} = '{value}'" for column, value in wanted.items() if value is not None]


def timestamp(at: datetime) -> str:
    return f"TIMESTAMP '{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}'"


def sales(row: tuple[Any, ...]) -> Sales:
    placed, orders, units, revenue, cancelled, returned = row
    return Sales(
        placed=placed,
        orders=orders,
        units=int(units),
        revenue=Decimal(revenue),
        cancelled=cancelled,
        returned=returned,
    )


def boards(story: Story) -> list[Board]:
    """Windows as of the end, and of a moment when there is a window before; and of parts of all."""
    later = story.began + timedelta(seconds=60 + SECONDS / 2)
    asked = [
        (Choice(window=Window.TODAY), story.ended + timedelta(seconds=1)),
        (Choice(window=Window.FIVE_MINUTES), story.ended),
        (Choice(window=Window.MINUTE), later),
        (Choice(window=Window.MINUTE, region="Pacific"), later),
        (Choice(window=Window.HOUR, channel="web", category="Kitchen"), story.ended),
    ]
    return [board for choice, at in asked if (board := story.watcher._desk.board(at, choice)) is not None]


@pytest.fixture(scope="module", params=range(5), ids=["today", "5m", "1m", "1m of a region", "1h of web and kitchen"])
def asked(story: Story, request: pytest.FixtureRequest) -> Asked:
    return Asked(story.aws, boards(story)[request.param])


def slices(found: tuple[Slice, ...]) -> dict[str, tuple[Sales, Sales]]:
    return {each.key: (each.sales, each.before) for each in found}


def expected(asked: Asked, by: str) -> dict[str, tuple[Sales, Sales]]:
    """By a column, the best first."""
    now, before = (
        {"(none)" if key is None else key: each for key, each in asked.sums(by, before=earlier).items()}
        for earlier in (False, True)
    )
    keys = sorted({*now, *before}, key=lambda key: (-now.get(key, Sales()).revenue, key))
    return {key: (now.get(key, Sales()), before.get(key, Sales())) for key in keys}


def test_there_is_something_to_agree_on(story: Story) -> None:
    board = boards(story)[1]
    assert story.summary.acknowledged > 0.5 * RATE * SECONDS
    assert board.sales.orders > 0
    assert board.sales.cancelled > 0
    assert {"paid", "placed"} <= board.statuses.keys()
    assert story.watcher.newest is not None
    assert story.watcher.newest.quarantined == 0


def test_every_event_was_read(story: Story) -> None:
    board = boards(story)[0]
    (count,) = athena.run(story.aws, "SELECT count(*) FROM order_history").rows[0]
    assert board.events - board.duplicates - board.unreadable == count


def test_the_sums(asked: Asked) -> None:
    nothing = {None: Sales()}
    assert asked.board.sales == (asked.sums("all") or nothing)[None]
    assert asked.board.before == (asked.sums("all", before=True) or nothing)[None]


def test_the_points(asked: Asked) -> None:
    for points, before in ((asked.board.points, False), (asked.board.points_before, True)):
        found = asked.sums("point", before=before)
        assert [point.sales for point in points] == [found.get(index, Sales()) for index in range(len(points))]


@pytest.mark.parametrize("kind", ["products", "categories", "regions", "channels"])
def test_the_parts(asked: Asked, kind: str) -> None:
    column = {"products": "product_id", "categories": "category", "regions": "region", "channels": "channel"}[kind]
    shown = slices(getattr(asked.board, kind))
    wanted = expected(asked, column)
    assert list(shown.items()) == list(wanted.items())[:100]


def test_the_movers(asked: Asked) -> None:
    wanted = expected(asked, "product_id")
    moved = {key: abs(now.revenue - before.revenue) for key, (now, before) in wanted.items()}
    keys = sorted((key for key in moved if moved[key]), key=lambda key: (-moved[key], key))[:20]
    assert slices(asked.board.movers) == {key: wanted[key] for key in keys}


def test_the_customers(asked: Asked) -> None:
    for customers, before in ((asked.board.customers, False), (asked.board.customers_before, True)):
        since = asked.board.before_since if before else asked.board.since
        yesterday = asked.board.until.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
        known = " AND ".join([f"created_at >= {timestamp(yesterday)}", *asked.chosen])
        (row,) = asked.rows(
            f"WITH bought AS (SELECT customer_id, count(*) AS orders FROM orders"
            f" WHERE {SOLD} AND customer_id IS NOT NULL AND {asked.where(before=before)} GROUP BY 1),"
            f" first AS (SELECT customer_id, min(created_at) AS at FROM orders WHERE {SOLD} AND {known} GROUP BY 1)"
            f" SELECT count(*), count(*) FILTER (WHERE at >= {timestamp(since)}), count(*) FILTER (WHERE orders > 1)"
            " FROM bought JOIN first ON first.customer_id = bought.customer_id"
        )
        assert (customers.buyers, customers.new, customers.repeating) == row
        assert customers.returning == customers.buyers - customers.new


def test_the_top_customers(asked: Asked) -> None:
    found = asked.sums("customer_id")
    best = sorted(
        (each for each in found if each is not None and found[each].orders),
        key=lambda each: (-found[each].revenue, each),
    )[:20]
    assert [(each.key, each.sales) for each in asked.board.top_customers] == [(each, found[each]) for each in best]


def test_the_statuses(asked: Asked) -> None:
    found = {"(none)" if status is None else status: each.placed for status, each in asked.sums("status").items()}
    assert asked.board.statuses == found


def test_the_largest_and_the_latest(asked: Asked) -> None:
    columns = f"SELECT orderid, coalesce(amount, 0), coalesce(quantity, 0) FROM orders WHERE {asked.where()}"
    largest = asked.rows(f"{columns} AND {SOLD} ORDER BY coalesce(amount, 0) DESC, orderid LIMIT 20")
    latest = asked.rows(f"{columns} ORDER BY created_at DESC, orderid LIMIT 20")
    assert [(each.orderid, each.amount, each.units) for each in asked.board.largest] == largest
    assert [(each.orderid, each.amount, each.units) for each in asked.board.latest] == latest


def test_what_is_on_hand(story: Story) -> None:
    board = boards(story)[0]
    found = {
        row[0]: row[1:]
        for row in athena.run(story.aws, "SELECT product_id, on_hand, sold_since_stocked FROM inventory").rows
    }
    assert len(found) > 50
    assert {each.product_id: (each.on_hand, each.sold) for each in board.shelves} == found
