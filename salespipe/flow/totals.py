"""What has gone through the pipeline since a moment: the amounts that a bill is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from salespipe.flow.metrics import Metric, fetch

if TYPE_CHECKING:
    from salespipe.aws import Aws

MEMORY_HERE: Final = timedelta(hours=3)
"""How long the AWS on this machine keeps metrics; AWS keeps these for 15 months."""
_HOUR: Final = 3600
_DAY: Final = 86_400
_DAYS_BY_THE_HOUR: Final = 14


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of CloudWatch's metrics since ``since`` (UTC), until ``until``.

    Write units are DynamoDB's, bytes are bytes, times are milliseconds of running functions. Where nothing was
    published the sum is 0: these services publish whenever there is something to count.
    """

    since: datetime
    until: datetime
    write_units: float
    pipe_events: float
    stream_records: float
    stream_bytes: float
    read_records: float
    read_bytes: float
    objects: float
    delivered_bytes: float
    transform_runs: float
    transform_ms: float
    generator_runs: float
    generator_ms: float

    @property
    def hours(self) -> float:
        """Hours between the two moments."""
        return (self.until - self.since).total_seconds() / _HOUR


def count(aws: Aws, since: datetime, now: datetime | None = None) -> Totals:
    """Count by one GetMetricData, in periods of an hour, or of a day once two weeks have passed.

    Whole minutes are counted, from the one in which ``since`` lies. Raises botocore's errors where AWS refuses.
    """
    until = datetime.now(UTC) if now is None else now
    start = since.replace(second=0, microsecond=0)
    period = _HOUR if (until - since).days < _DAYS_BY_THE_HOUR else _DAY
    names = aws.names

    def delivery(name: str) -> Metric:
        return Metric("AWS/Firehose", name, "DeliveryStreamName", names.delivery)

    def stream(name: str) -> Metric:
        return Metric("AWS/Kinesis", name, "StreamName", names.stream)

    def function(purpose: str, name: str) -> Metric:
        return Metric("AWS/Lambda", name, "FunctionName", names.function(purpose))

    wanted = {
        "write_units": Metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", names.table),
        "pipe_events": Metric("AWS/EventBridge/Pipes", "EventCount", "PipeName", names.pipe),
        "stream_records": stream("IncomingRecords"),
        "stream_bytes": stream("IncomingBytes"),
        "read_records": delivery("DataReadFromKinesisStream.Records"),
        "read_bytes": delivery("DataReadFromKinesisStream.Bytes"),
        "objects": delivery("DeliveryToS3.ObjectCount"),
        "delivered_bytes": delivery("DeliveryToS3.Bytes"),
        "transform_runs": function("transform", "Invocations"),
        "transform_ms": function("transform", "Duration"),
        "generator_runs": function("generator", "Invocations"),
        "generator_ms": function("generator", "Duration"),
    }
    found = fetch(aws, wanted, start, until, period=period)
    return Totals(since, until, **{key: sum(point.value for point in points) for key, points in found.items()})
