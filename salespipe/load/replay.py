"""Real orders out of a file into the table."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salespipe.load.attributes import Rejected, put_request
from salespipe.load.feed import Feed, OnProgress
from salespipe.load.mapping import Column, item_of, plan
from salespipe.load.options import check_count, check_rate
from salespipe.load.pacing import Steady, due_times
from salespipe.load.records import Record, Records
from salespipe.load.report import Reject
from salespipe.load.table import open_table
from salespipe.load.writer import Write, Writer
from salespipe.orders import Kind

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.ledger import Ledgers
    from salespipe.load.report import Summary


def replay(
    aws: Aws,
    path: Path,
    mapping: Mapping[str, str] | None = None,
    *,
    rate: float | None = None,
    limit: int | None = None,
    workers: int = 4,
    ledgers: Ledgers | None = None,
    on_progress: OnProgress | None = None,
    chance: Callable[[], float] = random.random,
) -> Summary:
    """Write the rows of a file (CSV or JSON lines, gzip or not) to the table, ``rate`` a second or as fast as it goes.

    ``mapping`` is attribute -> column (``mapping.parse_mapping`` reads it from the command line); columns that it does
    not name are dropped, and without a mapping every column is taken under its own name. ``quantity`` becomes a whole
    number, ``price`` and ``amount`` decimals, ``created_at`` and ``updated_at`` times in UTC, the attributes that
    orders have as text stay text, and anything else in a CSV that reads as a number becomes one. What is empty is left
    out. ``limit`` is for the first so many rows. A row of a key that came before replaces it, as in the file.
    ``ledgers`` records what is acknowledged.

    A row that cannot be read or that DynamoDB would refuse is skipped, counted and listed in the summary. Raises
    ``SalespipeError`` for a file or mapping that cannot be used and when there is no table to write to, ``LoadError``
    when it cannot go on.
    """
    check_rate(rate)
    check_count(limit, "--limit")
    key = aws.config.table.partition_key
    with Records(path) as records:
        columns = plan(records.columns, mapping, key, typed=records.typed, name=path.name)
        client = open_table(aws)
        ledger = ledgers.begin("replay", source=str(path)) if ledgers else None
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
        behind = 0

        def done() -> float:
            return max(records.read, 0.0) if limit is None else max(behind / limit, records.read)

        feed = Feed(writer, aws.clock, target_rate=rate, done=done, on_progress=on_progress)

        def writes() -> Iterator[Write]:
            nonlocal behind
            slots = due_times(Steady(rate), aws.clock, aws.sleep, feed.tick) if rate else None
            for record in islice(records, limit):
                behind += 1
                write = _write_of(record, columns, key, writer.reject)
                if write:
                    yield write._replace(due=next(slots) if slots else aws.clock())

        try:
            return feed.run(writes())
        finally:
            if ledger:
                ledger.close()


def _write_of(record: Record, columns: list[Column], key: str, reject: Callable[[Reject], None]) -> Write | None:
    """A row as a write, or None when it had to be rejected."""
    try:
        item = item_of(record, columns)
        return Write(Kind.INSERT, str(item.get(key, "")), put_request(item, key), 0.0, record.line)
    except Rejected as rejected:
        reject(Reject(record.line, _shown(record.values.get(columns[0].source, "")), str(rejected)))
        return None


def _shown(key: Any) -> str:
    """A key for people: what is no Unicode as a question mark, and no more than a line."""
    return str(key)[:100].encode(errors="replace").decode()
