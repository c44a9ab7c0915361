"""A ledger file: a line that says what it is, then blocks, of which the first is the header.

Each block is framed by a mark, its length, its checksum and the number of the first entry in it, so that a reader
knows a block that was not written whole, one that was damaged later, and how many entries are missing where it goes on.
A file that was closed ends in a block of no entries. Entries stand in the order in which they were recorded, which
for the writes of one key is the order in which they were made.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from salespipe.errors import SalespipeError
from salespipe.ledger.fingerprint import SIZE, of_request
from salespipe.orders import Kind

FORMAT: Final = 1
FIRST_LINE: Final = b"salespipe ledger %d\n"
MARK: Final = b"\xf1\xedSP"
FRAME: Final = struct.Struct("<4sIIQ")
"""Mark, length of the payload, CRC-32 of what follows the checksum, number of the block's first entry."""
LONGEST: Final = 2**20
"""No payload is longer: 25 keys have 50 KB at most, and a header hardly more."""

_NUMBER: Final = struct.Struct("<Q")
_KINDS: Final = tuple(Kind)
_CODES: Final = {kind: code for code, kind in enumerate(_KINDS)}


class Written(Protocol):
    """What is recorded of a write."""

    @property
    def kind(self) -> Kind:
        """What it did to its order."""

    @property
    def key(self) -> str:
        """The key's value."""

    @property
    def request(self) -> bytes:
        """The request of BatchWriteItem, JSON text."""

    @property
    def fingerprint(self) -> bytes:
        """Its fingerprint, if it is known; else it is that of the request."""

    @property
    def line(self) -> int:
        """Where it stands in a file; 0 when it was made up."""

    @property
    def expect(self) -> int:
        """What has to become of it downstream, as ``Entry`` has it."""


class Entry(NamedTuple):
    """An acknowledged write.

    ``fingerprint`` is that of the item as it then was (``fingerprint.NOTHING`` after a delete), ``acknowledged_at``
    Unix time in milliseconds, ``line`` where a replayed row stands in its file, 0 for an order that was made up.
    ``expect`` is what has to become of it downstream: 0 is what becomes of any order, other codes are chaos's.
    """

    kind: Kind
    key: str
    fingerprint: bytes
    acknowledged_at: int
    line: int = 0
    expect: int = 0


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Whose ledger it is.

    ``table_id`` is another one when a table of the same name is made anew. ``endpoint`` is empty for AWS. ``started``
    is Unix time in milliseconds; ``source`` is what was replayed.
    """

    pipeline: str
    account: str
    region: str
    endpoint: str
    table: str
    table_id: str
    partition_key: str
    command: str
    started: int
    seed: int | None = None
    source: str = ""


class _Batch(msgspec.Struct, array_like=True):
    """Entries by column, which takes less room and a tenth of the time that one by one would."""

    at: int
    kinds: bytes
    keys: list[str]
    fingerprints: bytes
    lines: list[int] | None
    expects: list[int] | None


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Batch).decode


class _Kinds(msgspec.Struct, array_like=True):
    """The first of a batch's columns: the others are skipped."""

    at: int
    kinds: bytes


_decode_kinds: Final = msgspec.msgpack.Decoder(_Kinds).decode


def begin(header: Header) -> bytes:
    """How a file begins."""
    return FIRST_LINE % FORMAT + frame(0, msgspec.json.encode(header))


def frame(first: int, payload: bytes) -> bytes:
    """A block, ready to be appended; ``first`` is how many entries there are before it."""
    return FRAME.pack(MARK, len(payload), checksum(first, payload), first) + payload


def checksum(first: int, payload: bytes) -> int:
    """The checksum of a block."""
    return zlib.crc32(payload, zlib.crc32(_NUMBER.pack(first)))


def pack(writes: Sequence[Written], at: int) -> bytes:
    """The payload of a block of writes that were acknowledged ``at`` some time."""
    lines = [write.line for write in writes]
    expects = [write.expect for write in writes]
    return _encode(
        _Batch(
            at,
            bytes([_CODES[write.kind] for write in writes]),
            [write.key for write in writes],
            b"".join([write.fingerprint or of_request(write.request) for write in writes]),
            lines if any(lines) else None,
            expects if any(expects) else None,
        )
    )


def size(payload: bytes) -> int:
    """How many entries a block has."""
    return len(_decode_kinds(payload).kinds)


def unpack(payload: bytes) -> Iterator[Entry]:
    """The entries of a block whose checksum is right."""
    batch = _decode(payload)
    nothing = [0] * len(batch.keys)
    for number, (code, key, line, expect) in enumerate(
        zip(batch.kinds, batch.keys, batch.lines or nothing, batch.expects or nothing, strict=True)
    ):
        fingerprint = batch.fingerprints[number * SIZE : (number + 1) * SIZE]
        yield Entry(_KINDS[code], key, fingerprint, batch.at, line, expect)


def parse_first_line(line: bytes, name: str) -> None:
    """Raise ``SalespipeError`` for a file that is no ledger, or one that a newer salespipe has written."""
    before, _, after = FIRST_LINE.partition(b"%d")
    version = line.removeprefix(before).removesuffix(after)
    if not line.startswith(before) or not line.endswith(after) or not version.isdigit():
        raise SalespipeError("NotALedger", f"{name} is not a ledger of salespipe's, or its beginning is damaged.")
    if int(version) != FORMAT:
        raise SalespipeError(
            "LedgerFormat",
            f"{name} has the format {int(version)}; this salespipe reads format {FORMAT}.",
            hint="Use the salespipe that has written it, or a newer one.",
        )
