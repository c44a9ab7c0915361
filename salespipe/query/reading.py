"""A finished query's result: small ones from GetQueryResults, others from the object that Athena left in S3.

GetQueryResults gives a thousand rows a call, at 100 calls a second for a whole account; the object is one stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from salespipe.query import records
from salespipe.query.failures import unreadable
from salespipe.query.model import Answer, Column, Execution

if TYPE_CHECKING:
    from salespipe.aws import Aws

PAGE: Final = 1000
_CHUNK: Final = 2**20
_ATTEMPTS: Final = 5


def read(aws: Aws, execution: Execution, *, limit: int | None = None) -> Answer:
    """The result of an execution that has SUCCEEDED, at most ``limit`` rows of it.

    One call tells the columns and the first thousand rows. Of more than those the object in S3 is read, or further
    pages where it cannot be: Athena may keep it (managed results), or IAM deny it. Raises ``SalespipeError`` where
    the result is not there any more, or may not be read.
    """
    from botocore.exceptions import ClientError

    size = PAGE if limit is None else max(1, min(PAGE, limit + 1))  # one more for the header
    try:
        page = aws.client("athena").get_query_results(QueryExecutionId=execution.id, MaxResults=size)
    except ClientError as error:
        raise unreadable(error, aws.config.names("")) from error
    info = page["ResultSet"].get("ResultSetMetadata", {}).get("ColumnInfo", [])
    columns = tuple(Column(each["Name"], each["Type"], each.get("Precision", 0), each.get("Scale", 0)) for each in info)
    blocks = _blocks(aws, execution, page, len(columns), limit)
    if limit is not None and columns:
        blocks = records.first(blocks, len(columns), limit)
    return Answer(execution.id, columns, blocks, execution.statistics)


def _blocks(aws: Aws, execution: Execution, page: dict[str, Any], width: int, limit: int | None) -> Iterator[bytes]:
    rows = [_cells(row.get("Data", []), width) for row in page["ResultSet"].get("Rows", [])]
    if execution.kind == "DML":
        rows = rows[1:]  # a query's header; SHOW, DESCRIBE and DDL have none
    token = page.get("NextToken")
    if token and (limit is None or limit > len(rows)):
        body = _opened(aws, execution) if execution.kind == "DML" else None
        if body is not None:
            yield from records.without_header(records.whole(_stream(aws, execution, body)))
            return
    else:
        token = None
    yield records.encode(rows)
    client = aws.client("athena")
    while token:
        page = client.get_query_results(QueryExecutionId=execution.id, MaxResults=PAGE, NextToken=token)
        yield records.encode(_cells(row.get("Data", []), width) for row in page["ResultSet"].get("Rows", []))
        token = page.get("NextToken")


def _cells(data: list[dict[str, str]], width: int) -> records.Cells:
    """The texts of a row. DESCRIBE promises three columns and answers with one text, tabs between its parts."""
    cells = [cell.get("VarCharValue") for cell in data]
    if len(cells) == 1 and width > 1:
        cells = [part.strip() for part in (cells[0] or "").split("\t")]
    return (cells + [None] * width)[:width]


def _opened(aws: Aws, execution: Execution) -> dict[str, Any] | None:
    """GetObject of the result; None where there is no such object, or it may not be read."""
    from botocore.exceptions import ClientError

    bucket, _, key = execution.location.removeprefix("s3://").partition("/")
    if not key.endswith(".csv"):
        return None
    try:
        answer: dict[str, Any] = aws.client("s3").get_object(Bucket=bucket, Key=key)
    except ClientError:
        return None
    return answer


def _stream(aws: Aws, execution: Execution, opened: dict[str, Any]) -> Iterator[bytes]:
    """The object's bytes. A connection that breaks is made again, from where it broke and of the same object."""
    from botocore.exceptions import HTTPClientError

    bucket, _, key = execution.location.removeprefix("s3://").partition("/")
    done, failures = 0, 0
    while True:
        with closing(opened["Body"]) as body:
            while True:
                try:
                    chunk = body.read(_CHUNK)
                except (HTTPClientError, OSError):
                    failures += 1
                    if failures == _ATTEMPTS:
                        raise
                    break
                if not chunk:
                    return
                done, failures = done + len(chunk), 0
                yield chunk
        aws.sleep(0.1 * 2**failures)
        opened = aws.client("s3").get_object(Bucket=bucket, Key=key, Range=f"bytes={done}-", IfMatch=opened["ETag"])
