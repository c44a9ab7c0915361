"""What one picture of 200 x 60 costs, against rich's own tables and columns of the same lists.

    python tests/benchmarks/screen.py

The baseline draws less: only the lists, no charts and no chain of stages.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from rich.console import Console
from rich.layout import Layout
from rich.table import Table

from salespipe.watch.model import Snapshot
from salespipe.watch.terminal import View, columns, draw, lists
from salespipe.watch.terminal.lists import Panel
from salespipe.watch.terminal.tty import Terminal
from snapshots import snapshot

WIDTH, HEIGHT, TIMES = 200, 60, 50


class Out(io.StringIO):
    """A terminal that takes everything."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def ours(out: Out) -> Callable[[Snapshot], object]:
    """Draw, and write the lines that have changed."""
    terminal = Terminal(out, 0)
    return lambda shown: terminal.paint(draw(shown, View(), WIDTH, HEIGHT))


def tables(out: Out) -> Callable[[Snapshot], object]:
    """Every list as a table of rich, in a layout of four columns."""
    console = Console(file=out, width=WIDTH, height=HEIGHT, force_terminal=True)

    def page(shown: Snapshot) -> None:
        layout = Layout()
        layout.split_row(*(Layout(name=str(at)) for at in range(4)))
        for at in range(4):
            layout[str(at)].split_column(*(Layout(table(shown, each)) for each in list(Panel)[2 * at : 2 * at + 2]))
        console.print(layout)

    return page


def table(shown: Snapshot, panel: Panel) -> Table:
    """One list."""
    rows = lists.items(shown.board, panel, next(iter(lists.sorts(panel))))[: HEIGHT // 4]
    made = Table(box=None, expand=True)
    wanted = columns.of(shown.board, panel, next(iter(lists.sorts(panel))), rows)
    for column in wanted:
        made.add_column(column.head, justify="right" if column.to_right else "left", no_wrap=True)
    for row in rows:
        made.add_row(*(column.cell(row)[0] for column in wanted))
    return made


def measured(what: Callable[[Out], Callable[[Snapshot], object]]) -> float:
    """Milliseconds of CPU for a picture; every picture is another than the one before."""
    shown, taken = [snapshot("busy"), snapshot("small"), snapshot("chaos")], []
    drawn = what(Out())
    for at in range(TIMES):
        began = time.process_time()
        drawn(shown[at % len(shown)])
        taken.append(time.process_time() - began)
    return 1000 * sorted(taken)[TIMES // 2]


if __name__ == "__main__":
    mine, baseline = measured(ours), measured(tables)
    print(f"a picture of {WIDTH} x {HEIGHT}: {mine:.1f} ms; rich's tables of its lists alone: {baseline:.1f} ms")
    print(f"ratio {baseline / mine:.1f}; at four pictures a second {0.4 * mine:.1f} % of a core")
