"""Replaying for people: what becomes of a file's columns before it begins, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salespipe.load.replayed import told
from salespipe.view import load

if TYPE_CHECKING:
    from salespipe.errors import Exit
    from salespipe.load.mapping import Plan
    from salespipe.load.records import Records
    from salespipe.load.replayed import Replayed
    from salespipe.view.screen import Screen


def announce(screen: Screen, plan: Plan, records: Records) -> None:
    """Tell which column becomes which attribute of which type, and which columns are left out."""
    columns = told(plan)
    widest = max(len(column.column) for column in columns)
    longest = max(len(column.attribute) for column in columns)
    screen.say(f"{records.source.name} is {_FORMATS.get(records.format, records.format)}")
    for column in columns:
        screen.say(f"  {column.column:<{widest}}  -> {column.attribute:<{longest}}  {column.type}", style="dim")
    if plan.dropped:
        screen.say(f"  left out: {', '.join(name or '(a column without a name)' for name in plan.dropped)}", "dim")


_FORMATS = {"csv": "CSV", "json": "JSON lines", "parquet": "Parquet"}


def summarise(screen: Screen, replayed: Replayed, file: str) -> Exit:
    """Tell how a replay ended; returns the exit code."""
    if not screen.json:
        if not replayed.rows and not replayed.interrupted:
            screen.say(f"There is no row to write in {file}.", style="yellow")
        elif replayed.skipped and replayed.skipped + replayed.rejected == replayed.rows:
            screen.say(f"All {replayed.skipped:,} rows are in the table already; --restart writes them again.")
        elif replayed.skipped:
            screen.say(
                f"{replayed.skipped:,} of {replayed.rows:,} rows were in the table already, and were left alone."
            )
        if replayed.interrupted and replayed.resumable:
            screen.say("Run the same command again to write the rest.")
        if replayed.rejects_file:
            screen.say(
                f"The {replayed.rejected:,} rejected rows are in {replayed.rejects_file}: mend them there, and replay "
                "that file with the same --map.",
                style="yellow",
            )
    return load.summarise(screen, replayed)
