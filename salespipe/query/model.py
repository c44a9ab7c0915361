"""What Athena says of a query and of its result, as values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from salespipe.cost.sizes import MB, TB

# Athena user guide, "Managing usage": scanned data is rounded up to the megabyte, and is at least 10 MB for each query.
LEAST_BILLED: Final = 10 * MB

Value = str | int | float | bool | Decimal | None

NUMBERS: Final = frozenset({"tinyint", "smallint", "integer", "bigint", "double", "float", "real", "decimal"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result: its name, Athena's name of its type, and a decimal's precision and scale."""

    name: str
    type: str
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a query took: milliseconds, and bytes read from S3. Athena leaves out what it did not measure: 0 here.

    ``planning_ms`` is part of ``engine_ms``. ``billed_bytes`` are the scanned ones as they are charged, ``usd`` their
    list price (None where that is not known for the region). ``rows`` are those that were read.
    """

    scanned_bytes: int
    queue_ms: int
    planning_ms: int
    engine_ms: int
    total_ms: int
    reused: bool = False
    billed_bytes: int = 0
    usd: Decimal | None = None
    rows: int = 0

    @property
    def run_ms(self) -> int:
        """The engine's time without its planning."""
        return max(0, self.engine_ms - self.planning_ms)


@dataclass(frozen=True, slots=True)
class Result:
    """Rows of a finished statement, in Python types: int, float, Decimal, bool, None, and str for all others."""

    id: str
    columns: tuple[Column, ...]
    rows: list[tuple[Value, ...]]
    statistics: Statistics

    def records(self) -> list[dict[str, Value]]:
        """Each row as a mapping from column name to value; a name that comes twice gets a number behind it."""
        names = distinct([column.name for column in self.columns])
        return [dict(zip(names, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Answer:
    """A result as it is read: ``blocks`` are whole records of Athena's CSV (UTF-8) without the header, once."""

    id: str
    columns: tuple[Column, ...]
    blocks: Iterator[bytes]
    statistics: Statistics


@dataclass(frozen=True, slots=True)
class Execution:
    """A query execution as GetQueryExecution tells it.

    ``location`` is the result's S3 URI, empty where it has none; ``parameters`` are the literals of its question marks.
    """

    id: str
    sql: str
    state: str
    reason: str
    kind: str
    location: str
    statistics: Statistics
    submitted: datetime | None = None
    completed: datetime | None = None
    parameters: tuple[str, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in {"SUCCEEDED", "FAILED", "CANCELLED"}


def execution(raw: dict[str, Any], region: str) -> Execution:
    """Read the QueryExecution of the service model."""
    status = raw["Status"]
    kind = raw.get("StatementType", "DML")
    return Execution(
        id=raw["QueryExecutionId"],
        sql=raw.get("Query", ""),
        state=status["State"],
        reason=status.get("StateChangeReason", ""),
        kind=kind,
        location=raw.get("ResultConfiguration", {}).get("OutputLocation", ""),
        statistics=_statistics(raw.get("Statistics", {}), kind, status["State"], region),
        submitted=status.get("SubmissionDateTime"),
        completed=status.get("CompletionDateTime"),
        parameters=tuple(raw.get("ExecutionParameters", ())),
        raw=raw,
    )


def _statistics(raw: dict[str, Any], kind: str, state: str, region: str) -> Statistics:
    scanned = raw.get("DataScannedInBytes", 0)
    reused = bool(raw.get("ResultReuseInformation", {}).get("ReusedPreviousResult", False))
    billed = 0 if reused else billed_bytes(scanned, kind, state)
    return Statistics(
        scanned_bytes=scanned,
        queue_ms=raw.get("QueryQueueTimeInMillis", 0),
        planning_ms=raw.get("QueryPlanningTimeInMillis", 0),
        engine_ms=raw.get("EngineExecutionTimeInMillis", 0),
        total_ms=raw.get("TotalExecutionTimeInMillis", 0),
        reused=reused,
        billed_bytes=billed,
        usd=usd(billed, region),
    )


def billed_bytes(scanned: int, kind: str, state: str) -> int:
    """What Athena charges for: whole megabytes, 10 at least; nothing for DDL that scans nothing and for what failed.

    ``kind`` is the StatementType: DML, DDL or UTILITY. What was cancelled is charged for what it had scanned.
    """
    if state == "FAILED" or (not scanned and (kind != "DML" or state != "SUCCEEDED")):
        return 0
    return max(LEAST_BILLED, math.ceil(scanned / MB) * MB)


def usd(billed: int, region: str) -> Decimal | None:
    """The list price of so many billed bytes; None where the region's price is not known."""
    from salespipe.cost.prices import price

    if not billed:
        return Decimal(0)
    a_tb = price("athena_tb", region)
    return None if a_tb is None else (a_tb.usd * billed / TB).quantize(Decimal("0.000001"))


def distinct(names: list[str]) -> list[str]:
    """The names, those that come again with a number behind them: ``a, a_2``."""
    taken: set[str] = set()
    found = []
    for name in names:
        number, one = 1, name
        while one in taken or (number > 1 and one in names):
            number += 1
            one = f"{name}_{number}"
        taken.add(one)
        found.append(one)
    return found
