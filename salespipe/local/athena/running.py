"""A running query, so that another thread may stop it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from salespipe.local.athena.errors import QueryCancelledError

if TYPE_CHECKING:
    import duckdb

LIMIT_EXCEEDED: Final = "Bytes scanned limit was exceeded"


class Connections:
    """The connection of a running query, so that another thread may interrupt it."""

    def __init__(self) -> None:
        self._connection: duckdb.DuckDBPyConnection | None = None
        self.stopped = False

    @contextmanager
    def using(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """While the block runs, ``stop`` interrupts ``connection``."""
        self._connection = connection
        self.check()
        try:
            yield
        finally:
            self._connection = None

    def check(self) -> None:
        """Raise ``QueryCancelledError`` when the query was stopped."""
        if self.stopped:
            raise QueryCancelledError("Query cancelled by user")

    def stop(self) -> None:
        """Interrupt the query, now or as soon as it gets to run."""
        self.stopped = True
        connection = self._connection
        if connection is not None:
            connection.interrupt()
