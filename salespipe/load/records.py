"""Records out of a file, one at a time: CSV or JSON lines, plain or gzip, whichever its bytes say."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, Self, cast

from salespipe.errors import Exit, SalespipeError

GZIP_MAGIC: Final = b"\x1f\x8b"
PARQUET_MAGIC: Final = b"PAR1"
DELIMITERS: Final = ",;\t|"
# JSON lines have no header: the columns are those of this many first records together.
SAMPLE: Final = 100


class Record(NamedTuple):
    """One row: its line number, and either its values by column or the reason why it cannot be read."""

    line: int
    values: dict[str, Any]
    fault: str = ""


class Records:
    """The records of a file, to be read once, as a context manager.

    ``columns`` are the names in its header, or the keys of the first hundred JSON objects. ``typed`` says whether
    values have types (JSON: str, int, Decimal, bool, None, lists and dicts) or are all text (CSV). ``read`` is the
    share of the file's bytes that lies behind. Raises ``SalespipeError`` (exit 2) for a file that is missing, empty or
    of another kind, and for damaged gzip data once it comes to the place.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._size = path.stat().st_size
            self._file = path.open("rb")
        except OSError as error:
            raise SalespipeError("FileUnreadable", f"{path}: {error.strerror}.", exit_code=Exit.USAGE) from error
        try:
            self._text = self._open_text()
            first = self._first_line()
            self.typed = first.startswith("{")
            self._records = self._json_lines() if self.typed else self._csv(first)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()
        self._file.close()

    def __iter__(self) -> Iterator[Record]:
        try:
            yield from self._records
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise SalespipeError("FileDamaged", f"{self._path} is not whole: {error}.") from error

    @property
    def read(self) -> float:
        """The share of the file that has been read, from 0 to 1."""
        return min(self._file.tell() / self._size, 1.0) if self._size else 1.0

    def _open_text(self) -> io.TextIOWrapper:
        magic = self._file.read(4)
        self._file.seek(0)
        if magic == PARQUET_MAGIC:
            raise self._refused("is a Parquet file; only CSV and JSON lines can be replayed")
        binary: IO[bytes] = self._file
        if magic.startswith(GZIP_MAGIC):
            binary = cast("IO[bytes]", gzip.GzipFile(fileobj=self._file, mode="rb"))
        # A byte that is not UTF-8 spoils its row, not the file: it becomes a surrogate, which no item may hold.
        return io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")

    def _first_line(self) -> str:
        try:
            first = next((line for line in self._text if line.strip()), "")
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise self._refused(f"cannot be decompressed: {error}") from error
        if not first:
            raise self._refused("is empty")
        if first.lstrip().startswith("["):
            raise self._refused("is one JSON array; write one JSON object on each line instead")
        self._text.seek(0)
        return first.lstrip()

    def _csv(self, first: str) -> Iterator[Record]:
        reader = csv.reader(self._text, delimiter=max(DELIMITERS, key=first.count), strict=True)
        header = next(row for row in reader if row)
        self.columns = [name.strip() for name in header]
        return self._rows(reader)

    def _rows(self, reader: Any) -> Iterator[Record]:
        columns = self.columns
        width = len(columns)
        while True:
            try:
                for row in reader:
                    if len(row) == width:
                        yield Record(reader.line_num, dict(zip(columns, row, strict=True)))
                    elif row:
                        yield Record(reader.line_num, {}, f"{len(row)} fields where the header has {width}")
            except csv.Error as error:
                yield Record(reader.line_num, {}, str(error))
            else:
                return

    def _json_lines(self) -> Iterator[Record]:
        lines = self._objects()
        sample = list(islice(lines, SAMPLE))
        self.columns = list(dict.fromkeys(name for record in sample for name in record.values))

        def chained() -> Iterator[Record]:
            yield from sample
            yield from lines

        return chained()

    def _objects(self) -> Iterator[Record]:
        for number, text in enumerate(self._text, start=1):
            if not text.strip():
                continue
            try:
                values = json.loads(text, parse_float=Decimal)
            except (ValueError, RecursionError) as error:
                yield Record(number, {}, f"not JSON: {error}")
                continue
            if isinstance(values, dict):
                yield Record(number, values)
            else:
                yield Record(number, {}, "not a JSON object")

    def _refused(self, why: str) -> SalespipeError:
        return SalespipeError("FileFormat", f"{self._path} {why}.", exit_code=Exit.USAGE)
