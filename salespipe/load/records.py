"""Records out of a file, one at a time: CSV, JSON lines (gzip or not) or Parquet, whichever its bytes say."""

from __future__ import annotations

import abc
import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from salespipe.errors import SalespipeError
from salespipe.load.lines import CsvRows, Lines, Record
from salespipe.load.source import DAMAGED, Source

PARQUET_MAGIC: Final = b"PAR1"
ARCHIVES: Final = {
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"(\xb5/\xfd": "compressed with zstd",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
}
DELIMITERS: Final = ",;\t|"
# Columns and types are told from so many rows at the beginning: of standard input fewer, for they are waited for.
SAMPLE: Final = 1000
SAMPLE_OF_STREAM: Final = 100
LONGEST: Final = 1 << 24
# A row as ``rejects`` writes it has these, so that a file of rejects can be mended and replayed.
REJECT_KEYS: Final = frozenset({"line", "reason", "format", "values"})


class Records(abc.ABC):
    """The records of a file, to be read once, as a context manager.

    ``columns`` are the names in its header, or the keys of the first JSON objects. ``typed`` says whether values have
    types (str, int, Decimal, float, bool, aware datetime, None, lists and dicts) or are all text (CSV). ``sample`` is
    the first records, which iterating gives too. ``format`` is ``csv``, ``json`` or ``parquet``.
    """

    format: str
    typed: bool
    columns: list[str]
    sample: list[Record]
    source: Source

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()

    @abc.abstractmethod
    def __iter__(self) -> Iterator[Record]:
        """All records. Raises ``SalespipeError`` for damaged data once it comes to the place."""

    @property
    def share(self) -> float | None:
        """The share of the file that has been read, from 0 to 1; None where the end is not known."""
        return self.source.share


def open_records(path: Path) -> Records:
    """The records of a file, or of standard input for ``-``.

    Raises ``SalespipeError`` (exit 2) for a file that is missing, empty or of another kind.
    """
    source = Source(path)
    try:
        if source.head.startswith(PARQUET_MAGIC):
            from salespipe.load.parquet import ParquetRecords

            return ParquetRecords(source)
        return TextRecords(source)
    except BaseException:
        source.close()
        raise


class TextRecords(Records):
    """Rows of CSV or JSON lines."""

    # The byte order marks with which Windows programs mark UTF-16.
    UTF16: ClassVar = (b"\xff\xfe", b"\xfe\xff")

    def __init__(self, source: Source) -> None:
        self.source = source
        self._letter = 2 if source.head.startswith(self.UTF16) else 1
        self._given = 0
        self._ended = False
        try:
            self._lines = lines = Lines(self._text())
            first = lines.first().lstrip()
            if not first:
                raise source.refused("is empty")
            self._rows = self._json(lines) if first.startswith("{") else self._csv(lines, first)
            size = SAMPLE if source.regular else SAMPLE_OF_STREAM
            self.sample = list(islice(self._rows, size))
            self._parsed = len(self.sample)
        except DAMAGED as error:
            raise source.refused(f"cannot be decompressed: {error}") from error
        if self.format == "json":
            self._read_objects()

    def __iter__(self) -> Iterator[Record]:
        for record in self.sample:
            self._given += 1
            yield record
        try:
            for record in self._rows:
                self._given = self._parsed = self._given + 1
                yield record
        except DAMAGED as error:
            raise SalespipeError("FileDamaged", f"{self.source.path} is not whole: {error}.") from error
        self._ended = True

    @property
    def share(self) -> float | None:
        """The share of the file that lies before the record given last: nearly, for letters are counted as bytes."""
        read = self.source.share
        if read is None or self._ended:
            return None if read is None else 1.0
        if not self.source.packed:  # what is buffered counts as read, which is all of a small file
            read = min(self._lines.letters * self._letter / self.source.size, 1.0)
        return read * self._given / max(self._parsed, 1)

    def _text(self) -> Iterator[str]:
        """All lines. What goes on without an end is no text, and must not fill the memory."""
        text = self._decoded()
        first = text.readline(LONGEST)
        if len(first) == LONGEST:
            raise self.source.refused(f"has a line of more than {LONGEST:,} letters")
        return chain([first], text) if first else text

    def _decoded(self) -> io.TextIOWrapper:
        head = self.source.head
        if head.startswith(self.UTF16):
            return self.source.text("utf-16", "replace")
        for magic, what in ARCHIVES.items():
            if head.startswith(magic):
                raise self.source.refused(f"is {what}; CSV, JSON lines (gzip or not) and Parquet can be replayed")
        if b"\0" in head:
            raise self.source.refused("is no text; CSV, JSON lines (gzip or not) and Parquet can be replayed")
        if head.lstrip().startswith(b"["):
            raise self.source.refused("is one JSON array; write one JSON object on each line instead")
        # A byte that is not UTF-8 spoils its row, not the file: it becomes a surrogate, which no item may hold.
        return self.source.text("utf-8-sig", "surrogateescape")

    def _csv(self, lines: Lines, first: str) -> Iterator[Record]:
        self.format, self.typed = "csv", False
        try:
            rows = CsvRows(lines, max(DELIMITERS, key=first.count))
        except (csv.Error, StopIteration) as error:
            raise self.source.refused(f"has a header that cannot be read: {error}") from error
        self.columns = rows.columns
        if not all(name.isascii() or name.encode(errors="replace").decode() == name for name in self.columns):
            raise self.source.refused("is not UTF-8, as its header shows; convert it with iconv -f latin1 -t utf-8")
        return iter(rows)

    def _json(self, lines: Lines) -> Iterator[Record]:
        self.format, self.typed = "json", True
        for number, text in enumerate(lines, start=1):
            lines.taken.clear()
            if not text.strip():
                continue
            try:
                values = json.loads(text, parse_float=Decimal)
            except (ValueError, RecursionError) as error:
                yield Record(number, {}, f"not JSON: {error}", text.rstrip("\r\n"))
                continue
            if isinstance(values, dict):
                yield Record(number, values)
            else:
                yield Record(number, {}, "not a JSON object", text.rstrip("\r\n"))

    def _read_objects(self) -> None:
        """Take the columns from the first objects; those of a file of rejects are within."""
        first: dict[str, Any] = next((record.values for record in self.sample if record.values), {})
        if first.keys() == REJECT_KEYS:
            self.format = str(first["format"])
            self.typed = self.format != "csv"
            self.sample = [unwrapped(record) for record in self.sample]
            self._rows = map(unwrapped, self._rows)
        self.columns = list(dict.fromkeys(name for record in self.sample for name in record.values))
        if not self.columns:
            raise self.source.refused("has no JSON object on any of its first lines; write one on each line")


def unwrapped(record: Record) -> Record:
    """What a record of a file of rejects holds."""
    values = record.values.get("values") if not record.fault else None
    if isinstance(values, dict):
        return Record(record.line, values)
    if record.fault:
        return record
    return Record(record.line, {}, 'values is no object like {"column": "value"}', values)
