"""Replaying for people: what becomes of a file's columns before it begins, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from salespipe.load.replayed import Replayed, told
from salespipe.load.report import LoadError
from salespipe.view import load

if TYPE_CHECKING:
    from salespipe.errors import Exit
    from salespipe.load.mapping import Plan
    from salespipe.load.records import Records
    from salespipe.load.report import Progress
    from salespipe.view.screen import Screen

_FORMATS: Final = {"csv": "CSV", "json": "JSON lines", "parquet": "Parquet"}


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


@contextmanager
def following(screen: Screen) -> Iterator[Callable[[Progress], None]]:
    """Show progress while a replay runs; one that cannot go on still tells what it had written, and what to do."""
    try:
        with load.following(screen, "replay") as follow:
            yield follow
    except LoadError as error:
        if isinstance(error.summary, Replayed) and not screen.json:
            _advise(screen, error.summary, unfinished=True)
        raise


def summarise(screen: Screen, replayed: Replayed, file: str) -> Exit:
    """Tell how a replay ended; returns the exit code."""
    if not screen.json:
        if not replayed.rows and not replayed.interrupted:
            screen.say(f"There is no row to write in {file}.", style="yellow")
        elif 0 < replayed.skipped == replayed.rows - replayed.rejected and not replayed.interrupted:
            screen.say(f"All {replayed.skipped:,} rows are in the table already; --restart writes them again.")
        elif replayed.skipped:
            screen.say(
                f"{replayed.skipped:,} of {replayed.rows:,} rows were in the table already, and were left alone."
            )
        _advise(screen, replayed, unfinished=replayed.interrupted)
    return load.summarise(screen, replayed)


def _advise(screen: Screen, replayed: Replayed, *, unfinished: bool) -> None:
    """Say what to do about what was not written."""
    if unfinished and replayed.resumable:
        screen.say("The same command writes the rest.")
    if replayed.rejects_file:
        screen.say(
            f"Rejected rows are in {replayed.rejects_file}: mend them there, and replay that file with the same --map.",
            style="yellow",
        )
