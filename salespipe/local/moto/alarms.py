"""CloudWatch alarms and dashboards, which moto 5.2.5 keeps: evaluated, and with the states and the scope of AWS.

Touched here, each with a test in tests/local/test_alarms.py: ``CloudWatchBackend.alarms`` and ``.metric_data``, and
what an ``Alarm``, a ``MetricDatum`` and a ``MetricAggregatedDatum`` are made of.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from moto.backends import get_backend

from salespipe.local import alarms
from salespipe.local.alarms import Datum, Rule
from salespipe.local.api import Call
from salespipe.local.data_folder import ACCOUNT

_SERVICE: Final = "cloudwatch"
_HOME: Final = "us-east-1"
_SCOPE: Final = re.compile(r"(Credential=[^/,\s]*/[^/,\s]*/)[^/,\s]*/")
_HISTORY: Final = 100
_UNCHECKED: Final = "Unchecked: Initial alarm creation"


@dataclass(frozen=True, slots=True)
class Change:
    """An alarm's new state, and what is to be done about it: ``actions`` are ARNs, ``message`` is SNS's."""

    region: str
    name: str
    state: str
    actions: tuple[str, ...]
    message: dict[str, Any]


class MotoAlarms:
    """The alarms of every region. ``lock`` gives the lock of a service, ``touched`` has a backend saved."""

    def __init__(self, lock: Callable[[str], threading.RLock], touched: Callable[[str, str], None]) -> None:
        self._lock = lock
        self._touched = touched

    def evaluate(self, now: float, region: str = "") -> list[Change]:
        """Bring the alarms of a region, or of all, to the state that their metrics have; ``now`` in Unix seconds."""
        found: list[Change] = []
        with self._lock(_SERVICE):
            backends = get_backend(_SERVICE)[ACCOUNT]
            for each in [region] if region else list(backends):
                if each in backends.keys() and backends[each].alarms:  # noqa: SIM118 - moto's "in" means another thing
                    found += self._evaluated(backends[each], each, now)
        return found

    @contextmanager
    def followed(self, region: str, now: float) -> Iterator[list[Change]]:
        """Within the block moto answers a call: what it made of the alarms is put right, and told at the end.

        A new alarm has insufficient data, and one that is put again keeps its state (API reference, PutMetricAlarm).
        """
        changes: list[Change] = []
        with self._lock(_SERVICE):
            kept: dict[str, Any] = get_backend(_SERVICE)[ACCOUNT][region].alarms
            before = {name: (alarm, alarm.state_value) for name, alarm in kept.items()}
            yield changes
            for name, alarm in kept.items():
                old, state = before.get(name, (None, alarms.INSUFFICIENT))
                if old is not alarm:
                    _take_over(alarm, old, now)
                elif alarm.state_value != state:  # SetAlarmState
                    alarm.state_transitioned_timestamp = alarm.state_updated_timestamp
                    changes.append(_change(region, alarm, state))

    def _evaluated(self, backend: Any, region: str, now: float) -> list[Change]:
        rules = {name: rule for name, alarm in backend.alarms.items() if (rule := _rule(alarm)) is not None}
        if not rules:
            return []
        data = _data(backend, [(backend.alarms[name], rule) for name, rule in rules.items()], now)
        found = []
        for name, rule in rules.items():
            alarm = backend.alarms[name]
            verdict = alarms.evaluate(rule, data.get(_series(alarm), ()), alarm.state_value, now)
            if verdict.state != alarm.state_value:
                old = alarm.state_value
                alarm.history[:-_HISTORY] = []
                alarm.update_state(verdict.reason, verdict.data, verdict.state)
                alarm.state_updated_timestamp = alarm.state_transitioned_timestamp = _naive(now)
                found.append(_change(region, alarm, old))
        if found:
            self._touched(_SERVICE, region)
        return found


def at_home(call: Call) -> Call:
    """A call about dashboards in the one region that they are kept in: they belong to the account (API reference)."""
    if call.service != _SERVICE or "Dashboard" not in call.operation:
        return call
    signed = _SCOPE.sub(rf"\g<1>{_HOME}/", call.headers.get("authorization", ""))
    return replace(call, region=_HOME, headers={**call.headers, "authorization": signed})


def _take_over(alarm: Any, old: Any, now: float) -> None:
    if old is None:
        alarm.state_value, alarm.state_reason, alarm.state_reason_data = alarms.INSUFFICIENT, _UNCHECKED, None
        alarm.state_updated_timestamp = alarm.state_transitioned_timestamp = _naive(now)
        return
    for part in ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "history"):
        setattr(alarm, part, getattr(old, part))
    alarm.state_transitioned_timestamp = getattr(old, "state_transitioned_timestamp", old.state_updated_timestamp)


def _rule(alarm: Any) -> Rule | None:
    """What is to be evaluated; None for an alarm on an expression, on other alarms, or with a percentile."""
    if alarm.rule or alarm.metric_data_queries or not alarm.statistic or alarm.threshold is None:
        return None
    rule = Rule(
        alarm.statistic,
        int(alarm.period or 0),
        int(alarm.evaluation_periods),
        int(alarm.datapoints_to_alarm or alarm.evaluation_periods),
        float(alarm.threshold),
        alarm.comparison_operator,
        alarm.treat_missing_data or "missing",
    )
    return rule if rule.known else None


_Series = tuple[str, str, frozenset[tuple[str, str]], str]


def _series(alarm: Any) -> _Series:
    dimensions = frozenset((each.name, each.value) for each in alarm.dimensions)
    return alarm.namespace, alarm.metric_name, dimensions, alarm.unit or ""


def _data(backend: Any, watched: list[tuple[Any, Rule]], now: float) -> dict[_Series, list[Datum]]:
    """What was published of the watched metrics as far back as it matters."""
    found: dict[_Series, list[Datum]] = {_series(alarm): [] for alarm, _ in watched}
    names = {(series[0], series[1]) for series in found}
    oldest = min(alarms.earliest(rule, now) for _, rule in watched)
    for each in backend.metric_data:
        if (each.namespace, each.name) not in names or (at := _seconds(each.timestamp)) < oldest:
            continue
        dimensions = frozenset((dimension.name, dimension.value) for dimension in each.dimensions)
        datum = (
            Datum(at, each.sample_count, each.sum, each.min, each.max)
            if hasattr(each, "sample_count")
            else Datum(at, 1, each.value, each.value, each.value)
        )
        for unit in {"", each.unit or ""}:
            if (series := (each.namespace, each.name, dimensions, unit)) in found:
                found[series].append(datum)
    return found


def _change(region: str, alarm: Any, old: str) -> Change:
    by_state = {
        alarms.OK: alarm.ok_actions,
        alarms.ALARM: alarm.alarm_actions,
        alarms.INSUFFICIENT: alarm.insufficient_data_actions,
    }
    actions = tuple(by_state.get(alarm.state_value) or ()) if alarm.actions_enabled else ()
    return Change(region, alarm.name, alarm.state_value, actions, _message(region, alarm, old))


def _message(region: str, alarm: Any, old: str) -> dict[str, Any]:
    """What SNS is given: CloudWatch user guide, "Notifying users on alarm changes"."""
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": ACCOUNT,
        "AlarmConfigurationUpdatedTimestamp": _told(alarm.configuration_updated_timestamp),
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": _told(alarm.state_updated_timestamp),
        "Region": region,
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": old,
        "OKActions": alarm.ok_actions or [],
        "AlarmActions": alarm.alarm_actions or [],
        "InsufficientDataActions": alarm.insufficient_data_actions or [],
        "Trigger": {
            "MetricName": alarm.metric_name,
            "Namespace": alarm.namespace,
            "StatisticType": "Statistic",
            "Statistic": (alarm.statistic or "").upper(),
            "Unit": alarm.unit,
            "Dimensions": [{"value": each.value, "name": each.name} for each in alarm.dimensions],
            "Period": alarm.period,
            "EvaluationPeriods": alarm.evaluation_periods,
            "DatapointsToAlarm": alarm.datapoints_to_alarm,
            "ComparisonOperator": alarm.comparison_operator,
            "Threshold": alarm.threshold,
            "TreatMissingData": alarm.treat_missing_data or "missing",
            "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile or "",
        },
    }


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _naive(now: float) -> datetime:
    """UTC without saying so, as moto's own times are."""
    return datetime.fromtimestamp(now, UTC).replace(tzinfo=None)


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}+0000"
