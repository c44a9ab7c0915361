"""Answers of DynamoDB and Kinesis read by msgspec.

botocore walks its model through every attribute of every item of an answer, which takes ten times as long. Its event
"before-parse" is there to read an answer in another way; where the answer is not JSON, botocore's reading is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeVar

import msgspec

Time = float | datetime
T = TypeVar("T", bound=msgspec.Struct)

_NAME: Final = "SalespipeRead"
_wanted: ContextVar[type[msgspec.Struct] | None] = ContextVar("_wanted", default=None)


class Scanned(msgspec.Struct, rename="pascal", gc=False):
    """An answer of Scan."""

    items: list[dict[str, Any]] = msgspec.field(default_factory=list)
    last_evaluated_key: dict[str, Any] | None = None


class Change(msgspec.Struct, gc=False):
    """What a record of a table's stream says of its change."""

    keys: dict[str, Any] = msgspec.field(name="Keys")
    sequence: str = msgspec.field(name="SequenceNumber")
    created: Time = msgspec.field(name="ApproximateCreationDateTime")
    image: dict[str, Any] | None = msgspec.field(name="NewImage", default=None)


class Event(msgspec.Struct, gc=False):
    """A record of a table's stream, there or as a pipe sends it on."""

    event_id: str = msgspec.field(name="eventID")
    kind: str = msgspec.field(name="eventName")
    change: Change = msgspec.field(name="dynamodb")


class TableRecords(msgspec.Struct, rename="pascal", gc=False):
    """An answer of the table stream's GetRecords."""

    records: list[Event] = msgspec.field(default_factory=list)
    next_shard_iterator: str | None = None


class KinesisRecord(msgspec.Struct, gc=False):
    """A record of a Kinesis stream."""

    data: bytes = msgspec.field(name="Data")
    sequence: str = msgspec.field(name="SequenceNumber")
    arrived: Time = msgspec.field(name="ApproximateArrivalTimestamp")


class KinesisRecords(msgspec.Struct, rename="pascal", gc=False):
    """An answer of Kinesis's GetRecords."""

    records: list[KinesisRecord] = msgspec.field(default_factory=list)
    next_shard_iterator: str | None = None
    millis_behind_latest: int = 0


def ask(client: Any, operation: str, shape: type[T], **params: Any) -> T:
    """Make a call of a client's, such as ``scan``, and read its answer as ``shape``. Raises what the client does."""
    name = client.meta.method_to_api_mapping[operation]
    service = client.meta.service_model.service_id.hyphenize()
    client.meta.events.register(f"before-parse.{service}.{name}", _read, unique_id=f"salespipe-verify-{name}")
    token = _wanted.set(shape)
    try:
        answer = getattr(client, operation)(**params)
    finally:
        _wanted.reset(token)
    read: T = answer[_NAME] if _NAME in answer else msgspec.convert(answer, shape, strict=False)
    return read


def _read(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    shape, body = _wanted.get(), response_dict["body"]
    if shape is None or response_dict["status_code"] != 200 or not body.startswith(b"{"):
        return
    customized_response_dict[_NAME] = _decoder(shape)(body)
    response_dict["body"] = b"{}"


@cache
def _decoder(shape: type[msgspec.Struct]) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(shape).decode


def seconds(time: Time) -> float:
    """Unix time."""
    return time.timestamp() if isinstance(time, datetime) else time
