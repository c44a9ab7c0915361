"""EventBridge Pipes: the API, the states, and a worker for each running pipe. moto's pipes are not used.

Source: service model of pipes, 2015-10-07; user guide, "Starting or stopping a pipe" and "error handling".
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, unquote

from salespipe.local.api import Answer, AwsError, Call, Cloud, Handler
from salespipe.local.definitions import Definitions
from salespipe.local.log_writer import LogWriter
from salespipe.local.pipes.definition import checked, invalid, updated
from salespipe.local.pipes.runtime import KinesisStreams, PipeRuntime
from salespipe.local.pipes.sources import Streams
from salespipe.local.pipes.worker import PipeWorker

log = logging.getLogger(__name__)

_BUSY: Final = frozenset({"CREATING", "UPDATING", "STARTING", "STOPPING", "DELETING"})
_FAILED: Final = {"CREATING": "CREATE_FAILED", "UPDATING": "UPDATE_FAILED", "STARTING": "START_FAILED"}
_SUMMARY: Final = ("Arn", "Name", "DesiredState", "CurrentState", "CreationTime", "LastModifiedTime")
_LISTED: Final = (*_SUMMARY, "StateReason", "Source", "Target", "Enrichment")
_STATES: Final = ("DesiredState", "CurrentState")
_HIDDEN: Final = frozenset({"Positioned"})


class Pipes:
    """The Pipes service. ``streams`` are the DynamoDB streams, ``kinesis`` is source and target."""

    name = "pipes"

    def __init__(self, cloud: Cloud, streams: Streams, kinesis: KinesisStreams) -> None:
        self._cloud = cloud
        # Only whoever set a pipe up makes its log group.
        self._logs = LogWriter(cloud.client, makes_groups=False)
        self._runtime = PipeRuntime(cloud, streams, kinesis, self._logs)
        self._definitions = Definitions(cloud.store, "pipe")
        self._workers: dict[tuple[str, str], PipeWorker] = {}
        self._changes: set[threading.Thread] = set()
        self._lock = threading.RLock()
        self._stopping = threading.Event()

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """Every operation of Pipes."""
        return {
            "CreatePipe": self._create,
            "DescribePipe": self._describe,
            "ListPipes": self._list,
            "UpdatePipe": self._update,
            "DeletePipe": self._delete,
            "StartPipe": self._start,
            "StopPipe": self._stop,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._list_tags,
        }

    def observe(self, call: Call, answer: Answer) -> None:
        """Nothing of Pipes is left to moto."""

    def start(self) -> None:
        """Go on where every pipe was."""
        for region, name in self._definitions.everywhere():
            definition = self._definitions.get(region, name)
            if definition is None:
                continue
            if definition["CurrentState"] == "RUNNING":
                with self._lock:
                    self._work(region, definition)
            elif definition["CurrentState"] in _BUSY:
                self._change(region, name)

    def stop(self) -> None:
        """End every worker after its delivery in progress; states and positions stay for the next start."""
        self._stopping.set()
        with self._lock:
            changes = list(self._changes)
        for change in changes:
            change.join()
        with self._lock:
            workers, self._workers = list(self._workers.values()), {}
        for worker in workers:
            worker.stop()
        self._logs.stop()

    def _create(self, call: Call) -> dict[str, Any]:
        name = _name(call)
        now = self._cloud.clock()
        given = {field: value for field, value in call.params.items() if value is not None}
        definition = checked({**given, "Name": name})
        definition |= {
            "Arn": f"arn:aws:pipes:{call.region}:{self._cloud.account}:pipe/{name}",
            "CurrentState": "CREATING",
            "CreationTime": now,
            "LastModifiedTime": now,
            "Tags": definition.get("Tags") or {},
        }
        with self._lock:
            if self._definitions.get(call.region, name):
                raise _conflict(name, f"Pipe {name} already exists.")
            self._definitions.put(call.region, name, definition)
            self._change(call.region, name)
        return _pick(definition, _SUMMARY)

    def _describe(self, call: Call) -> dict[str, Any]:
        definition = self._get(call.region, _name(call))
        return {field: value for field, value in definition.items() if field not in _HIDDEN}

    def _list(self, call: Call) -> dict[str, Any]:
        asked = {field: values[0] for field, values in parse_qs(call.query).items()} | dict(call.params)
        try:
            limit = int(asked.get("Limit") or 100)
        except ValueError:
            limit = 0
        if not 1 <= limit <= 100:
            raise invalid("Limit", "Limit must be a number from 1 to 100.")
        starts = {"NamePrefix": "Name", "SourcePrefix": "Source", "TargetPrefix": "Target"}
        found: list[dict[str, Any]] = []
        for name in self._definitions.names(call.region):
            definition = self._definitions.get(call.region, name)
            if (
                definition is not None
                and name > asked.get("NextToken", "")
                and all(definition[field].startswith(asked.get(prefix, "")) for prefix, field in starts.items())
                and all(asked.get(field, definition[field]) == definition[field] for field in _STATES)
            ):
                found.append(_pick(definition, _LISTED))
        answer: dict[str, Any] = {"Pipes": found[:limit]}
        if len(found) > limit:
            answer["NextToken"] = found[limit - 1]["Name"]
        return answer

    def _update(self, call: Call) -> dict[str, Any]:
        return self._turn(call, lambda definition: updated(definition, call.params), "UPDATING")

    def _delete(self, call: Call) -> dict[str, Any]:
        return self._turn(call, lambda definition: {**definition, "DesiredState": "DELETED"}, "DELETING")

    def _start(self, call: Call) -> dict[str, Any]:
        return self._turn(call, lambda definition: {**definition, "DesiredState": "RUNNING"}, "STARTING", "RUNNING")

    def _stop(self, call: Call) -> dict[str, Any]:
        return self._turn(call, lambda definition: {**definition, "DesiredState": "STOPPED"}, "STOPPING", "STOPPED")

    def _turn(
        self, call: Call, change: Callable[[dict[str, Any]], dict[str, Any]], state: str, goal: str = ""
    ) -> dict[str, Any]:
        """Begin a change of state, unless the pipe is busy with one, or at the ``goal`` already."""
        name = _name(call)
        with self._lock:
            definition = self._get(call.region, name)
            if definition["CurrentState"] in _BUSY:
                raise _conflict(
                    name, f"Pipe {name} is in state {definition['CurrentState']} and cannot be changed now."
                )
            if definition["CurrentState"] != goal:
                definition = change(definition)
                definition |= {"CurrentState": state, "LastModifiedTime": self._cloud.clock()}
                definition.pop("StateReason", None)
                self._definitions.put(call.region, name, definition)
                self._change(call.region, name)
        return _pick(definition, _SUMMARY)

    def _tag(self, call: Call) -> dict[str, Any]:
        return self._retag(call, lambda tags: tags | call.params.get("tags", {}))

    def _untag(self, call: Call) -> dict[str, Any]:
        gone = set(parse_qs(call.query).get("tagKeys", [])) | set(call.params.get("tagKeys", []))
        return self._retag(call, lambda tags: {key: value for key, value in tags.items() if key not in gone})

    def _retag(self, call: Call, change: Callable[[dict[str, str]], dict[str, str]]) -> dict[str, Any]:
        with self._lock:
            definition = self._tagged(call)
            definition["Tags"] = change(definition["Tags"])
            self._definitions.put(call.region, definition["Name"], definition)
        return {}

    def _list_tags(self, call: Call) -> dict[str, Any]:
        return {"tags": self._tagged(call)["Tags"]}

    def _tagged(self, call: Call) -> dict[str, Any]:
        return self._get(call.region, unquote(call.path.split("/tags/", 1)[-1]).rpartition(":pipe/")[2])

    def _get(self, region: str, name: str) -> dict[str, Any]:
        definition = self._definitions.get(region, name)
        if definition is None:
            raise AwsError("NotFoundException", f"Pipe {name} does not exist.", 404)
        return definition

    def _change(self, region: str, name: str) -> None:
        """Bring a pipe in a transient state to where it is going, in a thread of its own."""
        thread = threading.Thread(target=self._settle, args=(region, name), name=f"pipe-{name}-change", daemon=True)
        with self._lock:
            self._changes.add(thread)
        thread.start()

    def _settle(self, region: str, name: str) -> None:
        try:
            with self._lock:
                worker = self._workers.pop((region, name), None)
            if worker is not None:
                worker.stop()
                self._logs.flush()  # now: its log group may be deleted next
            definition = self._definitions.get(region, name)
            if definition is None or self._stopping.is_set():
                return
            if definition["CurrentState"] == "DELETING":
                with self._cloud.store.write():
                    self._cloud.log.forget(definition["Arn"])
                    self._definitions.delete(region, name)
            else:
                self._arrive(region, name, self._trouble(definition))
        except Exception:
            log.exception("Pipe %s in %s is stuck until the next start.", name, region)
        finally:
            with self._lock:
                self._changes.discard(threading.current_thread())

    def _trouble(self, definition: dict[str, Any]) -> str:
        try:
            return self._runtime.trouble(definition)
        except Exception as error:  # noqa: BLE001 (whatever the reason, it becomes the pipe's StateReason)
            return str(error)

    def _arrive(self, region: str, name: str, trouble: str) -> None:
        with self._lock:
            definition = self._get(region, name)  # again: its tags may have changed meanwhile
            transient = definition["CurrentState"]
            if trouble and transient in _FAILED:
                definition |= {"CurrentState": _FAILED[transient], "StateReason": trouble}
            else:
                definition["CurrentState"] = definition["DesiredState"]
            with self._cloud.store.write():
                if not trouble and not definition.get("Positioned"):
                    self._runtime.position(definition)
                    definition["Positioned"] = True
                self._definitions.put(region, name, definition)
            if definition["CurrentState"] == "RUNNING" and not self._stopping.is_set():
                self._work(region, definition)

    def _work(self, region: str, definition: dict[str, Any]) -> None:
        """Start the worker of a running pipe; the caller holds the lock."""
        worker = self._runtime.worker(definition)
        self._workers[region, definition["Name"]] = worker
        worker.start()


def _name(call: Call) -> str:
    """The pipe's name in ``/v1/pipes/{Name}`` and ``/v1/pipes/{Name}/start``."""
    return unquote(call.path.split("/v1/pipes/", 1)[-1].split("/")[0])


def _pick(definition: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {field: definition[field] for field in fields if field in definition}


def _conflict(name: str, message: str) -> AwsError:
    return AwsError("ConflictException", message, 409, resourceId=name, resourceType="pipe")
