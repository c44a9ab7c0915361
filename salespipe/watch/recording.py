"""Recordings: what was fetched, as lines of JSON, and a source that tells it again.

A line is an object with ``type``, as in ``salespipe.watch.fetched``, except that data of records is text where it is
UTF-8, under ``text``, for people to read and for gzip to squeeze: a file whose name ends in .gz is packed.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Final, Literal, TypeAlias, cast

import msgspec

from salespipe.errors import Exit, SalespipeError
from salespipe.watch.fetched import Fetched, Measured, Opened, Progress, Records, Stocked
from salespipe.watch.model import Window

# What is taken in one turn, so that snapshots are made while a long stretch of the recording is told at once.
_AT_ONCE: Final = 0.1


class Texts(msgspec.Struct, frozen=True, tag="records", omit_defaults=True):
    """``Records`` on a line."""

    at: datetime
    run: int
    text: tuple[str, ...] = ()
    binary: tuple[bytes, ...] = ()


_Line: TypeAlias = Opened | Texts | Progress | Measured | Stocked
_decode = msgspec.json.Decoder(_Line).decode
_encode = msgspec.json.Encoder().encode


class Recording:
    """Writes what was fetched to a file that must not be there yet. Each line is whole, whenever it ends.

    Raises ``SalespipeError`` (usage) where the file cannot be made. Where it cannot be written on, ``problem`` says
    why, and what follows is not kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        try:
            self._file = _open(path, "xb")
        except OSError as error:
            said = "it is there already" if isinstance(error, FileExistsError) else error.strerror
            raise _unusable(path, "be written", said, "Name another file.") from error

    def keep(self, event: Fetched) -> None:
        """Write it."""
        if self.problem:
            return
        try:
            self._file.write(_encode(_line(event)) + b"\n")
            if isinstance(event, Measured):
                self._file.flush()
        except (OSError, ValueError) as error:
            self.problem = str(error)

    def close(self) -> None:
        """Nothing more comes."""
        try:
            self._file.close()
        except (OSError, ValueError) as error:
            self.problem = self.problem or str(error)


class Replay:
    """A ``Source`` that tells a recording again, ``speed`` times as fast. Its time is the recording's.

    Where ``speed`` is None all is told as fast as it can be, and its time is that of the last line. A line that cannot
    be read is skipped, and a file that breaks off ends there: ``skipped`` counts them. ``over`` is that all was told;
    its time goes on for as long as anybody looks. Raises ``SalespipeError`` (usage) where there is nothing to tell.
    """

    def __init__(self, path: Path, *, speed: float | None, clock: Callable[[], float]) -> None:
        self.skipped = 0
        self.over = False
        self._clock = clock
        self._speed = speed
        self._file = _opened(path)
        self._events = self._read()
        first = next(self._events, None)
        if first is None:
            self._file.close()
            raise _unusable(path, "be replayed", "no line of it is of a recording", "salespipe watch --record FILE")
        self._next: Fetched | None = first
        self._first = self._last = first.at
        self._began: float | None = None

    def take(self, window: Window) -> Iterator[Fetched]:  # noqa: ARG002 - what was recorded does not depend on it
        """What is due by now."""
        if self._began is None:
            self._began = self._clock()
        until = self._clock() + _AT_ONCE
        while self._next is not None and self._next.at <= self._time() and self._clock() < until:
            self._last = self._next.at
            yield self._next
            self._next = next(self._events, None)
        self.over = self._next is None

    def pause(self) -> float:
        """Seconds until the next line is due."""
        if self._next is None:
            return 1.0
        return max(0.0, (self._next.at - self._time()).total_seconds() / (self._speed or 1.0))

    def now(self) -> datetime:
        """The recording's time; while a stretch is being told that was due already, that of the last line."""
        now = self._time()
        if self._next is not None:
            now = min(now, self._next.at)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def forget(self) -> None:
        """There is no way to find."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _time(self) -> datetime:
        if self._speed is None:
            return self._next.at if self._next else self._last
        if self._began is None:
            return self._first
        return self._first + timedelta(seconds=(self._clock() - self._began) * self._speed)

    def _read(self) -> Iterator[Fetched]:
        while True:
            try:
                line = self._file.readline()
            except (EOFError, OSError, zlib.error):  # a packed file that breaks off, or is none
                self.skipped += 1
                return
            if not line:
                return
            try:
                yield _event(_decode(line))
            except msgspec.DecodeError:
                self.skipped += 1


def _line(event: Fetched) -> _Line:
    if not isinstance(event, Records):
        return event
    text, binary = [], []
    for data in event.data:
        try:
            text.append(data.decode())
        except UnicodeDecodeError:
            binary.append(data)
    return Texts(event.at, event.run, tuple(text), tuple(binary))


def _event(line: _Line) -> Fetched:
    if isinstance(line, Texts):
        return Records(line.at, line.run, (*(text.encode() for text in line.text), *line.binary))
    if isinstance(line, Opened):
        return msgspec.structs.replace(line, where=f"recording of {line.where}")  # lest it be taken for what is now
    return line


def _opened(path: Path) -> IO[bytes]:
    try:
        return _open(path, "rb")
    except OSError as error:
        raise _unusable(path, "be read", error.strerror, "Name a file that watch --record has written.") from error


def _open(path: Path, mode: Literal["rb", "xb"]) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, mode) if path.suffix == ".gz" else path.open(mode))


def _unusable(path: Path, verb: str, why: str | None, hint: str) -> SalespipeError:
    return SalespipeError("Recording", f"{path} cannot {verb}: {why}.", hint=hint, exit_code=Exit.USAGE)
