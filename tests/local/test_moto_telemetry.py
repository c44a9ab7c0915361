"""What moto keeps of metrics and logs is bounded; every point of its inside that this touches."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from moto.backends import get_backend

from salespipe.local.moto import telemetry
from salespipe.local.moto.bridge import ACCOUNT

if TYPE_CHECKING:
    from conftest import Bridge

REGION = "us-east-1"


def put(bridge: Bridge, moment: datetime, total: float, name: str = "Seen", **value: Any) -> None:
    statistics = {"SampleCount": 1, "Sum": total, "Minimum": total, "Maximum": total}
    bridge.client("cloudwatch").put_metric_data(
        Namespace="Mine",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "Of", "Value": "one"}],
                "Timestamp": moment,
                "Unit": "Count",
                **(value or {"StatisticValues": statistics}),
            }
        ],
    )


def data() -> list[Any]:
    found: list[Any] = get_backend("cloudwatch")[ACCOUNT][REGION].metric_data
    return found


def seen(bridge: Bridge, now: datetime, name: str = "Seen") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bridge.client("cloudwatch").get_metric_statistics(
        Namespace="Mine",
        MetricName=name,
        Dimensions=[{"Name": "Of", "Value": "one"}],
        StartTime=now - timedelta(days=1),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum", "Minimum", "Maximum", "SampleCount"],
    )["Datapoints"]
    return found


def test_statistics_of_one_time_are_merged_and_old_ones_dropped(bridge: Bridge) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    for total in (4, 1, 7):
        put(bridge, now, total)
    put(bridge, now, 100, "Other")
    put(bridge, now, 0, Value=2.0)
    put(bridge, now - timedelta(hours=4), 50)
    before = seen(bridge, now)
    bridge.moto.trim(now.timestamp())
    assert len(data()) == 3  # merged, another metric, and a single value
    assert seen(bridge, now) == [point for point in before if point["Timestamp"] == now]
    assert [point["Sum"] for point in seen(bridge, now)] == [14]
    assert [point["SampleCount"] for point in seen(bridge, now, "Other")] == [1]
    bridge.restart(clean=True)
    assert [(point["Minimum"], point["Maximum"]) for point in seen(bridge, now)] == [(1, 7)]


def test_log_events_end_with_their_groups_retention(bridge: Bridge) -> None:
    logs, now = bridge.client("logs"), time.time()
    for group in ("kept", "short"):
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="s")
        events = [{"timestamp": int((now - age) * 1000), "message": str(age)} for age in (2 * 86_400, 60)]
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    logs.put_retention_policy(logGroupName="short", retentionInDays=1)
    bridge.moto.trim(now)
    assert messages(bridge, "short") == ["60"]
    assert messages(bridge, "kept") == [str(2 * 86_400), "60"]
    (stream,) = logs.describe_log_streams(logGroupName="short")["logStreams"]
    assert stream["storedBytes"] == 2


def test_a_log_group_without_retention_keeps_its_newest_events(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "GROUP_EVENTS", 3)
    logs, now = bridge.client("logs"), int(time.time() * 1000)
    logs.create_log_group(logGroupName="g")
    for start, stream in enumerate(("a", "b")):
        logs.create_log_stream(logGroupName="g", logStreamName=stream)
        events = [{"timestamp": now + 10 * number + start, "message": f"{stream}{number}"} for number in range(3)]
        logs.put_log_events(logGroupName="g", logStreamName=stream, logEvents=events)
    bridge.moto.trim(now / 1000)
    assert sorted(messages(bridge, "g")) == ["a2", "b1", "b2"]
    bridge.restart(clean=True)
    assert sorted(messages(bridge, "g")) == ["a2", "b1", "b2"]


def messages(bridge: Bridge, group: str) -> list[str]:
    return [event["message"] for event in bridge.client("logs").filter_log_events(logGroupName=group)["events"]]
