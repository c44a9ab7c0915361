"""An append-only, ordered, durable log in shards: DynamoDB stream shards and Kinesis shards alike."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Final

import msgspec

from salespipe.local.store import Store

# A record's row number holds its shard and its sequence. An ordinary table clustered by one integer keeps a record of
# a kilobyte within its leaf page, where an index-organised table keyed by (shard, sequence) would spill it.
_SEQUENCE_BITS: Final = 48  # leaves 15 bits for shards, whose numbers are used again after drop()
_TRIM_AT_ONCE: Final = 5_000

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS log_shard (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, last INTEGER NOT NULL, arrived REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS log_record (
    position INTEGER PRIMARY KEY, arrived REAL NOT NULL, key TEXT NOT NULL, data BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS log_checkpoint (
    reader TEXT NOT NULL, shard TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (reader, shard)
) WITHOUT ROWID
"""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record of a shard; ``arrived`` is Unix time in seconds."""

    sequence: int
    arrived: float
    key: str
    data: bytes


class RecordLog:
    """Shards of records in ``store``. A shard comes into being with ``create`` or its first ``append``.

    Sequences count from 1 (or from where ``create`` said) and are never given twice, also after trimming. ``clock`` is
    Unix time in seconds; arrival times in a shard never go back, even if the clock does.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: defaultdict[str, set[threading.Event]] = defaultdict(set)
        store.schema(_SCHEMA)

    def create(self, shard: str, after: int = 0) -> None:
        """Make an empty shard whose first record will have the sequence ``after`` + 1; nothing when it exists.

        With ``after`` taken from the clock, a shard that replaces a deleted one goes on above its sequences.
        """
        with self._store.write() as connection:
            connection.execute(
                "INSERT INTO log_shard (name, last, arrived) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
                (shard, after, self._clock()),
            )

    def append(self, shard: str, entries: Sequence[tuple[str, bytes]]) -> list[int]:
        """Append (key, data) pairs and return their sequences; part of the caller's ``store.write()`` if there is one.

        Who waits for the shard is woken once that transaction has committed.
        """
        with self._store.write() as connection:
            number, last, arrived = connection.execute(
                "INSERT INTO log_shard (name, last, arrived) VALUES (?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE"
                " SET last = last + excluded.last, arrived = max(arrived, excluded.arrived)"
                " RETURNING id, last, arrived",
                (shard, len(entries), self._clock()),
            ).fetchone()
            first = last - len(entries) + 1
            start = _position(number, first)
            connection.executemany(
                "INSERT INTO log_record VALUES (?, ?, ?, ?)",
                [(start + offset, arrived, key, data) for offset, (key, data) in enumerate(entries)],
            )
            self._store.after_commit(lambda: self._notify(shard))
        return list(range(first, last + 1))

    def read(self, shard: str, after: int, limit: int, max_bytes: int = 10 * 2**20) -> list[Record]:
        """Up to ``limit`` records that follow sequence ``after``, within ``max_bytes`` of data, but at least one."""
        number = self._number(shard)
        if number is None:
            return []
        records: list[Record] = []
        size = 0
        with closing(
            self._store.read().execute(
                "SELECT position, arrived, key, data FROM log_record"
                " WHERE position > ? AND position < ? ORDER BY position LIMIT ?",
                (_position(number, after), _position(number + 1, 0), limit),
            )
        ) as rows:
            for position, arrived, key, data in rows:
                size += len(data)
                if records and size > max_bytes:
                    break
                records.append(Record(_sequence(position), arrived, key, data))
        return records

    def first(self, shard: str) -> int:
        """The lowest sequence still held, or the one that comes next when nothing is."""
        number = self._number(shard)
        if number is None:
            return 1
        lowest = (
            self._store.read()
            .execute(
                "SELECT min(position) FROM log_record WHERE position > ? AND position < ?",
                (_position(number, 0), _position(number + 1, 0)),
            )
            .fetchone()[0]
        )
        return self.last(shard) + 1 if lowest is None else _sequence(lowest)

    def last(self, shard: str) -> int:
        """The highest sequence ever given in the shard, 0 when none was."""
        row = self._store.read().execute("SELECT last FROM log_shard WHERE name = ?", (shard,)).fetchone()
        return int(row[0]) if row else 0

    def before(self, shard: str, timestamp: float) -> int:
        """The sequence of the last record that arrived before ``timestamp`` (Unix seconds).

        When none that is held did, it is the sequence before the first that is held: read on after it in any case.
        """
        number = self._number(shard)
        if number is None:
            return 0
        # The sequences held are contiguous, and arrival times never go back: a binary search needs no index.
        low, high = self.first(shard) - 1, self.last(shard)
        while low < high:
            middle = (low + high + 1) // 2
            row = (
                self._store.read()
                .execute("SELECT arrived FROM log_record WHERE position = ?", (_position(number, middle),))
                .fetchone()
            )
            if row is None or row[0] < timestamp:  # None: trimmed meanwhile, so older than all that is held
                low = middle
            else:
                high = middle - 1
        return low

    def trim(self, older_than: float, prefix: str = "") -> int:
        """Delete the records that arrived before ``older_than`` (Unix seconds) in the shards named with ``prefix``.

        Returns how many. Works in small transactions, so that writers do not wait long.
        """
        trimmed = 0
        for number, shard in self._shards(prefix):
            bounds = (_position(number, 0), _position(number, self.before(shard, older_than)))
            deleted = _TRIM_AT_ONCE
            while deleted == _TRIM_AT_ONCE:
                with self._store.write() as connection:
                    deleted = connection.execute(
                        "DELETE FROM log_record WHERE position IN (SELECT position FROM log_record"
                        " WHERE position > ? AND position <= ? ORDER BY position LIMIT ?)",
                        (*bounds, _TRIM_AT_ONCE),
                    ).rowcount
                trimmed += deleted
        return trimmed

    def drop(self, prefix: str) -> None:
        """Forget every shard whose name starts with ``prefix``: its records, its last sequence, its checkpoints."""
        with self._store.write() as connection:
            for number, shard in self._shards(prefix):
                connection.execute(
                    "DELETE FROM log_record WHERE position >= ? AND position < ?",
                    (_position(number, 0), _position(number + 1, 0)),
                )
                connection.execute("DELETE FROM log_shard WHERE id = ?", (number,))
                connection.execute("DELETE FROM log_checkpoint WHERE shard = ?", (shard,))

    def wait(self, positions: Mapping[str, int], timeout: float) -> bool:
        """Sleep until a shard has a record after its position, at most ``timeout`` seconds; whether one has.

        Returns early, with False, when ``wake()`` is called meanwhile.
        """
        event = threading.Event()
        with self._lock:
            for shard in positions:
                self._waiting[shard].add(event)
        try:
            # Registered before looking, so that a commit in between is not missed.
            return self._ready(positions) or (event.wait(timeout) and self._ready(positions))
        finally:
            with self._lock:
                for shard in positions:
                    self._waiting[shard].discard(event)
                    if not self._waiting[shard]:
                        del self._waiting[shard]

    def wake(self) -> None:
        """End every ``wait()`` that is in progress."""
        with self._lock:
            for events in self._waiting.values():
                for event in events:
                    event.set()

    def position(self, reader: str, shard: str) -> int | None:
        """The sequence up to which ``reader`` has finished ``shard``, None when it has never said."""
        row = (
            self._store.read()
            .execute("SELECT sequence FROM log_checkpoint WHERE reader = ? AND shard = ?", (reader, shard))
            .fetchone()
        )
        return int(row[0]) if row else None

    def checkpoint(self, reader: str, shard: str, sequence: int) -> None:
        """Remember durably that ``reader`` has finished ``shard`` up to ``sequence``."""
        with self._store.write() as connection:
            connection.execute("INSERT OR REPLACE INTO log_checkpoint VALUES (?, ?, ?)", (reader, shard, sequence))

    def forget(self, reader: str) -> None:
        """Forget every position of ``reader``."""
        with self._store.write() as connection:
            connection.execute("DELETE FROM log_checkpoint WHERE reader = ?", (reader,))

    def _ready(self, positions: Mapping[str, int]) -> bool:
        """Whether there is something to read: a shard may begin at a high sequence, or have lost its records to age."""
        return any(
            self.last(shard) > position and bool(self.read(shard, position, 1)) for shard, position in positions.items()
        )

    def _notify(self, shard: str) -> None:
        with self._lock:
            for event in self._waiting.get(shard, ()):
                event.set()

    def _number(self, shard: str) -> int | None:
        row = self._store.read().execute("SELECT id FROM log_shard WHERE name = ?", (shard,)).fetchone()
        return int(row[0]) if row else None

    def _shards(self, prefix: str) -> list[tuple[int, str]]:
        return (
            self._store.read()
            .execute("SELECT id, name FROM log_shard WHERE substr(name, 1, ?) = ?", (len(prefix), prefix))
            .fetchall()
        )


def _position(number: int, sequence: int) -> int:
    return number << _SEQUENCE_BITS | sequence


def _sequence(position: int) -> int:
    return position & (1 << _SEQUENCE_BITS) - 1
