"""What AWS's errors mean: that a thing is absent, or that it is not yet what it will be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Delay:
    """An answer that means "not yet": a service's error code with a part of its message, in lower case.

    It is waited out for ``seconds``, or else for as long as ``Aws.patience``.
    """

    service: str
    code: str
    fragment: str
    seconds: float | None = None


def _delays(service: str, code: str, *fragments: str, seconds: float | None = None) -> tuple[Delay, ...]:
    return tuple(Delay(service, code, fragment, seconds) for fragment in fragments)


# A role that STS in the region has not heard of yet is told in these words too.
_NEW_TOKEN: Final = (
    "security token included in the request is invalid",
    "you need to enable aws security token service",
)

# All that is waited out: a new role that a service cannot assume yet, a function that is being updated, a name that was
# just deleted. boto3 retries none of these, since they are 4xx; and nothing else is retried here. AWS rewords them now
# and then, hence parts of messages. EventBridge needs no row: our rule's target is allowed by a resource policy.
EVENTUAL: Final[tuple[Delay, ...]] = (
    *_delays(
        "lambda",
        "InvalidParameterValueException",
        "cannot be assumed by lambda",
        "execution role does not have permissions",
        "kms key is invalid for creategrant",
    ),
    *_delays(
        "lambda",
        "ResourceConflictException",
        "currently in the following state: pending",
        "an update is in progress",
        "concurrent update operation",
    ),
    *_delays(
        "firehose",
        "InvalidArgumentException",
        "firehose is unable to assume role",
        "is not authorized to perform",
        "access was denied",
        "verify that the iam role has access",
        _NEW_TOKEN[0],
    ),
    *_delays(
        "glue",
        "InvalidInputException",
        "unable to assume",
        "verify role's trustpolicy",
        "is not authorized",
        *_NEW_TOKEN,
    ),
    *_delays("glue", "AccessDeniedException", *_NEW_TOKEN),
    # Mostly real: Lake Formation governs the account's catalog and nobody has granted anything.
    *_delays("glue", "AccessDeniedException", "insufficient lake formation permission", seconds=15),
    *_delays("glue", "InvalidInputException", "insufficient lake formation permission", seconds=15),
    *_delays("pipes", "ValidationException", "cannot be assumed", "unable to assume", "assume the role"),
    # The name of a bucket that was just deleted is free after minutes, sometimes after an hour.
    *_delays("s3", "OperationAborted", "conflicting conditional operation", seconds=600),
    *_delays("s3", "NoSuchBucket", "", seconds=30),  # asked only of a bucket that has just been made
    *_delays("sqs", "QueueDeletedRecently", "", seconds=65),
    *_delays("sqs", "AWS.SimpleQueueService.QueueDeletedRecently", "", seconds=65),
)

NOT_FOUND: Final = frozenset(
    {
        "404",
        "NotFound",
        "NoSuchEntity",
        "NoSuchBucket",
        "NoSuchKey",
        "NotFoundException",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "DashboardNotFoundError",
        "EntityNotFoundException",
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
    }
)


def error_code(error: Exception) -> str:
    """The AWS error code of a botocore ClientError, or an empty string for any other exception."""
    response: dict[str, Any] = getattr(error, "response", None) or {}  # a lost connection has a response, of None
    return str(response.get("Error", {}).get("Code", ""))


def error_message(error: Exception) -> str:
    """The AWS error message of a botocore ClientError, or the exception's own text."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Message", error))


def is_not_found(error: Exception) -> bool:
    """Whether AWS answered that the thing does not exist. Athena says so in prose only."""
    return error_code(error) in NOT_FOUND or (
        error_code(error) == "InvalidRequestException" and "is not found" in error_message(error)
    )


def delay(service: str, error: Exception) -> Delay | None:
    """The row of the table of delays that an answer of ``service`` is in, if any.

    A caller who may not pass a role is told so with each service's own code, and sometimes in words of the table: that
    is never a delay.
    """
    code, message = error_code(error), error_message(error).lower()
    if "iam:passrole" in message:
        return None
    return next(
        (row for row in EVENTUAL if (row.service, row.code) == (service, code) and row.fragment in message), None
    )
