"""What was asked in the pipeline's workgroup: Athena keeps it for 45 days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salespipe.aws import error_message
from salespipe.query.failures import not_deployed
from salespipe.query.model import Execution, execution

if TYPE_CHECKING:
    from salespipe.aws import Aws

_PAGE = 50  # service model: BatchGetQueryExecution takes so many ids


def recent(aws: Aws, limit: int) -> list[Execution]:
    """The last ``limit`` executions, newest first. Raises ``SalespipeError`` where the pipeline is not deployed."""
    from botocore.exceptions import ClientError

    client, names = aws.client("athena"), aws.config.names("")
    found: list[Execution] = []
    token: dict[str, str] = {}
    while len(found) < limit:
        try:
            page = client.list_query_executions(
                WorkGroup=names.workgroup, MaxResults=min(_PAGE, limit - len(found)), **token
            )
        except ClientError as error:
            if "not found" in error_message(error):
                raise not_deployed(names) from error
            raise
        if ids := page.get("QueryExecutionIds", []):
            told = client.batch_get_query_execution(QueryExecutionIds=ids)["QueryExecutions"]
            by_id = {each["QueryExecutionId"]: each for each in told}
            found += [execution(by_id[each], aws.region) for each in ids if each in by_id]
        if not page.get("NextToken"):
            break
        token = {"NextToken": page["NextToken"]}
    return found
