"""Shard iterators that carry their whole state, so that none is kept in memory: DynamoDB Streams and Kinesis alike."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Final

import msgspec

from salespipe.local.api import AwsError


class ShardIterator(msgspec.Struct, frozen=True, array_like=True):
    """A position in a shard: ``stream`` is the stream's ARN, ``after`` a log sequence, ``issued`` Unix seconds.

    ``generation`` tells a stream from an earlier one of the same ARN.
    """

    stream: str
    generation: str
    shard_id: str
    after: int
    issued: float


_decoder: Final = msgspec.json.Decoder(ShardIterator)


def issue(iterator: ShardIterator) -> str:
    """The iterator as the text that clients hand back."""
    return base64.b64encode(msgspec.json.encode(iterator)).decode()


def redeem(text: object, now: float, lifetime: int) -> ShardIterator:
    """The iterator that a client handed back. Raises ``ValueError`` when it is none.

    Raises ``AwsError`` (ExpiredIteratorException) when it was issued more than ``lifetime`` seconds before ``now``.
    """
    if not isinstance(text, str):
        raise ValueError("Not an iterator.")  # noqa: TRY004 - one kind of error for one kind of mistake
    try:
        iterator = _decoder.decode(base64.b64decode(text, validate=True))
    except (binascii.Error, msgspec.MsgspecError, UnicodeError) as error:
        raise ValueError("Not an iterator.") from error
    if now - iterator.issued > lifetime:
        raise AwsError(
            "ExpiredIteratorException",
            f"Iterator expired. The iterator was created at time {_utc(iterator.issued)} while right now it is"
            f" {_utc(now)} which is further in the future than the tolerated delay of {lifetime * 1000} milliseconds.",
        )
    return iterator


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
