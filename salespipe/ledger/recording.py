"""Appending acknowledged writes to a ledger, from any number of threads."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from salespipe.errors import SalespipeError
from salespipe.ledger.blocks import Header, Written, begin, frame, pack

# What was recorded outlives this process at once, and this machine after so many seconds.
INTERVAL: Final = 1.0

_sync: Final[Callable[[int], None]] = getattr(os, "fdatasync", os.fsync)


class LedgerError(SalespipeError):
    """The ledger takes no more; ``unrecorded`` acknowledged writes are missing from it, which the message tells."""

    def __init__(self, path: Path, error: OSError) -> None:
        self._what = f"The ledger {path} cannot be written: {error.strerror or error}."
        self.unrecorded = 0
        super().__init__(
            "NotRecorded", self._what, hint="Make room on that disk, or write without a ledger: --no-ledger."
        )

    def count(self, writes: int) -> None:
        """Count writes that were acknowledged and cannot be recorded."""
        self.unrecorded += writes
        were = "write was" if self.unrecorded == 1 else "writes were"
        self.message = f"{self._what} {self.unrecorded:,} {were} acknowledged that it does not have."


class Ledger:
    """A new ledger at ``path``, held by this process until it is closed.

    An entry is there once ``append`` has returned, whatever becomes of this process, and at most a second later it
    outlives a power cut too. Raises ``OSError`` when the file cannot be made. ``wall`` is Unix time in seconds.
    """

    def __init__(
        self,
        path: Path,
        header: Header,
        *,
        wall: Callable[[], float] = time.time,
        write: Callable[[int, bytes], int] = os.write,
        sync: Callable[[int], None] = _sync,
        interval: float = INTERVAL,
    ) -> None:
        self.path = path
        self._wall = wall
        self._write = write
        self._sync = sync
        self._lock = threading.Lock()
        self._end = 0
        self._entries = 0
        self._fresh = False
        self._failure: LedgerError | None = None
        self._closed = threading.Event()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._put(begin(header))
            self._sync(self._file)
            _sync_folder(path.parent)
        except BaseException:
            os.close(self._file)
            path.unlink()
            raise
        self._thread = threading.Thread(target=self._keep_syncing, args=(interval,), name="ledger", daemon=True)
        self._thread.start()

    @property
    def entries(self) -> int:
        """How many writes it has."""
        return self._entries

    def append(self, writes: Sequence[Written]) -> None:
        """Record writes that have just been acknowledged, a batch at a time: all of them or, at an error, none.

        Raises ``LedgerError`` when the disk does not take them, and from then on each time.
        """
        payload = pack(writes, int(self._wall() * 1000))
        with self._lock:
            if self._closed.is_set():
                raise ValueError("the ledger is closed")
            if not self._failure:
                try:
                    self._put(frame(self._entries, payload))
                except OSError as error:
                    self._failure = LedgerError(self.path, error)
            if self._failure:
                self._failure.count(len(writes))
                raise self._failure
            self._entries += len(writes)
            self._fresh = True

    def close(self) -> None:
        """Say in the file that this is all, unless something is missing, and let go of it. Idempotent."""
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
        self._thread.join()
        try:
            # A file that does not say that it was closed is read as one of a run that was killed: that loses nothing.
            with suppress(OSError):
                if not self._failure:
                    self._put(frame(self._entries, b""))
                self._sync(self._file)
        finally:
            os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _put(self, data: bytes) -> None:
        """Append, and at an error take away again what was appended of it."""
        left = data
        try:
            while left:
                left = left[self._write(self._file, left) :]
        except OSError:
            with suppress(OSError):  # readers know a torn end
                os.ftruncate(self._file, self._end)
            raise
        self._end += len(data)

    def _keep_syncing(self, interval: float) -> None:
        while not self._closed.wait(interval):
            if not self._fresh:
                continue
            self._fresh = False  # what is appended from here on is for the next time, or for this one
            try:
                self._sync(self._file)
            except OSError as error:
                with self._lock:
                    self._failure = self._failure or LedgerError(self.path, error)
                return


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
