"""Glue's crawlers: the API that moto lacks, and the crawls themselves."""

from __future__ import annotations

import logging
import statistics
import threading
import uuid
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from salespipe.local.api import Answer, AwsError, Call, Handler
from salespipe.local.crawlers.classifiers import Classifiers, page
from salespipe.local.crawlers.records import CrawlerRecords, description, new_record, updated_record
from salespipe.local.crawlers.run import Crawl, CrawlFailed, CrawlOutcome
from salespipe.local.crawlers.sampling import CrawlCancelled
from salespipe.local.log_writer import LogWriter
from salespipe.local.schedules.expression import parse_expression
from salespipe.local.schedules.timetable import Entry, Timetable

if TYPE_CHECKING:
    from salespipe.local.api import Cloud

log = logging.getLogger(__name__)

LOG_GROUP: Final = "/aws-glue/crawlers"
_RUNTIMES_KEPT: Final = 20

Key = tuple[str, str]
"""Region and crawler name."""


class Crawlers:
    """Crawlers and classifiers; databases, tables and partitions stay in moto's catalog and are changed through it.

    A crawl runs in a thread of its own. One that the end of the process interrupted is FAILED after the restart.
    """

    name = "glue"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._records = CrawlerRecords(cloud.store)
        self._classifiers = Classifiers(cloud)
        self._logs = LogWriter(cloud.client)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._crawls: dict[Key, tuple[threading.Thread, threading.Event]] = {}
        self._timetable: Timetable[Key] = Timetable("crawler-schedules", cloud.clock, self._plan, self._start_scheduled)
        self._handlers: dict[str, Handler] = {
            **self._classifiers.handlers,
            "CreateCrawler": self._create,
            "GetCrawler": lambda call: {"Crawler": self._describe(call.region, call.params["Name"])},
            "GetCrawlers": self._get_all,
            "BatchGetCrawlers": self._get_some,
            "ListCrawlers": self._list,
            "UpdateCrawler": self._update,
            "DeleteCrawler": self._delete,
            "StartCrawler": self._start,
            "StopCrawler": self._stop,
            "GetCrawlerMetrics": self._metrics,
            "StartCrawlerSchedule": partial(self._schedule, state="SCHEDULED"),
            "StopCrawlerSchedule": partial(self._schedule, state="NOT_SCHEDULED"),
            "UpdateCrawlerSchedule": self._reschedule,
        }

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """Everything about crawlers and classifiers. Their tags are kept by moto, which takes any ARN."""
        return self._handlers

    def observe(self, call: Call, answer: Answer) -> None:
        """Nothing that moto answers matters here."""

    def start(self) -> None:
        """Say of crawls that a restart interrupted that they failed, and follow the schedules."""
        for region, name in self._records.everywhere():
            record = self._records.get(region, name)
            if record["State"] != "READY":
                self._finish((region, name), "FAILED", "The crawl was interrupted.", CrawlOutcome())
            if record.get("Schedule"):
                self._timetable.change()

    def stop(self) -> None:
        """End the crawls that run, within moments; ``start`` reports them."""
        self._stopping.set()
        self._timetable.stop()
        with self._lock:
            threads = [thread for thread, _ in self._crawls.values()]
        for thread in threads:
            thread.join(timeout=10)
        self._logs.stop()

    def flush_logs(self) -> None:
        """Write to CloudWatch Logs what is still waiting to be written."""
        self._logs.flush()

    def _describe(self, region: str, name: str) -> dict[str, Any]:
        return description(self._records.get(region, name), self._cloud.clock())

    def _create(self, call: Call) -> dict[str, Any]:
        given = dict(call.params)
        tags = given.pop("Tags", None) or {}
        record = new_record(given, self._cloud.clock())
        self._check_classifiers(call.region, record)
        self._records.add(call.region, record)
        if tags:
            arn = f"arn:aws:glue:{call.region}:{call.account}:crawler/{record['Name']}"
            self._cloud.client("glue", call.region).tag_resource(ResourceArn=arn, TagsToAdd=tags)
        self._timetable.change()
        return {}

    def _update(self, call: Call) -> dict[str, Any]:
        with self._records.changing(call.region, call.params["Name"]) as record:
            if record["State"] != "READY":
                raise AwsError("CrawlerRunningException", f"Crawler with name {record['Name']} is running.")
            record.update(updated_record(record, call.params, self._cloud.clock()))
            self._check_classifiers(call.region, record)
        self._timetable.change()
        return {}

    def _check_classifiers(self, region: str, record: Mapping[str, Any]) -> None:
        if missing := self._classifiers.missing(region, record.get("Classifiers", ())):
            raise AwsError("InvalidInputException", f"Classifier(s) not found: {', '.join(missing)}.")

    def _delete(self, call: Call) -> dict[str, Any]:
        name = call.params["Name"]
        if self._records.get(call.region, name)["State"] != "READY":
            raise AwsError("CrawlerRunningException", f"Crawler with name {name} is running.")
        self._records.delete(call.region, name)
        arn = f"arn:aws:glue:{call.region}:{call.account}:crawler/{name}"
        glue = self._cloud.client("glue", call.region)
        if tags := glue.get_tags(ResourceArn=arn).get("Tags"):
            glue.untag_resource(ResourceArn=arn, TagsToRemove=list(tags))
        self._timetable.change()
        return {}

    def _get_all(self, call: Call) -> dict[str, Any]:
        names, token = page(self._records.names(call.region), call.params)
        return {"Crawlers": [self._describe(call.region, name) for name in names], **token}

    def _get_some(self, call: Call) -> dict[str, Any]:
        wanted = dict.fromkeys(call.params["CrawlerNames"])
        there = set(self._records.names(call.region))
        return {
            "Crawlers": [self._describe(call.region, name) for name in wanted if name in there],
            "CrawlersNotFound": [name for name in wanted if name not in there],
        }

    def _list(self, call: Call) -> dict[str, Any]:
        names = self._records.names(call.region)
        if wanted := call.params.get("Tags"):
            glue = self._cloud.client("glue", call.region)
            arn = f"arn:aws:glue:{call.region}:{call.account}:crawler/"
            names = [name for name in names if wanted.items() <= glue.get_tags(ResourceArn=arn + name)["Tags"].items()]
        names, token = page(names, call.params)
        return {"CrawlerNames": names, **token}

    def _metrics(self, call: Call) -> dict[str, Any]:
        wanted = call.params.get("CrawlerNameList") or self._records.names(call.region)
        there = set(self._records.names(call.region))
        names, token = page(sorted(name for name in wanted if name in there), call.params)
        return {"CrawlerMetricsList": [self._metrics_of(call.region, name) for name in names], **token}

    def _metrics_of(self, region: str, name: str) -> dict[str, Any]:
        record = self._records.get(region, name)
        runtimes = record["Runtimes"]
        return {
            "CrawlerName": name,
            "TimeLeftSeconds": 0.0,
            "StillEstimating": record["State"] == "RUNNING",
            "LastRuntimeSeconds": runtimes[-1] if runtimes else 0.0,
            "MedianRuntimeSeconds": statistics.median(runtimes) if runtimes else 0.0,
            **record["Tables"],
        }

    def _start(self, call: Call) -> dict[str, Any]:
        self._begin((call.region, call.params["Name"]))
        return {}

    def _stop(self, call: Call) -> dict[str, Any]:
        name = call.params["Name"]
        with self._records.changing(call.region, name) as record:
            if record["State"] == "STOPPING":
                raise AwsError("CrawlerStoppingException", f"Crawler with name {name} is stopping.")
            if record["State"] != "RUNNING":
                raise AwsError("CrawlerNotRunningException", f"Crawler with name {name} isn't running.")
            record["State"] = "STOPPING"
        with self._lock:
            running = self._crawls.get((call.region, name))
        if running is not None:
            running[1].set()
        return {}

    def _schedule(self, call: Call, *, state: str) -> dict[str, Any]:
        with self._records.changing(call.region, call.params["CrawlerName"]) as record:
            schedule = record.get("Schedule")
            if not schedule:
                raise AwsError("NoScheduleException", f"There is no schedule for crawler {record['Name']}.")
            if schedule["State"] == state:
                on = state == "SCHEDULED"
                code = "SchedulerRunningException" if on else "SchedulerNotRunningException"
                raise AwsError(code, f"The schedule of {record['Name']} is {'already' if on else 'not'} running.")
            record["Schedule"] = {**schedule, "State": state}
        self._timetable.change()
        return {}

    def _reschedule(self, call: Call) -> dict[str, Any]:
        given = {"Schedule": call.params.get("Schedule", "")}
        with self._records.changing(call.region, call.params["CrawlerName"]) as record:
            record.update(updated_record(record, given, self._cloud.clock()))
        self._timetable.change()
        return {}

    def _plan(self) -> dict[Key, Entry]:
        plan: dict[Key, Entry] = {}
        for region, name in self._records.everywhere():
            schedule = self._records.get(region, name).get("Schedule") or {}
            if schedule.get("State") == "SCHEDULED":
                plan[region, name] = Entry(parse_expression(schedule["ScheduleExpression"]), 0.0)
        return plan

    def _start_scheduled(self, key: Key, _due: float) -> None:
        try:
            self._begin(key)
        except AwsError as error:
            log.warning("The schedule of crawler %s could not start it: %s", key[1], error.message)

    def _begin(self, key: Key) -> None:
        """Set a crawler RUNNING and start the thread that crawls."""
        region, name = key
        cancelled = threading.Event()
        with self._records.changing(region, name) as record:
            if record["State"] != "READY":
                raise AwsError("CrawlerRunningException", f"Crawler with name {name} has already started")
            record["State"], record["Started"] = "RUNNING", self._cloud.clock()
            record["MessagePrefix"] = str(uuid.uuid4())
        thread = threading.Thread(
            target=self._crawl, args=(key, dict(record), cancelled), name=f"crawl-{name}", daemon=True
        )
        with self._lock:
            self._crawls[key] = (thread, cancelled)
            thread.start()

    def _crawl(self, key: Key, begun: Mapping[str, Any], cancelled: threading.Event) -> None:
        region, name = key

        def check() -> None:
            if cancelled.is_set() or self._stopping.is_set():
                raise CrawlCancelled

        def say(line: str) -> None:
            prefix = begun["MessagePrefix"]
            self._logs.write(region, LOG_GROUP, name, self._cloud.clock(), [f"[{prefix}] {line}"])

        say(f"BENCHMARK : Running Start Crawl for Crawler {name}")
        status, message, outcome = "SUCCEEDED", "", CrawlOutcome()
        try:
            client = self._cloud.client
            classifiers = self._classifiers.find(region, begun.get("Classifiers", ()))
            crawl = Crawl(client("s3", region), client("glue", region), name, begun, classifiers, check, say)
            outcome = crawl.run()
        except CrawlCancelled:
            status = "CANCELLED"
        except CrawlFailed as failed:
            status, message = "FAILED", str(failed)
        except Exception as error:
            log.exception("The crawl of %s failed.", name)
            status, message = "FAILED", f"Internal Service Exception: {error}"
        if self._stopping.is_set():
            return
        if message:
            say(f"ERROR : {message}")
        say(f"BENCHMARK : Crawler has finished running and is in state {'READY' if status == 'SUCCEEDED' else status}")
        with self._records.changing(region, name) as record:
            record["State"] = "STOPPING"
        self._logs.flush()
        with self._lock:
            self._crawls.pop(key, None)
        self._finish(key, status, message, outcome)

    def _finish(self, key: Key, status: str, message: str, outcome: CrawlOutcome) -> None:
        """Set the crawler READY, with how the crawl ended."""
        with self._records.changing(*key) as record:
            started, prefix = record.pop("Started"), record.pop("MessagePrefix")
            record["State"] = "READY"
            record["LastCrawl"] = {
                "Status": status,
                **({"ErrorMessage": message} if message else {}),
                "LogGroup": LOG_GROUP,
                "LogStream": record["Name"],
                "MessagePrefix": prefix,
                "StartTime": started,
            }
            record["Runtimes"] = [*record["Runtimes"], self._cloud.clock() - started][-_RUNTIMES_KEPT:]
            record["Tables"] = outcome.counts
