"""DynamoDB: plain reads and writes answered from the store, everything else by moto inside one transaction.

Messages are the service's own, as other implementations tested against it have recorded them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from salespipe.local.api import Answer, AwsError, Call, Cloud, Handler, NotMine
from salespipe.local.dynamodb.items import Items, Stored
from salespipe.local.dynamodb.moto_tables import MotoTables
from salespipe.local.dynamodb.requests import (
    answer,
    batch,
    capacity,
    plain,
    read_units,
    refuse_duplicates,
    units,
    write_request,
)
from salespipe.local.dynamodb.stream_store import StreamStore
from salespipe.local.dynamodb.table import Key, Table
from salespipe.local.dynamodb.values import canonical_item, invalid
from salespipe.local.metrics import WRITE_UNITS

_PAGE_BYTES: Final = 2**20
_BATCH_BYTES: Final = 16 * 2**20
_MAX_WRITES: Final = 25
_MAX_READS: Final = 100
_READS: Final = frozenset({"Query", "Scan", "GetItem", "BatchGetItem"})
_LIFECYCLE: Final = frozenset(
    {
        "CreateTable",
        "DeleteTable",
        "UpdateTable",
        "CreateBackup",
        "DeleteBackup",
        "RestoreTableFromBackup",
        "RestoreTableToPointInTime",
    }
)


class _Refused(Exception):  # noqa: N818 - carries moto's answer out of the transaction
    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class DynamoDb:
    """The service "dynamodb".

    The gateway must ask moto through ``forward``, so that moto's changes to items are one durable transaction.
    """

    name = "dynamodb"

    def __init__(self, cloud: Cloud) -> None:
        self._store = cloud.store
        self._metrics = cloud.metrics
        self.streams = StreamStore(cloud.store, cloud.log, cloud.clock)
        self.items = Items(cloud.store, self.streams, self._consumed)
        self._tables = MotoTables(cloud.account, self.items, self.streams)
        self.handlers: Mapping[str, Handler] = {
            "PutItem": self._put_item,
            "DeleteItem": self._delete_item,
            "GetItem": self._get_item,
            "Scan": self._scan,
            "BatchWriteItem": self._batch_write_item,
            "BatchGetItem": self._batch_get_item,
        }

    def forward(self, call: Call, moto: Callable[[], Answer]) -> Answer:
        """Let moto answer ``call`` within one transaction, which is committed before the answer is returned.

        ``moto`` asks moto, in this thread. An answer of status 400 or above, and any exception, undoes what moto did
        to items and streams. Calls that only read get no transaction, so they do not wait for writers.
        """
        if call.operation in _READS or call.operation.startswith(("Describe", "List")):
            return moto()
        _check_stream(call.params.get("StreamSpecification"))
        try:
            with self.items.changes():
                return self._changed(call, moto())
        except _Refused as refused:
            return refused.answer

    def _changed(self, call: Call, reply: Answer) -> Answer:
        if reply.status >= 400:
            raise _Refused(reply)
        if call.operation in _LIFECYCLE:
            self._tables.settle(call.region)
        return reply

    def _consumed(self, table: Table, write_units: float) -> None:
        self._metrics.add(table.region, table.name, WRITE_UNITS, write_units)

    def observe(self, call: Call, answer: Answer) -> None:
        """Nothing: ``forward`` has seen to it, in the same transaction."""

    def start(self) -> None:
        """Give the tables that moto was brought back with their items and streams."""
        for region in self._tables.regions:
            self._tables.settle(region, restored=True)

    def stop(self) -> None:
        """Nothing runs in the background."""

    def trim(self) -> int:
        """Delete stream records older than 24 hours, and what deleted tables left; how many records.

        To be called every minute or so.
        """
        self.items.purge()
        return self.streams.trim()

    def _put_item(self, call: Call) -> Answer:
        params = plain(call)
        table = self._writable(call, params)
        item, size = canonical_item(params.get("Item"))
        key = table.key_of_item(item)
        old = self.items.put(table, key, item, size)
        return self._written(params, table, old, size)

    def _delete_item(self, call: Call) -> Answer:
        params = plain(call)
        table = self._writable(call, params)
        old = self.items.delete(table, table.key_of(params.get("Key")))
        return self._written(params, table, old, 0)

    def _writable(self, call: Call, params: Mapping[str, Any]) -> Table:
        if params.get("ReturnValues", "NONE") not in {"NONE", "ALL_OLD"}:
            raise invalid("ReturnValues can only be ALL_OLD or NONE")
        table = self._table(call, params.get("TableName"))
        if table.indexed:
            raise NotMine
        return table

    def _written(self, params: Mapping[str, Any], table: Table, old: Stored | None, size: int) -> Answer:
        members = []
        if old is not None and params.get("ReturnValues") == "ALL_OLD":
            members.append(b'"Attributes":' + old.image)
        used = float(units(max(size, old.size if old else 0), 1024))
        return answer(members, capacity(params, [(table, used)], one=True))

    def _get_item(self, call: Call) -> Answer:
        params = plain(call)
        table = self._table(call, params.get("TableName"))
        stored = self.items.get(table, table.key_of(params.get("Key")))
        members = [b'"Item":' + stored.image] if stored else []
        used = read_units([stored], consistent=bool(params.get("ConsistentRead")))
        return answer(members, capacity(params, [(table, used)], one=True))

    def _scan(self, call: Call) -> Answer:
        params = plain(call)
        table = self._table(call, params.get("TableName"))
        limit, select = params.get("Limit"), params.get("Select", "ALL_ATTRIBUTES")
        if select not in {"ALL_ATTRIBUTES", "COUNT"} or (
            limit is not None and (not isinstance(limit, int) or limit < 1)
        ):
            raise NotMine  # moto has the words for what is wrong
        after: Key | None = None
        if params.get("ExclusiveStartKey"):
            try:
                after = table.key_of(params["ExclusiveStartKey"])
            except AwsError as error:
                raise invalid("The provided starting key is invalid") from error
        page: list[Stored] = []
        size, more = 0, False
        for _, stored in self.items.scan(table, after):
            page.append(stored)
            size += stored.size
            if len(page) == limit or size >= _PAGE_BYTES:
                more = True  # also when it happens to be the last: DynamoDB does not look further either
                break
        members = [b'"Count":%d,"ScannedCount":%d' % (len(page), len(page))]
        if select != "COUNT":
            members.append(b'"Items":[' + b",".join(stored.image for stored in page) + b"]")
        if more:
            last = table.key_attributes(msgspec.json.decode(page[-1].image))
            members.append(b'"LastEvaluatedKey":' + msgspec.json.encode(last))
        used = read_units(page, consistent=bool(params.get("ConsistentRead")))
        return answer(members, capacity(params, [(table, used)], one=True))

    def _batch_write_item(self, call: Call) -> Answer:
        params = plain(call)
        requests = batch(params, list)
        if sum(map(len, requests.values())) > _MAX_WRITES:
            raise invalid(
                "1 validation error detected: Value at 'requestItems' failed to satisfy constraint: Map value must"
                " satisfy constraint: [Member must have length less than or equal to 25, Member must have length"
                " greater than or equal to 1]"
            )
        prepared = []
        for name, writes in requests.items():
            table = self._table(call, name)
            if table.indexed:
                raise NotMine
            prepared.append((table, [write_request(table, write) for write in writes]))
        refuse_duplicates((table, key) for table, writes in prepared for key, _, _ in writes)
        consumed = []
        with self.items.changes():
            for table, writes in prepared:
                used = 0
                for key, item, size in writes:
                    old = self.items.delete(table, key) if item is None else self.items.put(table, key, item, size)
                    used += units(max(size, old.size if old else 0), 1024)
                consumed.append((table, float(used)))
        return answer([b'"UnprocessedItems":{}'], capacity(params, consumed, one=False))

    def _batch_get_item(self, call: Call) -> Answer:
        params = plain(call)
        requests = batch(params, dict)
        prepared = []
        for name, request in requests.items():
            if request.keys() - {"Keys", "ConsistentRead"}:
                raise NotMine
            table = self._table(call, name)
            if not request.get("Keys"):
                raise invalid(
                    f"1 validation error detected: Value at 'requestItems.{name}.member.keys' failed to satisfy"
                    " constraint: Member must have length greater than or equal to 1"
                )
            keys = [(table.key_of(key, counted=False), key) for key in request["Keys"]]
            prepared.append((name, table, bool(request.get("ConsistentRead")), keys))
        if sum(len(keys) for *_, keys in prepared) > _MAX_READS:
            raise invalid("Too many items requested for the BatchGetItem call")
        refuse_duplicates((table, key) for _, table, _, keys in prepared for key, _ in keys)
        responses, consumed = [], []
        unprocessed: dict[str, dict[str, Any]] = {}
        size = 0
        for name, table, consistent, keys in prepared:
            found: list[Stored | None] = []
            for key, asked in keys:
                stored = self.items.get(table, key)
                size += stored.size if stored else 0
                if size > _BATCH_BYTES:
                    rest = unprocessed.setdefault(name, {"Keys": [], "ConsistentRead": consistent})
                    rest["Keys"].append(asked)
                else:
                    found.append(stored)
            images = b",".join(stored.image for stored in found if stored)
            responses.append(msgspec.json.encode(name) + b":[" + images + b"]")
            consumed.append((table, read_units(found, consistent=consistent)))
        members = [
            b'"Responses":{' + b",".join(responses) + b"}",
            b'"UnprocessedKeys":' + msgspec.json.encode(unprocessed),
        ]
        return answer(members, capacity(params, consumed, one=False))

    def _table(self, call: Call, name: object) -> Table:
        if not isinstance(name, str) or not name:
            raise invalid(
                "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not"
                " be null"
            )
        table = self._tables.find(call.region, name)
        if table is None:
            raise AwsError("ResourceNotFoundException", "Requested resource not found")
        return table


def _check_stream(wanted: Mapping[str, Any] | None) -> None:
    """Refuse a stream that is switched on without saying what its records show; moto would make the table first."""
    if wanted and wanted.get("StreamEnabled") and not wanted.get("StreamViewType"):
        told = "One or more parameter values were invalid: StreamViewType is required when StreamEnabled is true"
        raise AwsError("ValidationException", told)
