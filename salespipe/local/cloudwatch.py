"""CloudWatch: publishes what the services count about themselves, and evaluates alarms; moto keeps and answers."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from salespipe.local.api import Answer, Call, Cloud, Handler
from salespipe.local.metrics import QUEUE_DEPTH, Metric, Statistics

if TYPE_CHECKING:
    from salespipe.local.moto.alarms import Change, MotoAlarms

log = logging.getLogger(__name__)

_INTERVAL: Final = 5.0  # seconds between publications
_AT_ONCE: Final = 1_000  # data of one PutMetricData (API reference)
_MINUTE: Final = 60


class CloudWatch:
    """The service "cloudwatch": puts ``cloud.metrics`` every ``interval`` seconds while there are any.

    As on AWS a metric has one time for each minute, the minute's beginning; several data with the same time count
    together. ``regions`` tells where a service has state. ``housekeep`` is called every minute with Unix seconds.
    ``alarms`` are evaluated as often, and whenever somebody asks for them; SNS topics are told of what has changed.
    """

    name = "cloudwatch"
    handlers: Mapping[str, Handler] = {}
    listens = ("sqs",)

    def __init__(
        self,
        cloud: Cloud,
        regions: Callable[[str], Sequence[str]] = lambda _service: (),
        housekeep: Callable[[float], None] = lambda _now: None,
        alarms: MotoAlarms | None = None,
        *,
        interval: float = _INTERVAL,
    ) -> None:
        self._cloud = cloud
        self._regions = regions
        self._housekeep = housekeep
        self._alarms = alarms
        self._changes: queue.SimpleQueue[Change] = queue.SimpleQueue()
        self._interval = interval
        self._queues: set[str] = set()  # regions in which a queue's depth may have changed
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cloudwatch", daemon=True)
        self._watcher = threading.Thread(target=self._watch, name="alarms", daemon=True)

    def observe(self, call: Call, answer: Answer) -> None:  # noqa: ARG002 - the request says it all
        """Something was done to a queue: its depth is worth another look."""
        if call.service == "sqs":
            self._queues.add(call.region)
            self._cloud.metrics.wanted.set()

    def forward(self, call: Call, ask: Callable[[], Answer]) -> Answer:
        """Let moto answer: of alarms as they are now, and with what AWS makes of them when they are put."""
        if self._alarms is None or "Alarm" not in call.operation:
            return ask()
        now = self._cloud.clock()
        if call.operation.startswith("Describe"):
            self._tell(self._alarms.evaluate(now, call.region))
            return ask()
        with self._alarms.followed(call.region, now) as changes:
            answer = ask()
        self._tell(changes)
        return answer

    def notify(self) -> None:
        """Evaluate every alarm, and do what those that have changed ask for: SNS topics are published to."""
        if self._alarms is not None:
            self._tell(self._alarms.evaluate(self._cloud.clock()))
        while not self._changes.empty():
            change = self._changes.get()
            log.info("Alarm %s is %s: %s", change.name, change.state, change.message["NewStateReason"])
            for action in change.actions:
                self._act(change, action)

    def start(self) -> None:
        """Begin to publish, and to evaluate."""
        self._queues.update(self._regions("sqs"))
        if self._queues:
            self._cloud.metrics.wanted.set()
        self._thread.start()
        self._watcher.start()

    def stop(self) -> None:
        """Publish what was not yet, and end."""
        self._stopping.set()
        self._cloud.metrics.wanted.set()
        for thread in (self._thread, self._watcher):
            if thread.is_alive():
                thread.join()

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

    def _watch(self) -> None:
        while not self._stopping.wait(self._interval):
            try:
                self.notify()
            except Exception:  # as above
                log.exception("Alarms were not evaluated.")

    def _tell(self, changes: Sequence[Change]) -> None:
        """Put aside what is to be told, for the thread that does it: the lock of this service is held here."""
        for change in changes:
            self._changes.put(change)

    def _act(self, change: Change, action: str) -> None:
        service, region = action.split(":")[2:4] if action.count(":") >= 5 else ("", "")
        if service != "sns":
            log.warning("Alarm %s: the action %s is not part of this local AWS.", change.name, action)
            return
        subject = f'{change.state}: "{change.name}" in {change.region}'[:100]
        try:
            message = json.dumps(change.message)
            self._cloud.client("sns", region).publish(TopicArn=action, Subject=subject, Message=message)
        except Exception:  # the topic may be gone
            log.exception("Alarm %s could not be published to %s.", change.name, action)

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
