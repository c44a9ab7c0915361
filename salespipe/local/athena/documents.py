"""Small durable documents: workgroups, tags, named queries, prepared statements."""

from __future__ import annotations

from typing import Any

import msgspec

from salespipe.local.store import Store

_DDL = """
CREATE TABLE IF NOT EXISTS athena_documents (
  region TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (region, kind, key))
"""


class Documents:
    """JSON documents by region, kind and key."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.schema(_DDL)

    def get(self, region: str, kind: str, key: str) -> dict[str, Any] | None:
        """A document, ``None`` when there is none."""
        sql = "SELECT body FROM athena_documents WHERE region = ? AND kind = ? AND key = ?"
        found = self._store.read().execute(sql, (region, kind, key)).fetchone()
        return None if found is None else dict(msgspec.json.decode(found[0]))

    def all(self, region: str, kind: str) -> dict[str, dict[str, Any]]:
        """Every document of a kind, by key."""
        sql = "SELECT key, body FROM athena_documents WHERE region = ? AND kind = ? ORDER BY key"
        rows = self._store.read().execute(sql, (region, kind)).fetchall()
        return {str(key): dict(msgspec.json.decode(body)) for key, body in rows}

    def put(self, region: str, kind: str, key: str, document: dict[str, Any]) -> None:
        """Write a document, in place of any before it."""
        row = (region, kind, key, msgspec.json.encode(document))
        with self._store.write() as connection:
            connection.execute("INSERT OR REPLACE INTO athena_documents VALUES (?, ?, ?, ?)", row)

    def delete(self, region: str, kind: str, key: str) -> None:
        """Remove a document; nothing happens when there is none."""
        sql = "DELETE FROM athena_documents WHERE region = ? AND kind = ? AND key = ?"
        with self._store.write() as connection:
            connection.execute(sql, (region, kind, key))
