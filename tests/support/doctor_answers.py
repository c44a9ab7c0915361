"""Answers of an AWS account, as the doctor's tests put them into its mouth."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
IAM_ALONE = [{"Principal": {"DataLakePrincipalIdentifier": "IAM_ALLOWED_PRINCIPALS"}, "Permissions": ["ALL"]}]

Answer = Callable[..., None]


def everything_allowed(params: dict[str, Any]) -> dict[str, Any]:
    return decisions(params, lambda *_: "allowed")


def decisions(params: dict[str, Any], decide: Callable[[str, str], str]) -> dict[str, Any]:
    """The answer of SimulatePrincipalPolicy: a result for each action on each resource of the request."""
    asked: dict[str, str] = params["body"]
    actions = [value for key, value in asked.items() if key.startswith("ActionNames.member")]
    resources = [value for key, value in asked.items() if key.startswith("ResourceArns.member")]
    results = [
        {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decide(action, resource)}
        for action in actions
        for resource in resources
    ]
    return {"EvaluationResults": results, "IsTruncated": False}
