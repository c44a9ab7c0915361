"""Run one SQL statement in the pipeline's Athena workgroup and read its result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from salespipe.aws import error_code, error_message
from salespipe.errors import Exit, SalespipeError
from salespipe.query.failures import explain, not_deployed

if TYPE_CHECKING:
    from salespipe.aws import Aws

_FINAL: Final = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
# Athena allows 100 GetQueryExecution calls a second for an account; most queries end within seconds.
_POLL_SECONDS: Final = (0.05, 0.1, 0.2, 0.3, 0.5)
_PAGE: Final = 1000
_EXAMPLE: Final = 'salespipe query "SELECT * FROM orders LIMIT 10"'

Value = str | int | float | bool | Decimal | None

_PARSERS: Final[dict[str, Callable[[str], Value]]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), int),
    **dict.fromkeys(("double", "float", "real"), float),
    "decimal": Decimal,
    "boolean": lambda text: text == "true",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result: its name and Athena's name of its type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a query took: milliseconds, and bytes read from S3. Athena leaves out what it did not measure: 0 here."""

    scanned_bytes: int
    queue_ms: int
    planning_ms: int
    engine_ms: int
    total_ms: int


@dataclass(frozen=True, slots=True)
class Result:
    """Rows of a finished statement, in Python types: int, float, Decimal, bool, None, and str for all others."""

    id: str
    columns: tuple[Column, ...]
    rows: list[tuple[Value, ...]]
    statistics: Statistics

    def records(self) -> list[dict[str, Value]]:
        """Each row as a mapping from column name to value."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]


def run(aws: Aws, sql: str, *, progress: Callable[[str], None] = lambda _: None) -> Result:
    """Run ``sql`` and return its rows; ``progress`` is told the state while it runs.

    Raises ``SalespipeError`` with what Athena said and what mends it; a KeyboardInterrupt stops the query on the
    server before it goes on.
    """
    client = aws.client("athena")
    query = start(aws, sql)
    try:
        execution = _wait(aws, client, query, progress)
    except KeyboardInterrupt:
        client.stop_query_execution(QueryExecutionId=query)
        raise
    status = execution["Status"]
    if status["State"] != "SUCCEEDED":
        raise explain(status.get("StateChangeReason", status["State"]), aws.names)
    columns, rows = _read(client, query, execution.get("StatementType", "DML"))
    return Result(query, columns, rows, _statistics(execution.get("Statistics", {})))


def start(aws: Aws, sql: str) -> str:
    """Submit ``sql``; returns the query execution's id. Raises ``SalespipeError`` when Athena refuses it."""
    from botocore.exceptions import ClientError, ParamValidationError

    names = aws.names
    if not sql.strip():
        raise SalespipeError("EmptyQuery", "There is no SQL to run.", hint=_EXAMPLE, exit_code=Exit.USAGE)
    try:
        answer = aws.client("athena").start_query_execution(
            QueryString=sql,
            WorkGroup=names.workgroup,
            QueryExecutionContext={"Catalog": "AwsDataCatalog", "Database": names.database},
        )
    except ParamValidationError as error:
        raise SalespipeError("InvalidQuery", f"Athena takes no such text as a query: {error}") from error
    except ClientError as error:
        message = error_message(error)
        if "WorkGroup" in message and "not found" in message:
            raise not_deployed(names) from error
        raise SalespipeError(error_code(error), f"Athena refused the query: {message}") from error
    return str(answer["QueryExecutionId"])


def _wait(aws: Aws, client: Any, query: str, progress: Callable[[str], None]) -> dict[str, Any]:
    polls = iter(_POLL_SECONDS)
    while True:
        execution: dict[str, Any] = client.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        state = execution["Status"]["State"]
        if state in _FINAL:
            return execution
        progress(f"{state.lower()}, {execution.get('Statistics', {}).get('DataScannedInBytes', 0):,} bytes scanned")
        aws.sleep(next(polls, _POLL_SECONDS[-1]))


def _read(client: Any, query: str, statement: str) -> tuple[tuple[Column, ...], list[tuple[Value, ...]]]:
    """Page through the result. A SELECT's first row is its header; SHOW, DESCRIBE and DDL have none."""
    columns: tuple[Column, ...] = ()
    rows: list[tuple[Value, ...]] = []
    for number, page in enumerate(_pages(client, query)):
        if number == 0:
            info = page["ResultSet"].get("ResultSetMetadata", {}).get("ColumnInfo", [])
            columns = tuple(Column(column["Name"], column["Type"]) for column in info)
            parsers = [_PARSERS.get(column.type, str) for column in columns]
        data = page["ResultSet"].get("Rows", [])
        if number == 0 and statement == "DML":
            data = data[1:]
        for row in data:
            cells = _cells(row.get("Data", []), len(columns))
            rows.append(
                tuple(None if text is None else parse(text) for parse, text in zip(parsers, cells, strict=True))
            )
    return columns, rows


def _cells(data: list[dict[str, str]], width: int) -> list[str | None]:
    """The texts of a row. DESCRIBE promises three columns and answers with one text, tabs between its parts."""
    cells = [cell.get("VarCharValue") for cell in data]
    if len(cells) == 1 and width > 1:
        cells = [part.strip() for part in (cells[0] or "").split("\t")]
    return (cells + [None] * width)[:width]


def _pages(client: Any, query: str) -> Iterator[dict[str, Any]]:
    return iter(client.get_paginator("get_query_results").paginate(QueryExecutionId=query, MaxResults=_PAGE))


def _statistics(raw: dict[str, Any]) -> Statistics:
    return Statistics(
        scanned_bytes=raw.get("DataScannedInBytes", 0),
        queue_ms=raw.get("QueryQueueTimeInMillis", 0),
        planning_ms=raw.get("QueryPlanningTimeInMillis", 0),
        engine_ms=raw.get("EngineExecutionTimeInMillis", 0),
        total_ms=raw.get("TotalExecutionTimeInMillis", 0),
    )
