"""A clock for several threads, on which waiting takes no time and nothing else takes any."""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
from collections import deque
from concurrent.futures import Future
from typing import Any

import pytest

_STUCK = 0.02  # real seconds without a move: somebody waits in a way that is not watched, such as joining a thread


class Clock:
    """Seconds that go by only while every thread waits: then it is at once the time that the first waits for.

    Waiting is ``sleep``, and waiting for a word in a ``queue.SimpleQueue`` or for the result of a future, which is how
    thread pools and their owners wait. So the time that something takes is what its sleeps add up to on the longest
    way, however busy the machine is.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._lock = threading.Lock()
        self._sleepers: list[tuple[float, int, Any]] = []
        self._order = itertools.count()
        self._idle = 0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        gate = threading.Lock()
        gate.acquire()
        with self._lock:
            heapq.heappush(self._sleepers, (self.now + max(seconds, 0.0), next(self._order), gate))
            self._go_on()
        while not gate.acquire(timeout=_STUCK):
            with self._lock:
                self._wake()

    def _go_on(self) -> None:
        if len(self._sleepers) + self._idle >= threading.active_count():
            self._wake()

    def _wake(self) -> None:
        """Make it the time of the first sleeper, and wake whoever is due then. The lock is held."""
        if self._sleepers:
            self.now = max(self.now, self._sleepers[0][0])
            while self._sleepers and self._sleepers[0][0] <= self.now:
                heapq.heappop(self._sleepers)[2].release()

    def idle(self) -> None:
        """The calling thread waits for another, which calls ``busy`` for it as it ends the waiting."""
        with self._lock:
            self._idle += 1
            self._go_on()

    def busy(self) -> None:
        with self._lock:
            self._idle -= 1

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Learn of all waiting in this process, botocore's between two attempts included."""
        wait, clock = Future.result, self

        def result(future: Future[Any], timeout: float | None = None) -> Any:
            if not future.done():
                clock.idle()
                future.add_done_callback(lambda _: clock.busy())
            return wait(future, timeout)

        class Words(_Words):
            def __init__(self) -> None:
                super().__init__(clock)

        monkeypatch.setattr(Future, "result", result)
        monkeypatch.setattr(queue, "SimpleQueue", Words)


class _Words:
    """A ``queue.SimpleQueue`` that tells a clock who waits for a word."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._words: deque[Any] = deque()
        self._waiting: deque[Any] = deque()

    def put(self, word: Any) -> None:
        with self._lock:
            self._words.append(word)
            if self._waiting:
                self._clock.busy()
                self._waiting.popleft().release()

    def get(self, block: bool = True) -> Any:
        while True:
            with self._lock:
                if self._words:
                    return self._words.popleft()
                if not block:
                    raise queue.Empty
                gate = threading.Lock()
                gate.acquire()
                self._waiting.append(gate)
                self._clock.idle()
            gate.acquire()

    def get_nowait(self) -> Any:
        return self.get(block=False)

    def empty(self) -> bool:
        return not self._words

    def qsize(self) -> int:
        return len(self._words)
