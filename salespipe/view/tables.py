"""Results as tables and bars, for a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from salespipe.query.model import NUMBERS
from salespipe.view.grid import Grid, Heading

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

    from salespipe.query.model import Column, Result, Value

_BLOCKS: Final = " ▏▎▍▌▋▊▉█"


@dataclass(frozen=True, slots=True)
class ResultTable:
    """A query's rows, to be drawn by rich within whatever width there is."""

    result: Result

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the rows as wide as the console allows."""
        from rich.text import Text

        colour = console.color_system is not None
        drawn = lines(self.result.columns, self.result.rows, options.max_width, colour=colour)
        for line in drawn:
            yield Text.from_ansi(line, no_wrap=True, overflow="ignore")


def result_table(result: Result) -> ResultTable:
    """Draw a query's rows: numbers to the right, NULL told apart from an empty text."""
    return ResultTable(result)


def lines(
    columns: Sequence[Column],
    rows: Iterable[Sequence[Value]],
    width: int,
    *,
    header: bool = True,
    colour: bool = False,
) -> Iterator[str]:
    """The lines of a table of rows, or of records where a table would be wider than ``width``."""
    headings = [Heading(column.name, column.type in NUMBERS) for column in columns]
    return Grid(headings, width, header=header, colour=colour).lines([_cell(value) for value in row] for row in rows)


def bars(labels: Sequence[str], values: Sequence[float | Decimal], *, width: int = 40) -> Table:
    """Draw one horizontal bar for each label, as long as its share of the greatest value."""
    from rich.table import Table

    table = Table.grid(padding=(0, 1))
    table.add_column()
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(justify="right")
    greatest = max((float(value) for value in values), default=0.0)
    for label, value in zip(labels, values, strict=True):
        table.add_row(_escaped(label), bar(float(value), greatest, width), number(value))
    return table


def bar(value: float, greatest: float, width: int) -> str:
    """Draw a bar of eighths of a character; ``greatest`` fills ``width``."""
    eighths = round(8 * width * max(value, 0.0) / greatest) if greatest > 0 else 0
    return "█" * (eighths // 8) + (_BLOCKS[eighths % 8] if eighths % 8 else "")


def number(value: float | Decimal) -> str:
    """Write a number with thousands separators; a decimal keeps its digits."""
    return f"{value:,}" if isinstance(value, int | Decimal) else f"{value:,.2f}"


def _cell(value: Value) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case int() | Decimal():
            return number(value)
        case float():
            return repr(value)
        case _:
            return value


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
