"""CloudWatch: publishes what the services count about themselves; moto keeps it and answers for it."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from salespipe.local.api import Answer, Call, Cloud, Handler
from salespipe.local.metrics import QUEUE_DEPTH, Metric, Statistics

log = logging.getLogger(__name__)

_INTERVAL: Final = 5.0  # seconds between publications
_AT_ONCE: Final = 1_000  # data of one PutMetricData (API reference)
_MINUTE: Final = 60


class CloudWatch:
    """The service "cloudwatch": puts ``cloud.metrics`` every ``interval`` seconds while there are any.

    As on AWS a metric has one time for each minute, the minute's beginning; several data with the same time count
    together. ``regions`` tells where a service has state. ``housekeep`` is called every minute with Unix seconds.
    """

    name = "cloudwatch"
    handlers: Mapping[str, Handler] = {}
    listens = ("sqs",)

    def __init__(
        self,
        cloud: Cloud,
        regions: Callable[[str], Sequence[str]] = lambda _service: (),
        housekeep: Callable[[float], None] = lambda _now: None,
        *,
        interval: float = _INTERVAL,
    ) -> None:
        self._cloud = cloud
        self._regions = regions
        self._housekeep = housekeep
        self._interval = interval
        self._queues: set[str] = set()  # regions in which a queue's depth may have changed
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cloudwatch", daemon=True)

    def observe(self, call: Call, answer: Answer) -> None:  # noqa: ARG002 - the request says it all
        """Something was done to a queue: its depth is worth another look."""
        if call.service == "sqs":
            self._queues.add(call.region)
            self._cloud.metrics.wanted.set()

    def start(self) -> None:
        """Begin to publish."""
        self._queues.update(self._regions("sqs"))
        if self._queues:
            self._cloud.metrics.wanted.set()
        self._thread.start()

    def stop(self) -> None:
        """Publish what was not yet, and end."""
        self._stopping.set()
        self._cloud.metrics.wanted.set()
        if self._thread.is_alive():
            self._thread.join()

    def trim(self) -> None:
        """Forget what is too old, and look again at the queues with messages. To be called every minute."""
        self._housekeep(self._cloud.clock())
        if self._queues:
            self._cloud.metrics.wanted.set()

    def publish(self) -> None:
        """Put what was counted since the last time."""
        self._measure_queues()
        found = defaultdict[tuple[str, str], list[dict[str, Any]]](list)
        now = datetime.fromtimestamp(self._cloud.clock() // _MINUTE * _MINUTE, UTC)
        for (region, resource, metric), seen in self._cloud.metrics.take().items():
            found[region, metric.namespace].append(_datum(metric, resource, seen, now))
        for (region, namespace), data in found.items():
            client = self._cloud.client("cloudwatch", region)
            for start in range(0, len(data), _AT_ONCE):
                client.put_metric_data(Namespace=namespace, MetricData=data[start : start + _AT_ONCE])

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._cloud.metrics.wanted.wait()
            self._stopping.wait(self._interval)
            try:
                self.publish()
            except Exception:  # a metric must never stop what it tells of
                log.exception("Metrics were not published.")

    def _measure_queues(self) -> None:
        """Report the depth of the queues; regions whose queues are all empty are left until a queue is used again."""
        again: list[str] = []
        while self._queues:
            region = self._queues.pop()
            client = self._cloud.client("sqs", region)
            for url in client.list_queues().get("QueueUrls", []):
                names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
                found = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
                visible, hidden = (int(found.get(name, 0)) for name in names)
                self._cloud.metrics.add(region, url.rpartition("/")[2], QUEUE_DEPTH, visible)
                if visible or hidden:
                    again.append(region)
        self._queues.update(again)


def _datum(metric: Metric, resource: str, seen: Statistics, moment: datetime) -> dict[str, Any]:
    """A MetricDatum of PutMetricData."""
    return {
        "MetricName": metric.name,
        "Dimensions": [{"Name": metric.dimension, "Value": resource}],
        "Timestamp": moment,
        "Unit": metric.unit,
        "StatisticValues": {
            "SampleCount": seen.count,
            "Sum": seen.total,
            "Minimum": seen.least,
            "Maximum": seen.most,
        },
    }
