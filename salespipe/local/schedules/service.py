"""EventBridge's scheduled rules: moto keeps rules and targets, this sends the events when they are due."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from salespipe.local.api import Answer, AwsError, Call, Handler, NotMine
from salespipe.local.schedules.expression import parse_expression
from salespipe.local.schedules.targets import may_invoke, scheduled_event, target_input
from salespipe.local.schedules.timetable import Entry, Timetable

if TYPE_CHECKING:
    from salespipe.local.api import Cloud
    from salespipe.local.functions.service import Lambda

log = logging.getLogger(__name__)

_CHANGES: Final = frozenset(
    {"PutRule", "EnableRule", "DisableRule", "DeleteRule", "PutTargets", "RemoveTargets", "DeleteEventBus"}
)
# Since when a rule is enabled with its present expression: rates count from there, also after a restart.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS schedule_rule (
  region TEXT NOT NULL, name TEXT NOT NULL, expression TEXT NOT NULL, since REAL NOT NULL, PRIMARY KEY (region, name)
);
CREATE TABLE IF NOT EXISTS schedule_region (region TEXT PRIMARY KEY)"""

Key = tuple[str, str]
"""Region and rule name; schedules are on the default bus only."""


class Schedules:
    """The clock behind rules with ``rate(...)`` or ``cron(...)``; targets are Lambda functions and SQS queues.

    Times that passed while the server was down are not made up for. What cannot be delivered is logged, as EventBridge
    only counts it.
    """

    name = "events"

    def __init__(self, cloud: Cloud, lambda_: Lambda) -> None:
        self._cloud = cloud
        self._lambda = lambda_
        cloud.store.schema(_SCHEMA)
        self._timetable: Timetable[Key] = Timetable("event-schedules", cloud.clock, self._plan, self._fire)

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """PutRule, to refuse schedules that would never run; moto does the rest."""
        return {"PutRule": self._check}

    def observe(self, call: Call, answer: Answer) -> None:  # noqa: ARG002 - the operation says enough
        """Rules or targets were changed: make a new plan."""
        if call.operation in _CHANGES:
            with self._cloud.store.write() as connection:
                connection.execute("INSERT OR IGNORE INTO schedule_region VALUES (?)", (call.region,))
            self._timetable.change()

    def start(self) -> None:
        """Go on with the rules that were there before."""
        if self._regions():
            self._timetable.change()

    def stop(self) -> None:
        """Send nothing more."""
        self._timetable.stop()

    def _check(self, call: Call) -> dict[str, Any]:
        if expression := call.params.get("ScheduleExpression"):
            try:
                parse_expression(expression)
            except ValueError as error:
                raise AwsError("ValidationException", "Parameter ScheduleExpression is not valid.") from error
        raise NotMine

    def _regions(self) -> list[str]:
        return [
            region for (region,) in self._cloud.store.read().execute("SELECT region FROM schedule_region").fetchall()
        ]

    def _plan(self) -> dict[Key, Entry]:
        """The enabled schedules of every region in use, each with the moment from which it counts."""
        enabled = {
            (region, rule["Name"]): rule["ScheduleExpression"]
            for region in self._regions()
            for rule in self._rules(region)
        }
        now = self._cloud.clock()
        plan = {}
        with self._cloud.store.write() as connection:
            rows = connection.execute("SELECT region, name, expression, since FROM schedule_rule").fetchall()
            known = {(region, name): (expression, since) for region, name, expression, since in rows}
            connection.execute("DELETE FROM schedule_rule")
            for (region, name), expression in enabled.items():
                before, since = known.get((region, name), ("", now))
                since = since if before == expression else now
                connection.execute("INSERT INTO schedule_rule VALUES (?, ?, ?, ?)", (region, name, expression, since))
                plan[region, name] = Entry(parse_expression(expression), since)
        return plan

    def _rules(self, region: str) -> list[dict[str, Any]]:
        events = self._cloud.client("events", region)
        rules: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            answer = events.list_rules(**token)
            rules += [rule for rule in answer["Rules"] if rule.get("ScheduleExpression") and rule["State"] == "ENABLED"]
            if not answer.get("NextToken"):
                return rules
            token = {"NextToken": answer["NextToken"]}

    def _fire(self, key: Key, due: float) -> None:
        """Send a rule's event to its targets."""
        region, name = key
        events = self._cloud.client("events", region)
        rule = events.describe_rule(Name=name)
        if rule["State"] != "ENABLED":
            return
        event = scheduled_event(rule["Arn"], self._cloud.account, region, due)
        for target in events.list_targets_by_rule(Rule=name)["Targets"]:
            try:
                self._send(region, rule, target, target_input(target, event, rule))
            except (AwsError, ClientError, ValueError) as error:
                log.warning("Rule %s could not reach its target %s: %s", name, target["Arn"], error)

    def _send(self, region: str, rule: Mapping[str, Any], target: Mapping[str, Any], text: str) -> None:
        service, place = target["Arn"].split(":")[2:4]
        if service == "lambda":
            if not self._allowed(place, target["Arn"], rule["Arn"]):
                log.warning(
                    "Rule %s may not invoke %s: the function's policy does not allow events.amazonaws.com to do so.",
                    rule["Name"],
                    target["Arn"],
                )
                return
            self._lambda.invoke_async(target["Arn"], text.encode(), region=region)
        elif service == "sqs":
            sqs = self._cloud.client("sqs", place)
            queue = sqs.get_queue_url(QueueName=target["Arn"].rpartition(":")[2])["QueueUrl"]
            group = (target.get("SqsParameters") or {}).get("MessageGroupId")
            sqs.send_message(QueueUrl=queue, MessageBody=text, **({"MessageGroupId": group} if group else {}))
        else:
            log.warning("Rule %s has a target that is not served here: %s", rule["Name"], target["Arn"])

    def _allowed(self, region: str, function: str, rule_arn: str) -> bool:
        try:
            policy = self._cloud.client("lambda", region).get_policy(FunctionName=function)["Policy"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return False
            raise
        return may_invoke(policy, rule_arn)
