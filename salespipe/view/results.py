"""A query's result on the screen, and what it took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from salespipe.query import records
from salespipe.view import tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from salespipe.query.model import Answer, Result, Statistics, Value
    from salespipe.view.screen import Screen

    Shown = Callable[[tuple[Value, ...]], Sequence[Value]]

_UNITS: Final = ("B", "KB", "MB", "GB", "TB")
_LINES: Final = 200


def show(screen: Screen, result: Result) -> None:
    """Draw the rows on stdout and the statistics on stderr, or both in one JSON document."""
    if screen.json:
        screen.data(
            {"id": result.id, "columns": result.columns, "rows": result.records(), "statistics": result.statistics}
        )
        return
    if result.columns:
        screen.show(tables.result_table(result))
    took(screen, replace(result.statistics, rows=len(result.rows)), rows=bool(result.columns))


def draw(
    answer: Answer, out: BinaryIO, header: bool, *, width: int, coloured: bool, shown: Shown = lambda row: row
) -> int:
    """Draw rows as they come, within ``width`` and as ``shown`` makes them; returns how many."""
    count = 0

    def counted() -> Iterator[Sequence[Value]]:
        nonlocal count
        for row in records.typed(answer.blocks, answer.columns):
            count += 1
            yield shown(row)

    held: list[str] = []
    for line in tables.lines(answer.columns, counted(), width, header=header, colour=coloured):
        held.append(line)
        if len(held) == _LINES:
            out.write(("\n".join(held) + "\n").encode())
            held.clear()
    out.write("".join(f"{line}\n" for line in held).encode())
    return count


def took(screen: Screen, statistics: Statistics, *, rows: bool = True, free: bool = False) -> None:
    """Tell on stderr what a query took. ``rows`` is whether it has any to count, ``free`` that nobody is charged."""
    told = [f"{statistics.rows:,} row{'' if statistics.rows == 1 else 's'}" if rows else "done"]
    if statistics.reused:
        told.append("an earlier result reused: nothing scanned")
    else:
        told.append(f"{size(statistics.scanned_bytes)} scanned")
    told.append(
        f"{statistics.total_ms / 1000:.2f} s (queued {statistics.queue_ms / 1000:.2f}, "
        f"planned {statistics.planning_ms / 1000:.2f}, ran {statistics.run_ms / 1000:.2f})"
    )
    told.append(price(statistics, free=free))
    screen.say(", ".join(told), style="dim")


def price(statistics: Statistics, *, free: bool = False) -> str:
    """What it costs, in words."""
    if statistics.usd is None:
        return f"{size(statistics.billed_bytes)} billed at a price not known here"
    if not statistics.usd:
        return "free"
    least = " for the least of 10 MB" if statistics.scanned_bytes < statistics.billed_bytes else ""
    return f"free here ({statistics.usd:f} USD on AWS)" if free else f"{statistics.usd:f} USD{least}"


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
