"""Query executions on the screen: how one stands, all of it, and the history."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from salespipe.view import results
from salespipe.view.grid import Grid, Heading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from salespipe.query.model import Execution
    from salespipe.view.screen import Screen

_HEADINGS = [
    Heading(name, name in {"seconds", "scanned", "usd"})
    for name in ("submitted", "state", "seconds", "scanned", "usd", "id", "sql")
]
_SQL = 60  # characters of the SQL in the history
_COMMENTED = re.compile(r"\A(?:\s*--[^\n]*\n)+")  # what stands before it, as in every insight


def document(execution: Execution) -> dict[str, Any]:
    """An execution for programs."""
    return {
        "id": execution.id,
        "state": execution.state,
        "reason": execution.reason,
        "sql": execution.sql,
        "parameters": execution.parameters,
        "submitted": execution.submitted,
        "completed": execution.completed,
        "location": execution.location,
        "statistics": execution.statistics,
    }


def show(screen: Screen, execution: Execution, *, free: bool) -> None:
    """Tell how an execution stands: its state on stdout, the rest on stderr."""
    if screen.json:
        screen.data(document(execution))
        return
    screen.text(execution.state.lower())
    if execution.reason:
        screen.say(execution.reason)
    taken = execution.statistics
    screen.say(
        f"{results.size(taken.scanned_bytes)} scanned, {taken.total_ms / 1000:.2f} s, "
        f"{results.price(taken, free=free)}",
        style="dim",
    )


def whole(screen: Screen, execution: Execution, *, free: bool) -> None:
    """Tell all of an execution: when, how long, how much, where its result is, and its SQL."""
    if screen.json:
        screen.data(document(execution))
        return
    took = execution.statistics
    told = {
        "id": execution.id,
        "state": execution.state.lower(),
        "reason": execution.reason,
        "submitted": _moment(execution.submitted),
        "completed": _moment(execution.completed),
        "took": f"{took.total_ms / 1000:.2f} s: queued {took.queue_ms / 1000:.2f}, planned "
        f"{took.planning_ms / 1000:.2f}, ran {took.run_ms / 1000:.2f}",
        "scanned": f"{took.scanned_bytes:,} bytes" + (", an earlier result reused" if took.reused else ""),
        "billed": f"{took.billed_bytes:,} bytes",
        "price": results.price(took, free=free),
        "result": execution.location,
        "parameters": ", ".join(execution.parameters),
    }
    for name, value in told.items():
        if value:
            screen.text(f"{name:<10}  {value}")
    screen.text(f"\n{execution.sql}")


def history(screen: Screen, executions: Sequence[Execution]) -> None:
    """List executions."""
    if screen.json:
        screen.data([document(each) for each in executions])
        return
    for line in Grid(_HEADINGS, screen.width, colour=screen.coloured).lines(map(_row, executions)):
        screen.text(line)


def _row(execution: Execution) -> list[str | None]:
    sql = " ".join(_COMMENTED.sub("", execution.sql).split())
    taken = execution.statistics
    return [
        _moment(execution.submitted),
        execution.state.lower(),
        f"{taken.total_ms / 1000:.2f}",
        results.size(taken.scanned_bytes),
        "?" if taken.usd is None else f"{taken.usd:f}",
        execution.id,
        sql if len(sql) <= _SQL else f"{sql[:_SQL]}…",
    ]


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
