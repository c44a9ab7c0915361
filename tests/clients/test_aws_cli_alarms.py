"""Alarms, dashboards and topics as the ``aws`` CLI has them."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Cli

pytestmark = pytest.mark.skipif(
    not Path(sys.executable).with_name("aws").exists(),
    reason="the aws CLI is not installed: pip install 'salespipe[clients]'",
)

DIMENSION = [{"Name": "Shop", "Value": "corner"}]
ALARM = {
    "alarm_name": "shop-refused",
    "namespace": "Shop",
    "metric_name": "Refused",
    "dimensions": DIMENSION,
    "statistic": "Sum",
    "period": "60",
    "evaluation_periods": "1",
    "threshold": "0",
    "comparison_operator": "GreaterThanThreshold",
    "treat_missing_data": "notBreaching",
}


def test_an_alarm_goes_off_and_its_topic_tells_a_queue(aws: Cli) -> None:
    queue = aws("sqs", "create-queue", queue_name="shop-heard")["QueueUrl"]
    topic = aws("sns", "create-topic", name="shop-alarms")["TopicArn"]
    heard = topic.replace(":sns:", ":sqs:").replace("shop-alarms", "shop-heard")
    aws("sns", "subscribe", topic_arn=topic, protocol="sqs", notification_endpoint=heard)
    aws("cloudwatch", "put-metric-alarm", **ALARM, alarm_actions=topic)
    assert state(aws) in {"INSUFFICIENT_DATA", "OK"}

    minute_ago = datetime.fromtimestamp(time.time(), UTC) - timedelta(minutes=1)
    datum = {"MetricName": "Refused", "Dimensions": DIMENSION, "Value": 3, "Timestamp": minute_ago.isoformat()}
    aws("cloudwatch", "put-metric-data", namespace="Shop", metric_data=[datum])

    aws.until(lambda: state(aws) == "ALARM", "alarm")
    answer = aws.until(lambda: aws("sqs", "receive-message", queue_url=queue), "message")
    message = json.loads(json.loads(answer["Messages"][0]["Body"])["Message"])
    assert (message["AlarmName"], message["NewStateValue"]) == ("shop-refused", "ALARM")


def state(aws: Cli) -> str:
    (alarm,) = aws("cloudwatch", "describe-alarms", alarm_names="shop-refused")["MetricAlarms"]
    return str(alarm["StateValue"])


def test_a_dashboard_is_kept_and_deleted(aws: Cli) -> None:
    body: dict[str, Any] = {"widgets": [{"type": "text", "properties": {"markdown": "hello"}}]}
    told = aws("cloudwatch", "put-dashboard", dashboard_name="shop", dashboard_body=body)

    assert told == {"DashboardValidationMessages": []}
    assert json.loads(aws("cloudwatch", "get-dashboard", dashboard_name="shop")["DashboardBody"]) == body
    aws("cloudwatch", "delete-dashboards", dashboard_names="shop")
    assert "ResourceNotFound" in aws.refused("cloudwatch", "get-dashboard", dashboard_name="shop")
