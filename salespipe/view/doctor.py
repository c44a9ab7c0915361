"""The doctor's report: a line for each check, and below it what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from salespipe.doctor import Check, Verdict
from salespipe.errors import Exit

if TYPE_CHECKING:
    from rich.table import Table

    from salespipe.view.screen import Screen

_STYLES: Final = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red", Verdict.SKIP: "dim"}


def show(screen: Screen, target: str, checks: Sequence[Check]) -> Exit:
    """Draw the checks, or write them as JSON; returns 1 when one of them failed. Warnings are no failure."""
    failed = [check for check in checks if check.verdict is Verdict.FAIL]
    if screen.json:
        screen.data({"target": target, "healthy": not failed, "checks": checks})
    else:
        screen.show(_table(checks))
        counted = ((verdict, sum(check.verdict is verdict for check in checks)) for verdict in Verdict)
        told = ", ".join(f"{count} {verdict}" for verdict, count in counted if count)
        screen.say(f"target {target}: {told}", style="bold red" if failed else "bold")
    return Exit.FAILED if failed else Exit.DONE


def _table(checks: Sequence[Check]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        told = Text(check.found, "dim" if check.verdict is Verdict.SKIP else "")
        if check.fix:
            told.append("\nfix: ", "bold green").append(check.fix)
        table.add_row(Text(check.verdict, _STYLES[check.verdict]), check.name, told)
    return table
