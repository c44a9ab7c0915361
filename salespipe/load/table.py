"""The table that a load writes to: is it there, and what DynamoDB's refusals mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from salespipe.aws import error_code, error_message, is_not_found
from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.aws import Aws

_LOG_IN: Final = "Log in again, for instance with aws sso login, and start again."
# What helps where the table's state does not tell.
HINTS: Final = {
    "AccessDeniedException": "salespipe doctor",
    "ExpiredTokenException": _LOG_IN,
    "UnrecognizedClientException": _LOG_IN,
    "InvalidSignatureException": "Set this machine's clock, and look at the credentials: salespipe doctor",
}


def open_table(aws: Aws) -> Any:
    """A DynamoDB client, once the configured table is seen to take writes under the configured key.

    Raises ``SalespipeError``: NotDeployed (exit 4), TableKey when its partition key has another name, or why DynamoDB
    could not be asked.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    name, key = aws.config.table.name, aws.config.table.partition_key
    client = aws.client("dynamodb")
    try:
        table = client.describe_table(TableName=name)["Table"]
    except (BotoCoreError, ClientError) as error:
        raise explained(error, name) from error
    # A table that is UPDATING takes writes.
    if table["TableStatus"] in ("CREATING", "DELETING"):
        raise SalespipeError(
            "NotDeployed",
            f"Table {name} is {table['TableStatus']}.",
            hint="salespipe up",
            exit_code=Exit.NOT_DEPLOYED,
        )
    keys = [part["AttributeName"] for part in table["KeySchema"]]
    if keys != [key]:
        raise SalespipeError(
            "TableKey",
            f"Table {name} has the key {', '.join(keys)}; the configuration says table.partition_key = {key!r}.",
            hint="Set table.partition_key to the table's own, or table.name to another table.",
            exit_code=Exit.USAGE,
        )
    return client


def explained(error: Exception, table: str) -> Exception:
    """A failure of boto3's in our words; any other exception as it is."""
    from botocore.exceptions import BotoCoreError, ClientError

    if is_not_found(error):
        return SalespipeError(
            "NotDeployed", f"There is no table {table}.", hint="salespipe up", exit_code=Exit.NOT_DEPLOYED
        )
    if isinstance(error, ClientError):
        return SalespipeError(
            error_code(error),
            f"DynamoDB does not take writes to {table}: {error_message(error)}",
            hint=HINTS.get(error_code(error), "salespipe status"),
        )
    if isinstance(error, BotoCoreError):
        return SalespipeError("Unreachable", f"DynamoDB does not answer: {error}", hint="salespipe status")
    return error


def no_capacity(table: str, seconds: float) -> SalespipeError:
    """DynamoDB has answered, but taken nothing, for longer than we wait."""
    return SalespipeError(
        "Throttled",
        f"DynamoDB has sent back every write to {table} for {seconds:.0f} s.",
        hint="Write more slowly with --rate.",
    )
