"""A failed record as Firehose writes it: one line of JSON, with the record as it came in base64.

Source: Firehose developer guide, "Data transformation failure handling", and "Record format conversion error handling",
where the code and the message are those of the last attempt.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import msgspec

ID_LENGTH: Final = 14
MARK: Final = "salespipeQuarantine"
"""A field of an event that ``fix`` has changed: the ID of the record that it was, whatever becomes of it."""

_MARKED: Final = MARK.encode()
# Of a million records two have the same ID with a chance of one in a hundred thousand.
_BYTES: Final = 7


class _Line(msgspec.Struct):
    raw: str = msgspec.field(name="rawData")
    code: str = msgspec.field(name="errorCode", default="")
    message: str = msgspec.field(name="errorMessage", default="")
    last_code: str = msgspec.field(name="lastErrorCode", default="")
    last_message: str = msgspec.field(name="lastErrorMessage", default="")
    attempts: int | str = msgspec.field(name="attemptsMade", default=1)
    arrived: int | str = msgspec.field(name="arrivalTimestamp", default=0)
    ended: int | str = msgspec.field(name="attemptEndingTimestamp", default=0)


class _Marked(msgspec.Struct):
    mark: str = msgspec.field(name=MARK)


_decode: Final = msgspec.json.Decoder(_Line).decode
_decode_mark: Final = msgspec.json.Decoder(_Marked).decode


@dataclass(frozen=True, slots=True)
class Failure:
    """A line of an error object; ``arrived`` (in Kinesis) and ``ended`` (the last attempt) are Unix milliseconds.

    ``repaired`` says that ``data`` is not as it came, but as a replay's script has made it.
    """

    record: str
    data: bytes
    code: str
    message: str
    attempts: int
    arrived: int
    ended: int
    repaired: bool


def failure(line: bytes) -> Failure | None:
    """What a line says, or None where Firehose has not written it."""
    try:
        found = _decode(line)
        data = a2b_base64(found.raw, strict_mode=True)
        code, message = found.code or found.last_code, found.message or found.last_message
        attempts, arrived, ended = int(found.attempts), int(found.arrived), int(found.ended)
    except (msgspec.MsgspecError, Base64Error, ValueError):
        return None
    if not code:
        return None
    mark = mark_of(data)
    return Failure(mark or record_id(data), data, code, message, attempts, arrived, ended, repaired=bool(mark))


def record_id(data: bytes) -> str:
    """The ID of a record: what it came with makes it, so that it stays the same wherever its line lies."""
    return blake2b(data, digest_size=_BYTES).hexdigest()


def mark_of(data: bytes) -> str:
    """The ID of the record that a repaired event was; empty where it is none."""
    if _MARKED not in data:
        return ""
    try:
        mark = _decode_mark(data).mark
    except msgspec.MsgspecError:
        return ""
    return mark if len(mark) == ID_LENGTH and mark.isalnum() else ""


def event_id(data: bytes) -> str:
    """The ID by which the lake knows an event; empty where the data is no event that has one."""
    try:
        found: Any = msgspec.json.decode(data)["eventID"]
    except (msgspec.MsgspecError, KeyError, TypeError, UnicodeDecodeError):
        return ""
    return found if isinstance(found, str) else ""


def counted(line: bytes, attempts: int, newest: Failure) -> bytes:
    """A line after further attempts, the ``newest`` of which failed too: the record in it stays as it came."""
    told: dict[str, Any] = msgspec.json.decode(line)
    last = "lastErrorCode" in told and "errorCode" not in told
    told |= {
        "attemptsMade": attempts,
        "lastErrorCode" if last else "errorCode": newest.code,
        "lastErrorMessage" if last else "errorMessage": newest.message,
        "attemptEndingTimestamp": newest.ended,
    }
    return msgspec.json.encode(told)


def newest(failures: Iterable[Failure]) -> Failure:
    """The one whose attempt ended last."""
    return max(failures, key=lambda each: each.ended)


def refusal(data: bytes) -> str:
    """Why the transform of this version would not take an event; empty where it would."""
    from salespipe.functions.transform.handler import lake_record

    try:
        event: Any = msgspec.json.decode(data)
        lake_record(event)
    except Exception as error:  # noqa: BLE001 - whatever it raises, as in the transform
        return f"{type(error).__name__}: {error}"
    return ""
