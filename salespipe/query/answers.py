"""Ask insights: several at once, each with what kept it from being asked."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from salespipe.errors import Exit, SalespipeError
from salespipe.query import athena

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.insights import Insight
    from salespipe.query.model import Execution, Result, Statistics

Progress = Callable[[str], None]
# An account may run 20 DML queries at once in the smallest regions (Athena quotas): this leaves some to others.
_AT_ONCE: Final = 6
_CRAWL: Final = "salespipe crawl"


@dataclass(frozen=True, slots=True)
class Answer:
    """An insight with its statement and its result, or else the problem that it met."""

    insight: Insight
    sql: str
    result: Result | None = None
    problem: SalespipeError | None = None


class StoppedAllError(KeyboardInterrupt):
    """Ctrl-C while queries ran side by side: all have been stopped on the server, and it says what they cost."""

    def __init__(self, stopped: Sequence[Execution], ended: Sequence[Statistics], lost: int = 0) -> None:
        took = [*(each.statistics for each in stopped), *ended]
        prices = [each.usd for each in took if each.usd is not None]
        price = f" ({sum(prices, Decimal(0)):f} USD on AWS)" if len(prices) == len(took) else ""
        are = "query is" if len(stopped) == 1 else "queries are"
        before = f"; {len(ended)} had ended before" if ended else ""
        scanned = sum(each.scanned_bytes for each in took)
        told = f"Interrupted. {len(stopped)} {are} stopped on the server too{before}. In all {scanned:,} bytes were"
        going = lost + sum(not each.final for each in stopped)
        still = f" {going} may run still: salespipe query history, salespipe query cancel ID." if going else ""
        super().__init__(f"{told} scanned{price}.{still}")
        self.executions = tuple(stopped)


def ask(
    aws: Aws,
    insights: Sequence[Insight],
    values: Mapping[str, str] | None = None,
    *,
    progress: Progress = lambda _: None,
) -> list[Answer]:
    """Ask ``insights`` side by side, with ``values`` for their parameters: ``prepare``, then ``run``."""
    return run(aws, prepare(aws, insights, values), progress=progress)


def prepare(aws: Aws, insights: Sequence[Insight], values: Mapping[str, str] | None = None) -> list[Answer]:
    """The statements of ``insights``, in their order, before they are asked.

    What keeps one of them from being asked is its own ``problem``. Raises ``SalespipeError`` (exit code 2) for a
    parameter that none of them has or a value that is none.
    """
    given = values or {}
    _check_names(insights, given)
    statements = [insight.statement(given, buffers=aws.config.delivery_seconds) for insight in insights]
    columns = _columns(aws)
    prepared = []
    for insight, sql in zip(insights, statements, strict=True):
        missing = insight.missing(columns)
        problem = _lacking(insight, missing, columns) if missing else None
        prepared.append(Answer(insight, sql, problem=problem))
    return prepared


def run(aws: Aws, prepared: Sequence[Answer], *, progress: Progress = lambda _: None) -> list[Answer]:
    """Ask, side by side, what has no problem yet; the answers are in their order, with the problems that they met.

    A KeyboardInterrupt, or a failure that is no query's own, stops every query that this call has started before it
    goes on; the first as ``StoppedAllError``.
    """
    askable = [each for each in prepared if each.problem is None]
    if not askable:
        return list(prepared)
    halt = threading.Event()
    done = 0

    def one(asked: Answer) -> Answer:
        nonlocal done
        answer = _run(aws, asked, halt)
        done += 1
        progress(f"{done} of {len(askable)}, {asked.insight.name}")
        return answer

    futures: list[Future[Answer]] = []
    with ThreadPoolExecutor(min(_AT_ONCE, len(askable))) as pool:
        try:
            futures.extend(pool.submit(one, each) for each in askable)
            ended = wait(futures, return_when=FIRST_EXCEPTION).done
            answered = {answer.insight.name: answer for answer in [future.result() for future in ended]}
        except BaseException as error:
            halt.set()
            pool.shutdown(cancel_futures=True)
            if isinstance(error, KeyboardInterrupt):
                raise _stopped(futures) from None
            raise
    return [answered.get(each.insight.name, each) for each in prepared]


def _run(aws: Aws, asked: Answer, halt: threading.Event) -> Answer:
    """Ask one. Only the main thread hears Ctrl-C: ``halt`` passes it on, between two looks at the query."""

    def going(_: str) -> None:
        if halt.is_set():
            raise KeyboardInterrupt

    going("")
    try:
        result = athena.run(aws, asked.sql, progress=going)
    except SalespipeError as problem:
        return replace(asked, problem=problem)
    return replace(asked, result=replace(result, rows=[asked.insight.whole(row) for row in result.rows]))


def _stopped(futures: Iterable[Future[Answer]]) -> StoppedAllError:
    """What became of the queries of ``futures``, all of which are done or were never begun."""
    begun = [future for future in futures if not future.cancelled()]
    errors = [error for future in begun if (error := future.exception()) is not None]
    stopped = [error.execution for error in errors if isinstance(error, athena.StoppedError)]
    results = [future.result().result for future in begun if future.exception() is None]
    lost = sum(not isinstance(error, KeyboardInterrupt) for error in errors)
    return StoppedAllError(stopped, [each.statistics for each in results if each is not None], lost)


def _check_names(insights: Sequence[Insight], given: Mapping[str, str]) -> None:
    known = list(dict.fromkeys(each.name for insight in insights for each in insight.parameters))
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise SalespipeError(
                "NoSuchParameter",
                f"There is no parameter {name!r} here: {', '.join(known) or 'none at all'}.",
                hint=f"--param {near[0]}=..." if near else "salespipe insights lists the parameters of each.",
                exit_code=Exit.USAGE,
            )


def _columns(aws: Aws) -> dict[str, frozenset[str]]:
    """The columns of every table and view of the database, partition columns too."""
    from salespipe.aws import is_not_found
    from salespipe.query.failures import not_deployed

    found: dict[str, frozenset[str]] = {}
    try:
        for page in aws.client("glue").get_paginator("get_tables").paginate(DatabaseName=aws.names.database):
            for table in page["TableList"]:
                fields = (*table.get("StorageDescriptor", {}).get("Columns", ()), *table.get("PartitionKeys", ()))
                found[table["Name"]] = frozenset(field["Name"] for field in fields)
    except Exception as error:
        if is_not_found(error):
            raise not_deployed(aws.names) from error
        raise
    return found


def _lacking(insight: Insight, missing: Sequence[str], columns: Mapping[str, frozenset[str]]) -> SalespipeError:
    """Say what is not there; whatever a crawl makes may only not have been made yet."""
    tables = [name for name in missing if "." not in name]
    if tables:
        return SalespipeError(
            "NoTable",
            f"{insight.name} needs {', '.join(tables)}, which {'is' if len(tables) == 1 else 'are'} not there.",
            hint=f"{_CRAWL} makes the tables and views, as far as the orders have the columns for them.",
        )
    return SalespipeError(
        "NoColumn",
        f"{insight.name} needs {', '.join(missing)}, which the data does not have.",
        hint=_CRAWL if "orders.sale_outcome" in missing and "orders" in columns else "",
    )
