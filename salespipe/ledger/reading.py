"""Reading a ledger back, in as little memory as one block takes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from salespipe.errors import SalespipeError
from salespipe.ledger.blocks import (
    FIRST_LINE,
    FORMAT,
    FRAME,
    LONGEST,
    MARK,
    Entry,
    Header,
    checksum,
    parse_first_line,
    size,
    unpack,
)

_WINDOW: Final = 2**16
_HEADER_LENGTH: Final = len(FIRST_LINE % FORMAT)


@dataclass(frozen=True)
class Damage:
    """Bytes within a file that are no block, and how many entries are missing there."""

    offset: int
    length: int
    lost: int


@dataclass
class Reading:
    """A ledger to be read by iterating over it, any number of times; the rest is known once that has come to an end.

    ``closed`` says that the run came to its end and recorded all that was acknowledged; a run that was killed may have
    had acknowledgements under way. ``torn`` is how many bytes at the end are no whole block: the last thing that a
    killed run did, or, if ``running``, what is just being written.
    """

    path: Path
    header: Header
    start: int
    entries: int = 0
    closed: bool = False
    torn: int = 0
    damage: list[Damage] = field(default_factory=list)

    @property
    def running(self) -> bool:
        """Whether a run still holds it."""
        return held(self.path)

    def __iter__(self) -> Iterator[Entry]:
        return self._entries(b"")

    def of(self, key: str) -> Iterator[Entry]:
        """The entries of one key; blocks in which it cannot be are counted and not unpacked."""
        return (entry for entry in self._entries(key.encode()) if entry.key == key)

    def _entries(self, holding: bytes) -> Iterator[Entry]:
        """The entries of every block in whose payload those bytes are."""
        self.entries, self.closed, self.torn, self.damage = 0, False, 0, []
        expected = 0
        with self.path.open("rb") as file:
            end = self.start
            for block in _blocks(file, self.start):
                if block.offset > end or block.first != expected:
                    self.damage.append(Damage(end, block.offset - end, block.first - expected))
                end = block.offset + FRAME.size + len(block.payload)
                expected = block.first
                self.closed = not block.payload
                if not block.payload:
                    continue
                if holding in block.payload:
                    for entry in unpack(block.payload):
                        expected += 1
                        self.entries += 1
                        yield entry
                else:
                    count = size(block.payload)
                    expected += count
                    self.entries += count
            self.torn = max(file.seek(0, os.SEEK_END) - end, 0)
            self.closed = self.closed and not self.torn

    def told(self) -> list[str]:
        """Say, after reading, what is wrong with it."""
        said = [
            f"{self.path}: {each.length:,} bytes at {each.offset:,} are damaged, {each.lost:,} entries are missing."
            for each in self.damage
        ]
        if self.torn:
            said.append(f"{self.path}: the last {self.torn:,} bytes are no whole record; they are left out.")
        if not self.closed:
            said.append(
                f"{self.path}: the run goes on."
                if self.running
                else f"{self.path}: the run was cut off; what was under way then may be in the table all the same."
            )
        return said


def read(path: Path) -> Reading:
    """Open a ledger.

    Raises ``SalespipeError``: ``NotALedger``, ``LedgerFormat`` when a newer salespipe has written it, ``LedgerHeader``
    when it ends within its header or that is damaged, ``LedgerUnreadable`` when the system does not let us.
    """
    try:
        with path.open("rb") as file:
            line = file.read(_HEADER_LENGTH)
            if line != FIRST_LINE % FORMAT:
                if (FIRST_LINE % FORMAT).startswith(line):
                    raise _no_header(path, "it ends within its header, so nothing was recorded")
                parse_first_line(line + (b"" if line.endswith(b"\n") else file.readline(32)), str(path))
            with closing(_blocks(file, _HEADER_LENGTH)) as blocks:
                block = next(blocks, None)
            if block is None or block.offset != _HEADER_LENGTH:
                whole = block is not None or file.seek(0, os.SEEK_END) > _HEADER_LENGTH + LONGEST
                raise _no_header(path, "its header is damaged" if whole else "it ends within its header, or before it")
            header = msgspec.json.decode(block.payload, type=Header)
    except OSError as error:
        raise SalespipeError("LedgerUnreadable", f"{path} cannot be read: {error.strerror or error}.") from error
    except msgspec.MsgspecError as error:
        raise _no_header(path, f"its header is not understood: {error}") from error
    return Reading(path, header, _HEADER_LENGTH + FRAME.size + len(block.payload))


def held(path: Path) -> bool:
    """Whether a process is writing the ledger."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@dataclass(frozen=True)
class _Block:
    offset: int
    first: int
    payload: bytes


def _blocks(file: BinaryIO, offset: int) -> Generator[_Block, None, None]:
    """Every whole block from an offset on; what lies between them is left out."""
    while True:
        block = _block_at(file, offset) or _next_block(file, offset + 1)
        if block is None:
            return
        yield block
        offset = block.offset + FRAME.size + len(block.payload)


def _block_at(file: BinaryIO, offset: int) -> _Block | None:
    file.seek(offset)
    frame = file.read(FRAME.size)
    if len(frame) < FRAME.size:
        return None
    mark, length, told, first = FRAME.unpack(frame)
    if mark != MARK or length > LONGEST:
        return None
    payload = file.read(length)
    if len(payload) < length or checksum(first, payload) != told:
        return None
    return _Block(offset, first, payload)


def _next_block(file: BinaryIO, offset: int) -> _Block | None:
    """The first whole block that begins at an offset or after it, found by its mark."""
    while True:
        file.seek(offset)
        window = file.read(_WINDOW)
        at = window.find(MARK)
        while at >= 0:
            if block := _block_at(file, offset + at):
                return block
            at = window.find(MARK, at + 1)
        if len(window) < _WINDOW:
            return None
        offset += len(window) - len(MARK) + 1


def _no_header(path: Path, why: str) -> SalespipeError:
    return SalespipeError("LedgerHeader", f"{path} cannot be used: {why}.")
