"""What the figures of a stage mean, and what is told of figures that cannot be had."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.flow.metrics import Metric, Point
from salespipe.flow.snapshot import Figure, Lateness, Verdict, judged, read
from salespipe.flow.totals import count
from salespipe.stages import Gauge, gauges

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PROMPT = Lateness(timedelta(seconds=10), timedelta(seconds=75))
MOVED = Metric("N", "Moved", "Name", "x")


def gauge(**rest: Any) -> Gauge:
    return Gauge("stage", MOVED, **rest)


def minutes(*values: float | None, newest: datetime = NOON) -> tuple[Point, ...]:
    """Points newest first, a minute apart; None where nothing was published."""
    return tuple(
        Point(newest - timedelta(minutes=number), value) for number, value in enumerate(values) if value is not None
    )


def at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def test_the_rate_is_that_of_the_last_minute_that_is_over() -> None:
    stage = judged(gauge(), {"stage moved": minutes(7, 3000, 2900)}, at(15), PROMPT)
    assert stage.rate == Figure(3000, NOON - timedelta(minutes=1), complete=True)
    assert (stage.verdict, stage.recent) == (Verdict.FLOWING, 5907)


def test_a_minute_still_grows_until_its_figures_have_arrived() -> None:
    stage = judged(gauge(), {"stage moved": minutes(7, 3000, 2900)}, at(5), PROMPT)
    assert stage.rate == Figure(2900, NOON - timedelta(minutes=2), complete=True)


def test_the_first_minute_is_told_while_it_is_under_way() -> None:
    stage = judged(gauge(), {"stage moved": minutes(7)}, at(15), PROMPT)
    assert stage.rate == Figure(7, NOON, complete=False)
    assert stage.verdict is Verdict.FLOWING


def test_after_the_last_order_a_stage_becomes_idle_and_keeps_its_sum() -> None:
    points = {"stage moved": minutes(None, None, 500)}
    assert judged(gauge(), points, at(-50), PROMPT).verdict is Verdict.FLOWING
    stage = judged(gauge(), points, at(40), PROMPT)
    assert (stage.verdict, stage.rate, stage.recent) == (Verdict.IDLE, None, 500)


def test_what_was_never_published_is_not_zero() -> None:
    stage = judged(gauge(lag=MOVED, failed=(MOVED,)), {}, at(15), PROMPT)
    assert (stage.rate, stage.recent, stage.lag_seconds, stage.failed) == (None, None, None, None)
    assert stage.verdict is Verdict.IDLE


def test_a_published_zero_is_zero() -> None:
    stage = judged(gauge(failed=(MOVED,)), {"stage moved": minutes(0, 0), "stage failed0": minutes(0)}, at(15), PROMPT)
    assert stage.rate is not None
    assert (stage.rate.value, stage.recent, stage.failed) == (0, 0, 0)


@pytest.mark.parametrize(("milliseconds", "verdict"), [(60_000, Verdict.FLOWING), (60_001, Verdict.BEHIND)])
def test_older_than_it_should_be_is_behind(milliseconds: float, verdict: Verdict) -> None:
    points = {"stage moved": minutes(5, 5), "stage lag": minutes(milliseconds)}
    stage = judged(gauge(lag=MOVED, lag_unit=1000), points, at(15), PROMPT)
    assert stage.verdict is verdict
    assert stage.lag_seconds == Figure(milliseconds / 1000, NOON, complete=False)


def test_a_failure_counts_against_a_stage_for_five_minutes() -> None:
    points = {"stage failed0": minutes(None, 2), "stage failed1": minutes(None, 1, 4)}
    failing = gauge(failed=(MOVED, MOVED))
    stage = judged(failing, points, at(15), PROMPT)
    assert (stage.verdict, stage.failed, stage.why) == (Verdict.FAILING, 7, "7 failed in the last 5 minutes")
    assert judged(failing, points, at(5 * 60), PROMPT).verdict is Verdict.IDLE


def test_failures_told_as_successes_of_attempts_are_counted() -> None:
    points = {"stage tried": minutes(5, 3), "stage done": minutes(5, 1)}
    stage = judged(gauge(tried=MOVED, done=MOVED), points, at(15), PROMPT)
    assert (stage.failed, stage.verdict) == (2, Verdict.FAILING)


def put(aws: Aws, metric: Metric, value: float, moment: datetime) -> None:
    dimensions = [{"Name": metric.dimension, "Value": metric.resource}]
    datum = {"MetricName": metric.name, "Dimensions": dimensions, "Timestamp": moment, "Value": value}
    aws.client("cloudwatch").put_metric_data(Namespace=metric.namespace, MetricData=[datum])


def test_one_look_reads_what_cloudwatch_keeps_of_our_own_resources(aws: Aws) -> None:
    before = NOON - timedelta(minutes=2)
    ours = Metric("AWS/Kinesis", "IncomingRecords", "StreamName", aws.names.stream)
    put(aws, ours, 40, before)
    put(aws, ours, 2, before)
    put(aws, replace(ours, resource="another"), 1000, before)
    put(aws, ours, 9, NOON - timedelta(minutes=15))
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=aws.names.queue)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    flow = read(aws, at(15))
    stream = next(stage for stage in flow.stages if stage.name == "stream")
    assert stream.rate == Figure(42, before, complete=True)
    assert stream.recent == 42
    assert (flow.dead_letters, flow.problems, flow.worst) == (1, (), Verdict.FAILING)
    assert [stage.name for stage in flow.stages] == [gauge.name for gauge in gauges(aws.config, aws.names)]


def test_without_a_pipeline_nothing_flows_and_nothing_is_wrong(aws: Aws) -> None:
    flow = read(aws, at(15))
    assert (flow.dead_letters, flow.problems, flow.worst) == (None, (), Verdict.IDLE)


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "GetMetricData"),
        EndpointConnectionError(endpoint_url="https://monitoring.us-east-1.amazonaws.com"),
    ],
)
def test_metrics_that_cannot_be_read_are_told_and_unknown(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("salespipe.flow.snapshot.fetch", refuse)
    flow = read(aws, at(15))
    assert {stage.verdict for stage in flow.stages} == {Verdict.UNKNOWN}
    [problem] = flow.problems
    assert problem.startswith("metrics: ")
    assert flow.worst is Verdict.UNKNOWN


def test_delivery_is_late_by_what_its_buffers_hold() -> None:
    config = Config(target="aws")
    delivery = gauges(config, config.names("123456789012"))[-1]
    assert delivery.late_seconds == 60 + 2 * (config.buffer_seconds + config.transform_buffer_seconds)


def test_totals_count_from_the_beginning_and_not_before(aws: Aws) -> None:
    since = datetime.now(UTC).replace(minute=30, second=0, microsecond=0) - timedelta(hours=30)
    runs = Metric("AWS/Lambda", "Invocations", "FunctionName", aws.names.function("transform"))
    for hours, value in ((-1.0, 1000), (0.0, 1), (0.5, 20), (29.0, 300)):
        put(aws, runs, value, since + timedelta(hours=hours))
    totals = count(aws, since, since + timedelta(hours=30))
    assert (totals.transform_runs, totals.generator_runs, totals.hours) == (321, 0, 30)
