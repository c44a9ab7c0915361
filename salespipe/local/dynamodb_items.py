"""The items of DynamoDB tables in the store, and what each request changed among them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from salespipe.local.api import AwsError
from salespipe.local.dynamodb_stream_store import Change, Stream, StreamStore
from salespipe.local.dynamodb_values import canonical_item, canonical_number, invalid, key_bytes
from salespipe.local.store import Store

_PAGE: Final = 500

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS dynamodb_table (
    id INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, items INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS dynamodb_item (
    table_id INTEGER NOT NULL, hash BLOB NOT NULL, range BLOB NOT NULL, image BLOB NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (table_id, hash, range)
) WITHOUT ROWID
"""

Key = tuple[bytes, bytes]
"""The partition key and the sort key (empty without one) as bytes that sort as DynamoDB sorts them."""

_LONGEST_HASH: Final = (2048, "Size of hashkey has exceeded the maximum size limit of2048 bytes")
_LONGEST_RANGE: Final = (1024, "Aggregated size of all range keys has exceeded the size limit of 1024 bytes")
_KEY_MISMATCH: Final = "The provided key element does not match the schema"


class Stored(NamedTuple):
    """An item as canonical DynamoDB JSON in UTF-8, and its size in bytes as DynamoDB counts it."""

    image: bytes
    size: int


class KeyAttribute(NamedTuple):
    """A key attribute's name and its type: S, N or B."""

    name: str
    kind: str


@dataclass(frozen=True)
class Table:
    """What reading and writing items needs to know of a table.

    ``number`` is its identity in the store, ``arn`` the table's (or the backup's) ARN. ``stream`` is where its changes
    go, ``indexed`` says that it has secondary indexes.
    """

    number: int
    arn: str
    name: str
    region: str
    hash: KeyAttribute
    range: KeyAttribute | None
    stream: Stream | None = None
    indexed: bool = False

    @property
    def keys(self) -> tuple[KeyAttribute, ...]:
        """The key attributes, partition key first."""
        return (self.hash,) if self.range is None else (self.hash, self.range)

    def key_of_item(self, item: Mapping[str, Any]) -> Key:
        """The key of a canonical item. Raises ``AwsError`` when it is missing, empty, too long or of another type."""
        for name, kind in self.keys:
            value = item.get(name)
            if value is None:
                raise invalid(f"One or more parameter values were invalid: Missing the key {name} in the item")
            if kind not in value:
                raise invalid(
                    f"One or more parameter values were invalid: Type mismatch for key {name}"
                    f" expected: {kind} actual: {next(iter(value))}"
                )
        return self._key(item)

    def key_of(self, key: object, *, counted: bool = True) -> Key:
        """The key that a request's Key member means. Raises ``AwsError`` when it does not fit the schema.

        ``counted``: a wrong number of attributes has a message of its own, except in batches.
        """
        if not isinstance(key, dict):
            raise AwsError("SerializationException", "Start of structure or map expected.")
        canonical, _ = canonical_item(key)
        if len(canonical) != len(self.keys):
            raise invalid("The number of conditions on the keys is invalid" if counted else _KEY_MISMATCH)
        if any(name not in canonical or kind not in canonical[name] for name, kind in self.keys):
            raise invalid(_KEY_MISMATCH)
        return self._key(canonical)

    def key_attributes(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The key attributes of an item, in DynamoDB JSON."""
        return {name: item[name] for name, _ in self.keys}

    def _key(self, item: Mapping[str, Any]) -> Key:
        hashed = self.encode_key(self.hash, item[self.hash.name][self.hash.kind])
        return hashed, b"" if self.range is None else self.encode_key(
            self.range, item[self.range.name][self.range.kind]
        )

    def encode_key(self, attribute: KeyAttribute, content: Any) -> bytes:
        """One key attribute's content as sortable bytes. Raises ``AwsError`` when it is empty or too long."""
        encoded = key_bytes(attribute.kind, canonical_number(content) if attribute.kind == "N" else content)
        if not encoded:
            what = "string" if attribute.kind == "S" else "binary"
            raise invalid(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an"
                f" empty {what} value. Key: {attribute.name}"
            )
        longest, message = _LONGEST_HASH if attribute == self.hash else _LONGEST_RANGE
        if attribute.kind != "N" and len(encoded) > longest:
            raise invalid(f"One or more parameter values were invalid: {message}")
        return encoded


class Items:
    """Every table's items. What one ``changes()`` block changed reaches the table's stream when the block ends.

    However often a block writes an item, the stream gets one record of it, from what it was before the block to what
    it is after, and none when that is the same.
    """

    def __init__(self, store: Store, streams: StreamStore) -> None:
        self._store = store
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
        row = (
            self._store.read()
            .execute(
                "SELECT image, size FROM dynamodb_item WHERE table_id = ? AND hash = ? AND range = ?",
                (table.number, *key),
            )
            .fetchone()
        )
        return Stored(*row) if row else None

    def put(self, table: Table, key: Key, item: Mapping[str, Any], size: int) -> Stored | None:
        """Write a canonical item of ``size`` bytes; what it replaces."""
        new = Stored(msgspec.json.encode(item), size)
        with self.changes() as connection:
            old = self.get(table, key)
            connection.execute(
                "INSERT OR REPLACE INTO dynamodb_item VALUES (?, ?, ?, ?, ?)", (table.number, *key, *new)
            )
            self._note(table, key, table.key_attributes(item), old, new)
        return old

    def delete(self, table: Table, key: Key) -> Stored | None:
        """Delete the item with that key; what it was."""
        with self.changes() as connection:
            old = self.get(table, key)
            if old is not None:
                connection.execute(
                    "DELETE FROM dynamodb_item WHERE table_id = ? AND hash = ? AND range = ?", (table.number, *key)
                )
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
        rows = self._store.read().execute("SELECT arn FROM dynamodb_table").fetchall()
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
                "INSERT INTO dynamodb_item SELECT ?, hash, range, image, size FROM dynamodb_item WHERE table_id = ?",
                (target, source),
            )
            connection.execute(
                "UPDATE dynamodb_table SET (items, bytes) = (SELECT items, bytes FROM dynamodb_table WHERE id = ?)"
                " WHERE id = ?",
                (source, target),
            )

    def drop(self, arn: str) -> None:
        """Delete the table with that ARN and its items."""
        with self._store.write() as connection:
            row = connection.execute("DELETE FROM dynamodb_table WHERE arn = ? RETURNING id", (arn,)).fetchone()
            if row:
                connection.execute("DELETE FROM dynamodb_item WHERE table_id = ?", row)

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
