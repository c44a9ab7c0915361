"""Rows that were not written, in a file beside the work: JSON lines that can be mended and replayed."""

from __future__ import annotations

import json
import threading
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final

from salespipe.errors import Exit, SalespipeError
from salespipe.load.lines import Record
from salespipe.load.source import STDIN

SUFFIX: Final = ".rejects.jsonl"


class Rejects:
    """A file that begins with its first row; one that was there is kept under the same name with ``~`` at its end.

    Each line is an object of ``line``, ``reason``, ``format`` (the file's) and ``values``: by column, or the text or
    fields that have no columns. Any thread may add.
    """

    def __init__(self, path: Path, source: Path, form: str) -> None:
        if path.exists() and source.exists() and path.samefile(source):
            raise SalespipeError(
                "RejectsFile",
                f"{path} is the file that is replayed; its rejects cannot go there.",
                hint="Name another with --rejects FILE.",
                exit_code=Exit.USAGE,
            )
        if not path.parent.is_dir() or path.is_dir():
            raise SalespipeError("RejectsFile", f"--rejects {path} is no place for a file.", exit_code=Exit.USAGE)
        self.path = path
        self.count = 0
        self._form = form
        self._file: IO[str] | None = None
        self._lock = threading.Lock()

    def add(self, record: Record, reason: str) -> None:
        """Write a row down, at once. Raises ``SalespipeError`` when there is no writing to the file."""
        values: Any = record.raw if record.raw is not None else record.values
        head = json.dumps({"line": record.line, "reason": reason, "format": self._form})
        with self._lock:
            try:
                self._opened().write(f'{head[:-1]}, "values": {as_json(values)}}}\n')
            except OSError as error:
                raise SalespipeError("RejectsFile", f"{self.path} cannot be written: {error.strerror}.") from error
            self.count += 1

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file:
            self._file.close()

    def _opened(self) -> IO[str]:
        if self._file is None:
            if self.path.exists():
                self.path.replace(self.path.with_name(self.path.name + "~"))
            self._file = self.path.open("w", encoding="utf-8", buffering=1)
        return self._file


def default_path(source: Path) -> Path:
    """Where the rejects of a file go: into the working folder, under its name."""
    return Path(f"{'stdin' if source == STDIN else source.name}{SUFFIX}")


def as_json(value: Any) -> str:
    """A value of a record as JSON text that reads back the same: numbers keep every digit."""
    match value:
        case Decimal() if value.is_finite():
            return str(value)
        case dict():
            pairs = [f"{json.dumps(str(name))}: {as_json(one)}" for name, one in value.items()]
            return f"{{{', '.join(pairs)}}}"
        case list() | tuple():
            return f"[{', '.join([as_json(one) for one in value])}]"
        case None | str() | bool() | int() | float():
            return json.dumps(value)
    return json.dumps(value.isoformat() if isinstance(value, date) else str(value))
