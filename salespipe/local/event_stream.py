"""Messages of an event stream on the wire.

Form: the specification of application/vnd.amazon.eventstream (smithy.io, "Amazon Event Stream Specification").
"""

from __future__ import annotations

import struct
from binascii import crc32
from typing import Final

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
_TEXT: Final = 7


def message(event_type: str, payload: bytes, *, content_type: str = "application/x-amz-json-1.1") -> bytes:
    """An event with its type and content."""
    named = {":event-type": event_type, ":content-type": content_type, ":message-type": "event"}
    return _framed(b"".join(_header(name, value) for name, value in named.items()), payload)


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return bytes([len(key)]) + key + bytes([_TEXT]) + struct.pack(">H", len(text)) + text


def _framed(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return body + struct.pack(">I", crc32(body))
