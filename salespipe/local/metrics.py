"""CloudWatch metrics that AWS's services publish of themselves, counted in memory until somebody takes them.

Names, dimensions and units: "Monitoring with CloudWatch" of the developer guides of DynamoDB, Kinesis Data Streams,
Firehose, Lambda, SQS, and of the EventBridge user guide for Pipes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias


class Metric(NamedTuple):
    """A metric; ``dimension`` is what the resource that it is about is called there."""

    namespace: str
    name: str
    dimension: str
    unit: str


def _metrics(namespace: str, dimension: str, **units: str) -> list[Metric]:
    """Metrics of one namespace, their names' dots written as two underscores."""
    return [Metric(namespace, name.replace("__", "."), dimension, unit) for name, unit in units.items()]


(WRITE_UNITS,) = _metrics("AWS/DynamoDB", "TableName", ConsumedWriteCapacityUnits="Count")
STREAM_RECORDS, STREAM_BYTES, STREAM_REFUSED, ITERATOR_AGE = _metrics(
    "AWS/Kinesis",
    "StreamName",
    IncomingRecords="Count",
    IncomingBytes="Bytes",
    WriteProvisionedThroughputExceeded="Count",
    GetRecords__IteratorAgeMilliseconds="Milliseconds",
)
DIRECT_RECORDS, DIRECT_BYTES, READ_RECORDS, READ_BYTES, BEHIND_LATEST = _metrics(
    "AWS/Firehose",
    "DeliveryStreamName",
    IncomingRecords="Count",
    IncomingBytes="Bytes",
    DataReadFromKinesisStream__Records="Count",
    DataReadFromKinesisStream__Bytes="Bytes",
    KinesisMillisBehindLatest="Milliseconds",
)
PROCESSING_SUCCESS, PROCESSING_DURATION, PROCESSED_RECORDS = _metrics(
    "AWS/Firehose",
    "DeliveryStreamName",
    ExecuteProcessing__Success="Count",
    ExecuteProcessing__Duration="Milliseconds",
    SucceedProcessing__Records="Count",
)
DELIVERED_RECORDS, DELIVERED_BYTES, DELIVERED_OBJECTS, DELIVERY_SUCCESS, DATA_FRESHNESS = _metrics(
    "AWS/Firehose",
    "DeliveryStreamName",
    DeliveryToS3__Records="Count",
    DeliveryToS3__Bytes="Bytes",
    DeliveryToS3__ObjectCount="Count",
    DeliveryToS3__Success="Count",
    DeliveryToS3__DataFreshness="Seconds",
)
INVOCATIONS, ERRORS, DURATION, THROTTLES = _metrics(
    "AWS/Lambda",
    "FunctionName",
    Invocations="Count",
    Errors="Count",
    Duration="Milliseconds",
    Throttles="Count",
)
PIPE_EVENTS, PIPE_FAILED, PIPE_PARTIALLY_FAILED = _metrics(
    "AWS/EventBridge/Pipes",
    "PipeName",
    EventCount="None",
    ExecutionFailed="None",
    ExecutionPartiallyFailed="None",
)
(QUEUE_DEPTH,) = _metrics("AWS/SQS", "QueueName", ApproximateNumberOfMessagesVisible="Count")

Report: TypeAlias = Callable[[Metric, float], None]
"""Takes a value of a metric of the one resource that it is for."""


def unreported(_metric: Metric, _value: float) -> None:
    """The ``Report`` of who has nobody to tell."""


@dataclass(slots=True)
class Statistics:
    """The values of one metric of one resource, as CloudWatch's StatisticSet."""

    count: int
    total: float
    least: float
    most: float


Taken: TypeAlias = dict[tuple[str, str, Metric], Statistics]
"""Statistics by region, resource and metric."""


class Metrics:
    """Values added since they were last taken; thread-safe.

    Memory is one entry for each metric of each resource, however many values there were. ``wanted`` is set while there
    is something to take.
    """

    def __init__(self) -> None:
        self.wanted: Final = threading.Event()
        self._lock = threading.Lock()
        self._values: Taken = {}

    def add(self, region: str, resource: str, metric: Metric, value: float) -> None:
        """Add a value. Costs about a microsecond, so report sums of batches rather than single records."""
        key = region, resource, metric
        with self._lock:
            seen = self._values.get(key)
            if seen is None:
                self._values[key] = Statistics(1, value, value, value)
                self.wanted.set()
            else:
                seen.count += 1
                seen.total += value
                seen.least = min(seen.least, value)
                seen.most = max(seen.most, value)

    def of(self, region: str, resource: str) -> Report:
        """``add`` for one resource."""

        def report(metric: Metric, value: float) -> None:
            self.add(region, resource, metric, value)

        return report

    def take(self) -> Taken:
        """Everything since the last time."""
        with self._lock:
            taken, self._values = self._values, {}
            self.wanted.clear()
        return taken
