"""Answers as charts in a terminal: bars, lines with their axes, and heat; of plain ASCII where there is no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from salespipe.query.model import NUMBERS
from salespipe.view.tables import number, result_table

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from salespipe.query.model import Result, Value

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_ACROSS: Final = " ▏▎▍▌▋▊▉█"
_HEIGHT: Final = 8
_WIDEST: Final = 100
_NARROW: Final = 8
_LABEL: Final = 30


def chart(kind: str, result: Result) -> RenderableType:
    """What draws a result as ``bars``, ``line`` or ``heat``; anything else, or other columns than those, as a table.

    Bars want a first column of labels and a second of numbers, a line a first of times and then numbers, and heat a
    row, a column and a number.
    """
    types = [column.type in NUMBERS for column in result.columns]
    if kind == "bars" and len(types) > 1 and types[1]:
        return Bars(result)
    if kind == "line" and len(types) > 1 and types[1]:
        return Lines(result)
    if kind == "heat" and len(types) > 2 and types[2]:
        return Heat(result)
    return result_table(result)


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar for each row, as long as its share of the greatest; the other numbers beside it as far as they fit."""

    result: Result

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw them within the console's width."""
        from rich.cells import cell_len
        from rich.table import Table
        from rich.text import Text

        rows, names = self.result.rows, [column.name for column in self.result.columns]
        width, plain = min(options.max_width, _WIDEST), not _unicode(options)
        shown = [1, *(at for at, column in enumerate(self.result.columns) if at > 1 and column.type in NUMBERS)]
        label = min(_LABEL, max((cell_len(_text(row[0])) for row in (*rows, (names[0],))), default=1))
        widths = {at: max(cell_len(names[at]), *(len(shortly(row[at], names[at])) for row in rows)) + 2 for at in shown}
        while len(shown) > 1 and label + 4 + sum(widths[at] for at in shown) + _NARROW > width:
            shown.pop()
        room = min(40, max(_NARROW, width - label - 4 - sum(widths[at] for at in shown)))
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
        table.add_column(names[0], width=label, overflow="crop" if plain else "ellipsis", no_wrap=True)
        table.add_column("", width=room, no_wrap=True)
        for at in shown:
            table.add_column(names[at], justify="right", no_wrap=True)
        greatest = max((_size(row[1]) for row in rows), default=0.0)
        for row in rows:
            bar = Text(across(_size(row[1]), greatest, room, plain=plain), style="cyan")
            table.add_row(Text(_text(row[0])), bar, *(shortly(row[at], names[at]) for at in shown))
        yield table


@dataclass(frozen=True, slots=True)
class Lines:
    """Each column of numbers over the first column, one under the other, from zero to its greatest."""

    result: Result

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw them within the console's width."""
        from rich.text import Text

        width, plain = min(options.max_width, _WIDEST), not _unicode(options)
        times = [_moment(row[0]) for row in self.result.rows]
        for at, column in enumerate(self.result.columns):
            if at == 0 or column.type not in NUMBERS:
                continue
            top = max((_size(row[at]) for row in self.result.rows), default=0.0)
            axis = len(shortly(top, column.name))
            values = _thinned([_size(row[at]) for row in self.result.rows], width - axis - 2)
            wide = max(1, min(6, (width - axis - 2) // max(1, len(values))))
            yield Text(column.name, style="dim")
            for line, text in enumerate(upright(values, top, _HEIGHT, plain=plain)):
                mark = shortly(top, column.name) if line == 0 else "0" if line == _HEIGHT - 1 else ""
                drawn = "".join(each * wide for each in text)
                yield Text.assemble(f"{mark:>{axis}} ", ("|" if plain else "│"), (drawn.rstrip(), "cyan"), no_wrap=True)
            length = max(len(values) * wide, 1)
            last = times[-1] if len(times) > 1 else ""
            gap = max(2, length - len(times[0]) - len(last))
            yield Text(" " * (axis + 1) + ("+" + "-" * length if plain else "└" + "─" * length), no_wrap=True)
            yield Text(" " * (axis + 2) + times[0] + " " * gap + last, style="dim", no_wrap=True, overflow="ignore")


@dataclass(frozen=True, slots=True)
class Heat:
    """A number for each row and column, the greater the brighter; the numbers stand there without colours, too."""

    result: Result

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw as many columns as fit."""
        from rich.table import Table
        from rich.text import Text

        names = [column.name for column in self.result.columns]
        rows, across_, cells = grid(self.result)
        label = max(len(each) for each in (*rows, names[0]))
        fits = max(1, (min(options.max_width, _WIDEST) - label - 1) // 7)
        greatest = max((_size(value) for value in cells.values()), default=0.0)
        table = Table(box=None, padding=0, pad_edge=False, header_style="dim")
        table.add_column(names[0], width=label + 1)
        for each in across_[:fits]:
            table.add_column(each, justify="right", width=7)
        for row in rows:
            shown = []
            for each in across_[:fits]:
                value = cells.get((row, each))
                shade = round(255 - 180 * _size(value) / greatest) if greatest else 255
                style = "" if value is None else f"black on rgb({shade},{min(255, shade + 40)},255)"
                shown.append(Text("" if value is None else f"{shortly(value, names[2])} ", style=style))
            table.add_row(row, *shown)
        yield table


def grid(result: Result) -> tuple[list[str], list[str], dict[tuple[str, str], Value]]:
    """The rows, the columns and the numbers of heat."""
    cells = {(_text(row[0]), _text(row[1])): row[2] for row in result.rows}
    columns = sorted({row[1] for row in result.rows}, key=lambda each: (isinstance(each, str), each))
    return list(dict.fromkeys(row for row, _ in cells)), [_text(each) for each in columns], cells


def across(value: float, greatest: float, width: int, *, plain: bool = False) -> str:
    """A bar of eighths of a character, or of ``#``; ``greatest`` fills ``width``, what is not positive is nothing."""
    eighths = round(8 * width * max(value, 0.0) / greatest) if greatest > 0 else 0
    if plain:
        return "#" * ((eighths + 4) // 8)
    return "█" * (eighths // 8) + (_ACROSS[eighths % 8] if eighths % 8 else "")


def upright(values: Sequence[float], top: float, height: int, *, plain: bool = False) -> list[str]:
    """Columns of eighths of a character, or of ``#``, as lines from above; ``top`` fills ``height``."""
    tall = [round(8 * height * max(value, 0.0) / top) if top > 0 else 0 for value in values]
    tall = [max(each, 1) if value > 0 else each for each, value in zip(tall, values, strict=True)]
    lines = []
    for line in range(height - 1, -1, -1):
        parts = [min(8, max(0, each - 8 * line)) for each in tall]
        lines.append(
            "".join(("#" if part >= 4 or (part and not line) else " ") if plain else _BLOCKS[part] for part in parts)
        )
    return lines


def shortly(value: Value, name: str = "") -> str:
    """A number with separators and at most two decimals; what is named a percentage says so."""
    if not isinstance(value, int | float | Decimal) or isinstance(value, bool):
        return "" if value is None else str(value)
    if isinstance(value, float):
        value = int(value) if value.is_integer() and abs(value) < 1e15 else round(value, 2)
    return number(value) + ("%" if name.endswith("_percent") else "")


def _thinned(values: list[float], most: int) -> list[float]:
    """At most so many values: the mean of as many neighbours as it takes."""
    step = -(-len(values) // max(1, most))
    return [sum(part) / len(part) for part in (values[at : at + step] for at in range(0, len(values), step))]


def _moment(value: Value) -> str:
    """A time without what is zero at its end."""
    text = _text(value)
    for zero in (".000", ":00", " 00:00"):
        text = text.removesuffix(zero)
    return text


def _size(value: Value) -> float:
    return float(value) if isinstance(value, int | float | Decimal) else 0.0


def _text(value: Any) -> str:
    return "(none)" if value is None else str(value)


def _unicode(options: ConsoleOptions) -> bool:
    return not options.ascii_only
