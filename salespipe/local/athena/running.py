"""A running query, so that another thread may stop it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from salespipe.local.athena.errors import QueryCancelledError

if TYPE_CHECKING:
    import duckdb

CANCELLED_BY_USER: Final = "Query cancelled by user"
LIMIT_EXCEEDED: Final = "Bytes scanned limit was exceeded"

_ATTEMPTS: Final = 40
_PAUSE: Final = 0.05  # seconds


class Connections:
    """The connection of a running query, so that another thread may interrupt it."""

    def __init__(self) -> None:
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self.stopped = False

    @contextmanager
    def using(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """While the block runs, ``stop`` interrupts ``connection``."""
        self._connection = connection
        self.check()
        try:
            yield
        finally:
            with self._lock:
                self._connection = None
            self._idle.set()

    def check(self) -> None:
        """Raise ``QueryCancelledError`` when the query was stopped."""
        if self.stopped:
            raise QueryCancelledError(CANCELLED_BY_USER)

    def stop(self) -> None:
        """Interrupt the query, now or as soon as it gets to run.

        DuckDB forgets an interruption that comes between two statements, so it is repeated until the query lets go of
        its connection, for two seconds at most.
        """
        self.stopped = True
        for _ in range(_ATTEMPTS):
            with self._lock:
                if self._connection is None:
                    return
                self._connection.interrupt()
            if self._idle.wait(_PAUSE):
                return
