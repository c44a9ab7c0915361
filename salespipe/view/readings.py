"""The state of every resource: rows that fold at the terminal's edge, or one line each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from salespipe.resources.base import State

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from salespipe.lifecycle import Reading

_UNKNOWN: Final = "unknown"
_STYLES: Final = {
    State.READY: "green",
    State.PENDING: "cyan",
    State.DRIFTED: "yellow",
    State.FAILED: "bold red",
    State.FOREIGN: "yellow",
    State.ABSENT: "dim",
}
Unseen = tuple[str, str, str]
"""A resource that AWS refused to describe: its kind, its name, and why."""


def table(readings: Sequence[Reading], unseen: Sequence[Unseen], at: datetime) -> Table:
    """Draw every resource; below its name each field in which it differs, as wanted and as it is."""
    drawn = _frame("fold")
    for reading in readings:
        _add(drawn, reading, at, "\n  ")
    for kind, name, why in unseen:
        drawn.add_row(_styled(_UNKNOWN, "yellow"), "-", kind, _named(name, why, "\n  "))
    return drawn


def attention(
    readings: Sequence[Reading], unseen: Sequence[Unseen], at: datetime, *, lines: int | None = None
) -> RenderableType:
    """Draw only what is not ready: as ``table`` does, or in at most so many lines, cut off at the edge."""
    from rich.console import Group

    wanting = [reading for reading in readings if reading.state is not State.READY]
    total = len(wanting) + len(unseen)
    if not total:
        return Group()
    if lines is None:
        return table(wanting, unseen, at)
    room = lines - 1 if total < lines else lines - 2  # the heading, and what says that there is more
    drawn = _frame("ellipsis")
    for reading in wanting[:room]:
        _add(drawn, reading, at, "  ")
    for kind, name, why in unseen[: max(0, room - len(wanting))]:
        drawn.add_row(_styled(_UNKNOWN, "yellow"), "-", kind, _named(name, why, "  "))
    if total > room:
        drawn.add_row("", "", f"and {total - room} more", "")
    return drawn


def record(reading: Reading, at: datetime) -> dict[str, object]:
    """A resource as a document."""
    seen = reading.seen
    return {
        "kind": reading.kind,
        "name": reading.name,
        "state": reading.state,
        "arn": seen.arn,
        "detail": seen.detail,
        "created": seen.created,
        "age_seconds": None if seen.created is None else max(0.0, (at - seen.created).total_seconds()),
        "adopted": seen.adopted,
        "drift": seen.drift,
    }


def unseen_record(kind: str, name: str, why: str) -> dict[str, object]:
    """A resource that could not be described, with the keys of one that could."""
    nothing = {"arn": "", "created": None, "age_seconds": None, "adopted": False, "drift": ()}
    return {"kind": kind, "name": name, "state": _UNKNOWN, "detail": why, **nothing}


def age(created: datetime | None, at: datetime) -> str:
    """How long ago, in the largest unit of which it is at least two: ``90s``, ``5m``, ``47h``, ``12d``."""
    if created is None:
        return "-"
    seconds = max(0, int((at - created) / timedelta(seconds=1)))
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _frame(overflow: Literal["fold", "ellipsis"]) -> Table:
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    drawn.add_column("state", no_wrap=True, min_width=7)
    drawn.add_column("age", justify="right", no_wrap=True, min_width=4)
    drawn.add_column("resource", no_wrap=True, min_width=17)
    drawn.add_column("name and detail", overflow=overflow, no_wrap=overflow == "ellipsis")
    return drawn


def _add(drawn: Table, reading: Reading, at: datetime, between: str) -> None:
    seen, adopted = reading.seen, "yours" if reading.seen.adopted else ""
    detail = ", ".join(part for part in (seen.detail, adopted) if part)
    named = _named(reading.name, detail, "  ")
    for drift in seen.drift:
        line = f"{drift.field}: wanted {_value(drift.wanted)}, is {_value(drift.actual)}"
        named.append(f"{between}{line}", style=_STYLES[State.DRIFTED])
    drawn.add_row(_styled(reading.state, _STYLES[reading.state]), age(reading.seen.created, at), reading.kind, named)


def _named(name: str, detail: str, between: str) -> Text:
    named = _styled(name, "")
    if detail:
        named.append(f"{between}{detail}", style="dim")
    return named


def _styled(text: str, style: str) -> Text:
    from rich.text import Text

    return Text(text, style)


def _value(value: object) -> str:
    """A value as AWS writes it: JSON, and ``not set`` where there is none."""
    return "not set" if value is None else msgspec.json.encode(value, enc_hook=str).decode()
