"""Which of moto's DynamoDB tables are ours, and which streams they write to."""

from __future__ import annotations

from typing import Any, Final

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import RestoredPITTable, RestoredTable
from moto.dynamodb.models.table import Table as MotoTable

from salespipe.local.dynamodb.items import Items
from salespipe.local.dynamodb.moto_items import (
    DurableRestoredPITTable,
    DurableRestoredTable,
    DurableTable,
    Recorder,
    StoredItems,
)
from salespipe.local.dynamodb.stream_store import Stream, StreamStore
from salespipe.local.dynamodb.table import KeyAttribute, Table

_CLASSES: Final[dict[type, type]] = {
    MotoTable: DurableTable,
    RestoredTable: DurableRestoredTable,
    RestoredPITTable: DurableRestoredPITTable,
}


class MotoTables:
    """moto's tables of one account, taken over."""

    def __init__(self, account: str, items: Items, streams: StreamStore) -> None:
        self._account = account
        self._items = items
        self._streams = streams

    @property
    def regions(self) -> list[str]:
        """The regions in which moto has anything."""
        return list(dynamodb_backends[self._account])

    def find(self, region: str, name: str) -> Table | None:
        """What the store needs to know of a table, by name or ARN; None when moto has none of that name."""
        backend = dynamodb_backends[self._account].get(region)
        table = backend.tables.get(name.rpartition("/")[2]) if backend else None
        if table is None:
            return None
        if not isinstance(table.items, StoredItems):
            self.settle(region)
        stored: Any = table.items
        described: Table = stored.table
        return described

    def settle(self, region: str, *, restored: bool = False) -> None:
        """Take over what moto has new in a region, let go of what it has no more; part of the caller's transaction.

        ``restored``: moto's tables were just brought back, so they find their items and streams again. Otherwise a
        table that is not ours yet is new and starts empty, whatever the store has under its ARN.
        """
        backend = dynamodb_backends[self._account][region]
        kept = set()
        with self._items.changes():
            for table in backend.tables.values():
                self._take_over(table, table.table_arn, restored=restored, live=True)
                kept.add(table.table_arn)
            for backup in backend.backups.values():
                self._take_over(backup.table, backup.arn, restored=restored, live=False)
                kept.add(backup.arn)
            if restored:
                return  # should moto's memory be older than the store, nothing is thrown away for it
            for arn in self._items.arns(f"arn:{backend.partition}:dynamodb:{region}:"):
                if arn not in kept:
                    self._items.drop(arn)
                    if stream := self._streams.current(arn):
                        self._streams.close(stream)

    def _take_over(self, table: MotoTable, arn: str, *, restored: bool, live: bool) -> None:
        stored: object = table.items
        if not isinstance(stored, StoredItems):
            number = self._items.number(arn) if restored else None
            number = self._items.create(arn) if number is None else number
        elif stored.table.arn == arn:
            number = stored.table.number
        else:  # moto made it by copying another
            number = self._items.create(arn)
            self._items.copy(stored.table.number, number)
        described = Table(
            number=number,
            arn=arn,
            name=table.name,
            region=table.region_name,
            hash=KeyAttribute(table.hash_key_attr, table.hash_key_type),
            range=KeyAttribute(table.range_key_attr, table.range_key_type or "") if table.range_key_attr else None,
            stream=self._stream(table, restored=restored) if live else None,
            indexed=bool(table.all_indexes()),
        )
        if isinstance(stored, StoredItems) and stored.table == described:
            return
        table.__class__ = _CLASSES.get(type(table), type(table))
        table.items = StoredItems(self._items, described)  # type: ignore[assignment]
        table.stream_shard = Recorder(table.items)  # type: ignore[assignment, arg-type]

    def _stream(self, table: MotoTable, *, restored: bool) -> Stream | None:
        """The stream that moto's definition asks for, begun or ended where it differs from the one that is open."""
        current = self._streams.current(table.table_arn)
        wanted = table.stream_specification or {}
        if not wanted.get("StreamEnabled"):
            table.latest_stream_label = None  # moto would refuse to enable it again
            if current:
                self._streams.close(current)
            return None
        if current and restored:
            table.latest_stream_label = current.label
        arn = f"{table.table_arn}/stream/{table.latest_stream_label}"
        if current and current.arn == arn:
            return current
        if current:
            self._streams.close(current)
        return self._streams.open(arn, table.table_arn, table.schema, wanted["StreamViewType"])
