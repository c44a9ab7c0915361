"""Reading the lake: every line of every object that Firehose delivered, and every record that failed."""

from __future__ import annotations

import re
import zlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from salespipe.trust import objects as bucket
from salespipe.trust.objects import Object, Progress, listing
from salespipe.trust.proof import content, events
from salespipe.trust.proof.answers import Event, seconds
from salespipe.trust.proof.spool import Spool, Writer

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.trust.proof.rows import Rows

__all__ = ["Lake", "Object", "line_of", "listing", "spool", "spool_errors"]

HOP: Final = "lake"
ERRORS: Final = "errors"
BROKEN: Final = "broken"
EVENT_FIELDS: Final = ("event_id", "event_type", "event_time", "sequence_number")

_TELL_EVERY: Final = 5000
_ID: Final = re.compile(rb'"event_id":"([^"\\]+)"')


@dataclass
class Lake:
    """What was read. ``objects`` are those of the lake, by their numbers in the spool.

    ``strays`` are objects, or lines of them, that are none of ours, with the reason; ``unread`` are lines that cannot
    be read and do not tell whose they are.
    """

    objects: list[Object] = field(default_factory=list)
    events: int = 0
    failures: int = 0
    strays: list[tuple[str, str]] = field(default_factory=list)
    unread: list[tuple[str, int]] = field(default_factory=list)


def spool(
    aws: Aws, spool: Spool, objects: list[Object], rows: Rows | None, progress: Progress = lambda _: None
) -> Lake:
    """Put every line of the lake into the spool; ``rows`` is None where the view could not be read.

    Columns: order id, digest, Unix time of the event, sequence number, fingerprints (plain and own), digest of the row
    that the view must show, seconds until it was delivered; beside these the event's id, the other fingerprints, the
    object's number and the line's, and when it was written and came to Kinesis, Unix milliseconds.
    """
    found = Lake(objects)
    writer, broken = spool.writer(HOP), spool.writer(BROKEN)
    lines = _Lines(aws, writer, broken, found, rows)
    for number, body in enumerate(bucket.bodies(aws, objects)):
        try:
            lines.take(number, body)
        except zlib.error as error:
            found.strays.append((objects[number].key, f"it cannot be decompressed: {error}"))
        if writer.count - found.events >= _TELL_EVERY or number + 1 == len(objects):
            found.events = writer.count
            progress(f"{found.events:,} events in {number + 1:,} of {len(objects):,} objects")
    writer.close()
    broken.close()
    found.events = writer.count
    return found


def spool_errors(aws: Aws, spool: Spool, objects: list[Object], found: Lake) -> None:
    """Put every record that failed into the spool: order id; beside it the object's name, and what ``told`` tells."""
    writer, key = spool.writer(ERRORS), aws.config.table.partition_key
    for each, body in zip(objects, bucket.bodies(aws, objects), strict=True):
        try:
            for line in bucket.lines(body):
                if failed := _failed(line, key):
                    order, rest = failed
                    writer.add(order, (), (each.key, *rest))
        except zlib.error:
            found.strays.append((each.key, "it cannot be decompressed"))
    writer.close()
    found.failures = writer.count


def line_of(aws: Aws, key: str, wanted: set[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Some lines of an object, read again, by their numbers from 1."""
    for number, line in enumerate(bucket.lines(bucket.body(aws, key)), 1):
        if number in wanted:
            yield number, content.decode(line)


class _Lines:
    """Puts the lines of objects into the spool."""

    def __init__(self, aws: Aws, writer: Writer, broken: Writer, found: Lake, rows: Rows | None) -> None:
        self._key = aws.config.table.partition_key
        self._writer = writer
        self._broken = broken
        self._found = found
        self._rows = rows
        self._name = re.compile(rb'"' + re.escape(self._key.encode()) + rb'":("(?:[^"\\]|\\.)*")')

    def take(self, number: int, body: Iterator[bytes]) -> None:
        """The lines of one object."""
        each, strange = self._found.objects[number], 0
        for place, line in enumerate(bucket.lines(body), 1):
            try:
                row = content.decode(line)
            except msgspec.MsgspecError:
                self._salvage(number, place, line)
                continue
            try:
                self._put(number, place, row, each.modified)
            except (KeyError, TypeError, ValueError):
                strange += 1
        if strange:
            lines = "a line is" if strange == 1 else f"{strange:,} lines are"
            self._found.strays.append((each.key, f"{lines} no order's event"))

    def _put(self, number: int, place: int, row: dict[str, Any], modified: float) -> None:
        order, event_id, sequence = row[self._key], row["event_id"], row["sequence_number"]
        created = _time(row["event_time"])
        gone = row["event_type"] == "REMOVE"
        held = content.GONE if gone else content.of_record(row)
        if not (type(order) is type(event_id) is type(sequence) is str):
            raise TypeError
        self._writer.add(
            order,
            (
                events.digest(order, event_id, sequence, int(created), held.plain),
                int(created),
                sequence,
                held.plain,
                held.own,
                0 if gone or self._rows is None else self._rows.of_record(row),
                int(modified - created),
            ),
            (event_id, list(held.others), number, place, int(created * 1000), int(_arrived(row) * 1000)),
        )

    def _salvage(self, number: int, place: int, line: bytes) -> None:
        """A line that cannot be read may still tell which event it was."""
        event, name = _ID.search(line), self._name.search(line)
        if event and name:
            try:
                order = msgspec.json.decode(name[1], type=str)
                self._broken.add(order, (), (event[1].decode(), number, place))
            except (msgspec.MsgspecError, UnicodeDecodeError):
                pass
            else:
                return
        self._found.unread.append((self._found.objects[number].key, place))


def _failed(line: bytes, key: str) -> tuple[str, tuple[Any, ...]] | None:
    """The event in a line of a failure, if there is one, as ``events.told`` has it."""
    try:
        failure = _decode_failure(line)
        return events.told(_decode_event(b64decode(failure.raw)), key, 0.0) if failure.raw else None
    except (msgspec.MsgspecError, Base64Error, KeyError, TypeError, ValueError):
        return None


class _Failure(msgspec.Struct):
    raw: str = msgspec.field(name="rawData", default="")


_decode_failure: Final = msgspec.json.Decoder(_Failure).decode
_decode_event: Final = msgspec.json.Decoder(Event).decode


def _arrived(row: dict[str, Any]) -> float:
    """When an event came to Kinesis, Unix time; 0 where its line does not tell, as older ones do not."""
    try:
        return _time(row["arrived_at"])
    except (KeyError, TypeError, ValueError):
        return 0.0


@lru_cache(maxsize=4096)
def _time(text: str) -> float:
    return seconds(datetime.fromisoformat(text))
