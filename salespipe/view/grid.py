"""Rows drawn to fit a width: as a table, or where that cannot fit, as records with a line for each column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

# Widths are those of the first rows; what comes later is folded into them. So a million rows need no memory.
SAMPLE: Final = 1000
NULL: Final = "NULL"
_GAP: Final = "  "
# A column of text may be folded down to this width; a table that is wider even so is drawn as records.
_LEAST: Final = 16
# What a cell of a table shows of a long text, characters.
_SHOWN: Final = 1000
# Control characters would move the cursor or worse, and those of direction turn the line around: shown, not sent.
_SHOWABLE: Final = (
    {code: chr(0x2400 + code) for code in range(0x20)}
    | dict.fromkeys(chain(range(0x80, 0xA0), range(0x202A, 0x202F), range(0x2066, 0x206A)), "\ufffd")
    | {0x0A: "↵", 0x09: " ", 0x7F: "\u2421"}
)

Cell = str | None


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's name, and whether its values stand to the right, as numbers do."""

    name: str
    right: bool = False


class Grid:
    """Draws rows within ``width`` cells of the terminal; ``colour`` dims what is no value."""

    def __init__(self, headings: Sequence[Heading], width: int, *, header: bool = True, colour: bool = False) -> None:
        self._names = [showable(each.name) for each in headings]
        self._right = [each.right for each in headings]
        self._width = width
        self._header = header
        self._null = f"\x1b[2m{NULL}\x1b[0m" if colour else NULL

    def lines(self, rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
        """The lines of the drawing."""
        if not self._names:
            return
        rest = ([None if cell is None else showable(cell) for cell in row] for row in rows)
        sample = list(islice(rest, SAMPLE))
        widths = _fitted(self._natural(sample), self._right, self._width)
        every = chain(sample, rest)
        yield from self._records(every) if widths is None else self._table(every, widths)

    def _natural(self, sample: Sequence[Sequence[Cell]]) -> list[int]:
        widths = [size(name) if self._header else 1 for name in self._names]
        for row in sample:
            widths = [max(width, size(NULL if cell is None else cell)) for width, cell in zip(widths, row, strict=True)]
        return widths

    def _table(self, rows: Iterable[Sequence[Cell]], widths: Sequence[int]) -> Iterator[str]:
        if self._header:
            yield from self._row(self._names, widths)
            yield _GAP.join("─" * width for width in widths)
        for row in rows:
            yield from self._row(row, widths)

    def _row(self, row: Sequence[Cell], widths: Sequence[int]) -> Iterator[str]:
        folded = [[None] if cell is None else fold(cell, width) for cell, width in zip(row, widths, strict=True)]
        for number in range(max(map(len, folded))):
            parts = [
                self._padded(cell[number] if number < len(cell) else "", width, right=right)
                for cell, width, right in zip(folded, widths, self._right, strict=True)
            ]
            yield _GAP.join(parts).rstrip()

    def _padded(self, cell: Cell, width: int, *, right: bool) -> str:
        text, shown = (NULL, self._null) if cell is None else (cell, cell)
        space = " " * (width - size(text))
        return space + shown if right else shown + space

    def _records(self, rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
        named = min(max(map(size, self._names)), self._width // 3)
        room = max(1, self._width - named - len(_GAP))
        for number, row in enumerate(rows, 1):
            title = f"── {number} "
            yield title + "─" * (min(self._width, named + len(_GAP) + 40) - len(title))
            for name, cell in zip(self._names, row, strict=True):
                values: list[Cell] = [None] if cell is None else [*fold(cell, room)]
                names = fold(name, named)
                for place in range(max(len(names), len(values))):
                    begin = self._padded(names[place] if place < len(names) else "", named, right=False)
                    value = values[place] if place < len(values) else ""
                    yield f"{begin}{_GAP}{self._null if value is None else value}".rstrip()


def _fitted(natural: Sequence[int], right: Sequence[bool], width: int) -> list[int] | None:
    """The widths of a table that fits: texts are narrowed, the widest first. None where it cannot."""
    widths = list(natural)
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    while over > 0:
        texts = [place for place, wide in enumerate(widths) if wide > _LEAST and not right[place]]
        if not texts:
            return None
        widest = max(texts, key=widths.__getitem__)
        lower = max([_LEAST, *(widths[place] for place in texts if widths[place] < widths[widest])])
        cut = min(over, widths[widest] - lower) or 1
        widths[widest] -= cut
        over -= cut
    return widths


def size(text: str) -> int:
    """How many cells of a terminal a text takes: ideographs and emoji take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def showable(text: str) -> str:
    """A text on one line, without what a terminal would obey; of a long one its beginning, and how long it is."""
    if len(text) > _SHOWN:
        text = f"{text[:_SHOWN]}… ({len(text):,} characters)"
    if text.isascii() and text.isprintable():
        return text
    return text.replace("\r\n", "\n").translate(_SHOWABLE)


def fold(text: str, width: int) -> list[str]:
    """A text in lines of at most ``width`` cells, broken at spaces where there are any."""
    if size(text) <= width:
        return [text]
    lines: list[str] = []
    line, used = "", 0
    for word in _pieces(text, width):
        wide = size(word)
        if line and used + wide > width:
            lines.append(line.rstrip(" "))
            line, used = "", 0
            if not word.strip(" "):
                continue
        line, used = line + word, used + wide
    return [*lines, line.rstrip(" ")] if line else lines


def _pieces(text: str, width: int) -> Iterator[str]:
    """Words and the spaces between them; a word that is wider than a line is cut."""
    from rich.cells import chop_cells

    for number, word in enumerate(text.split(" ")):
        if number:
            yield " "
        if size(word) <= width:
            yield word
        else:
            yield from chop_cells(word, width)
