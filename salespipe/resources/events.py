"""The EventBridge rule that runs the generator on a schedule."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from salespipe.errors import SalespipeError
from salespipe.resources.base import ABSENT, Drift, Observation
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

    It is made DISABLED; whether it is enabled is the user's business and never counts as drift. ``event`` is handed to
    the function verbatim.
    """

    kind: ClassVar[str] = "eventbridge rule"
    name: str
    schedule: str
    function_arn: str
    event: Mapping[str, Any]
    needs: tuple[Resource, ...] = ()

    @property
    def target(self) -> dict[str, Any]:
        """The one target: a failed invocation is not repeated, the next one is due soon."""
        return {
            "Id": _TARGET_ID,
            "Arn": self.function_arn,
            "Input": json.dumps(self.event),
            "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
        }

    def describe(self, aws: Aws) -> Observation:
        """DescribeRule, ListTagsForResource and ListTargetsByRule."""
        events = aws.client("events")
        rule = look(lambda: events.describe_rule(Name=self.name))
        if rule is None:
            return ABSENT
        arn = rule["Arn"]
        tags = look(lambda: events.list_tags_for_resource(ResourceARN=arn)) or {"Tags": []}
        answer = look(lambda: events.list_targets_by_rule(Rule=self.name)) or {"Targets": []}
        targets = {target["Id"]: target for target in answer["Targets"]}
        drift = differences({"ScheduleExpression": self.schedule}, rule) + self._target_drift(targets)
        return judge(aws, unpaired(tags["Tags"]), arn=arn, detail=rule["State"], drift=drift)

    def _target_drift(self, targets: Mapping[str, Any]) -> tuple[Drift, ...]:
        return differences(self.target, targets.get(_TARGET_ID, {}), above="Target.")

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
        self._aim(aws)

    def _aim(self, aws: Aws) -> None:
        answer = aws.client("events").put_targets(Rule=self.name, Targets=[self.target])
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
            self._aim(aws)

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
