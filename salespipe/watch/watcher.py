"""The watcher: a thread that fetches, and posts a frozen snapshot for whoever draws.

It recovers by itself. While the stream cannot be read the last snapshot stays, with the failure in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from threading import Condition, Lock, Thread, local
from typing import Final, Protocol

import msgspec

from salespipe.watch.desk import Books, Desk
from salespipe.watch.failing import told
from salespipe.watch.fetched import Fetched, Progress, Source
from salespipe.watch.model import Board, Choice, Failure, Snapshot, Window

_LENGTHS: Final = list(Window)
_TRY_AGAIN: Final = 1.0
# Nothing new has come, and yet the window moves on.
_IDLE_SECONDS: Final = 1.0
_END_SECONDS: Final = 3.0


class Recorder(Protocol):
    """Who keeps what was fetched."""

    def keep(self, event: Fetched) -> None:
        """Keep it. Raises ``OSError``."""

    def close(self) -> None:
        """Nothing more comes."""


class Watcher:
    """Fetches from ``source`` between ``start`` and ``stop``, and makes a snapshot every so many seconds.

    ``every`` is how far apart two snapshots are at least; a new choice does not wait. ``step`` is one turn of the
    thread, for a caller that wants none.
    """

    def __init__(
        self,
        source: Source,
        books: Callable[[str], Books],
        choice: Choice,
        *,
        every: float = 0.5,
        recorder: Recorder | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._desk = Desk(books)
        self._choice = choice
        self._longest = choice.window
        self._every = every
        self._recorder = recorder
        self._clock = clock
        self._news = Condition()
        self._at_desk = Lock()
        self._newest: Snapshot | None = None
        self._given = local()
        self._posted_at = float("-inf")
        self._posted_for: Choice | None = None
        self._fresh = False
        self._failure: Failure | None = None
        self._stopped = False
        self._asked = False
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin to fetch."""
        self._thread = Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after the call that it may be in, and all that was opened."""
        with self._news:
            self._stopped = True
            self._news.notify_all()
        if self._thread is None:
            self._close()
        else:
            self._thread.join(_END_SECONDS)

    def ask(self, choice: Choice) -> None:
        """Show something else from now on."""
        with self._news:
            self._choice, self._asked = choice, True
            self._longest = max(self._longest, choice.window, key=_LENGTHS.index)
            self._news.notify_all()

    def board(self, choice: Choice) -> Board | None:
        """The business as another choice has it, as of now; None while nothing is known. From any thread."""
        self._longest = max(self._longest, choice.window, key=_LENGTHS.index)
        newest = self._newest
        with self._at_desk:
            at = newest.at if newest and newest.failure else self._source.now()
            return self._desk.board(at, choice)

    @property
    def newest(self) -> Snapshot | None:
        """The last snapshot that was posted."""
        return self._newest

    def wait(self, timeout: float | None = None, after: Snapshot | None = None) -> Snapshot | None:
        """The newest snapshot, if it is not ``after``, or the next; None if there is none for so long.

        Without ``after`` it is one that the calling thread was not given yet.
        """
        known = after or getattr(self._given, "last", None)
        with self._news:
            self._news.wait_for(lambda: self._stopped or self._newest is not known, timeout)
            newest = self._newest
        self._given.last = newest
        return newest if newest is not known else None

    def picture(self) -> Snapshot:
        """Post a snapshot now. For a caller of ``step``."""
        self._post(self._choice)
        assert self._newest is not None  # noqa: S101 - it was just posted
        return self._newest

    def step(self) -> float:
        """Fetch what there is, and post a snapshot if it is time. Returns the seconds until the next turn."""
        with self._news:
            choice, self._asked = self._choice, False
        try:
            for event in self._source.take(self._longest):
                with self._at_desk:
                    self._desk.take(event)
                self._fresh = self._fresh or not isinstance(event, Progress) or event.reading.filling
                if self._recorder:
                    self._recorder.keep(event)
            pause, failure = self._source.pause(), None
        except Exception as error:  # noqa: BLE001 - whatever it is, the screen says so and it is tried again
            self._source.forget()
            pause, failure = _TRY_AGAIN, self._failed(error)
        changed = failure != self._failure
        self._failure = failure
        now = self._clock()
        due = self._posted_at + (self._every if self._fresh else max(self._every, _IDLE_SECONDS))
        if changed or choice != self._posted_for or (failure is None and now >= due):
            self._post(choice)
            self._posted_at, self._posted_for, self._fresh = now, choice, False
            due = now + self._every
        return pause if failure else min(pause, max(0.0, due - now))

    def _failed(self, error: Exception) -> Failure:
        why = told(error)
        since = self._failure.since if self._failure else self._source.now()
        return Failure(code=why.code, message=why.message, hint=why.hint, since=since)

    def _post(self, choice: Choice) -> None:
        last = self._newest
        if self._failure and last and choice == self._posted_for:
            made = msgspec.structs.replace(last, failure=self._failure)
        else:
            now: datetime = last.at if self._failure and last else self._source.now()
            with self._at_desk:
                made = self._desk.snapshot(now, choice, self._failure)
        with self._news:
            self._newest = made
            self._news.notify_all()

    def _run(self) -> None:
        try:
            while not self._stopped:
                pause = self.step()
                with self._news:
                    self._news.wait_for(lambda: self._stopped or self._asked, pause)
        finally:
            self._close()

    def _close(self) -> None:
        with suppress(Exception):
            self._source.close()
        if self._recorder:
            self._recorder.close()
