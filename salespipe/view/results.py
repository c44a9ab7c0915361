"""A query's result on the screen, and what it took."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from salespipe.view import tables

if TYPE_CHECKING:
    from salespipe.query.athena import Result
    from salespipe.view.screen import Screen

_UNITS: Final = ("B", "KB", "MB", "GB", "TB")


def show(screen: Screen, result: Result) -> None:
    """Draw the rows on stdout and the statistics on stderr, or both in one JSON document."""
    if screen.json:
        screen.data(
            {"id": result.id, "columns": result.columns, "rows": result.records(), "statistics": result.statistics}
        )
        return
    if result.columns:
        screen.show(tables.result_table(result))
    took = result.statistics
    rows = f"{len(result.rows):,} row{'' if len(result.rows) == 1 else 's'}"
    screen.say(f"{rows}, {size(took.scanned_bytes)} scanned, {took.total_ms / 1000:.2f} s", style="dim")


def titled(screen: Screen, title: str, result: Result, *, bars: bool) -> None:
    """Draw an answer under its question: as a table, or its second column as bars labelled by the first."""
    screen.show(f"\n[bold]{title}[/bold]")
    if bars:
        labels = [str(row[0]) for row in result.rows]
        screen.show(tables.bars(labels, [row[1] for row in result.rows if isinstance(row[1], int | float | Decimal)]))
    else:
        screen.show(tables.result_table(result))


def size(count: float) -> str:
    """Write a number of bytes with three digits, in powers of 1,000 as AWS bills them."""
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.3g} {_UNITS[-1]}"
