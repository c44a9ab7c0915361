"""What a rule's target is sent, and whether a function lets EventBridge invoke it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from salespipe.local.json_path import MISSING, JsonPath

_VARIABLE: Final = re.compile(r"<([\w.-]+)>")
_INVOKE: Final = "lambda:InvokeFunction"


def scheduled_event(rule_arn: str, account: str, region: str, due: float) -> dict[str, Any]:
    """The event of a schedule, as the EventBridge user guide shows it; ``due`` is Unix time in seconds."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": account,
        "time": f"{datetime.fromtimestamp(due, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [rule_arn],
        "detail": {},
    }


def target_input(target: Mapping[str, Any], event: Mapping[str, Any], rule: Mapping[str, Any]) -> str:
    """The text that a target gets: its Input, the part at InputPath, the InputTransformer's text, or the whole event.

    ``rule`` is a rule as DescribeRule tells it. Raises ``ValueError`` for a path or a template that cannot be used.
    """
    if target.get("Input"):
        return str(target["Input"])
    if target.get("InputPath"):
        return json.dumps(_at(event, target["InputPath"]))
    transformer = target.get("InputTransformer")
    if not transformer:
        return json.dumps(event)
    values = {name: _at(event, path) for name, path in (transformer.get("InputPathsMap") or {}).items()}
    values |= {
        "aws.events.rule-arn": rule["Arn"],
        "aws.events.rule-name": rule["Name"],
        "aws.events.event.ingestion-time": event["time"],
        "aws.events.event.json": event,
        "aws.events.event": event,
    }
    return _filled(transformer["InputTemplate"], values)


def may_invoke(policy: str, rule_arn: str) -> bool:
    """Whether a function's resource policy (JSON text) lets EventBridge invoke it for a rule.

    A condition on the source account never holds: EventBridge does not send it (user guide, "Troubleshooting").
    """
    statements: Iterable[Mapping[str, Any]] = json.loads(policy).get("Statement", ())
    allowed = False
    for statement in statements:
        if not _concerns(statement, rule_arn):
            continue
        if statement.get("Effect") == "Deny":
            return False
        allowed = True
    return allowed


def _at(event: Mapping[str, Any], path: str) -> Any:
    found = JsonPath(path).find(event)
    return None if found is MISSING else found


def _filled(template: str, values: Mapping[str, Any]) -> str:
    """The template with its variables filled in: as JSON, but as bare text inside quotes or where nothing is JSON."""
    is_json = template.lstrip()[:1] in {"{", "[", '"'}
    parts, end = [], 0
    for variable in _VARIABLE.finditer(template):
        if variable[1] not in values:
            continue
        before = template[: variable.start()]
        quoted = before.replace('\\"', "").count('"') % 2 == 1
        parts += [template[end : variable.start()], _written(values[variable[1]], quoted=quoted, is_json=is_json)]
        end = variable.end()
    return "".join([*parts, template[end:]])


def _written(value: Any, *, quoted: bool, is_json: bool) -> str:
    if is_json and not quoted:
        return json.dumps(value)
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return json.dumps(text)[1:-1] if quoted else text


def _concerns(statement: Mapping[str, Any], rule_arn: str) -> bool:
    principal = statement.get("Principal")
    who = principal.get("Service", ()) if isinstance(principal, dict) else principal
    actions = _listed(statement.get("Action", ()))
    return (
        any(name in {"events.amazonaws.com", "*"} for name in _listed(who))
        and any(fnmatchcase(_INVOKE.lower(), action.lower()) for action in actions)
        and all(_holds(test, wanted, rule_arn) for test, wanted in (statement.get("Condition") or {}).items())
    )


def _holds(test: str, wanted: Mapping[str, Any], rule_arn: str) -> bool:
    known = {"aws:sourcearn": rule_arn}
    for key, value in wanted.items():
        actual = known.get(key.lower())
        if actual is None:
            return test.endswith("IfExists")
        exact = test.startswith("StringEquals")
        if not any(actual == each if exact else fnmatchcase(actual, each) for each in _listed(value)):
            return False
    return True


def _listed(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, str) else [str(each) for each in value or ()]
