"""What clients created, durable: one JSON document for each region and name."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from salespipe.local.store import Store

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS definition (
    kind TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, document BLOB NOT NULL,
    PRIMARY KEY (kind, region, name)
) WITHOUT ROWID
"""


class Definitions:
    """The definitions of one ``kind`` ("pipe", "delivery stream"), kept in ``store``. Names are unique in a region."""

    def __init__(self, store: Store, kind: str) -> None:
        self._store = store
        self._kind = kind
        store.schema(_SCHEMA)

    def get(self, region: str, name: str) -> dict[str, Any] | None:
        """A fresh copy of the definition, None when there is none."""
        row = (
            self._store.read()
            .execute(
                "SELECT document FROM definition WHERE kind = ? AND region = ? AND name = ?", (self._kind, region, name)
            )
            .fetchone()
        )
        return msgspec.json.decode(row[0], type=dict[str, Any]) if row else None

    def put(self, region: str, name: str, definition: dict[str, Any]) -> None:
        """Create or replace a definition; part of the caller's ``store.write()`` if there is one."""
        with self._store.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO definition VALUES (?, ?, ?, ?)",
                (self._kind, region, name, msgspec.json.encode(definition)),
            )

    def delete(self, region: str, name: str) -> None:
        """Forget a definition, if there is one."""
        with self._store.write() as connection:
            connection.execute(
                "DELETE FROM definition WHERE kind = ? AND region = ? AND name = ?", (self._kind, region, name)
            )

    def names(self, region: str) -> list[str]:
        """The names in a region, sorted."""
        rows = self._store.read().execute(
            "SELECT name FROM definition WHERE kind = ? AND region = ? ORDER BY name", (self._kind, region)
        )
        return [name for (name,) in rows.fetchall()]

    def everywhere(self) -> list[tuple[str, str]]:
        """(region, name) of every definition, for picking up work after a restart."""
        rows = self._store.read().execute(
            "SELECT region, name FROM definition WHERE kind = ? ORDER BY region, name", (self._kind,)
        )
        return [(region, name) for region, name in rows.fetchall()]
