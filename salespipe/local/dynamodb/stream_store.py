"""DynamoDB streams in the store: which there are, and the events that table changes put into them.

The event's form is what EventBridge Pipes and Lambda hand on: Amazon DynamoDB Developer Guide, "DynamoDB Streams and
AWS Lambda triggers", and the service model's Record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from salespipe.local.dynamodb.values import canonical_item

if TYPE_CHECKING:
    from salespipe.local.dynamodb.items import Stored
    from salespipe.local.record_log import RecordLog
    from salespipe.local.store import Store

RETENTION_SECONDS: Final = 24 * 3600

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS dynamodb_stream (
    arn TEXT PRIMARY KEY, table_arn TEXT NOT NULL, key_schema BLOB NOT NULL, view_type TEXT NOT NULL,
    created REAL NOT NULL, closed REAL
) WITHOUT ROWID
"""
_COLUMNS: Final = "arn, table_arn, key_schema, view_type, created, closed"
_SEQUENCE_BASE: Final = 10**20  # 21 digits, so that the order of the text is the order of the numbers


@dataclass(frozen=True)
class Stream:
    """A stream; ``created`` and ``closed`` are Unix seconds, ``closed`` is None while it takes records.

    ``key_schema`` is the table's, as in DescribeTable.
    """

    arn: str
    table_arn: str
    key_schema: tuple[Mapping[str, str], ...]
    view_type: str
    created: float
    closed: float | None = None

    @property
    def label(self) -> str:
        """What distinguishes the streams that a table had: the ARN's last part."""
        return self.arn.rpartition("/stream/")[2]

    @property
    def table_name(self) -> str:
        """The table's name."""
        return self.table_arn.rpartition("/")[2]

    @property
    def region(self) -> str:
        """The region's name."""
        return self.arn.split(":")[3]

    @property
    def shard_id(self) -> str:
        """The one shard that a stream has here."""
        return f"shardId-{int(self.created * 1000):020d}-{hashlib.md5(self.arn.encode()).hexdigest()[:8]}"  # noqa: S324

    @property
    def shard(self) -> str:
        """That shard's name in the record log."""
        return f"{self.arn}/{self.shard_id}"


class Change(NamedTuple):
    """What a request did to one item: ``keys`` in DynamoDB JSON, the item before and after it, if there was one."""

    keys: Mapping[str, Any]
    old: Stored | None
    new: Stored | None

    @property
    def size_before(self) -> int:
        """Bytes of the item before, 0 when there was none."""
        return self.old.size if self.old else 0

    @property
    def size_after(self) -> int:
        """Bytes of the item after, 0 when there is none."""
        return self.new.size if self.new else 0


class StreamStore:
    """The streams of all tables, open and closed, and their events in the record log."""

    def __init__(self, store: Store, log: RecordLog, clock: Callable[[], float]) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        store.schema(_SCHEMA)

    def open(self, arn: str, table_arn: str, key_schema: Sequence[Mapping[str, str]], view_type: str) -> Stream:
        """Begin a stream; its sequence numbers start above those of every stream that was begun earlier."""
        stream = Stream(arn, table_arn, tuple(key_schema), view_type, self._clock())
        with self._store.write() as connection:
            connection.execute(
                "INSERT INTO dynamodb_stream VALUES (?, ?, ?, ?, ?, NULL)",
                (arn, table_arn, msgspec.json.encode(stream.key_schema), view_type, stream.created),
            )
            # A hundred thousand records a second would have to go on for the two to meet.
            self._log.create(stream.shard, after=int(stream.created * 100_000))
        return stream

    def close(self, stream: Stream) -> None:
        """End a stream. Its records stay readable until they are trimmed."""
        with self._store.write() as connection:
            connection.execute("UPDATE dynamodb_stream SET closed = ? WHERE arn = ?", (self._clock(), stream.arn))
            self._store.after_commit(self._log.wake)  # whoever waits for its next record should look again

    def find(self, arn: str) -> Stream | None:
        """The stream with that ARN, open or closed."""
        found = self._select("WHERE arn = ?", arn)
        return found[0] if found else None

    def current(self, table_arn: str) -> Stream | None:
        """The open stream of a table."""
        found = self._select("WHERE table_arn = ? AND closed IS NULL", table_arn)
        return found[0] if found else None

    def all(self) -> list[Stream]:
        """Every stream, in the order of their ARNs."""
        return self._select("ORDER BY arn")

    def append(self, stream: Stream, changes: Sequence[Change]) -> None:
        """Put an event into the stream for each change that changed something; part of the caller's transaction."""
        effective = [change for change in changes if not _same(change.old, change.new)]
        if not effective:
            return
        first = self._log.last(stream.shard) + 1
        created = int(self._clock())
        self._log.append(
            stream.shard,
            [
                (_text(next(iter(change.keys.values()))), _event(stream, change, first + offset, created))
                for offset, change in enumerate(effective)
            ],
        )

    def trim(self) -> int:
        """Delete events older than 24 hours, and closed streams that have none left; how many events."""
        horizon = self._clock() - RETENTION_SECONDS
        trimmed = 0
        for stream in self.all():
            trimmed += self._log.trim(horizon, stream.shard)
            if stream.closed is not None and stream.closed < horizon:
                with self._store.write() as connection:
                    connection.execute("DELETE FROM dynamodb_stream WHERE arn = ?", (stream.arn,))
                    self._log.drop(stream.shard)
        return trimmed

    def _select(self, where: str, *values: str) -> list[Stream]:
        rows = self._store.read().execute(f"SELECT {_COLUMNS} FROM dynamodb_stream {where}", values).fetchall()
        return [
            Stream(arn, table_arn, tuple(msgspec.json.decode(schema)), view_type, created, closed)
            for arn, table_arn, schema, view_type, created, closed in rows
        ]


def sequence_number(sequence: int) -> str:
    """A log sequence as clients see it: 21 digits, whose text sorts as the numbers do."""
    return str(_SEQUENCE_BASE + sequence)


def parse_sequence_number(text: str) -> int:
    """The log sequence that a client means. Raises ``ValueError`` for what is no sequence number."""
    return int(text) - _SEQUENCE_BASE


def source_suffix(stream_arn: str) -> bytes:
    """How an event's JSON ends. The streams API's own records do not have this member, so it is there to be cut off."""
    return b',"eventSourceARN":' + msgspec.json.encode(stream_arn) + b"}"


def _event(stream: Stream, change: Change, sequence: int, created: int) -> bytes:
    """One event as compact JSON. ``created`` is in whole seconds, DynamoDB's resolution."""
    name = "INSERT" if change.old is None else "REMOVE" if change.new is None else "MODIFY"
    images = b""
    size = canonical_item(dict(change.keys))[1]
    if change.new is not None and stream.view_type in {"NEW_IMAGE", "NEW_AND_OLD_IMAGES"}:
        images += b',"NewImage":' + change.new.image
        size += change.new.size
    if change.old is not None and stream.view_type in {"OLD_IMAGE", "NEW_AND_OLD_IMAGES"}:
        images += b',"OldImage":' + change.old.image
        size += change.old.size
    identity = hashlib.md5(f"{stream.arn}/{sequence}".encode()).hexdigest()  # noqa: S324 - an identity, no secret
    return (
        f'{{"eventID":"{identity}","eventName":"{name}","eventVersion":"1.1","eventSource":"aws:dynamodb"'
        f',"awsRegion":"{stream.region}","dynamodb":{{"ApproximateCreationDateTime":{created},"Keys":'
    ).encode() + b"".join(
        (
            msgspec.json.encode(change.keys),
            images,
            f',"SequenceNumber":"{sequence_number(sequence)}","SizeBytes":{size}'
            f',"StreamViewType":"{stream.view_type}"}}'.encode(),
            source_suffix(stream.arn),
        )
    )


def _same(old: Stored | None, new: Stored | None) -> bool:
    """Whether nothing changed; the order of attributes does not count."""
    if old is None or new is None:
        return old is new
    if old.image == new.image:
        return True
    same_length = len(old.image) == len(new.image)
    return same_length and bool(msgspec.json.decode(old.image) == msgspec.json.decode(new.image))


def _text(value: Mapping[str, Any]) -> str:
    """The content of a key attribute."""
    return str(next(iter(value.values())))
