"""Long results in the user's pager, short ones on the screen."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final

_DEFAULT: Final = "less"
# Colours, no wrapping of long lines, the screen left as it is.
_LESS: Final = "SRX"


class ClosedError(Exception):
    """The reader has left the pager: no more is wanted."""


class Paged:
    """A file to write to: up to ``height`` lines go to ``out`` at the end, more than that to ``pager``."""

    def __init__(self, out: BinaryIO, height: int, pager: list[str], environment: Mapping[str, str]) -> None:
        self._out = out
        self._height = height
        self._pager = pager
        self._environment = environment
        self._held = bytearray()
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, data: bytes) -> int:
        """Take bytes. Raises ``ClosedError`` once the pager is left."""
        if self._process is None:
            self._held += data
            if self._held.count(b"\n") <= self._height:
                return len(data)
            data = bytes(self._held)
            self._held.clear()
            self._begin()
        self._send(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is shown before the end, or before it is too long for the screen."""

    def close(self) -> None:
        """Show what is held, and wait for the reader."""
        if self._process is None:
            self._out.write(bytes(self._held))
            self._out.flush()
        elif self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
            while self._waits():
                pass

    def _begin(self) -> None:
        try:
            self._process = subprocess.Popen(self._pager, stdin=subprocess.PIPE, env=dict(self._environment))
        except OSError:
            self._process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)  # noqa: S607 - wherever it is

    def _send(self, data: bytes) -> None:
        assert self._process is not None  # noqa: S101 - it was begun
        assert self._process.stdin is not None  # noqa: S101
        try:
            self._process.stdin.write(data)
        except BrokenPipeError:
            raise ClosedError from None

    def _waits(self) -> bool:
        """Whether the pager still runs; Ctrl-C in it is its own matter."""
        assert self._process is not None  # noqa: S101
        try:
            self._process.wait()
        except KeyboardInterrupt:
            return True
        return False


@contextmanager
def paged(out: BinaryIO, *, height: int, environment: Mapping[str, str] = os.environ) -> Iterator[BinaryIO]:
    """A file for one result. An empty ``$PAGER`` means none; a reader who leaves early ends it quietly."""
    words = shlex.split(environment.get("PAGER", _DEFAULT))
    if not words:
        yield out
        out.flush()
        return
    file = Paged(out, height, words, {"LESS": _LESS, **environment})
    try:
        yield file  # type: ignore[misc] # writers need no more than write and flush
    except ClosedError:
        pass
    finally:
        file.close()
