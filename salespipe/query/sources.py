"""Where SQL comes from: the command line, a file, or stdin."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from salespipe.errors import Exit, SalespipeError

_STDIN: Final = "-"
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# Sixty statements of the greatest length that Athena takes: what has more is no SQL, and may have no end.
_MOST: Final = 2**24


def read(sql: str | None, file: Path | None) -> str:
    """The SQL that was given; ``-``, or nothing where stdin is no terminal, means stdin.

    Raises ``SalespipeError`` where there are two sources, or a file cannot be read or is not UTF-8.
    """
    if sql is not None and file is not None:
        raise _usage("TwoSources", "There is SQL on the command line and a file, too.", "Give one of them.")
    if sql is not None and sql != _STDIN:
        return text(sql, "the SQL")
    if file is not None and str(file) != _STDIN:
        try:
            with file.open("rb") as source:
                return _decoded(source.read(_MOST + 1), str(file))
        except OSError as error:
            raise _usage("FileUnreadable", f"{file} cannot be read: {error.strerror}.", "") from None
    asked = sql is not None or file is not None
    if sys.stdin.isatty() and not asked:
        return ""
    try:
        return _decoded(sys.stdin.buffer.read(_MOST + 1), "stdin")
    except OSError:
        return ""  # there is no stdin


def text(word: str, name: str) -> str:
    """A word of the command line. Where its bytes are no text, Python has put surrogates in their places (PEP 383)."""
    if odd := _SURROGATE.search(word):
        told = f"{name} has the byte 0x{ord(odd[0]) & 0xFF:02x}, which is not UTF-8."
        raise _usage("NotUtf8", told, "Give it in UTF-8, as the terminal's locale should be.")
    return word


def _decoded(raw: bytes, name: str) -> str:
    if len(raw) > _MOST:
        raise _usage("TooLong", f"{name} has more than {_MOST >> 20} MB: that is no SQL.", "")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _usage(
            "NotUtf8",
            f"{name} is not UTF-8: line {line} has the byte 0x{raw[error.start]:02x}.",
            f"iconv -f latin1 -t utf-8{'' if name == 'stdin' else f' {name}'}, or whatever its encoding is",
        ) from None


def _usage(code: str, message: str, hint: str) -> SalespipeError:
    return SalespipeError(code, message, hint=hint, exit_code=Exit.USAGE)
