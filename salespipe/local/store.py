"""The durable state of the local AWS: one SQLite database that survives ``kill -9`` of the process.

Write-ahead log with ``synchronous=NORMAL``: a committed transaction is in the operating system's hands, so it outlives
the process (though the last ones may not outlive a power cut). One connection writes, guarded by a lock; every thread
has its own connection to read with, which never waits for the writer.
"""

from __future__ import annotations

import errno
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from salespipe.errors import SalespipeError

FORMAT: Final = 1
"""Version of the tables' layout, kept in SQLite's ``user_version``."""

UNREADABLE: Final = "StateUnreadable"
"""The error code of a state that is not ours, or damaged."""

UNWRITABLE: Final = "StateUnwritable"
"""The error code of a folder on a full disk."""

_WRITER_CACHE_KIB: Final = 32 * 1024
_READER_CACHE_KIB: Final = 4 * 1024
_CHECKPOINT_PAGES: Final = 4_000  # 16 MB: fewer checkpoints than the default of 4 MB, and still a bounded file


# SQLite's primary result codes: sqlite.org/rescode.html
_UNREADABLE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNWRITABLE: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY})
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})


def disk_trouble(error: BaseException) -> SalespipeError | None:
    """What is wrong with the disk or the file on it when ``error`` says so, None when it says something else.

    ``UNWRITABLE``: there is no room left, and what was asked for was not done. ``UNREADABLE``: the database is damaged.
    """
    code = getattr(error, "sqlite_errorcode", None) if isinstance(error, sqlite3.Error) else None
    primary = code & 0xFF if code is not None else None
    if primary in _UNWRITABLE or (isinstance(error, OSError) and error.errno in _NO_ROOM):
        return SalespipeError(
            UNWRITABLE,
            f"The data folder of the local AWS cannot be written to: {error}.",
            hint="Make room on its disk: what was acknowledged is kept, and work goes on by itself.",
        )
    if primary in _UNREADABLE:
        return SalespipeError(
            UNREADABLE,
            f"The state.db of the local AWS is damaged: {error}.",
            hint="Nothing was changed. Restore a copy of the data folder, or start afresh: salespipe local reset",
        )
    return None


class _Reader:
    """A read connection that is closed with the thread that owns it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


class Store:
    """The database ``state.db`` in ``folder``, which is created for this user alone.

    Raises ``SalespipeError`` when there is a file that is not ours, damaged, or of a newer format; it is left as it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._path = folder / "state.db"
        self._lock = threading.RLock()
        self._depth = 0
        self._committed: list[Callable[[], None]] = []
        self._local = threading.local()
        self._readers: weakref.WeakSet[_Reader] = weakref.WeakSet()
        self._closed = False
        self._writer = self._open_writer()

    def _open_writer(self) -> sqlite3.Connection:
        connection = self._connect()
        try:
            self._check_format(connection)
            connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            connection.execute("PRAGMA journal_size_limit = 67108864")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        except sqlite3.DatabaseError as error:
            connection.close()
            trouble = disk_trouble(error)
            if trouble and trouble.code == UNWRITABLE:
                raise trouble from error
            raise SalespipeError(
                UNREADABLE,
                f"{self._path} cannot be read: {error}.",
                hint="Nothing was changed. Move the file away to start afresh, or restore a copy of it.",
            ) from error
        except SalespipeError:
            connection.close()
            raise
        return connection

    def _check_format(self, connection: sqlite3.Connection) -> None:
        found = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if found not in {0, FORMAT}:
            raise SalespipeError(
                "StateFormat",
                f"{self._path} has format {found}, this version of salespipe reads format {FORMAT}.",
                hint="Use the salespipe that wrote it, or another data folder.",
            )

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._path, timeout=30, isolation_level=None, check_same_thread=False, cached_statements=256
        )

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed at the end of the block, rolled back when an exception leaves it.

        Waits for the other threads' writes. Inside a block of the same thread it joins that block's transaction, which
        then stands or falls as a whole: an exception that the outer block swallows undoes nothing.
        """
        with self._lock:
            if self._depth:
                self._depth += 1
                try:
                    yield self._writer
                finally:
                    self._depth -= 1
                return
            self._writer.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                self._committed.clear()
                if self._writer.in_transaction:  # a full disk makes SQLite roll back by itself
                    self._writer.execute("ROLLBACK")
                raise
            finally:
                self._depth = 0
            committed, self._committed = self._committed, []
        for call in committed:
            call()

    def read(self) -> sqlite3.Connection:
        """The calling thread's own connection for reading; each statement sees what was last committed.

        Inside ``write()`` it is the writing connection, which also sees the block's own changes. Fetch a statement's
        rows at once: an open cursor holds an old snapshot, and with it the write-ahead log.
        """
        if self._depth and self._owned():
            return self._writer
        reader: _Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            if self._closed:
                raise sqlite3.ProgrammingError("The store is closed.")
            reader = _Reader(self._connect())
            reader.connection.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
            reader.connection.execute("PRAGMA query_only = ON")
            self._local.reader = reader
            self._readers.add(reader)
        return reader.connection

    def _owned(self) -> bool:
        """Whether this thread is inside ``write()``."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            return self._depth > 0
        finally:
            self._lock.release()

    def schema(self, ddl: str) -> None:
        """Declare tables: one or more ``CREATE ... IF NOT EXISTS`` statements, separated by semicolons."""
        with self.write() as connection:
            for statement in ddl.split(";"):
                connection.execute(statement)

    def after_commit(self, call: Callable[[], None]) -> None:
        """Run ``call`` in this thread once the outermost ``write()`` has committed; never if it rolls back."""
        if not self._owned():
            raise RuntimeError("after_commit() is for use inside write().")
        self._committed.append(call)

    def close(self) -> None:
        """Close every connection, after the write in progress. The store cannot be used again."""
        with self._lock:
            self._closed = True
            for reader in list(self._readers):
                reader.connection.close()
            self._writer.close()
