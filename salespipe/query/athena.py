"""Run one SQL statement in the pipeline's Athena workgroup, wait for its end, and read its result."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from salespipe.aws import error_code
from salespipe.errors import Exit, SalespipeError
from salespipe.query import records
from salespipe.query.failures import explain, refused
from salespipe.query.model import Column, Execution, Result, Statistics, Value, execution
from salespipe.query.reading import read

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.names import Names

__all__ = ["Column", "Result", "Statistics", "StoppedError", "Value", "finish", "look", "run", "start", "stop"]

# Athena allows 100 GetQueryExecution calls a second for an account; most queries end within seconds.
_POLL_SECONDS: Final = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
_ID: Final = re.compile(r"\S{1,128}")  # service model athena: QueryExecutionId
_LONGEST: Final = 262_144  # bytes of a statement (service model athena: QueryString)
_EXAMPLE: Final = 'salespipe query "SELECT * FROM orders LIMIT 10", or -f file.sql'

Progress = Callable[[str], None]


class StoppedError(KeyboardInterrupt):
    """Ctrl-C while a query ran: it has been stopped on the server, and says what it cost."""

    def __init__(self, stopped: Execution) -> None:
        cost = stopped.statistics
        price = "" if cost.usd is None else f" ({cost.usd:f} USD on AWS)"
        super().__init__(
            f"Interrupted. The query {stopped.id} is {stopped.state.lower()} on the server too, after"
            f" {cost.scanned_bytes:,} bytes scanned{price}."
        )
        self.execution = stopped


def run(
    aws: Aws,
    sql: str,
    *,
    parameters: Sequence[str] = (),
    reuse_minutes: int = 0,
    progress: Progress = lambda _: None,
) -> Result:
    """Run ``sql`` and return its rows; ``progress`` is told the state while it runs.

    ``parameters`` are SQL literals for its question marks. Raises ``SalespipeError`` with what Athena said and what
    mends it; a KeyboardInterrupt stops the query on the server before it goes on.
    """
    ended = finish(aws, start(aws, sql, parameters=parameters, reuse_minutes=reuse_minutes), progress=progress)
    answer = read(aws, ended)
    rows = list(records.typed(answer.blocks, answer.columns))
    return Result(answer.id, answer.columns, rows, replace(answer.statistics, rows=len(rows)))


def start(aws: Aws, sql: str, *, parameters: Sequence[str] = (), reuse_minutes: int = 0) -> str:
    """Submit ``sql``; returns the query execution's id. Raises ``SalespipeError`` when Athena refuses it.

    A KeyboardInterrupt in the midst of it stops what may have been submitted.
    """
    from botocore.exceptions import ClientError, ParamValidationError

    names = _names(aws)
    if not sql.strip():
        raise nothing_to_run()
    if (size := len(sql.encode())) > _LONGEST:
        told = f"The statement has {size:,} bytes, and Athena takes {_LONGEST:,}."
        raise SalespipeError("TooLong", told, hint="Put long lists into a table.", exit_code=Exit.USAGE)
    request: dict[str, Any] = {
        "QueryString": sql,
        "WorkGroup": names.workgroup,
        "QueryExecutionContext": {"Catalog": "AwsDataCatalog", "Database": names.database},
        "ClientRequestToken": str(uuid.uuid4()),
    }
    if parameters:
        request["ExecutionParameters"] = list(parameters)
    if reuse_minutes:
        by_age = {"Enabled": True, "MaxAgeInMinutes": reuse_minutes}
        request["ResultReuseConfiguration"] = {"ResultReuseByAgeConfiguration": by_age}
    client = aws.client("athena")
    try:
        answer = client.start_query_execution(**request)
    except KeyboardInterrupt:
        # Whether it arrived nobody knows: with the same token the same call tells the same id.
        raise StoppedError(stop(aws, client.start_query_execution(**request)["QueryExecutionId"])) from None
    except ParamValidationError as error:
        raise SalespipeError("InvalidQuery", f"Athena takes no such text as a query: {error}") from error
    except ClientError as error:
        raise refused(error, names, sql=sql, aws=aws) from error
    return str(answer["QueryExecutionId"])


def nothing_to_run() -> SalespipeError:
    """Say that there is no SQL."""
    return SalespipeError("EmptyQuery", "There is no SQL to run.", hint=_EXAMPLE, exit_code=Exit.USAGE)


def look(aws: Aws, query: str) -> Execution:
    """The execution as it is now. Raises ``SalespipeError`` for an id that Athena does not know."""
    from botocore.exceptions import ClientError, ParamValidationError

    if not _ID.fullmatch(query):
        raise _unknown(query)
    try:
        raw = aws.client("athena").get_query_execution(QueryExecutionId=query)["QueryExecution"]
    except (ClientError, ParamValidationError) as error:
        if isinstance(error, ClientError) and error_code(error) != "InvalidRequestException":
            raise
        raise _unknown(query) from error
    return execution(raw, aws.region)


def _unknown(query: str) -> SalespipeError:
    told = f"Athena knows no query {query}."
    return SalespipeError("QueryNotFound", told, hint="salespipe query history", exit_code=Exit.USAGE)


def finish(aws: Aws, query: str, *, progress: Progress = lambda _: None) -> Execution:
    """Wait until an execution has SUCCEEDED.

    Raises ``SalespipeError`` where it failed or was cancelled, and ``StoppedError``, a KeyboardInterrupt, after one.
    """
    polls = iter(_POLL_SECONDS)
    try:
        while not (now := look(aws, query)).final:
            progress(f"{now.state.lower()}, {now.statistics.scanned_bytes:,} bytes scanned")
            aws.sleep(next(polls, _POLL_SECONDS[-1]))
    except KeyboardInterrupt:
        raise StoppedError(stop(aws, query)) from None
    if now.state != "SUCCEEDED":
        raise explain(now.reason or now.state, _names(aws), sql=now.sql, aws=aws)
    return now


def stop(aws: Aws, query: str) -> Execution:
    """StopQueryExecution, and how it ended: what it has scanned until then is charged."""
    aws.client("athena").stop_query_execution(QueryExecutionId=query)
    for seconds in (*_POLL_SECONDS, *_POLL_SECONDS):
        if (now := look(aws, query)).final:
            return now
        aws.sleep(seconds)
    return look(aws, query)


def _names(aws: Aws) -> Names:
    """The names that a query needs: none has the account in it, so STS need not be asked."""
    return aws.config.names("")
