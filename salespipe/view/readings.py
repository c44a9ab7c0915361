"""The state of every resource, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from salespipe.errors import Exit
from salespipe.resources.base import State

if TYPE_CHECKING:
    from rich.table import Table

    from salespipe.lifecycle import Reading
    from salespipe.view.screen import Screen

_STYLES: Final = {
    State.READY: "green",
    State.PENDING: "cyan",
    State.DRIFTED: "yellow",
    State.FAILED: "bold red",
    State.FOREIGN: "yellow",
    State.ABSENT: "dim",
}


def show(screen: Screen, pipeline: str, where: str, readings: Sequence[Reading]) -> Exit:
    """Draw every resource's state, or write it as JSON; returns the exit code that says how the whole is."""
    states = {reading.state for reading in readings}
    if screen.json:
        screen.data({"pipeline": pipeline, "where": where, "resources": [_record(reading) for reading in readings]})
    else:
        screen.show(_table(readings))
        counts = (
            f"{sum(reading.state is state for reading in readings)} {state}" for state in State if state in states
        )
        screen.say(f"{pipeline} on {where}: {', '.join(counts)}", style="bold")
        if states == {State.ABSENT}:
            screen.say("next: salespipe up")
    if states == {State.READY}:
        return Exit.DONE
    return Exit.NOT_DEPLOYED if states == {State.ABSENT} else Exit.PARTLY


def _table(readings: Sequence[Reading]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("state", "resource", "name", "detail"):
        table.add_column(name, overflow="fold")
    for reading in readings:
        style = _STYLES[reading.state]
        table.add_row(Text(reading.state, style), reading.kind, Text(reading.name), Text(_detail(reading)))
    return table


def _detail(reading: Reading) -> str:
    drift = "; ".join(f"{drift.field} is {drift.actual!r}, not {drift.wanted!r}" for drift in reading.seen.drift)
    return drift or reading.seen.detail


def _record(reading: Reading) -> dict[str, object]:
    return {
        "kind": reading.kind,
        "name": reading.name,
        "state": reading.state,
        "arn": reading.seen.arn,
        "detail": reading.seen.detail,
        "drift": reading.seen.drift,
    }
