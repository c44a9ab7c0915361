"""Ask insights: several at once, each with what kept it from being asked."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from salespipe.errors import Exit, SalespipeError
from salespipe.query import athena

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.insights import Insight
    from salespipe.query.model import Result

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


def ask(
    aws: Aws,
    insights: Sequence[Insight],
    values: Mapping[str, str] | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Answer]:
    """Ask ``insights`` side by side, with ``values`` for their parameters; the answers are in their order.

    What keeps one of them from being asked is its own ``problem``. Raises ``SalespipeError`` (exit code 2) for a
    parameter that none of them has or a value that is none.
    """
    given = values or {}
    _check_names(insights, given)
    statements = [insight.statement(given, buffers=aws.config.delivery_seconds) for insight in insights]
    columns = _columns(aws)
    done = 0

    def one(insight: Insight, sql: str) -> Answer:
        nonlocal done
        if missing := insight.missing(columns):
            return Answer(insight, sql, problem=_lacking(insight, missing, columns))
        try:
            answer = Answer(insight, sql, result=athena.run(aws, sql))
        except SalespipeError as problem:
            answer = Answer(insight, sql, problem=problem)
        done += 1
        progress(f"{done} of {len(insights)}, {insight.name}")
        return answer

    if not insights:
        return []
    with ThreadPoolExecutor(min(_AT_ONCE, len(insights))) as pool:
        return list(pool.map(one, insights, statements))


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
