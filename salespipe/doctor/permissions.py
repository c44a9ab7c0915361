"""Whether the caller may do what salespipe does, by IAM's own simulation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from salespipe.aws import error_code
from salespipe.doctor.model import Check, Skipped, Verdict
from salespipe.doctor.run import POLICY, REFUSALS

if TYPE_CHECKING:
    from salespipe.aws import Aws

NAMED: Final = 4
_SIDE_BY_SIDE: Final = 6


def permissions(aws: Aws, arn: str, policy: Mapping[str, Any]) -> Check:
    """Whether the principal ``arn`` is allowed everything in ``policy``, statement by statement.

    IAM's simulation sees the principal's policies, its boundary and the organization's policies, and neither the
    session's own policy nor conditions on things it is not told.
    """
    if arn.endswith(":root"):
        return Check("permissions", Verdict.WARN, "the account's root user may do everything", "Use a role instead.")
    try:
        principal = _principal(aws, arn)
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as threads:
            answers = list(threads.map(lambda asked: list(_denied(aws, principal, asked)), _questions(policy)))
    except Exception as error:
        if error_code(error) not in REFUSALS:
            raise
        return Check("permissions", Verdict.WARN, "cannot be checked: you may not simulate your own policies", POLICY)
    denied = sorted({one for answer in answers for one in answer}, key=lambda one: (one[0] != "iam:PassRole", one))
    if not denied:
        return Check("permissions", Verdict.OK, f"all that salespipe does is allowed to {principal}")
    named = ", ".join(f"{action} on {resource}" for action, resource in denied[:NAMED])
    more = f", and {len(denied) - NAMED} more" if len(denied) > NAMED else ""
    return Check("permissions", Verdict.FAIL, f"not allowed: {named}{more}", POLICY)


def _principal(aws: Aws, arn: str) -> str:
    """The user or role whose policies hold: a session's ARN names its role without the path that the role's ARN has."""
    service, _, rest = arn.split(":")[2], None, arn.rpartition(":")[2]
    kind, _, name = rest.partition("/")
    if service == "iam":
        return arn
    if kind == "assumed-role":
        return str(aws.client("iam").get_role(RoleName=name.partition("/")[0])["Role"]["Arn"])
    raise Skipped(f"cannot be checked: IAM does not simulate for {arn}")


def _questions(policy: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each statement as a simulation's parameters: its actions on its resources, with its conditions fulfilled."""
    for statement in policy["Statement"]:
        resources = statement["Resource"]
        if any("${" in resource or resource.endswith(":role/*") for resource in resources):
            continue  # about oneself, whoever that is: to ask at all is to be allowed that much
        context = [
            {"ContextKeyName": key, "ContextKeyValues": _listed(value), "ContextKeyType": "string"}
            for condition in statement.get("Condition", {}).values()
            for key, value in condition.items()
        ]
        yield {
            "ActionNames": _listed(statement["Action"]),
            "ResourceArns": resources,
            "ContextEntries": context,
        }


def _denied(aws: Aws, principal: str, question: dict[str, Any]) -> Iterator[tuple[str, str]]:
    pages = aws.client("iam").get_paginator("simulate_principal_policy")
    for page in pages.paginate(PolicySourceArn=principal, **question):
        for result in page["EvaluationResults"]:
            parts = result.get("ResourceSpecificResults") or []
            if result["EvalDecision"] != "allowed":
                yield result["EvalActionName"], result.get("EvalResourceName", "*")
            for part in parts:
                if part["EvalResourceDecision"] != "allowed":
                    yield result["EvalActionName"], part["EvalResourceName"]


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
