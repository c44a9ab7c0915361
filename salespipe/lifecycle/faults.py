"""What went wrong with a resource, said so that the reader knows what to do."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from salespipe.answers import EVENTUAL, delay, error_code, error_message
from salespipe.errors import Exit, SalespipeError
from salespipe.resources.base import State
from salespipe.resources.caller import granting

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Observation, Resource

_DENIED: Final = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized"),
        # An answer to HEAD has no body, and so no code but its status.
        *("403", "Forbidden"),
        # Service models kinesis, lambda and sqs: where the account encrypts with keys of its own.
        *("KMSAccessDeniedException", "KmsAccessDenied", "KMS.AccessDeniedException"),
    }
)
# A statement that allows is no use where something else denies, or sets the limits of what can be allowed:
# docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_BLOCKED: Final = re.compile(
    r"with an explicit deny in (?P<deny>an? [\w -]+?(?:policy|boundary))"
    r"|because no (?P<missing>(?:permissions boundary|service control policy|resource control policy|session policy|"
    r"VPC endpoint policy|resource-based policy))"
)
# A denial whatever its code: each service has one of its own for a role that the caller may not pass.
_DENIAL: Final = re.compile(r"iam:PassRole|Insufficient Lake Formation permission")
_ACTION: Final = re.compile(
    r'not authorized to perform:? (?P<action>[a-z0-9-]+:\w+)(?: on resource: "?(?P<on>[^\s"]+))?'
    # CloudWatch Logs, of an operation that is itself allowed: github.com/DataDog/cloudformation-template/pull/61
    r'|additional permission "(?P<more>[a-z0-9-]+:\w+)" is required'
)
# Where AWS does not say which action it refused (S3 often says "Access Denied" and nothing else), the operation tells.
# It is an action of the same name in the service of the resource, except for these of S3:
# docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
_PREFIXES: Final = {
    "iam": "iam",
    "s3": "s3",
    "dynamodb": "dynamodb",
    "kinesis": "kinesis",
    "sqs": "sqs",
    "log": "logs",
    "lambda": "lambda",
    "firehose": "firehose",
    "glue": "glue",
    "athena": "athena",
    "cloudwatch": "cloudwatch",
    "sns": "sns",
}
_PREFIXES_BY_KIND: Final = {"eventbridge pipe": "pipes", "eventbridge rule": "events"}
_S3_ACTIONS: Final = {
    "DeleteObjects": "DeleteObjectVersion",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}


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
    if code in _DENIED or _DENIAL.search(message):
        return SalespipeError("AccessDenied", failed, hint=_missing_permission(aws, resource, error))
    waited = next(filter(None, (delay(service, error) for service in {row.service for row in EVENTUAL})), None)
    if waited:
        hint = f"AWS kept saying so for {waited.seconds or aws.patience:.0f} seconds."
        if waited.service not in {"s3", "sqs"}:
            hint += " Check the trust policy and the permissions of its role."
        return SalespipeError("NotYet", failed, hint=f"{hint} Then run salespipe up again.")
    return SalespipeError(code or type(error).__name__, failed, hint="Run the same command again to go on from here.")


def _missing_permission(aws: Aws, resource: Resource, error: Exception) -> str:
    """The policy statement that the caller lacks: AWS names the action, or the operation that it refused does."""
    message = error_message(error)
    if "Lake Formation" in message:
        return "Grant this identity and the crawler's role rights to the database in Lake Formation."
    found = _ACTION.search(message)
    named = found and (found["action"] or found["more"])
    action = named or _action(resource, str(getattr(error, "operation_name", "")))
    if not action:
        return "Ask for the missing permission, then run the same command again."
    if blocked := _BLOCKED.search(message):
        return (
            f"What forbids {action} is {blocked['deny'] or 'the ' + blocked['missing']}: who keeps it must change it."
        )
    on = ((found["on"] if found else None) or "").rstrip(".,")
    # As salespipe plan --policy has it: with its condition, and with the resources where AWS names none.
    granted = granting(aws.names, action, on) or {"Effect": "Allow", "Action": action, "Resource": on or "*"}
    statement = {**granted, "Action": action}
    return (
        f"Your identity needs this policy statement: {json.dumps(statement)} (salespipe plan --policy prints the whole)"
    )


def _action(resource: Resource, operation: str) -> str:
    """The IAM action of an operation on a resource, as far as it is known."""
    prefix = _PREFIXES_BY_KIND.get(resource.kind) or _PREFIXES.get(resource.kind.partition(" ")[0])
    if not prefix or not operation:
        return ""
    return f"{prefix}:{_S3_ACTIONS.get(operation, operation) if prefix == 's3' else operation}"


def unseen(refusals: list[SalespipeError]) -> SalespipeError:
    """One failure for all the resources that AWS did not describe."""
    first = refusals[0]
    messages = list(dict.fromkeys(each.message for each in refusals))
    if len(messages) == 1 or first.code == "EndpointUnreachable":
        return first
    hints = dict.fromkeys(each.hint for each in refusals if each.hint)
    return SalespipeError(
        first.code,
        f"{len(messages)} resources could not be described: {'; '.join(messages)}",
        hint=" ".join(hints),
        exit_code=first.exit_code,
    )


def foreign(found: list[tuple[Resource, Observation]]) -> SalespipeError:
    """Something of our name exists that is not ours."""
    named = "; ".join(f"{what(resource)} ({seen.detail})" for resource, seen in found)
    return SalespipeError(
        "Foreign",
        f"In the way, and not of this pipeline, so nothing was touched: {named}.",
        hint="Choose another name in salespipe.toml, or remove it yourself if it is yours to remove.",
    )


def needs_consent(found: list[tuple[Resource, Observation]]) -> SalespipeError:
    """Only deleting it would mend it, and its data would be lost."""
    named = "; ".join(f"{what(resource)} ({_differing(seen)})" for resource, seen in found)
    return SalespipeError(
        "NeedsReplacing",
        f"Can only be changed by deleting it with all its data: {named}.",
        hint="salespipe up --replace does that; or put the setting back.",
    )


def _differing(seen: Observation) -> str:
    return ", ".join(f"{drift.field}: {drift.actual!r}, wanted {drift.wanted!r}" for drift in seen.drift)


def unusable(found: list[tuple[Resource, Observation]]) -> SalespipeError:
    """Something of the user's own was to be used, and is not there, or not as the pipeline needs it."""
    named = "; ".join(f"{what(resource)}: {seen.detail}" for resource, seen in found)
    resource, seen = found[0]
    noun = resource.kind.rpartition(" ")[2]
    if seen.state is State.ABSENT:
        hint = f"Create it, or correct [{noun}] name in salespipe.toml, or leave [{noun}] existing out."
        return SalespipeError(f"{noun.title()}NotFound", f"{named}.", hint=hint)
    hint = f"Mend that, or correct [{noun}] in salespipe.toml, then run salespipe up."
    return SalespipeError(f"{noun.title()}Unusable", f"{named}. Nothing was touched.", hint=hint)


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
