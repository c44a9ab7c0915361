"""A thread that sleeps until the next thing on a timetable is due."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from salespipe.local.schedules.expression import Expression

log = logging.getLogger(__name__)

_LONGEST_SLEEP: Final = 60.0  # so that a clock that is set, or a laptop that slept, is noticed
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Entry:
    """A schedule and the moment from which it counts (Unix seconds)."""

    expression: Expression
    since: float


class Timetable(Generic[Key]):
    """Runs ``run(key, due)`` whenever an entry of ``plan()`` is due.

    ``plan`` is asked, in the thread, after each ``change``; ``clock`` is Unix time in seconds. Times that passed while
    nobody was there are skipped. There is no thread until the first ``change``, and it sleeps while the plan is empty.
    """

    def __init__(
        self,
        name: str,
        clock: Callable[[], float],
        plan: Callable[[], Mapping[Key, Entry]],
        run: Callable[[Key, float], None],
    ) -> None:
        self._name = name
        self._clock = clock
        self._plan = plan
        self._run = run
        self._changed = threading.Condition()
        self._changes = self._followed = 0
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._due: dict[Key, tuple[float, Entry]] = {}

    def change(self) -> None:
        """The plan is another now, or the clock was moved."""
        with self._changed:
            if self._stopping:
                return
            self._changes += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def stop(self) -> None:
        """End the thread, after what it is running."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(timeout=10)

    def _work(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                changes = self._changes
            try:
                if changes != self._followed:
                    self._read_plan()
                self._run_due()
            except Exception:
                log.exception("%s could not read its plan.", self._name)
            with self._changed:
                self._followed = changes
                if self._changes == changes and not self._stopping:
                    self._changed.wait(self._pause())

    def _read_plan(self) -> None:
        now = self._clock()
        due: dict[Key, tuple[float, Entry]] = {}
        for key, entry in self._plan().items():
            known = self._due.get(key)
            moment = known[0] if known and known[1] == entry else entry.expression.next_after(now, entry.since)
            if moment is not None:
                due[key] = (moment, entry)
        self._due = due

    def _run_due(self) -> None:
        now = self._clock()
        for key, (moment, entry) in sorted(self._due.items(), key=lambda item: item[1][0]):
            if moment > now:
                return
            following = entry.expression.next_after(now, entry.since)
            if following is None:
                del self._due[key]
            else:
                self._due[key] = (following, entry)
            try:
                self._run(key, moment)
            except Exception:
                log.exception("%s could not run %s.", self._name, key)

    def _pause(self) -> float | None:
        if not self._due:
            return None
        following = min(moment for moment, _ in self._due.values())
        return min(_LONGEST_SLEEP, max(0.0, following - self._clock()))
