"""Where a result goes: stdout, or a file that is there only once it is whole."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from salespipe.errors import Exit, SalespipeError


def usable(path: Path) -> bool:
    """Whether a file can be written without losing another one.

    Raises ``SalespipeError`` where it cannot be written at all: before a query is paid for.
    """
    if path.is_dir():
        raise _refused(path, "is a folder")
    if not path.parent.is_dir():
        raise _refused(path, f"cannot be written: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise _refused(path, "cannot be written: permission denied")
    return not path.is_file()


def _refused(path: Path, why: str) -> SalespipeError:
    return SalespipeError("Output", f"{path} {why}.", hint="Choose another file with -o.", exit_code=Exit.USAGE)


@contextmanager
def opened(path: Path | None) -> Iterator[BinaryIO]:
    """A file to write to, stdout without a ``path``.

    It is written beside its place, under another name, and takes its place at the end: whatever happens before, an
    older file stays and nothing half written is left. Raises ``SalespipeError`` where the disk is full.
    """
    with _roomy(path):
        if path is None:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        elif path.exists() and not path.is_file():  # a device or a pipe
            with path.open("wb") as file:
                yield file
        else:
            with _replacing(path) as file:
                yield file


def append(path: Path, line: bytes) -> None:
    """Write a line behind what a file holds. Raises ``SalespipeError`` where the disk is full."""
    with _roomy(path), path.open("ab") as file:
        file.write(line + b"\n")


@contextmanager
def _roomy(path: Path | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        where = "stdout" if path is None else str(path.absolute())
        raise SalespipeError(
            "DiskFull",
            f"There is no room for the result: {os.strerror(error.errno)} ({where}).",
            hint="Make room, or write elsewhere with -o; salespipe query results ID reads it again for nothing.",
        ) from error


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    try:
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise _refused(path, f"cannot be written: {error.strerror}") from error
    part = Path(name)
    try:
        with open(number, "wb") as file:  # noqa: PTH123 - it is open already
            yield file
        part.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
