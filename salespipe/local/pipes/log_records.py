"""What a pipe logs of its executions: a record for each step, in the group that its LogConfiguration names.

Source: EventBridge user guide, "Log Amazon EventBridge Pipes" with its schema reference and its execution steps;
service model of pipes, 2015-10-07, PipeLogConfigurationParameters. An execution is one try to deliver a batch. What AWS
calls the log stream is not documented: here it is the pipe's name.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from salespipe.local.log_writer import LogWriter

LEVELS: Final = ("OFF", "ERROR", "INFO", "TRACE")
"""From nothing to everything; a pipe logs the steps of its level and of those before it."""

# What the target's service is called in the text of an error.
_CALLED: Final = {"kinesis": "Kinesis", "sqs": "Sqs", "lambda": "Lambda", "logs": "Logs"}

# Why single events fail where nothing was raised.
_REFUSED: Final = {"kinesis": "A partition key is empty or too long, or a shard has no room: Rate exceeded."}

Executed = Callable[[float, int, int, "Exception | None"], object]
"""Takes an execution: when it began (Unix seconds), how many events it had, how many failed, and why."""

Write = Callable[[float, list[str]], object]
"""Takes the time (Unix seconds) and the messages of log events."""


class PipeLog:
    """The log of the pipe ``arn``, which delivers to the service ``target``, with the steps of ``level``."""

    def __init__(
        self, arn: str, target: str, level: str, write: Write, clock: Callable[[], float], *, transforms: bool
    ) -> None:
        self._arn = arn
        self._target = target
        self._level = LEVELS.index(level)
        self._write = write
        self._clock = clock
        self._transforms = transforms

    def executed(self, began: float, events: int, failed: int, error: Exception | None) -> None:
        """Log an execution that began at ``began`` (Unix seconds): so many events, of which so many failed, and why.

        Without an ``error`` the target took the others.
        """
        if not events or (self._level == 1 and not failed):
            return
        identity = str(uuid.uuid4())
        ended = self._clock()
        told: list[tuple[float, list[str]]] = [(began, []), (ended, [])]

        def step(name: str, level: str, *, why: Mapping[str, Any] | None = None, at: int = 1) -> None:
            if LEVELS.index(level) <= self._level:
                record = self._record(told[at][0], identity, name, level) | ({"error": why} if why else {})
                told[at][1].append(msgspec.json.encode(record).decode())

        step("ExecutionStarted", "INFO", at=0)
        step("TargetStageEntered", "INFO", at=0)
        if self._transforms:
            step("TargetTransformationStarted", "TRACE", at=0)
            step("TargetTransformationSucceeded", "TRACE", at=0)
        step("TargetInvocationStarted", "TRACE", at=0)
        if not failed:
            step("TargetInvocationSucceeded", "TRACE")
            step("TargetStageSucceeded", "INFO")
            step("ExecutionSucceeded", "INFO")
        else:
            how = "Failed" if failed == events else "PartiallyFailed"
            step(f"TargetInvocation{how}", "ERROR", why=self._why(events, failed, error))
            step(f"TargetStage{how}", "ERROR")
            step(f"Execution{how}", "ERROR")
        for moment, messages in told:
            if messages:
                self._write(moment, messages)

    def _why(self, events: int, failed: int, error: Exception | None) -> dict[str, Any]:
        said = _REFUSED.get(self._target, "It was refused.") if error is None else str(error)
        return {
            "httpStatusCode": _status(error),
            "message": f"Target invocation failed with error from {_CALLED[self._target]}. {said}",
            "details": f"{failed} of {events} events",
            "awsService": self._target,
            "requestId": "",
        }

    def _record(self, moment: float, identity: str, step: str, level: str) -> dict[str, Any]:
        return {
            "resourceArn": self._arn,
            "timestamp": int(moment * 1000),
            "executionId": identity,
            "messageType": step,
            "logLevel": level,
            "payload": "",
            "awsRequest": "",
            "awsResponse": "",
            "truncatedFields": [],
        }


def unlogged(_began: float, _events: int, _failed: int, _error: Exception | None) -> None:
    """For a pipe that has no log."""


def log_of(definition: Mapping[str, Any], target: str, writer: LogWriter, clock: Callable[[], float]) -> Executed:
    """What takes the executions of a pipe, by its definition; ``target`` is the service that it delivers to."""
    settings = definition.get("LogConfiguration") or {}
    arn, level = log_group_arn(definition), settings.get("Level", "OFF")
    if not arn or level == "OFF":
        return unlogged
    region, group = arn.split(":")[3], arn.removesuffix(":*").split(":log-group:")[-1]

    def write(moment: float, messages: list[str]) -> None:
        writer.write(region, group, definition["Name"], moment, messages)

    transforms = bool(definition["TargetParameters"].get("InputTemplate"))
    return PipeLog(definition["Arn"], target, level, write, clock, transforms=transforms).executed


def log_group_arn(definition: Mapping[str, Any]) -> str:
    """The log group that a pipe is to log to, empty where there is none."""
    settings = definition.get("LogConfiguration") or {}
    return str((settings.get("CloudwatchLogsLogDestination") or {}).get("LogGroupArn", ""))


def _status(error: Exception | None) -> int:
    """The HTTP status of the target's answer."""
    response = getattr(error, "response", {}).get("ResponseMetadata", {})
    return int(getattr(error, "status", None) or response.get("HTTPStatusCode", 400))
