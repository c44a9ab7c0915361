"""Writes to CloudWatch Logs in the background, so that what is logged about never waits for its log."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from salespipe.local.api import ClientFactory

log = logging.getLogger(__name__)

_BATCH_EVENTS: Final = 1_000  # PutLogEvents takes 10,000 events and 1 MB a call
_MESSAGE_LIMIT: Final = 256 * 1024  # bytes of one event, CloudWatch Logs quota
_PENDING_LIMIT: Final = 50_000

Line = tuple[str, str, str, int, str]
"""Region, group, stream, epoch milliseconds, message."""


class LogWriter:
    """Collects log events and puts them every ``interval`` seconds; streams are created when missing.

    So are groups, unless they have to be there (``makes_groups`` False).
    Its thread sleeps while there is nothing to write, and begins with the first event. What cannot be written is
    dropped with a line in the server's own log: a log must never stop what it tells of.
    """

    def __init__(self, client: ClientFactory, *, interval: float = 0.5, makes_groups: bool = True) -> None:
        self._client = client
        self._makes_groups = makes_groups
        self._interval = interval
        self._pending: deque[Line] = deque()
        self._known: set[tuple[str, str, str]] = set()
        self._changed = threading.Condition()
        self._flushing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def write(self, region: str, group: str, stream: str, moment: float, messages: Iterable[str]) -> None:
        """Queue ``messages`` for a stream; ``moment`` is Unix time in seconds."""
        lines = [(region, group, stream, int(moment * 1000), message) for message in messages]
        with self._changed:
            if len(self._pending) + len(lines) > _PENDING_LIMIT:
                log.warning("Dropped %d log events of %s: more are waiting than can be written.", len(lines), group)
                return
            self._pending.extend(lines)
            if self._thread is None and not self._stopping.is_set():
                self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
                self._thread.start()
            self._changed.notify()

    def flush(self) -> None:
        """Write everything queued so far."""
        with self._flushing:
            with self._changed:
                lines = list(self._pending)
                self._pending.clear()
            lines.sort(key=lambda line: line[:4])  # stable: events of one moment keep their order
            for (region, group, stream), found in groupby(lines, key=lambda line: line[:3]):
                events = [{"timestamp": line[3], "message": line[4][:_MESSAGE_LIMIT]} for line in found if line[4]]
                for start in range(0, len(events), _BATCH_EVENTS):
                    self._put(region, group, stream, events[start : start + _BATCH_EVENTS])

    def stop(self) -> None:
        """Write what is queued and end the thread."""
        self._stopping.set()
        with self._changed:
            self._changed.notify()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(timeout=10)
        self.flush()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with self._changed:
                while not self._pending and not self._stopping.is_set():
                    self._changed.wait()
            self._stopping.wait(self._interval)
            self.flush()

    def _put(self, region: str, group: str, stream: str, events: list[dict[str, Any]]) -> None:
        try:
            logs = self._client("logs", region)

            def put() -> None:
                logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

            if (region, group, stream) in self._known:
                try:
                    put()
                except Exception as error:
                    # Somebody deleted the group or the stream in between; AWS's services make it again.
                    if _code(error) != "ResourceNotFoundException":
                        raise
                else:
                    return
            if self._makes_groups:
                _make(lambda: logs.create_log_group(logGroupName=group))
            _make(lambda: logs.create_log_stream(logGroupName=group, logStreamName=stream))
            self._known.add((region, group, stream))
            put()
        except Exception:
            log.warning("Could not write %d log events to %s %s.", len(events), group, stream, exc_info=True)


def _make(call: Callable[[], object]) -> None:
    try:
        call()
    except Exception as error:
        if _code(error) != "ResourceAlreadyExistsException":
            raise


def _code(error: Exception) -> str:
    response: dict[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))
