"""What a picture is made of: lines of styled text whose width in cells is known, put beside and below one another.

A line is a list of (text, style) with the styles of ``STYLES``. It is much quicker than rich's tables and layouts, in
which a screen that is drawn four times a second would spend most of its time, and as plain data it is easily compared.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

Span: TypeAlias = tuple[str, str]
Line: TypeAlias = list[Span]
Block: TypeAlias = list[Line]

# Colours of the terminal's own sixteen, so that they are readable on whatever ground its owner has chosen.
STYLES: Final[dict[str, Style]] = {
    "": Style.null(),
    "bold": Style(bold=True),
    "dim": Style(dim=True),
    "good": Style(color="green"),
    "warn": Style(color="yellow"),
    "worse": Style(color="red"),
    "bad": Style(color="red", bold=True),
    "alarm": Style(color="red", bold=True, reverse=True),
    "title": Style(color="cyan", bold=True),
    "bar": Style(color="cyan"),
    "second": Style(color="blue"),
    "chosen": Style(reverse=True),
    "key": Style(color="cyan"),
}

# What each sign becomes where there is no Unicode; each as wide as it was.
_ASCII: Final = str.maketrans(
    {
        **dict(zip("▁▂▃▄▅▆▇█", ".:-=+*%#", strict=True)),
        **dict(zip("▏▎▍▌▋▊▉", "...=###", strict=True)),
        **dict(zip("─│▶▸●○◐✖▲▼↑…·▾◌░", "-|>>*o!X+-^~.*o:", strict=True)),
    }
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole screen: ``lines`` are as many and as wide as was asked for. rich can print it."""

    width: int
    lines: tuple[tuple[Span, ...], ...]

    @property
    def text(self) -> str:
        """The picture without its styles, and without spaces at the ends of lines."""
        return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in self.lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Hand it to rich as it is."""
        for line in self.lines:
            for text, style in line:
                yield Segment(text, STYLES[style])
            yield Segment.line()


def picture(block: Block, width: int, height: int, *, unicode: bool = True) -> Picture:
    """Cut or fill a block to a screen; without ``unicode`` everything in it becomes ASCII of the same width."""
    lines = [padded(line, width) for line in block[:height]]
    lines += [[(" " * width, "")]] * (height - len(lines))
    if not unicode:
        lines = [[(_plain(text), style) for text, style in line] for line in lines]
    return Picture(width, tuple(tuple(line) for line in lines))


def cells(text: str) -> int:
    """How wide a text is on a terminal."""
    return len(text) if text.isascii() else cell_len(text)


def wide(line: Line) -> int:
    """How wide a line is."""
    return sum(cells(text) for text, _ in line)


@lru_cache(maxsize=4096)
def clean(text: str) -> str:
    """A text that somebody typed, on one line, without what moves the cursor or is as wide as the terminal likes."""
    spaced = " ".join(unicodedata.normalize("NFC", text).split())
    return "".join(
        each for each in spaced if unicodedata.category(each) not in {"Cc", "Cf", "Cs", "Cn", "Co"} and each != "\ufe0f"
    )


@lru_cache(maxsize=4096)
def fit(text: str, width: int) -> str:
    """At most ``width`` cells of a text, cut between words where there are some, with an ellipsis."""
    if cells(text) <= width:
        return text
    if width <= 1:
        return "…"[:width]
    cut = set_cell_size(text, width - 1)
    if text[len(cut) : len(cut) + 1] != " " and " " in cut.strip():
        cut = cut.rstrip().rpartition(" ")[0]
    return cut.rstrip() + "…"


def left(text: str, width: int) -> str:
    """A text fitted to a width, at its left."""
    fitted = fit(text, width)
    return fitted + " " * (width - cells(fitted))


def right(text: str, width: int) -> str:
    """A text fitted to a width, at its right."""
    fitted = fit(text, width)
    return " " * (width - cells(fitted)) + fitted


def padded(line: Line, width: int) -> Line:
    """A line of exactly that width: cut between words where it is longer."""
    spare = width - wide(line)
    if spare >= 0:
        return [*line, (" " * spare, "")] if spare else line
    made: Line = []
    room = width
    for text, style in line:
        size = cells(text)
        if size > room:
            made.append((left(text, room), style))
            return made
        made.append((text, style))
        room -= size
    return made


def ends(start: Line, end: Line, width: int, *, fill: str = " ", style: str = "") -> Line:
    """Two lines at the ends of one; the first gives way where there is no room for both."""
    room = width - wide(end)
    if wide(start) >= room:
        return [*padded(start, max(0, room - 1)), (" ", ""), *end]
    return [*start, (fill * (room - wide(start)), style), *end]


def beside(blocks: Sequence[tuple[Block, int]], gap: int) -> Block:
    """Blocks with their widths, next to one another, as tall as the tallest."""
    tall = max((len(block) for block, _ in blocks), default=0)
    made: Block = []
    for at in range(tall):
        line: Line = []
        for number, (block, width) in enumerate(blocks):
            if number:
                line.append((" " * gap, ""))
            line += padded(block[at], width) if at < len(block) else [(" " * width, "")]
        made.append(line)
    return made


def wrapped(text: str, width: int, most: int) -> list[str]:
    """A text on at most ``most`` lines, broken between words; what is left over is cut there."""
    lines: list[str] = []
    rest = clean(text).split(" ")
    while rest and len(lines) < most:
        line = rest.pop(0)
        while rest and (len(lines) + 1 == most or cells(line) + 1 + cells(rest[0]) <= width):
            line += " " + rest.pop(0)
        lines.append(fit(line, width))
    return lines


def spread(items: Iterable[Line], width: int, gap: int = 2) -> Line:
    """As many of the items as fit, in order, with gaps."""
    made: Line = []
    room = width
    for item in items:
        size = wide(item) + (gap if made else 0)
        if size > room:
            break
        made += [(" " * gap, ""), *item] if made else item
        room -= size
    return made


def _plain(text: str) -> str:
    if text.isascii():
        return text
    made = text.translate(_ASCII)
    return made if made.isascii() else "".join(each if each.isascii() else _letter(each) for each in made)


@lru_cache(maxsize=4096)
def _letter(sign: str) -> str:
    """A letter without its accents, or question marks; as wide as it was."""
    width = cell_len(sign)
    bare = "".join(each for each in unicodedata.normalize("NFKD", sign) if each.isascii() and each.isprintable())
    return bare if len(bare) == width else "?" * width
