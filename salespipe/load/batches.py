"""The queue between whoever makes writes and the workers that send them: batches that keep every key's order."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from salespipe.load.writer import Write

# BatchWriteItem's limits: requests in a call, and bytes (16 MB, less what JSON adds around the requests).
BATCH: Final = 25
BATCH_BYTES: Final = 15 * 2**20
# So many writes may wait: enough for full batches, little to lose at an interruption.
WAITING: Final = 32 * BATCH
# Batches leave at least this many seconds apart unless they are full: at high rates larger batches take a fraction of
# the work, and at low rates nothing ever waits.
SPACING: Final = 0.01


class Batches:
    """Writes in, batches of distinct keys out, none of them with a key of a batch that is still under way."""

    def __init__(self) -> None:
        lock = threading.Lock()
        self._work = threading.Condition(lock)
        self._room = threading.Condition(lock)
        self._waiting: deque[Write] = deque()
        self._busy: set[str] = set()
        self._closed = False
        self._taken = 0.0

    def offer(self, write: Write, timeout: float) -> bool:
        """Add a write; False when there is no room within ``timeout`` seconds, or when closed."""
        with self._room:
            if len(self._waiting) >= WAITING:
                self._room.wait_for(lambda: len(self._waiting) < WAITING or self._closed, timeout)
            if self._closed or len(self._waiting) >= WAITING:
                return False
            self._waiting.append(write)
            if len(self._waiting) == 1 or len(self._waiting) % BATCH == 0:
                self._work.notify()
            return True

    def take(self) -> list[Write]:
        """The next batch, whose keys are busy until ``release``; empty when the queue is closed and used up."""
        with self._work:
            while True:
                self._work.wait_for(lambda: self._waiting or self._closed)
                early = self._taken + SPACING - time.monotonic()
                if early > 0:
                    self._work.wait_for(lambda: len(self._waiting) >= BATCH or self._closed, early)
                if not self._waiting and self._closed:
                    return []
                if batch := self._pick():
                    self._taken = time.monotonic()
                    self._room.notify()
                    if self._waiting:
                        self._work.notify()
                    return batch
                if self._waiting:  # all for keys under way: their release will wake us
                    self._work.wait()

    def release(self, batch: Iterable[Write]) -> None:
        """The writes of a batch have settled: later ones of the same keys may go."""
        with self._work:
            self._busy.difference_update([write.key for write in batch])
            if self._closed:  # whoever waited for these keys must look whether there is anything left to do
                self._work.notify_all()
            elif self._waiting:
                self._work.notify()

    def close(self, *, discard: bool = False) -> None:
        """Take no more writes; ``discard`` those that wait."""
        with self._work:
            self._closed = True
            if discard:
                self._waiting.clear()
            self._work.notify_all()
            self._room.notify_all()

    def _pick(self) -> list[Write]:
        batch: list[Write] = []
        later: list[Write] = []
        taken: set[str] = set()
        room = BATCH_BYTES
        while self._waiting and len(batch) < BATCH:
            write = self._waiting.popleft()
            room -= len(write.request)
            if room < 0 and batch:
                self._waiting.appendleft(write)
                break
            if write.key in self._busy or write.key in taken:
                later.append(write)
            else:
                batch.append(write)
            taken.add(write.key)
        self._waiting.extendleft(reversed(later))
        self._busy.update([write.key for write in batch])
        return batch
