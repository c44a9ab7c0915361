"""CloudWatch alarms: what is watched by AWS itself, whether or not anybody looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from salespipe.resources.base import ABSENT, Drift, Observation, State
from salespipe.resources.observing import Tolerating, differences, pairs

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource
    from salespipe.stages import Metric

MINUTE: Final = 60
# CloudWatch API reference: DescribeAlarms answers with 100 at most, DeleteAlarms takes as many.
_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm on one metric: above ``threshold`` in ``breaching`` of the last ``periods`` minutes.

    ``says`` tells what that means and which command to run.
    """

    name: str
    says: str
    metric: Metric
    threshold: float
    periods: int = 1
    breaching: int = 1


@dataclass(frozen=True, eq=False, kw_only=True)
class Alarms:
    """All alarms of one pipeline, one resource, since they are read together.

    Their tags would take a call for each. So they have tags for the bill, and say whose they are at the end of their
    description. Others whose name begins alike are left alone; one of somebody else's under a name of ours is in the
    way. ``actions`` are SNS topics, which hear when a state begins and when it is over. Whether actions are enabled is
    the user's business.
    """

    kind: ClassVar[str] = "cloudwatch alarms"
    name: str
    alarms: tuple[Alarm, ...]
    actions: tuple[str, ...] = ()
    needs: tuple[Resource, ...] = ()

    def describe(self, aws: Aws) -> Observation:
        """DescribeAlarms."""
        found = {each["AlarmName"]: each for each in self._all(aws)}
        wanted = {alarm.name: alarm for alarm in self.alarms}
        ours = {name: each for name, each in found.items() if mine(aws, each)}
        if theirs := sorted(found.keys() & wanted.keys() - ours.keys()):
            told = f"{', '.join(theirs)}: the description does not end in {mark(aws)}"
            return Observation(State.FOREIGN, detail=told)
        if not ours:
            return ABSENT
        drift: list[tuple[str, Drift]] = []
        for name in dict.fromkeys((*wanted, *ours)):
            if name not in ours or name not in wanted:
                drift.append((name, Drift("", _presence(name in wanted), _presence(name in ours))))
            else:
                drift += ((name, each) for each in differences(self._settings(aws, wanted[name]), ours[name]))
        return Observation(State.DRIFTED if drift else State.READY, detail=_counted(ours), drift=_gathered(drift))

    def create(self, aws: Aws) -> None:
        """PutMetricAlarm of what is not there; it would also overwrite."""
        self.update(aws, ABSENT)

    def update(self, aws: Aws, seen: Observation) -> None:  # noqa: ARG002 - what differs is found by looking anew
        """Put what is missing or differs, and delete what is wanted no more. Somebody else's is left alone."""
        cloudwatch = aws.client("cloudwatch")
        found = {each["AlarmName"]: each for each in self._all(aws)}
        for alarm in self.alarms:
            there = found.pop(alarm.name, None)
            settings = self._settings(aws, alarm)
            if there is None:
                cloudwatch.put_metric_alarm(AlarmName=alarm.name, **settings, Tags=pairs(aws.config.tags))
            elif mine(aws, there) and differences(settings, there):
                enabled = there.get("ActionsEnabled", True)
                cloudwatch.put_metric_alarm(AlarmName=alarm.name, **settings, ActionsEnabled=enabled)
                # Tags count in PutMetricAlarm only when it creates (API reference).
                cloudwatch.tag_resource(ResourceARN=there["AlarmArn"], Tags=pairs(aws.config.tags))
        self._delete(aws, [name for name, there in found.items() if mine(aws, there)])

    def delete(self, aws: Aws) -> None:
        """DeleteAlarms of ours."""
        self._delete(aws, [each["AlarmName"] for each in self._all(aws) if mine(aws, each)])

    def _delete(self, aws: Aws, names: list[str]) -> None:
        for start in range(0, len(names), _PAGE):
            with Tolerating():
                aws.client("cloudwatch").delete_alarms(AlarmNames=names[start : start + _PAGE])

    def _all(self, aws: Aws) -> Iterator[dict[str, Any]]:
        return described(aws, f"{self.name}-")

    def _settings(self, aws: Aws, alarm: Alarm) -> dict[str, Any]:
        metric = alarm.metric
        return {
            "AlarmDescription": f"{alarm.says} {mark(aws)}",
            "AlarmActions": list(self.actions),
            "OKActions": list(self.actions),
            "Namespace": metric.namespace,
            "MetricName": metric.name,
            "Dimensions": [{"Name": metric.dimension, "Value": metric.resource}],
            "Statistic": metric.stat,
            "Period": MINUTE,
            "EvaluationPeriods": alarm.periods,
            "DatapointsToAlarm": alarm.breaching,
            "Threshold": float(alarm.threshold),
            "ComparisonOperator": "GreaterThanThreshold",
            # Most of these metrics are published only while something fails, or flows.
            "TreatMissingData": "notBreaching",
        }


def _gathered(found: list[tuple[str, Drift]]) -> tuple[Drift, ...]:
    """The drift of each alarm by its name; what several have alike, such as a new topic, is told once."""
    alike: dict[str, list[tuple[str, Drift]]] = {}
    for name, drift in found:
        key = repr((drift.field, drift.wanted, drift.actual)) if drift.field else name
        alike.setdefault(key, []).append((name, drift))
    return tuple(
        Drift(
            f"{drift.field} of {len(each)} alarms" if len(each) > 1 else f"{name}.{drift.field}".rstrip("."),
            drift.wanted,
            drift.actual,
        )
        for each in alike.values()
        for name, drift in each[:1]
    )


def _presence(there: object) -> str | None:
    return "there" if there else None


def described(aws: Aws, prefix: str) -> Iterator[dict[str, Any]]:
    """Every metric alarm whose name begins so, as DescribeAlarms tells of it. Raises botocore's errors."""
    pages = aws.client("cloudwatch").get_paginator("describe_alarms")
    for page in pages.paginate(AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm"]):
        yield from page.get("MetricAlarms", ())


def mark(aws: Aws) -> str:
    """What the description of an alarm ends in; the tags are said, so that a change of them is seen."""
    return f"(an alarm of {_pipeline_mark(aws)} environment {aws.config.environment})"


def mine(aws: Aws, alarm: dict[str, Any]) -> bool:
    """Whether an alarm, as DescribeAlarms tells of it, is this pipeline's."""
    return _pipeline_mark(aws) in alarm.get("AlarmDescription", "").rpartition("(")[2]


def _pipeline_mark(aws: Aws) -> str:
    return f"salespipe, pipeline {aws.config.name},"


def _counted(alarms: dict[str, dict[str, Any]]) -> str:
    states = Counter(each.get("StateValue", "") for each in alarms.values())
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return f"{len(alarms)} alarms: {told}"
