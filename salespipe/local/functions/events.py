"""Asynchronous invocations of Lambda functions: queued durably, retried as the function's event invoke config says."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from salespipe.local.store import Store

log = logging.getLogger(__name__)

RETRY_DELAYS: Final = (60.0, 120.0)
"""Seconds before the first and the second retry (Lambda developer guide, asynchronous invocation)."""
_WORKERS: Final = 2
_BATCH: Final = 32
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS lambda_events (
  id INTEGER PRIMARY KEY, region TEXT NOT NULL, function TEXT NOT NULL, payload BLOB NOT NULL,
  received REAL NOT NULL, attempts INTEGER NOT NULL, due REAL NOT NULL
)"""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """A function's event invoke config: retries after a failure; age in seconds at which an event is dropped."""

    retries: int = 2
    max_age: float = 21_600.0


@dataclass(frozen=True, slots=True)
class _Event:
    key: int
    region: str
    function: str
    payload: bytes
    received: float
    attempts: int


class EventQueue:
    """Events that were accepted and not yet handled, oldest due first.

    ``invoke(region, function, payload)`` runs one and tells whether it succeeded; ``policy(region, function)`` is asked
    when it did not. ``clock`` is Unix time in seconds. Nothing runs while the queue is empty.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float],
        invoke: Callable[[str, str, bytes], bool],
        policy: Callable[[str, str], RetryPolicy],
        *,
        delays: tuple[float, ...] = RETRY_DELAYS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._invoke = invoke
        self._policy = policy
        self._delays = delays
        self._changed = threading.Condition()
        self._running: set[int] = set()
        self._stopping = False
        self._thread: threading.Thread | None = None
        store.schema(_SCHEMA)

    def put(self, region: str, function: str, payload: bytes) -> None:
        """Accept an event: once this returns, it survives the end of the process."""
        now = self._clock()
        with self._store.write() as connection:
            connection.execute(
                "INSERT INTO lambda_events (region, function, payload, received, attempts, due) "
                "VALUES (?, ?, ?, ?, 0, ?)",
                (region, function, payload, now, now),
            )
        self.start()
        self._wake()

    def start(self) -> None:
        """Begin, or go on with what was accepted before a restart."""
        with self._changed:
            if self._thread is None and not self._stopping:
                self._thread = threading.Thread(target=self._run, name="lambda-events", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End; what is not done stays queued."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(timeout=10)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="lambda-event") as workers:
            while True:
                with self._changed:
                    if self._stopping:
                        return
                    room = _WORKERS - len(self._running)
                    for event in self._due(room):
                        self._running.add(event.key)
                        workers.submit(self._handle, event)
                    self._changed.wait(self._pause())

    def _due(self, room: int) -> list[_Event]:
        if room <= 0:
            return []
        rows = self._store.read().execute(
            "SELECT id, region, function, payload, received, attempts FROM lambda_events WHERE due <= ? "
            "ORDER BY due, id LIMIT ?",
            (self._clock(), room + len(self._running)),
        )
        return [event for event in (_Event(*row) for row in rows.fetchall()) if event.key not in self._running][:room]

    def _pause(self) -> float | None:
        """Seconds until the next event is due; None when only a new one can be."""
        rows = self._store.read().execute("SELECT id, due FROM lambda_events ORDER BY due LIMIT ?", (_BATCH,))
        waiting: list[float] = [due for key, due in rows.fetchall() if key not in self._running]
        if not waiting:
            return None
        if len(self._running) >= _WORKERS:
            return None
        return max(0.0, min(waiting) - self._clock())

    def _handle(self, event: _Event) -> None:
        try:
            done = self._invoke(event.region, event.function, event.payload)
        except Exception:
            log.exception("An asynchronous invocation of %s failed.", event.function)
            done = False
        try:
            self._settle(event, done=done)
        finally:
            with self._changed:
                self._running.discard(event.key)
                self._changed.notify_all()

    def _settle(self, event: _Event, *, done: bool) -> None:
        if self._stopping and not done:
            return  # it may have failed because everything ends: it is tried again after the restart
        policy = RetryPolicy() if done else self._policy(event.region, event.function)
        delay = self._delays[min(event.attempts, len(self._delays) - 1)]
        again = self._clock() + delay
        dropped = event.attempts >= policy.retries or again - event.received > policy.max_age
        with self._store.write() as connection:
            if done or dropped:
                connection.execute("DELETE FROM lambda_events WHERE id = ?", (event.key,))
            else:
                connection.execute(
                    "UPDATE lambda_events SET attempts = attempts + 1, due = ? WHERE id = ?", (again, event.key)
                )
        if dropped and not done:
            log.warning("Dropped an event of %s after %d attempts.", event.function, event.attempts + 1)
