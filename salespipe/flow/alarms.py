"""What the alarms of the pipeline say now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from salespipe.resources.alarms import described, mine

if TYPE_CHECKING:
    from salespipe.aws import Aws


@dataclass(frozen=True, slots=True)
class AlarmState:
    """One alarm: ``state`` is OK, ALARM or INSUFFICIENT_DATA, ``since`` when it became so (UTC).

    ``reason`` is in CloudWatch's words, ``says`` what it means, with the command to run. Nobody hears of an alarm
    whose actions are not ``enabled``.
    """

    name: str
    state: str
    since: datetime | None
    reason: str
    says: str
    enabled: bool = True


def read(aws: Aws) -> tuple[AlarmState, ...]:
    """The pipeline's alarms by DescribeAlarms, those that are not OK first. Raises botocore's errors."""
    found = [_state(each) for each in described(aws, f"{aws.config.name}-") if mine(aws, each)]
    return tuple(sorted(found, key=lambda alarm: (alarm.state != "ALARM", alarm.state == "OK", alarm.name)))


def _state(told: dict[str, object]) -> AlarmState:
    since = told.get("StateTransitionedTimestamp") or told.get("StateUpdatedTimestamp")
    return AlarmState(
        str(told["AlarmName"]),
        str(told.get("StateValue", "")),
        since.astimezone(UTC) if isinstance(since, datetime) else None,
        str(told.get("StateReason") or ""),
        str(told.get("AlarmDescription") or "").rpartition(" (")[0],
        bool(told.get("ActionsEnabled", True)),
    )
