"""What went wrong with a resource, said so that the reader knows what to do."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from salespipe.aws import error_code, error_message, is_eventual
from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Observation, Resource

_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized"}
)
_ACTION: Final = re.compile(r"not authorized to perform:? (?P<action>[a-z0-9-]+:\w+)(?: on resource: (?P<on>\S+))?")


def what(resource: Resource) -> str:
    """A resource in words: ``kinesis stream salespipe-dev-orders``."""
    return f"{resource.kind} {resource.name}"


def describe_failure(aws: Aws, resource: Resource, verb: str, error: Exception) -> SalespipeError:
    """The expected failures of a call to AWS as one message; anything else is a bug and is raised as it is."""
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, ParamValidationError

    if isinstance(error, SalespipeError):
        return error
    if isinstance(error, ParamValidationError) or not isinstance(error, ClientError | BotoCoreError):
        raise error
    code, message = error_code(error), error_message(error)
    failed = f"{what(resource)} could not be {verb}: {message}"
    if isinstance(error, EndpointConnectionError):
        hint = "salespipe local start" if aws.config.target == "local" else "Check the network and --region."
        return SalespipeError("EndpointUnreachable", failed, hint=hint)
    if code in _DENIED:
        return SalespipeError("AccessDenied", failed, hint=_missing_permission(message))
    if any(is_eventual(service, error) for service in ("lambda", "firehose", "glue", "s3", "sqs")):
        hint = (
            f"AWS kept saying so for {aws.patience:.0f} seconds. Check the trust policy and the permissions of its role"
        )
        return SalespipeError("NotYet", failed, hint=f"{hint}, then run salespipe up again.")
    return SalespipeError(code or type(error).__name__, failed, hint="Run the same command again to go on from here.")


def _missing_permission(message: str) -> str:
    """The policy statement that the caller lacks, where AWS names the action."""
    if "Lake Formation" in message:
        return "Grant this identity and the crawler's role rights to the database in Lake Formation."
    found = _ACTION.search(message)
    if not found:
        return "Ask for the missing permission, then run the same command again."
    statement: dict[str, Any] = {"Effect": "Allow", "Action": found["action"], "Resource": found["on"] or "*"}
    return f"Your identity needs this policy statement: {json.dumps(statement)}"


def foreign(found: list[tuple[Resource, Observation]]) -> SalespipeError:
    """Something of our name exists that is not ours."""
    named = "; ".join(f"{what(resource)} ({seen.detail})" for resource, seen in found)
    return SalespipeError(
        "Foreign",
        f"In the way, and not of this pipeline, so nothing was touched: {named}.",
        hint="Choose another name in salespipe.toml, or remove it yourself if it is yours to remove.",
    )


def needs_consent(resource: Resource, seen: Observation) -> SalespipeError:
    """Only deleting it would mend it, and its data would be lost."""
    fields = ", ".join(f"{drift.field}: {drift.actual!r}, wanted {drift.wanted!r}" for drift in seen.drift)
    return SalespipeError(
        "NeedsReplacing",
        f"{what(resource)} can only be changed by deleting it with its data ({fields}).",
        hint="Put the setting back, or run salespipe down and then salespipe up.",
    )


def broken(resource: Resource, seen: Observation) -> SalespipeError:
    """AWS reports it as failed, for a reason that waiting does not mend."""
    return SalespipeError(
        "ResourceFailed",
        f"{what(resource)} has failed: {seen.detail or 'AWS gives no reason'}",
        hint="Mend the reason, then run salespipe up again: it is deleted and created anew.",
    )


def overdue(resource: Resource, seen: Observation, seconds: float, goal: str) -> SalespipeError:
    """It was waited for long enough."""
    last = f"{seen.state}, {seen.detail}" if seen.detail else str(seen.state)
    drift = "".join(f"; {each.field} is still {each.actual!r}" for each in seen.drift)
    return SalespipeError(
        "Overdue",
        f"{what(resource)} was not {goal} within {seconds:.0f} seconds; last seen: {last}{drift}.",
        hint="Run the same command again to go on from here.",
        exit_code=Exit.FAILED,
    )
