"""The EventBridge rule that runs the generator on a schedule."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from salespipe.errors import SalespipeError
from salespipe.resources.base import ABSENT, Observation
from salespipe.resources.observing import Tolerating, differences, judge, look, pairs, unpaired

if TYPE_CHECKING:
    from collections.abc import Mapping

    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

_TARGET_ID: Final = "generator"
# A target may be refused when too many requests come at the same time (EventBridge API reference, PutTargets).
_PASSING_ERRORS: Final = frozenset({"ConcurrentModificationException", "InternalException", "ThrottlingException"})


@dataclass(frozen=True, eq=False, kw_only=True)
class Rule:
    """A scheduled rule on the default bus with one Lambda target.

    It is made DISABLED, with a target that gets ``event``. From then on the state and the numbers in the event are the
    user's business and never count as drift, as long as it is an event of the same fields.
    """

    kind: ClassVar[str] = "eventbridge rule"
    name: str
    schedule: str
    function_arn: str
    event: Mapping[str, int]
    needs: tuple[Resource, ...] = ()

    def target(self, event: Mapping[str, int]) -> dict[str, Any]:
        """The one target: a failed invocation is not repeated, the next one is due soon."""
        return {
            "Id": _TARGET_ID,
            "Arn": self.function_arn,
            "Input": json.dumps(event),
            "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
        }

    def describe(self, aws: Aws) -> Observation:
        """DescribeRule, ListTagsForResource and ListTargetsByRule."""
        events = aws.client("events")
        rule = look(lambda: events.describe_rule(Name=self.name))
        if rule is None:
            return ABSENT
        arn = rule["Arn"]
        tags = look(lambda: events.list_tags_for_resource(ResourceARN=arn))
        there = self._target_there(aws)
        wanted = self.target(self._event_in(there) or self.event)
        drift = differences({"ScheduleExpression": self.schedule}, rule) + differences(wanted, there, above="Target.")
        return judge(aws, unpaired(tags["Tags"]) if tags else None, arn=arn, detail=rule["State"], drift=drift)

    def _target_there(self, aws: Aws) -> Mapping[str, Any]:
        """The target as EventBridge has it, empty where it has none."""
        answer = look(lambda: aws.client("events").list_targets_by_rule(Rule=self.name)) or {"Targets": []}
        return next((target for target in answer["Targets"] if target["Id"] == _TARGET_ID), {})

    def _event_in(self, target: Mapping[str, Any]) -> dict[str, int] | None:
        """The event of a target, None where it is not one of the fields that ours has, all positive whole numbers."""
        try:
            event = json.loads(target.get("Input", ""))
        except ValueError:
            return None
        known = isinstance(event, dict) and event.keys() == self.event.keys()
        return event if known and all(type(value) is int and value > 0 for value in event.values()) else None

    def event_now(self, aws: Aws) -> dict[str, int]:
        """The event that the function gets from now on; ListTargetsByRule. The configured one where it has drifted."""
        return self._event_in(self._target_there(aws)) or dict(self.event)

    def create(self, aws: Aws) -> None:
        """PutRule, which would also overwrite: only a rule that is not there is put. Then its target."""
        events = aws.client("events")
        if look(lambda: events.describe_rule(Name=self.name)) is not None:
            return
        events.put_rule(
            Name=self.name,
            Description="Runs the order generator, by salespipe.",
            ScheduleExpression=self.schedule,
            State="DISABLED",
            Tags=pairs(aws.config.tags),
        )
        self.aim(aws, self.event)

    def aim(self, aws: Aws, event: Mapping[str, int]) -> None:
        """PutTargets: give the function another event of the same fields. Raises ``SalespipeError`` if refused."""
        answer = aws.client("events").put_targets(Rule=self.name, Targets=[self.target(event)])
        if answer.get("FailedEntryCount"):
            failed = answer["FailedEntries"][0]
            if failed.get("ErrorCode") in _PASSING_ERRORS:
                return  # at the next look its target is missing, and is put again
            why = f"{failed.get('ErrorCode')}: {failed.get('ErrorMessage')}"
            raise SalespipeError("RuleTargetRefused", f"EventBridge refused the target of rule {self.name}: {why}")

    def switched_on(self, seen: Observation) -> bool:
        """Whether it was found ENABLED: events.RuleState."""
        return seen.detail != "DISABLED"

    def switch(self, aws: Aws, *, on: bool) -> None:
        """EnableRule or DisableRule: the schedule and the target stay."""
        events = aws.client("events")
        with Tolerating():
            (events.enable_rule if on else events.disable_rule)(Name=self.name)

    def update(self, aws: Aws, seen: Observation) -> None:
        """Put back the schedule, the target or the tags. PutRule enables a rule unless told its state."""
        events = aws.client("events")
        if seen.differs("tags"):
            events.tag_resource(ResourceARN=seen.arn, Tags=pairs(aws.config.tags))
        if seen.differs("ScheduleExpression"):
            events.put_rule(
                Name=self.name,
                Description="Runs the order generator, by salespipe.",
                ScheduleExpression=self.schedule,
                State=seen.detail,
            )
        if seen.differs("Target"):
            self.aim(aws, self.event_now(aws))

    def delete(self, aws: Aws) -> None:
        """Take its targets away, upon which it does nothing more, and delete it: with targets it is refused."""
        events = aws.client("events")
        with Tolerating():
            targets = events.list_targets_by_rule(Rule=self.name)["Targets"]
            if targets:
                answer = events.remove_targets(Rule=self.name, Ids=[target["Id"] for target in targets])
                if answer.get("FailedEntryCount"):
                    return  # refused while it has targets; still there at the next look, and asked for again
            events.delete_rule(Name=self.name)
