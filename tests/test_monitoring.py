"""The alarms and the dashboard follow from the stages."""

from __future__ import annotations

import json
from typing import Any

from salespipe.config import Config
from salespipe.monitoring import alarms, dashboard_text, widgets
from salespipe.stages import Gauge, Metric, dead_letters, gauges

CONFIG = Config(target="aws")
NAMES = CONFIG.names("123456789012")


def metrics(gauge: Gauge) -> set[Metric]:
    single = (gauge.moved, gauge.lag, gauge.tried, gauge.done)
    return {metric for metric in (*single, *gauge.failed) if metric is not None}


def measured() -> set[Metric]:
    return {dead_letters(NAMES)}.union(*(metrics(gauge) for gauge in gauges(CONFIG, NAMES)))


def lines() -> list[list[Any]]:
    return [line for widget in widgets(CONFIG, NAMES) for line in widget["properties"].get("metrics", ())]


def test_the_dashboard_draws_every_metric_that_flow_reads_and_no_other() -> None:
    drawn = [Metric(*line[:4], line[4]["stat"]) for line in lines()]

    assert len(drawn) == len(set(drawn))
    assert set(drawn) == measured()
    # So many are free: https://aws.amazon.com/cloudwatch/pricing/
    assert len(drawn) + len(alarms(CONFIG, NAMES)) <= 50


def test_each_stage_has_its_row_and_late_is_marked_where_flow_says_so() -> None:
    drawn = {widget["properties"]["title"]: widget for widget in widgets(CONFIG, NAMES)}
    rows = [drawn[f"{gauge.name}: what passes"]["y"] for gauge in gauges(CONFIG, NAMES)]
    late = {
        title.partition(":")[0]: widget["properties"]["annotations"]["horizontal"][0]["value"]
        for title, widget in drawn.items()
        if "annotations" in widget["properties"]
    }

    assert rows == sorted(set(rows))
    assert late == {gauge.name: gauge.late_seconds * gauge.lag_unit for gauge in gauges(CONFIG, NAMES) if gauge.lag}


def test_no_two_widgets_lie_on_each_other_and_all_fit_the_grid() -> None:
    cells = [
        (x, y)
        for widget in widgets(CONFIG, NAMES)
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]

    assert len(cells) == len(set(cells))
    assert {x for x, _ in cells} == set(range(24))


def test_the_dashboard_is_json_of_this_region_and_pipeline() -> None:
    text = json.dumps(widgets(CONFIG, NAMES)) + dashboard_text(NAMES)

    assert '"region": "us-east-1"' in text
    assert "OrdersRawTable" in text
    assert "None" not in text


def test_alarms_watch_what_flow_reads_by_the_same_limits() -> None:
    told = {alarm.metric: alarm for alarm in alarms(CONFIG, NAMES)}

    assert set(told) <= measured()
    for gauge in gauges(CONFIG, NAMES):
        if gauge.lag in told:
            assert told[gauge.lag].threshold == gauge.late_seconds * gauge.lag_unit
        assert all(told[metric].threshold == 0 for metric in gauge.failed if metric in told)


def test_ten_alarms_by_the_names_that_policies_and_prices_go_by() -> None:
    assert tuple(alarm.name for alarm in alarms(CONFIG, NAMES)) == tuple(map(NAMES.alarm, NAMES.alarm_purposes))
    assert len(NAMES.alarm_purposes) == 10


def test_each_alarm_names_the_command_to_run() -> None:
    assert all("Run: salespipe " in alarm.says for alarm in alarms(CONFIG, NAMES))


def test_how_late_the_stream_is_is_told_by_firehose_alone_and_not_by_every_reader() -> None:
    told = {each.name: each for each in alarms(CONFIG, NAMES)}[NAMES.alarm("stream-behind")].metric
    assert (told.namespace, told.name, told.resource) == ("AWS/Firehose", "KinesisMillisBehindLatest", NAMES.delivery)


def test_longer_buffers_make_late_later() -> None:
    def late(seconds: int) -> float:
        config = Config(target="aws", delivery=type(CONFIG.delivery)(buffer_seconds=seconds))
        return {each.name: each for each in alarms(config, NAMES)}[NAMES.alarm("delivery-behind")].threshold

    assert late(900) - late(60) == 2 * 840
