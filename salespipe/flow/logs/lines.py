"""What a log line says: its level, its message and its fields, in the words of whoever wrote it.

Sources: the Lambda developer guide (text and JSON log formats, platform events), the EventBridge user guide (log schema
of pipes), the Firehose developer guide (error logging), and the Glue developer guide (crawler logs).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Kind(StrEnum):
    """Whose line it is."""

    LINE = "line"  # of the part itself
    REPORT = "report"  # Lambda's, on what an invocation took
    FRAME = "frame"  # Lambda's, around an invocation: it began, it ended


@dataclass(frozen=True, slots=True)
class Line:
    """A log line, understood. ``level`` is empty where it has none; ``more`` are further lines, as of a traceback."""

    text: str
    kind: Kind = Kind.LINE
    level: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    more: tuple[str, ...] = ()


_LEVELS: Final = {
    "WARN": "WARNING",
    "FATAL": "CRITICAL",
    "TRACE": "TRACE",
    "DEBUG": "DEBUG",
    "INFO": "INFO",
    "WARNING": "WARNING",
    "ERROR": "ERROR",
    "CRITICAL": "CRITICAL",
    "BENCHMARK": "BENCHMARK",
}
_FRAME: Final = re.compile(r"(START|END) RequestId: |INIT_START |EXTENSION\t|TELEMETRY\t|XRAY TraceId: ")
_RESTORED: Final = re.compile(r"RESTORE_(START|REPORT) ")
_LOGGED: Final = re.compile(r"\[(\w+)\]\t(\S+Z)\t([\w-]*)\t(.*)", re.DOTALL)
_RAISED: Final = re.compile(r"\[(ERROR|CRITICAL|FATAL)\] (.*)", re.DOTALL)
_TIMED_OUT: Final = re.compile(r"\S+Z ([\w-]+) (Task timed out after .*)", re.DOTALL)
_EXITED: Final = re.compile(r"RequestId: ([\w-]+) (?:Process exited.*|Error: .*)", re.DOTALL)
_CRAWLED: Final = re.compile(r"\[([0-9a-f-]{36})\] ([A-Z]+) : (.*)", re.DOTALL)

# By what each writer calls them.
_LEVEL_KEYS: Final = ("level", "levelname", "logLevel", "log_level", "severity")
_TEXT_KEYS: Final = ("message", "msg", "errorMessage")
_TRACE_KEYS: Final = ("stackTrace", "stack_trace", "traceback", "exc_info", "exception")
# The event's own time is shown already, and whose it is.
_KNOWN_ANYWAY: Final = frozenset({"timestamp", "time", "asctime", "resourceArn", "deliveryStreamARN"})


def understand(message: str) -> Line:
    """Any line, in whichever form; a form that is not known is its text."""
    text = message.rstrip().replace("\r\n", "\n").replace("\r", "\n")
    if text.startswith("{") and (document := _object(text)) is not None:
        return _json_line(document)
    if _FRAME.match(text) or _RESTORED.match(text):
        return Line(text, Kind.FRAME)
    if text.startswith("REPORT RequestId: "):
        return _report_line(text)
    for form, read in _FORMS:
        if found := form.fullmatch(text):
            return read(found)
    head, *more = text.split("\n") if text else [""]
    traced = any(line.startswith("Traceback (most recent call last):") for line in (head, *more))
    return Line(head, level="ERROR" if traced else "", more=tuple(more))


def _told(text: str, level: str, **fields: str) -> Line:
    head, *more = text.rstrip().split("\n")
    given = {name: value for name, value in fields.items() if value}
    return Line(head, level=_LEVELS.get(level.upper(), level.upper()), fields=given, more=tuple(more))


_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Line]], ...]] = (
    (_LOGGED, lambda found: _told(found[4], found[1], requestId=found[3])),
    (_RAISED, lambda found: _told(found[2], found[1])),
    (_TIMED_OUT, lambda found: _told(found[2], "ERROR", requestId=found[1])),
    (_EXITED, lambda found: _told(found[0].split(" ", 2)[2], "ERROR", requestId=found[1])),
    (_CRAWLED, lambda found: _told(found[3], found[2], crawl=found[1])),
)


def _report_line(text: str) -> Line:
    """Lambda's REPORT: what an invocation took. One that did not end well is an error."""
    values = dict(part.split(": ", 1) for part in text.removeprefix("REPORT ").split("\t") if ": " in part)
    return _took(
        values.get("Duration", "?"),
        billed=values.get("Billed Duration", ""),
        memory=f"{values.get('Max Memory Used', '?').removesuffix(' MB')} of {values.get('Memory Size', '?')}",
        init=values.get("Init Duration", ""),
        status=values.get("Status", "success"),
        fields={"requestId": values.get("RequestId", "")},
    )


def _took(duration: str, *, billed: str, memory: str, init: str, status: str, fields: Mapping[str, Any]) -> Line:
    parts = [f"took {duration}", billed and f"billed {billed}", f"memory {memory}", init and f"init {init}"]
    text = ", ".join(part for part in parts if part)
    if status == "success":
        return Line(text, Kind.REPORT, fields=fields)
    return Line(f"{status}: {text}", Kind.REPORT, "ERROR", fields)


def _json_line(document: dict[str, Any]) -> Line:
    kind, record = document.get("type"), document.get("record")
    if isinstance(kind, str) and kind.startswith("platform.") and isinstance(record, dict):
        return _platform_line(kind, record)
    if "executionId" in document and "messageType" in document:
        return _pipe_line(document)
    rest = {key: value for key, value in document.items() if key not in _KNOWN_ANYWAY}
    level = _pop(rest, _LEVEL_KEYS)
    if "errorCode" in rest and "destination" in rest:
        level = level or "ERROR"  # Firehose logs errors only
    kind_of_error = rest.pop("errorType", "") or rest.pop("errorCode", "")
    text = _pop(rest, _TEXT_KEYS)
    more = _lines(_pop(rest, _TRACE_KEYS))
    said = ": ".join(part for part in (_plain(kind_of_error), _plain(text)) if part)
    head, *tail = said.split("\n") if said else [""]
    return Line(head, level=_level(level), fields=rest, more=(*tail, *more))


def _platform_line(kind: str, record: dict[str, Any]) -> Line:
    """Lambda's own events in its JSON format (Telemetry API schema reference)."""
    if kind != "platform.report":
        status = record.get("status", "success")
        return Line(kind, Kind.FRAME, "" if status == "success" else "ERROR", record)
    metrics = record.get("metrics", {})

    def of(name: str) -> str:
        return f"{metrics[name]:.2f} ms" if name in metrics else ""

    return _took(
        of("durationMs") or "?",
        billed=of("billedDurationMs").replace(".00", ""),
        memory=f"{metrics.get('maxMemoryUsedMB', '?')} of {metrics.get('memorySizeMB', '?')} MB",
        init=of("initDurationMs"),
        status=record.get("status", "success"),
        fields={"requestId": record.get("requestId", "")},
    )


def _pipe_line(document: dict[str, Any]) -> Line:
    """A step of a pipe's execution (EventBridge user guide, Pipes log schema reference)."""
    rest = {key: value for key, value in document.items() if key not in _KNOWN_ANYWAY and value not in ("", None, [])}
    level, step, error = rest.pop("logLevel", ""), rest.pop("messageType"), rest.pop("error", None) or {}
    said = _plain(error.get("message", "")) if isinstance(error, dict) else _plain(error)
    if isinstance(error, dict):
        rest |= {key: value for key, value in error.items() if key != "message" and value not in ("", None)}
    return Line(f"{step}: {said}" if said else str(step), level=_level(level), fields=rest)


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _pop(document: dict[str, Any], keys: tuple[str, ...]) -> Any:
    """The first of these that is there; the others stay what they are, fields."""
    return next((document.pop(key) for key in keys if document.get(key) not in (None, "", [])), "")


def _level(told: Any) -> str:
    return _LEVELS.get(str(told).upper(), str(told).upper())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _lines(trace: Any) -> tuple[str, ...]:
    parts = [_plain(part) for part in trace] if isinstance(trace, list) else [_plain(trace)]
    return tuple(line for part in parts for line in part.rstrip("\n").split("\n") if line)
