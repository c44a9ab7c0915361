"""What CloudWatch watches: ten alarms, and a dashboard of the stages that ``flow`` reads.

Ten alarms and three dashboards of 50 metrics each are free in an account (CloudWatch pricing page), which is why there
are no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from salespipe.resources.alarms import MINUTE, Alarm
from salespipe.stages import dead_letters, gauges

if TYPE_CHECKING:
    from salespipe.config import Config
    from salespipe.names import Names
    from salespipe.stages import Gauge, Metric

# Late for three minutes of five: a single slow minute wakes nobody.
_LATE_OF: Final = 5
_LATE: Final = 3

# Stage, the alarm's name, what is late there, and the command. How late the stream is, Firehose tells: the stream's own
# iterator age is that of every reader, so that salespipe watch, when it reads back an hour, would ring.
_BEHIND: Final = (
    ("transform", "stream-behind", "Records wait in the Kinesis stream before Firehose reads them", "salespipe status"),
    ("delivery", "delivery-behind", "Firehose holds orders back before they are in S3", "salespipe logs firehose"),
)
# Stage, metric, the alarm's name, what it means, and the command.
_FAILING: Final = (
    (
        *("transform", "Errors", "transform-failing"),
        "The transform Lambda failed; what fails again and again goes to quarantine",
        "salespipe logs transform, and salespipe quarantine ls",
    ),
    (
        *("transform", "Throttles", "transform-throttled"),
        "Lambda has no room to run the transform, and Firehose waits for it",
        "salespipe doctor",
    ),
    (
        *("generator", "Errors", "generator-failing"),
        "The generator Lambda failed, and its orders were not written",
        "salespipe logs generator",
    ),
    (
        *("generator", "Throttles", "generator-throttled"),
        "Lambda has no room to run the generator",
        "salespipe doctor",
    ),
    (
        *("table", "WriteThrottleEvents", "table-throttled"),
        "DynamoDB refused writes: there were too many at once, or too many of one order",
        "salespipe status",
    ),
    (
        *("stream", "WriteProvisionedThroughputExceeded", "stream-throttled"),
        "Kinesis refused records: its shards, or one of them, take no more",
        "salespipe status",
    ),
    (
        *("pipe", "ExecutionFailed", "pipe-failing"),
        "The pipe could not hand changes on to Kinesis",
        "salespipe logs pipe",
    ),
)

_WIDTH: Final = 24
_HEIGHT: Final = 6
_STATES_HEIGHT: Final = 3


def alarms(config: Config, names: Names) -> tuple[Alarm, ...]:
    """The alarms: what is late, what fails or is refused, and what was given up on."""
    by_name = {gauge.name: gauge for gauge in gauges(config, names)}
    late = [_late(names, by_name[stage], purpose, what, command) for stage, purpose, what, command in _BEHIND]
    failing = [
        Alarm(names.alarm(purpose), f"{what}. Run: {command}.", _failure(by_name[stage], metric), 0)
        for stage, metric, purpose, what, command in _FAILING
    ]
    letters = Alarm(
        names.alarm("dead-letters"),
        "The pipe gave up on changes and put them into its dead-letter queue. Run: salespipe quarantine ls.",
        dead_letters(names),
        0,
    )
    return (*late, *failing, letters)


def dashboard_text(names: Names) -> str:
    """What stands above the widgets, in Markdown."""
    return (
        f"## {names.config.name}\n"
        "DynamoDB table `{table}` -> pipe -> Kinesis -> Firehose with its transform -> S3. In a terminal: "
        "`salespipe status --watch` and `salespipe watch`."
    ).format(table=names.table)


def widgets(config: Config, names: Names) -> tuple[Mapping[str, Any], ...]:
    """A row for each stage, in the order in which an order passes them: what passes, and how late it is."""
    states = {
        "type": "alarm",
        **_place(0, 0, _WIDTH, _STATES_HEIGHT),
        "properties": {
            "title": "alarms",
            "alarms": [names.arn("cloudwatch", f"alarm:{alarm.name}") for alarm in alarms(config, names)],
        },
    }
    drawn: list[Mapping[str, Any]] = [states]
    measured = gauges(config, names)
    for row, gauge in enumerate(measured):
        top, half = _STATES_HEIGHT + row * _HEIGHT, _WIDTH // 2
        beside = _lag(gauge) if gauge.lag else None
        if gauge.name == "pipe":
            beside = _graph(f"{gauge.name}: dead letters", [_line(dead_letters(names), "waiting")])
        passing = _graph(f"{gauge.name}: what passes", _passing(gauge))
        for at, graph in enumerate(filter(None, (passing, beside))):
            place = _place(at * half, top, half if beside else _WIDTH, _HEIGHT)
            drawn.append({"type": "metric", **place, "properties": {"region": config.region, **graph}})
    return tuple(drawn)


def _late(names: Names, gauge: Gauge, purpose: str, what: str, command: str) -> Alarm:
    assert gauge.lag is not None  # noqa: S101 - those named above have one
    return Alarm(
        names.alarm(purpose),
        f"{what}, for more than {gauge.late_seconds:g} s. Run: {command}.",
        gauge.lag,
        gauge.late_seconds * gauge.lag_unit,
        periods=_LATE_OF,
        breaching=_LATE,
    )


def _failure(gauge: Gauge, name: str) -> Metric:
    return next(metric for metric in gauge.failed if metric.name == name)


def _passing(gauge: Gauge) -> list[list[Any]]:
    failed = [_line(metric, metric.name, yAxis="right") for metric in gauge.failed]
    tried = [
        _line(metric, label, yAxis="right")
        for metric, label in ((gauge.tried, "attempts"), (gauge.done, "successful attempts"))
        if metric is not None
    ]
    return [_line(gauge.moved, gauge.moved.name), *failed, *tried]


def _lag(gauge: Gauge) -> dict[str, Any]:
    assert gauge.lag is not None  # noqa: S101 - asked for only then
    late = {"label": f"late: {gauge.late_seconds:g} s", "value": gauge.late_seconds * gauge.lag_unit}
    graph = _graph(f"{gauge.name}: how late", [_line(gauge.lag, gauge.lag.name)])
    return {**graph, "annotations": {"horizontal": [late]}}


def _graph(title: str, lines: list[list[Any]]) -> dict[str, Any]:
    return {
        "title": title,
        "view": "timeSeries",
        "period": MINUTE,
        "metrics": lines,
        "yAxis": {"left": {"min": 0}, "right": {"min": 0}},
    }


def _line(metric: Metric, label: str, **options: str) -> list[Any]:
    drawn = {"stat": metric.stat, "label": label, **options}
    return [metric.namespace, metric.name, metric.dimension, metric.resource, drawn]


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "width": width, "height": height}
