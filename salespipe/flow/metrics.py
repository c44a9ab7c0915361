"""Many metrics of CloudWatch in one call, as points in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from salespipe.stages import Metric

if TYPE_CHECKING:
    from salespipe.aws import Aws

__all__ = ["AT_ONCE", "Metric", "Point", "Points", "fetch"]

AT_ONCE: Final = 500  # queries of one GetMetricData (API reference)


@dataclass(frozen=True, slots=True)
class Point:
    """The value of a period that began at ``start`` (UTC)."""

    start: datetime
    value: float


Points: TypeAlias = tuple[Point, ...]
"""A metric's points, newest first. A period without a point is one in which nothing was published."""


def fetch(aws: Aws, wanted: Mapping[str, Metric], start: datetime, end: datetime, *, period: int) -> dict[str, Points]:
    """The points of every wanted metric between two moments, by the key that it was asked under.

    One GetMetricData, and one for every further page of its answer. ``period`` is in seconds, a multiple of 60. Each
    metric asked for is charged on AWS (0.01 USD a thousand, CloudWatch pricing page). Raises botocore's errors.
    """
    assert len(wanted) <= AT_ONCE  # noqa: S101 - the wanted are listed beside this file, nobody types them in
    asked = {f"m{number}": key for number, key in enumerate(wanted)}  # an Id begins with a lower-case letter
    found: dict[str, list[Point]] = {key: [] for key in wanted}
    pages = (
        aws.client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(
            MetricDataQueries=[_query(number, wanted[key], period) for number, key in asked.items()],
            StartTime=start,
            EndTime=end,
            ScanBy="TimestampDescending",
        )
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            found[asked[result["Id"]]] += [
                Point(moment.astimezone(UTC), float(value))
                for moment, value in zip(result["Timestamps"], result["Values"], strict=True)
            ]
    return {key: tuple(points) for key, points in found.items()}


def _query(number: str, metric: Metric, period: int) -> dict[str, Any]:
    return {
        "Id": number,
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": metric.dimension, "Value": metric.resource}],
            },
            "Period": period,
            "Stat": metric.stat,
        },
    }
