"""Where DynamoDB meets moto: moto keeps the tables' definitions and evaluates expressions, we keep the items.

A moto ``Table`` that we have taken over has another class (with lazy reading), ``items`` that look items up in the
store, and a ``stream_shard`` that moto tells of every change. moto 5.2.5 is what this was written against; each point
that is touched has a test in tests/local/test_dynamodb_moto.py:

- ``put_item`` assigns to ``items[hash]`` or ``items[hash][range]``, then calls ``stream_shard.add(old, new)``;
- ``delete_item`` pops from ``items``, then calls ``add(old, None)``;
- the backend's ``update_item`` changes the item that it got from ``items`` in place, then calls ``add(old, changed)``,
  so that call is where a change is saved (an upsert puts the bare key first: ``Items`` makes one change of the two);
- ``transact_write_items`` copies tables deeply and puts the copies back to roll back; ours share the store's items,
  which are rolled back with the request's transaction;
- ``query`` and ``scan`` sort and walk ``all_items()``; ours read only the part that can match.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final, Self

import msgspec
from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import RestoredPITTable, RestoredTable
from moto.dynamodb.models.table import Table as MotoTable

from salespipe.local.api import AwsError
from salespipe.local.dynamodb.items import Items, Stored
from salespipe.local.dynamodb.table import Key, KeyAttribute, Table
from salespipe.local.dynamodb.values import canonical_item

# Where the backend passes the index's name, after the parameters that ours name.
_INDEX_OF_QUERY: Final = 6
_INDEX_OF_SCAN: Final = 1


class _Shared:
    """Is not copied by ``copy.deepcopy``."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class StoredItems(_Shared):
    """A moto table's ``items``: DynamoType to Item, or to a ``_Partition`` when the table has a sort key."""

    def __init__(self, items: Items, table: Table) -> None:
        self.source = items
        self.table = table

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickled table comes back with moto's own, empty kind of items, to be taken over again.
        return defaultdict, (dict,)

    def __contains__(self, hashed: DynamoType) -> bool:
        return self.load((self.encode(self.table.hash, hashed), b"")) is not None

    def __getitem__(self, hashed: DynamoType) -> Item | _Partition:
        encoded = self.encode(self.table.hash, hashed)
        if self.table.range is not None:
            return _Partition(self, self.table.range, encoded)
        return self.need((encoded, b""))

    def __setitem__(self, hashed: DynamoType, item: Item) -> None:
        self.save((self.encode(self.table.hash, hashed), b""), item)

    def pop(self, hashed: DynamoType) -> Item:
        """Take an item out. Raises ``KeyError``."""
        return self.take((self.encode(self.table.hash, hashed), b""))

    def values(self) -> Iterable[Any]:
        """What moto counts: as many as there are items, or one that is as long as there are items."""
        items = range(self.source.count(self.table)[0])
        return items if self.table.range is None else [items]

    def load(self, key: Key) -> Item | None:
        """The item with that key, as moto's own kind of object, which is nobody else's."""
        stored = self.source.get(self.table, key)
        return self.materialise(stored) if stored else None

    def need(self, key: Key) -> Item:
        """The item with that key. Raises ``KeyError``."""
        item = self.load(key)
        if item is None:
            raise KeyError(key)
        return item

    def take(self, key: Key) -> Item:
        """Delete the item with that key and return it. Raises ``KeyError``."""
        stored = self.source.delete(self.table, key)
        if stored is None:
            raise KeyError(key)
        return self.materialise(stored)

    def save(self, key: Key, item: Item) -> None:
        """Write an item; what DynamoDB does not accept is refused as moto refuses."""
        try:
            canonical, size = canonical_item({name: _plain(value) for name, value in item.attrs.items()})
            self.source.put(self.table, key, canonical, size)
        except AwsError as error:
            raise MockValidationException(error.message) from error

    def key_of(self, item: Item) -> Key:
        """The key of moto's item."""
        hashed = self.encode(self.table.hash, item.hash_key)
        if self.table.range is None or item.range_key is None:
            return hashed, b""
        return hashed, self.encode(self.table.range, item.range_key)

    def encode(self, attribute: KeyAttribute, value: DynamoType) -> bytes:
        """A key attribute's value as sortable bytes."""
        if value.type != attribute.kind:
            raise MockValidationException("The provided key element does not match the schema")
        try:
            return self.table.encode_key(attribute, value.value)
        except AwsError as error:
            raise MockValidationException(error.message) from error

    def materialise(self, stored: Stored) -> Item:
        """Moto's object for an item. Its own constructor measures the item anew for each attribute."""
        attributes: dict[str, Any] = msgspec.json.decode(stored.image)
        if b'"B' in stored.image:  # few items have binary values, and looking for them takes time
            attributes = {name: _native(value) for name, value in attributes.items()}
        item: Any = Item.__new__(Item)
        item.hash_key = DynamoType(attributes[self.table.hash.name])
        item.range_key = DynamoType(attributes[self.table.range.name]) if self.table.range else None
        item.attrs = LimitedSizeDict()
        for name, value in attributes.items():
            dict.__setitem__(item.attrs, name, DynamoType(value))
        made: Item = item
        return made


class _Partition:
    """The items of one partition key: DynamoType of the sort key to Item."""

    def __init__(self, items: StoredItems, attribute: KeyAttribute, hashed: bytes) -> None:
        self._items = items
        self._attribute = attribute
        self._hashed = hashed

    def __getitem__(self, ranged: DynamoType) -> Item:
        return self._items.need(self._key(ranged))

    def __setitem__(self, ranged: DynamoType, item: Item) -> None:
        self._items.save(self._key(ranged), item)

    def pop(self, ranged: DynamoType) -> Item:
        """Take an item out. Raises ``KeyError``."""
        return self._items.take(self._key(ranged))

    def _key(self, ranged: DynamoType) -> Key:
        return self._hashed, self._items.encode(self._attribute, ranged)


class Recorder(_Shared):
    """A moto table's ``stream_shard``: hears of every change, whether the table has a stream or not."""

    def __init__(self, items: StoredItems) -> None:
        self._items = items

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()

    def add(self, _old: Item | None, new: Item | None) -> None:
        """Save what ``update_item`` changed in place. What it was before, the store knows."""
        if new is not None:
            self._items.save(self._items.key_of(new), new)


class DurableTable(MotoTable):
    """moto's table with its items in the store: reads only what a request can need, and counts without reading."""

    items: Any  # StoredItems; moto says defaultdict

    def __len__(self) -> int:
        return self._stored().source.count(self._stored().table)[0]

    def describe(self, base_key: str = "TableDescription") -> dict[str, Any]:
        """Moto's description, with the size that moto gives as 0."""
        result = super().describe(base_key=base_key)
        result[base_key]["TableSizeBytes"] = self._stored().source.count(self._stored().table)[1]
        return result

    def all_items(self) -> Iterable[Item]:  # type: ignore[override] # moto only iterates over it
        """Every item in key order, or those of the window that ``query`` and ``scan`` look through, one at a time."""
        stored = self._stored()
        window = self.__dict__.get("window")
        rows: Iterable[Stored] = window() if window else (row for _, row in stored.source.scan(stored.table))
        return map(stored.materialise, rows)

    def has_idx_items(self, index_name: str) -> list[Item]:
        """The items that have every key attribute of an index."""
        keys = {key["AttributeName"] for key in self.get_index(index_name).schema}
        return [item for item in self.all_items() if keys <= item.attrs.keys()]

    def query(self, hash_key: DynamoType | None, *args: Any, **named: Any) -> Any:
        """The items of one partition, unless it goes through an index, then as moto does."""
        view = self
        if hash_key is not None and not args[_INDEX_OF_QUERY]:
            stored = self._stored()
            hashed = stored.encode(stored.table.hash, hash_key)
            view = self._through(lambda: stored.source.partition(stored.table, hashed))
        return super(DurableTable, view).query(hash_key, *args, **named)

    def scan(self, filters: dict[str, Any], limit: int, exclusive_start_key: Any, *args: Any, **named: Any) -> Any:
        """The items from the start key on, unless it goes through an index, then as moto does."""
        view = self
        if exclusive_start_key and not args[_INDEX_OF_SCAN]:
            stored = self._stored()
            try:
                after = stored.table.key_of(exclusive_start_key)
            except AwsError as error:
                raise MockValidationException("The provided starting key is invalid") from error
            view = self._through(lambda: (row for _, row in stored.source.scan(stored.table, after)))
            exclusive_start_key = None
        return super(DurableTable, view).scan(filters, limit, exclusive_start_key, *args, **named)

    def _stored(self) -> StoredItems:
        stored: StoredItems = self.items
        return stored

    def _through(self, window: Callable[[], Iterable[Stored]]) -> DurableTable:
        """The table as one request sees it, which other threads' requests do not."""
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__, window=window)
        return view


class DurableRestoredTable(DurableTable, RestoredTable):
    """A table that came from a backup."""


class DurableRestoredPITTable(DurableTable, RestoredPITTable):
    """A table that came from a point in time of another."""


def _plain(value: DynamoType) -> dict[str, Any]:
    """A value as DynamoDB JSON. moto's own to_json leaves objects and bytes in it."""
    content = value.value
    if value.is_map():
        content = {name: _plain(DynamoType(member)) for name, member in content.items()}
    elif value.is_list():
        content = [_plain(DynamoType(member)) for member in content]
    elif value.type == "B":
        content = _base64(content)
    elif value.type == "BS":
        content = [_base64(member) for member in content]
    return {value.type: content}


def _native(value: dict[str, Any]) -> dict[str, Any]:
    """DynamoDB JSON as moto has it once it has read a request: binary values are bytes."""
    ((kind, content),) = value.items()
    if kind == "B":
        content = base64.b64decode(content)
    elif kind == "BS":
        content = [base64.b64decode(member) for member in content]
    elif kind == "M":
        content = {name: _native(member) for name, member in content.items()}
    elif kind == "L":
        content = [_native(member) for member in content]
    return {kind: content}


def _base64(content: str | bytes) -> str:
    return base64.b64encode(content).decode() if isinstance(content, bytes) else content
