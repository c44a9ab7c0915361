"""What Athena's failures mean here: the cause, what shows it, and the command that mends it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from salespipe.answers import error_code, error_message
from salespipe.errors import Exit, SalespipeError
from salespipe.query.pointing import pointed

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.names import Names

_CODE: Final = re.compile(r"([A-Z][A-Z0-9]*_[A-Z0-9_]+): ?")

# Failures that Athena tells in prose, or with a code that many share: code of ours, and what the text contains.
_PROSE: Final = (
    ("LakeFormationDenied", r"lake ?formation permission|does not have any privilege on specified resource"),
    ("ScanLimitExceeded", r"bytes scanned limit was exceeded"),
    ("NoOutputLocation", r"no output location provided|s3 location provided to save your query results is invalid"),
    ("NoOutputLocation", r"unable to verify/create output bucket"),
    (
        "ResourcesExhausted",
        r"query exhausted resources|exceeded_(?:local_)?memory_limit|exceeded_time_limit|query timeout",
    ),
    ("SlowDown", r"slow ?down|rate exceeded"),
    ("PermissionDenied", r"access ?denied|is not authorized to perform|status code: 403|permission denied"),
    ("ResultExpired", r"could not find results|nosuchkey|result.*(?:has )?expired"),
)
_REFUSALS: Final = frozenset({"TooManyRequestsException", "ThrottlingException", "AccessDeniedException"})


def explain(reason: str, names: Names, *, sql: str = "", aws: Aws | None = None) -> SalespipeError:
    """Turn a query's StateChangeReason into an error that names cause, evidence and the way out.

    With ``sql`` the place in it is shown; with ``aws`` the evidence is looked up, where a call or two tell it.
    """
    from salespipe.query.advice import Failure, advise

    code, detail = _told(reason.strip())
    shown = pointed(detail, sql)
    failure = Failure(code, detail, sql, names, aws)
    evidence, hint = _advised(failure, advise)
    message = "\n".join(part for part in (reason.strip(), shown, evidence) if part)
    return SalespipeError(code, message, hint=hint)


def refused(error: Exception, names: Names, *, sql: str = "", aws: Aws | None = None) -> SalespipeError:
    """The same for what StartQueryExecution or another call answers: a syntax error, a missing workgroup, a limit."""
    code, message = error_code(error), error_message(error)
    if "WorkGroup" in message and "not found" in message:
        return not_deployed(names)
    if code in _REFUSALS:
        message = f"{code}: {message}" if code not in message else message
    found = explain(message, names, sql=sql, aws=aws)
    own = found.code if found.code != "QueryFailed" else code or found.code
    return SalespipeError(own, f"Athena refused the query: {found.message}", hint=found.hint)


def unreadable(error: Exception, names: Names) -> SalespipeError:
    """The same for a result that GetQueryResults does not give: it has expired, or may not be read."""
    code, message = error_code(error), error_message(error)
    found = explain(message, names)
    own = found.code if found.code != "QueryFailed" else code or found.code
    return SalespipeError(own, f"The result cannot be read: {found.message}", hint=found.hint)


def not_deployed(names: Names) -> SalespipeError:
    """Say that the pipeline is not there."""
    return SalespipeError(
        "NotDeployed",
        f"The pipeline {names.config.name} is not deployed here.",
        hint="salespipe up",
        exit_code=Exit.NOT_DEPLOYED,
    )


def _told(reason: str) -> tuple[str, str]:
    """The code of a failure, ours where prose says more than Athena's, and the text behind Athena's code."""
    found = _CODE.match(reason)
    detail = reason[found.end() :] if found else reason
    if re.match(r"(TooManyRequests|Throttling)Exception", reason):
        return "TooManyQueries", detail
    for code, pattern in _PROSE:
        if re.search(pattern, reason, re.IGNORECASE):
            return code, detail
    if found:
        return found[1], detail
    syntax = re.match(r"(?:FAILED: ParseException )?line \d+:\d+:? |Queries of this type are not supported", reason)
    return ("SYNTAX_ERROR" if syntax else "QueryFailed"), detail


def _advised(failure: Any, advise: Any) -> tuple[str, str]:
    """Evidence and fix. Looking up evidence must not hide the failure: what AWS refuses then is left out."""
    from dataclasses import replace

    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer: tuple[str, str] = advise(failure)
    except (ClientError, BotoCoreError, SalespipeError):
        answer = advise(replace(failure, aws=None))
    return answer
