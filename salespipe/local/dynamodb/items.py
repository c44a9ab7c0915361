"""The items of DynamoDB tables in the store, and what each request changed among them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import msgspec

from salespipe.local.dynamodb.stream_store import Change, StreamStore
from salespipe.local.dynamodb.table import Key, Table
from salespipe.local.store import Store

_PAGE: Final = 500
_UNIT: Final = 1024  # bytes of a write capacity unit
_PURGE_AT_ONCE: Final = 5_000

# Items lie in the order in which they came; only the small index is touched at random. Items that lay in key order
# would cost twice as much to write, and more with every 100,000 of them.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS dynamodb_table (
    id INTEGER PRIMARY KEY, arn TEXT UNIQUE, items INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS dynamodb_item (
    id INTEGER PRIMARY KEY, table_id INTEGER NOT NULL, hash BLOB NOT NULL, range BLOB NOT NULL,
    image BLOB NOT NULL, size INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS dynamodb_item_key ON dynamodb_item (table_id, hash, range)
"""


class Stored(NamedTuple):
    """An item as canonical DynamoDB JSON in UTF-8, and its size in bytes as DynamoDB counts it."""

    image: bytes
    size: int


class Items:
    """Every table's items. What one ``changes()`` block changed reaches the table's stream when the block ends.

    However often a block writes an item, the stream gets one record of it, from what it was before the block to what
    it is after, and none when that is the same. ``consumed`` is told what each block consumed of a table, in write
    capacity units: each item as the larger of what it was and what it is (developer guide, "Write unit consumption").
    """

    def __init__(
        self, store: Store, streams: StreamStore, consumed: Callable[[Table, float], None] = lambda _table, _units: None
    ) -> None:
        self._store = store
        self._consumed = consumed
        self._streams = streams
        # What the block in progress has changed, guarded by the store's write lock.
        self._noted: dict[tuple[int, Key], tuple[Table, Change]] = {}
        self._in_block = False
        store.schema(_SCHEMA)

    @contextmanager
    def changes(self) -> Iterator[sqlite3.Connection]:
        """One request's writes: one transaction with the stream records that they make. Joins an outer block."""
        with self._store.write() as connection:
            if self._in_block:
                yield connection
                return
            self._in_block = True
            try:
                yield connection
                self._flush(connection)
            finally:
                self._in_block = False
                self._noted.clear()

    def get(self, table: Table, key: Key) -> Stored | None:
        """The item with that key."""
        return self._find(table, key)[1]

    def put(self, table: Table, key: Key, item: Mapping[str, Any], size: int) -> Stored | None:
        """Write a canonical item of ``size`` bytes; what it replaces."""
        new = Stored(msgspec.json.encode(item), size)
        with self.changes() as connection:
            number, old = self._find(table, key)
            if number is None:
                connection.execute(
                    "INSERT INTO dynamodb_item (table_id, hash, range, image, size) VALUES (?, ?, ?, ?, ?)",
                    (table.number, *key, *new),
                )
            else:
                connection.execute("UPDATE dynamodb_item SET image = ?, size = ? WHERE id = ?", (*new, number))
            self._note(table, key, table.key_attributes(item), old, new)
        return old

    def delete(self, table: Table, key: Key) -> Stored | None:
        """Delete the item with that key; what it was."""
        with self.changes() as connection:
            number, old = self._find(table, key)
            if old is not None:
                connection.execute("DELETE FROM dynamodb_item WHERE id = ?", (number,))
                self._note(table, key, table.key_attributes(msgspec.json.decode(old.image)), old, None)
        return old

    def scan(self, table: Table, after: Key | None = None) -> Iterator[tuple[Key, Stored]]:
        """The table's items in key order, from the one after a key; read page by page, so as to hold no snapshot."""
        position = (b"", b"") if after is None else after  # no partition key is empty
        while True:
            rows = (
                self._store.read()
                .execute(
                    "SELECT hash, range, image, size FROM dynamodb_item"
                    " WHERE table_id = ? AND (hash, range) > (?, ?) ORDER BY hash, range LIMIT ?",
                    (table.number, *position, _PAGE),
                )
                .fetchall()
            )
            for hashed, ranged, image, size in rows:
                yield (hashed, ranged), Stored(image, size)
            if len(rows) < _PAGE:
                return
            position = (rows[-1][0], rows[-1][1])

    def partition(self, table: Table, hashed: bytes) -> list[Stored]:
        """The items with that partition key, in the order of their sort keys."""
        return [
            Stored(*row)
            for row in self._store.read()
            .execute(
                "SELECT image, size FROM dynamodb_item WHERE table_id = ? AND hash = ? ORDER BY range",
                (table.number, hashed),
            )
            .fetchall()
        ]

    def count(self, table: Table) -> tuple[int, int]:
        """How many items the table has, and their bytes."""
        row = (
            self._store.read()
            .execute("SELECT items, bytes FROM dynamodb_table WHERE id = ?", (table.number,))
            .fetchone()
        )
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def number(self, arn: str) -> int | None:
        """The identity of the table with that ARN, None when it has none yet."""
        row = self._store.read().execute("SELECT id FROM dynamodb_table WHERE arn = ?", (arn,)).fetchone()
        return int(row[0]) if row else None

    def arns(self, prefix: str) -> list[str]:
        """The ARNs of the tables and backups that start with ``prefix``."""
        rows = self._store.read().execute("SELECT arn FROM dynamodb_table WHERE arn IS NOT NULL").fetchall()
        return [arn for (arn,) in rows if arn.startswith(prefix)]

    def create(self, arn: str) -> int:
        """Make a table without items and return its identity; whatever had that ARN before is dropped."""
        with self._store.write() as connection:
            self.drop(arn)
            row = connection.execute("INSERT INTO dynamodb_table (arn) VALUES (?) RETURNING id", (arn,)).fetchone()
        return int(row[0])

    def copy(self, source: int, target: int) -> None:
        """Copy every item of one table to another, empty one. Backups make no stream records."""
        with self._store.write() as connection:
            connection.execute(
                "INSERT INTO dynamodb_item (table_id, hash, range, image, size)"
                " SELECT ?, hash, range, image, size FROM dynamodb_item WHERE table_id = ?",
                (target, source),
            )
            connection.execute(
                "UPDATE dynamodb_table SET (items, bytes) = (SELECT items, bytes FROM dynamodb_table WHERE id = ?)"
                " WHERE id = ?",
                (source, target),
            )

    def drop(self, arn: str) -> None:
        """Forget the table with that ARN. Its items, which nobody can find any more, are left to ``purge``."""
        with self._store.write() as connection:
            connection.execute("UPDATE dynamodb_table SET arn = NULL WHERE arn = ?", (arn,))

    def purge(self) -> None:
        """Delete the items of dropped tables, in small transactions, so that writers do not wait long."""
        dropped = self._store.read().execute("SELECT id FROM dynamodb_table WHERE arn IS NULL").fetchall()
        for (number,) in dropped:
            deleted = _PURGE_AT_ONCE
            while deleted == _PURGE_AT_ONCE:
                with self._store.write() as connection:
                    deleted = connection.execute(
                        "DELETE FROM dynamodb_item WHERE id IN"
                        " (SELECT id FROM dynamodb_item WHERE table_id = ? LIMIT ?)",
                        (number, _PURGE_AT_ONCE),
                    ).rowcount
            with self._store.write() as connection:
                connection.execute("DELETE FROM dynamodb_table WHERE id = ?", (number,))

    def _find(self, table: Table, key: Key) -> tuple[int | None, Stored | None]:
        row = (
            self._store.read()
            .execute(
                "SELECT id, image, size FROM dynamodb_item WHERE table_id = ? AND hash = ? AND range = ?",
                (table.number, *key),
            )
            .fetchone()
        )
        return (row[0], Stored(row[1], row[2])) if row else (None, None)

    def _note(self, table: Table, key: Key, keys: Mapping[str, Any], old: Stored | None, new: Stored | None) -> None:
        earlier = self._noted.get((table.number, key))
        first = old if earlier is None else earlier[1].old
        self._noted[table.number, key] = (table, Change(keys, first, new))

    def _flush(self, connection: sqlite3.Connection) -> None:
        per_table: dict[int, tuple[Table, list[Change]]] = {}
        for table, change in self._noted.values():
            per_table.setdefault(table.number, (table, []))[1].append(change)
        for table, changes in per_table.values():
            items = sum((change.new is not None) - (change.old is not None) for change in changes)
            size = sum(change.size_after - change.size_before for change in changes)
            if items or size:
                connection.execute(
                    "UPDATE dynamodb_table SET items = items + ?, bytes = bytes + ? WHERE id = ?",
                    (items, size, table.number),
                )
            if table.stream is not None:
                self._streams.append(table.stream, changes)
            sizes = [max(change.size_before, change.size_after) for change in changes]
            self._consumed(table, float(sum(max(1, -(-size // _UNIT)) for size in sizes)))
