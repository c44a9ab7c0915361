"""Where rows come from as bytes: a file or standard input, plain or gzip, whichever its first bytes say."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import sys
import zlib
from pathlib import Path
from typing import IO, Final, cast

from salespipe.errors import Exit, SalespipeError

STDIN: Final = Path("-")
GZIP_MAGIC: Final = b"\x1f\x8b"
# What gzip and zlib raise for data that is damaged or not all there.
DAMAGED: Final = (EOFError, gzip.BadGzipFile, zlib.error)
BUFFER: Final = 1 << 17
# As much of the beginning is looked at to tell what it is.
HEAD: Final = 4096


class Source:
    """A file (or standard input, for ``-``) opened for reading once, as a context manager.

    ``regular`` says that it can be read again from the start, ``name`` is for people. ``bytes`` is its content and
    ``head`` its beginning, both decompressed where it is ``packed``. Raises ``SalespipeError`` (exit 2) when it cannot
    be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = "standard input" if path == STDIN else path.name
        try:
            self._file = cast("io.BufferedReader", sys.stdin.buffer if path == STDIN else path.open("rb", BUFFER))
            self._status = self._stat()
        except OSError as error:
            raise SalespipeError("FileUnreadable", f"{path}: {error.strerror}.", exit_code=Exit.USAGE) from error
        self.regular = path != STDIN and stat.S_ISREG(self._status.st_mode)
        self.bytes: IO[bytes] = self._file
        self.packed = False
        self._text: io.TextIOWrapper | None = None
        try:
            self.head = self._file.peek(HEAD)[:HEAD]
            if self.head.startswith(GZIP_MAGIC):
                self.packed = True
                buffered = io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=self._file)), BUFFER)
                self.bytes = buffered
                self.head = buffered.peek(HEAD)[:HEAD]
        except DAMAGED as error:
            self.close()
            raise self.refused(f"cannot be decompressed: {error}") from error
        except OSError as error:
            self.close()
            raise SalespipeError("FileUnreadable", f"{path}: {error.strerror}.", exit_code=Exit.USAGE) from error

    def text(self, encoding: str, errors: str) -> io.TextIOWrapper:
        """The content as text, with line ends as they are."""
        self._text = io.TextIOWrapper(self.bytes, encoding=encoding, errors=errors, newline="")
        return self._text

    @property
    def size(self) -> int:
        """How many bytes the file has on disk."""
        return self._status.st_size

    @property
    def share(self) -> float | None:
        """The share of the file's bytes that has been read, from 0 to 1; None where the end is not known."""
        if not self.regular:
            return None
        return min(self._file.tell() / self.size, 1.0) if self.size else 1.0

    def check_unchanged(self) -> None:
        """Raise ``SalespipeError`` when the file is not what it was when it was opened, by its size and time."""
        now = self._stat()
        if self.regular and (now.st_size, now.st_mtime_ns) != (self._status.st_size, self._status.st_mtime_ns):
            raise SalespipeError(
                "FileChanged",
                f"{self.path} was changed while it was read; what was written may be of either version.",
                hint="Run the same command again once the file is complete.",
            )

    def digest(self) -> str:
        """A hash of the file's bytes as they are; only for a regular file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()

    def refused(self, why: str) -> SalespipeError:
        """The error for a file that is not what can be replayed."""
        return SalespipeError("FileFormat", f"{self.path} {why}.", exit_code=Exit.USAGE)

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self.path == STDIN:
            if self._text:
                self._text.detach()
            return
        if self._text:
            self._text.close()
        self.bytes.close()
        self._file.close()

    def _stat(self) -> os.stat_result:
        return os.fstat(self._file.fileno())
