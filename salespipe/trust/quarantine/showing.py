"""All that is known of one record: what it holds, why it failed, where it lies, and what was logged then."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from salespipe.errors import SalespipeError
from salespipe.flow.delays import utc_now
from salespipe.flow.logs.lines import Kind, understand
from salespipe.flow.logs.reading import Reading, merged
from salespipe.flow.logs.sources import chosen
from salespipe.trust import objects as bucket
from salespipe.trust.quarantine import letters
from salespipe.trust.quarantine.failures import Failure, failure, newest, refusal

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.flow.logs.reading import Event
    from salespipe.trust.quarantine.index import Record
    from salespipe.trust.quarantine.reading import Quarantine

_EVENTS: Final = 100
_LOGGED: Final = 20
_BEFORE: Final = timedelta(seconds=10)
_AFTER: Final = timedelta(seconds=1)


@dataclass
class Payload:
    """What a record holds: ``event`` where it is JSON, else ``text``; ``refusal`` is what our transform says of it."""

    event: Any
    text: str
    size: int
    refusal: str


@dataclass
class Shown:
    """One record. ``places`` are the objects and lines, or the queue and the message, in which it lies.

    ``deadline`` is when the table's stream forgets what a message points to; ``expiry`` says why ``payloads`` is None.
    """

    record: Record
    message: str
    places: list[str]
    payloads: list[Payload] | None
    deadline: datetime | None = None
    expiry: str = ""
    logged: list[Event] = field(default_factory=list)
    no_log: str = ""


def show(aws: Aws, quarantine: Quarantine, record: Record) -> Shown:
    """Look it up. Raises ``SalespipeError`` where it is gone meanwhile."""
    shown = _letter(aws, quarantine, record) if record.letter else _failure(aws, quarantine, record)
    source = "pipe" if record.letter else "transform"
    ended = datetime.fromtimestamp(record.ended / 1000, UTC)
    try:
        reading = Reading(chosen(aws.names, [source])[0], ended - _BEFORE, ended + _AFTER)
        events = [each for each in merged(aws, [reading]) if understand(each.message).kind is not Kind.FRAME]
        shown.logged = events[-_LOGGED:]
        shown.no_log = reading.missing.message if reading.missing else ""
    except SalespipeError as error:
        shown.no_log = error.message
    return shown


def _failure(aws: Aws, quarantine: Quarantine, record: Record) -> Shown:
    found: list[Failure] = []
    places: list[str] = []
    for key in sorted(quarantine.index.objects_of(record.id)):
        for number, line in enumerate(bucket.lines(bucket.body(aws, key)), 1):
            known = failure(line)
            if known and known.record == record.id:
                found.append(known)
                places.append(f"line {number} of s3://{aws.names.bucket}/{key}")
    if not found:
        raise SalespipeError(
            "Gone", f"The record {record.id} has just left the quarantine.", hint="salespipe quarantine ls"
        )
    first = min(found, key=lambda each: (each.repaired, each.arrived))
    return Shown(record, newest(found).message, places, [payload(first.data)])


def _letter(aws: Aws, quarantine: Quarantine, record: Record) -> Shown:
    body = next(body for letter, _, body in quarantine.index.letters(chosen=False) if letter == record.id)
    pointer = letters.letter(body).pointer
    events = letters.resolve(aws, pointer)
    told = f"{record.events:,} of {pointer.shard_id}, {pointer.start_sequence_number} to {pointer.end_sequence_number}"
    return Shown(
        record,
        f"the pipe gave up events: {told}",
        [f"queue {aws.names.queue}"],
        None if events is None else [payload(each) for each in events[:_EVENTS]],
        pointer.deadline,
        pointer.expiry(utc_now()) if events is None else "",
    )


def payload(data: bytes) -> Payload:
    """What an event's bytes say."""
    try:
        event: Any = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        event = None
    return Payload(
        event, "" if event is not None else data.decode("utf-8", "backslashreplace"), len(data), refusal(data)
    )
