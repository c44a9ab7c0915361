"""Lines of a text, some of which may be read again; and the rows of a CSV, of which one bad quote costs one line."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

# No item holds more, and a quote that is never closed must end somewhere (csv counts characters).
MAX_FIELD: Final = 400 * 1024


class Record(NamedTuple):
    """One row: the number of its first line, and either its values by column or the reason why it cannot be read.

    ``raw`` is what stands in the file instead of values: the text of a line, or fields without names.
    """

    line: int
    values: dict[str, Any]
    fault: str = ""
    raw: str | list[str] | None = None


class Lines:
    """An iterator of lines that counts them and their letters, and can put the last ones back."""

    def __init__(self, text: Iterator[str]) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self.number = 0
        self.letters = 0
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._text)
        self.number += 1
        self.letters += len(line)
        self.taken.append(line)
        return line

    def put_back(self, keep: int) -> None:
        """Give all lines but the first ``keep`` of those ``taken`` once more."""
        back = self.taken[keep:]
        del self.taken[keep:]
        self._again.extendleft(reversed(back))
        self.number -= len(back)
        self.letters -= sum(map(len, back))

    def first(self) -> str:
        """The first line that is not blank, which will be read again; empty when there is none."""
        line = next((line for line in self if line.strip()), "")
        self.put_back(0)
        return line


class CsvRows:
    """The rows of CSV lines under a header. Raises ``csv.Error`` when the header itself cannot be read."""

    def __init__(self, lines: Lines, delimiter: str) -> None:
        csv.field_size_limit(MAX_FIELD)
        self._lines = lines
        self._delimiter = delimiter
        self.columns = [name.strip() for name in next(row for row in self._reader() if row)]

    def __iter__(self) -> Iterator[Record]:
        lines, columns, width = self._lines, self.columns, len(self.columns)
        taken = lines.taken
        while True:
            taken.clear()
            try:
                for row in self._reader():
                    line = lines.number - len(taken) + 1
                    taken.clear()
                    if len(row) == width:
                        yield Record(line, dict(zip(columns, row, strict=True)))
                    elif row:
                        yield Record(line, {}, f"{len(row)} fields where the header has {width}", row)
            except csv.Error as error:
                # A quote that is not closed swallows the rows after it: only its own line is given up.
                fault = str(error) if len(taken) == 1 else "a quote is not closed, or a field is too long"
                lines.put_back(keep=1)
                yield Record(lines.number, {}, fault, taken[0].rstrip("\r\n"))
            else:
                return

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(self._lines, delimiter=self._delimiter, strict=True)
