"""The stages of the pipeline, and the metrics by which AWS tells of each.

``flow`` reads them; the dashboard and the alarms that ``up`` makes are made of them.

Names and dimensions: the pages on CloudWatch metrics of the developer guides of DynamoDB, EventBridge Pipes, Kinesis
Data Streams, Firehose, Lambda and SQS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from salespipe.config import Config
    from salespipe.names import Names

Stat: TypeAlias = Literal["Sum", "Maximum", "SampleCount"]


@dataclass(frozen=True, slots=True)
class Metric:
    """What one AWS service publishes of one resource; ``dimension`` is what CloudWatch calls the resource."""

    namespace: str
    name: str
    dimension: str
    resource: str
    stat: Stat = "Sum"


@dataclass(frozen=True, slots=True)
class Gauge:
    """How one stage is measured.

    ``moved`` counts what it passed on. ``failed`` are counted together. ``lag`` is divided by ``lag_unit`` to be
    seconds, and more than ``late_seconds`` of it is behind. ``tried`` and ``done`` count attempts and those of them
    that succeeded, where a service tells failures only so.
    """

    name: str
    moved: Metric
    failed: tuple[Metric, ...] = ()
    lag: Metric | None = None
    lag_unit: float = 1.0
    late_seconds: float = 60.0
    tried: Metric | None = None
    done: Metric | None = None

    @property
    def resource(self) -> str:
        """The name of what is measured."""
        return self.moved.resource


def gauges(config: Config, names: Names) -> tuple[Gauge, ...]:
    """Every stage, in the order in which an order passes them.

    generator: its runs. table: write units, which is one for each write of up to 1 KB. pipe: events. stream: records,
    and the age of the oldest that a reader has just read. transform: records transformed, and how far behind the stream
    Firehose reads. delivery: records written to S3, and the age of the oldest that is not yet there.
    """

    def delivery(name: str, stat: Stat = "Sum") -> Metric:
        return Metric("AWS/Firehose", name, "DeliveryStreamName", names.delivery, stat)

    def stream(name: str, stat: Stat = "Sum") -> Metric:
        return Metric("AWS/Kinesis", name, "StreamName", names.stream, stat)

    def pipe(name: str) -> Metric:
        return Metric("AWS/EventBridge/Pipes", name, "PipeName", names.pipe)

    def function(purpose: str, name: str) -> Metric:
        return Metric("AWS/Lambda", name, "FunctionName", names.function(purpose))

    # Firehose holds a record for as long as its buffers say: twice that, and a minute, is late.
    buffered = config.buffer_seconds + config.transform_buffer_seconds
    return (
        Gauge(
            "generator",
            function("generator", "Invocations"),
            (function("generator", "Errors"), function("generator", "Throttles")),
        ),
        Gauge(
            "table",
            Metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", names.table),
            (Metric("AWS/DynamoDB", "WriteThrottleEvents", "TableName", names.table),),
        ),
        Gauge("pipe", pipe("EventCount"), (pipe("ExecutionFailed"), pipe("ExecutionPartiallyFailed"))),
        Gauge(
            "stream",
            stream("IncomingRecords"),
            (stream("WriteProvisionedThroughputExceeded"),),
            stream("GetRecords.IteratorAgeMilliseconds", "Maximum"),
            lag_unit=1000,
        ),
        Gauge(
            "transform",
            delivery("SucceedProcessing.Records"),
            (function("transform", "Errors"), function("transform", "Throttles")),
            delivery("KinesisMillisBehindLatest", "Maximum"),
            lag_unit=1000,
        ),
        Gauge(
            "delivery",
            delivery("DeliveryToS3.Records"),
            lag=delivery("DeliveryToS3.DataFreshness", "Maximum"),
            late_seconds=60 + 2 * buffered,
            tried=delivery("DeliveryToS3.Success", "SampleCount"),
            done=delivery("DeliveryToS3.Success"),
        ),
    )


def dead_letters(names: Names) -> Metric:
    """How many messages the pipe's dead-letter queue holds that nobody has received."""
    return Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", names.queue, "Maximum")
