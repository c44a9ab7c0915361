"""Real orders out of a file into the table."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from salespipe.errors import Exit, SalespipeError
from salespipe.load.attributes import Rejected, put_request
from salespipe.load.event_time import EventTime
from salespipe.load.feed import Feed, OnProgress
from salespipe.load.mapping import Plan, check_column, item_of, plan
from salespipe.load.options import check_count, check_rate, check_workers
from salespipe.load.pacing import Steady, due_times
from salespipe.load.records import open_records
from salespipe.load.rejects import Rejects
from salespipe.load.replayed import Replayed, told
from salespipe.load.report import LoadError, Reject
from salespipe.load.resuming import COMMAND, LineSet, earlier, fingerprint
from salespipe.load.table import open_table
from salespipe.load.values import moment_of
from salespipe.load.where import Where
from salespipe.load.writer import Write, Writer
from salespipe.orders import Kind

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.ledger import Ledger, Ledgers
    from salespipe.load.lines import Record
    from salespipe.load.records import Records
    from salespipe.load.report import Summary

# Progress is told at least once in so many rows, be they written or not.
TICK: Final = 1024

Due = Callable[["Record"], float]


def replay(
    aws: Aws,
    path: Path,
    mapping: Mapping[str, str] | None = None,
    *,
    rate: float | None = None,
    speed: float | None = None,
    time: str | None = None,
    limit: int | None = None,
    where: str | None = None,
    workers: int = 4,
    rejects: Path | None = None,
    ledgers: Ledgers | None = None,
    restart: bool = False,
    on_plan: Callable[[Plan, Records], None] = lambda _plan, _records: None,
    on_progress: OnProgress | None = None,
    chance: Callable[[], float] = random.random,
) -> Replayed:
    """Write the rows of a file (CSV, JSON lines, gzip or not, or Parquet; ``-`` is standard input) to the table.

    ``mapping`` is attribute -> column (``mapping.parse_mapping`` reads it from the command line); columns that it does
    not name are dropped, and without a mapping every column is taken under its own name. Orders' own attributes have
    the types that orders have, others those of the first rows; ``on_plan`` is told before anything is written. What is
    empty is left out. A row of a key that came before replaces it, as in the file.

    ``rate`` rows a second, or ``speed`` times as fast as it happened (by the column ``time``, else the one that becomes
    ``created_at``), or as fast as it goes. ``where`` is a SQL condition on the file's columns, and ``limit`` is for the
    first so many rows of those that meet it.

    Rows that an earlier replay of the same file into the same table has written, by its ledger, are skipped unless it
    is to ``restart``. A row that cannot be read or that DynamoDB would refuse is counted, listed in the summary and
    written to the file ``rejects``.

    Raises ``SalespipeError`` for a file or option that cannot be used and when there is no table to write to,
    ``LoadError`` when it cannot go on.
    """
    check_rate(rate)
    check_count(limit, "--limit")
    check_workers(workers)
    if rate and speed:
        raise _usage("RateAndSpeed", "--rate and --speed both say when rows are due.", "Give one of them.")
    if time and not speed:
        raise _usage("TimeAlone", "--time says which column --speed goes by.", "Add --speed 60x, or leave --time out.")
    key = aws.config.table.partition_key
    with open_records(path) as records, ExitStack() as stack:
        columns = plan(records, mapping, key)
        clocked = _clocked(records, columns, time) if speed else ""
        on_plan(columns, records)
        condition = None
        if where is not None:
            condition = stack.enter_context(closing(Where(where, records.columns, records.sample, records.source.name)))
        refused = stack.enter_context(closing(Rejects(rejects, path, records.format))) if rejects else None
        client = open_table(aws)
        done, ledger = LineSet(), None
        if ledgers:
            series = ""
            if records.source.regular:
                done, series = earlier(ledgers, fingerprint(records.source, columns), restart=restart)
            ledger = stack.enter_context(ledgers.begin(COMMAND, source=f"{series} {path}".strip()))
        rows = Rows(records, columns, key=key, where=condition, limit=limit, done=done, rejects=refused, ledger=ledger)
        writer = Writer(
            client,
            aws.config.table.name,
            key,
            workers=workers,
            clock=aws.clock,
            sleep=aws.sleep,
            chance=chance,
            acknowledged=rows.acknowledge,
            refused=rows.refuse_sent,
        )
        feed = Feed(writer, aws.clock, target_rate=rate, done=rows.share, on_progress=on_progress)
        due = _pace(aws, feed, rate, speed, clocked)
        try:
            return rows.sum_up(feed.run(rows.writes(due, writer.reject, feed.tick)))
        except LoadError as error:
            error.summary = rows.sum_up(error.summary)
            raise


class Rows:
    """The rows of one replay as writes, and what became of them."""

    def __init__(
        self,
        records: Records,
        plan: Plan,
        *,
        key: str,
        where: Where | None,
        limit: int | None,
        done: LineSet,
        rejects: Rejects | None,
        ledger: Ledger | None,
    ) -> None:
        self._records = records
        self._plan = plan
        self._key = key
        self._where = where
        self._limit = limit
        self._done = done
        self._rejects = rejects
        self._ledger = ledger
        self._chosen = 0
        self._skipped = 0
        # What DynamoDB may refuse yet: its raw values are needed for the file of rejects.
        self._under_way: dict[int, Record] = {}

    def writes(self, due: Due, reject: Callable[[Reject], None], tick: Callable[[], None]) -> Iterator[Write]:
        """The rows to write, each once it is due; others are rejected or skipped, with a ``tick`` now and then."""
        columns, key, done = self._plan.columns, self._key, self._done
        for record in islice(self._matching(tick), self._limit):
            self._chosen += 1
            if record.line in done:
                self._skipped += 1
                continue
            try:
                item = item_of(record, columns)
                write = Write(Kind.INSERT, str(item.get(key, "")), put_request(item, key), 0.0, record.line)
                moment = due(record)
            except Rejected as error:
                reject(Reject(record.line, _shown(record.values.get(columns[0].source, "")), str(error)))
                if self._rejects:
                    self._rejects.add(record, str(error))
                continue
            if self._rejects:
                self._under_way[record.line] = record
            yield write._replace(due=moment)
        self._records.source.check_unchanged()

    def acknowledge(self, writes: Sequence[Write]) -> None:
        """Note writes that DynamoDB has taken; from any thread."""
        if self._ledger:
            self._ledger.append(writes)
        for write in writes:
            self._under_way.pop(write.line, None)

    def refuse_sent(self, write: Write, reason: str) -> None:
        """Note a write that DynamoDB has refused; from any thread."""
        record = self._under_way.pop(write.line, None)
        if self._rejects and record:
            self._rejects.add(record, reason)

    def share(self) -> float | None:
        """The share of the work that lies behind."""
        read = self._records.share
        return read if self._limit is None else max(self._chosen / self._limit, read or 0.0)

    def sum_up(self, summary: Summary) -> Replayed:
        """The summary of a load as one of this replay."""
        return Replayed(
            **{field.name: getattr(summary, field.name) for field in fields(summary)},
            format=self._records.format,
            columns=told(self._plan),
            dropped=self._plan.dropped,
            rows=self._chosen,
            skipped=self._skipped,
            rejects_file=str(self._rejects.path) if self._rejects and self._rejects.count else None,
            resumable=self._records.source.regular and self._ledger is not None,
        )

    def _matching(self, tick: Callable[[], None]) -> Iterator[Record]:
        """The rows that are asked for; one that cannot be read, or asked, is too, and will be rejected."""
        where = self._where
        for number, record in enumerate(self._records):
            if number % TICK == 0:
                tick()
            try:
                if where is None or record.fault or where.holds(record):
                    yield record
            except (sqlite3.Error, OverflowError) as error:
                yield record._replace(fault=f"--where: {error}")


def _pace(aws: Aws, feed: Feed, rate: float | None, speed: float | None, clocked: str) -> Due:
    """What waits until a row is due, and tells when that was."""
    if rate:
        slots = due_times(Steady(rate), aws.clock, aws.sleep, feed.tick)
        return lambda _: next(slots)
    if speed:
        pace = EventTime(speed, aws.clock, aws.sleep, feed.tick)
        return lambda record: pace.due(_moment(record, clocked))
    return lambda _: aws.clock()


def _clocked(records: Records, plan: Plan, time: str | None) -> str:
    """The column that says when a row happened."""
    if time is None:
        time = plan.source_of("created_at")
    if time is None:
        raise _usage("NoTime", "Nothing says when each order was made.", "Add --time COLUMN, or map created_at.")
    check_column(time, records, "Name one of these in --time.")
    return time


def _moment(record: Record, column: str) -> Any:
    value = record.values.get(column)
    return None if value is None or value == "" else moment_of(column, value)


def _shown(key: Any) -> str:
    """A key for people: what is no Unicode as a question mark, and no more than a line."""
    return str(key)[:100].encode(errors="replace").decode()


def _usage(code: str, message: str, hint: str) -> SalespipeError:
    return SalespipeError(code, message, hint=hint, exit_code=Exit.USAGE)
