"""What Lambda says about an invocation: the payload of an error, and the platform's lines in the log."""

from __future__ import annotations

import json
import math
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from salespipe.local.functions.process import Ending, Exchange

if TYPE_CHECKING:
    from salespipe.local.functions.pool import Deployment

ANSWER_LIMIT: Final = 6_291_556
"""Bytes of an answer's payload, as Lambda's own error message says."""


def error_payload(deployment: Deployment, done: Exchange, request_id: str) -> tuple[bytes, bool]:
    """The invocation's payload, and whether it is an error. Types and wording as Lambda answers."""
    if done.ending is Ending.ANSWERED:
        if len(done.payload) <= ANSWER_LIMIT:
            return done.payload, False
        kind = "Function.ResponseSizeTooLarge"
        message = f"Response payload size exceeded maximum allowed payload size ({ANSWER_LIMIT} bytes)."
    elif done.ending is Ending.FAILED:
        found = {**json.loads(done.payload), "requestId": request_id}
        return json.dumps(found, ensure_ascii=False).encode(), True
    elif done.ending is Ending.TIMED_OUT:
        kind = "Sandbox.Timedout"
        message = f"RequestId: {request_id} Error: Task timed out after {deployment.timeout:.2f} seconds"
    else:
        kind = "Runtime.ExitError"
        message = f"RequestId: {request_id} Error: {_exit_words(done.code)}"
    return json.dumps({"errorType": kind, "errorMessage": message}).encode(), True


def log_lines(deployment: Deployment, done: Exchange, init: Exchange | None, request_id: str, now: float) -> list[str]:
    """The log of one invocation, one entry an event: START, what the function printed, END, REPORT.

    ``init`` is the loading of the handler when this invocation had to wait for it; it is ``done`` itself when loading
    failed. ``now`` is Unix time in seconds.
    """
    lines = [] if init is None or init is done else _printed(init)
    if deployment.log_format == "JSON":
        start = {"requestId": request_id, "version": deployment.version}
        return [
            *lines,
            _platform_event("platform.start", start, now),
            *_printed(done),
            _platform_event("platform.report", _report_record(deployment, done, init, request_id), now),
        ]
    lines += [f"START RequestId: {request_id} Version: {deployment.version}", *_printed(done)]
    if done.ending is Ending.EXITED:
        lines.append(f"RequestId: {request_id} Error: {_exit_words(done.code)}\nRuntime.ExitError")
    elif done.ending is Ending.TIMED_OUT:
        moment = _timestamp(now)
        lines.append(f"{moment} {request_id} Task timed out after {deployment.timeout:.2f} seconds")
    return [*lines, f"END RequestId: {request_id}", _report_line(deployment, done, init, request_id)]


def _report_line(deployment: Deployment, done: Exchange, init: Exchange | None, request_id: str) -> str:
    metrics = _report_record(deployment, done, init, request_id)["metrics"]
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {metrics['durationMs']:.2f} ms",
        f"Billed Duration: {metrics['billedDurationMs']} ms",
        f"Memory Size: {deployment.memory} MB",
        f"Max Memory Used: {metrics['maxMemoryUsedMB']} MB",
    ]
    if "initDurationMs" in metrics:
        parts.append(f"Init Duration: {metrics['initDurationMs']:.2f} ms")
    if done.ending is Ending.TIMED_OUT:
        parts.append("Status: timeout")
    elif done.ending is Ending.EXITED:
        parts.append("Status: error\tError Type: Runtime.ExitError")
    return "\t".join(parts) + "\t"


def _report_record(deployment: Deployment, done: Exchange, init: Exchange | None, request_id: str) -> dict[str, Any]:
    milliseconds = done.seconds * 1000
    metrics: dict[str, Any] = {
        "durationMs": round(milliseconds, 3),
        "billedDurationMs": max(1, math.ceil(milliseconds)),
        "memorySizeMB": deployment.memory,
        "maxMemoryUsedMB": done.memory // 1024,
    }
    if init is not None and init is not done:
        metrics["initDurationMs"] = round(init.seconds * 1000, 3)
    status = {Ending.ANSWERED: "success", Ending.TIMED_OUT: "timeout"}.get(done.ending, "error")
    return {"requestId": request_id, "metrics": metrics, "status": status}


def _platform_event(kind: str, record: dict[str, Any], now: float) -> str:
    return json.dumps({"time": _timestamp(now), "type": kind, "record": record})


def _printed(done: Exchange) -> list[str]:
    """What a function printed, one event a line; a carriage return stands for a line break inside an event."""
    return [line.replace("\r", "\n") for line in done.output.removesuffix("\n").split("\n")] if done.output else []


def _exit_words(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name
        return f"Runtime exited with error: signal: {_SIGNALS.get(name, name)}"
    return f"Runtime exited with error: exit status {code}" if code else "Runtime exited without providing a reason"


_SIGNALS: Final = {"SIGKILL": "killed", "SIGSEGV": "segmentation fault", "SIGTERM": "terminated", "SIGABRT": "aborted"}


def _timestamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
