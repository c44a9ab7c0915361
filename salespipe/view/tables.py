"""Results as tables and bars, for a person."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.table import Table

    from salespipe.query.athena import Result, Value

_BLOCKS: Final = " ▏▎▍▌▋▊▉█"
_NUMBERS: Final = frozenset({"tinyint", "smallint", "integer", "bigint", "double", "float", "real", "decimal"})


def result_table(result: Result) -> Table:
    """Draw a query's rows: numbers to the right, NULL told apart from an empty text."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in result.columns:
        table.add_column(_escaped(column.name), justify="right" if column.type in _NUMBERS else "left", overflow="fold")
    for row in result.rows:
        table.add_row(*(_cell(value) for value in row))
    return table


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


def _cell(value: Value) -> str:
    match value:
        case None:
            return "[dim]NULL[/dim]"
        case bool():
            return str(value).lower()
        case int() | Decimal():
            return number(value)
        case float():
            return repr(value)
        case _:
            return _escaped(value)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
