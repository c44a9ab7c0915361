"""What a replay says of itself beyond what every load says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from salespipe.load.report import Summary

if TYPE_CHECKING:
    from salespipe.load.mapping import Plan


@dataclass(frozen=True, slots=True)
class Taken:
    """A column of the file, and the attribute that it becomes: text, integer, number, time, or what JSON has."""

    column: str
    attribute: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed(Summary):
    """How a replay ended.

    ``rows`` is how many it was asked for: that meet ``--where``, within ``--limit``, up to where it ended. Of these
    ``skipped`` were in the table already. ``dropped`` names the columns that were not taken. ``rejects_file`` is where
    the rejected rows are, if there are any. What is ``resumable`` goes on where it ended when it is started again.
    """

    format: str = ""
    columns: tuple[Taken, ...] = field(default=())
    dropped: tuple[str, ...] = ()
    rows: int = 0
    skipped: int = 0
    rejects_file: str | None = None
    resumable: bool = False


def told(plan: Plan) -> tuple[Taken, ...]:
    """A plan's columns for people."""
    return tuple(Taken(column.source, column.attribute, column.type) for column in plan.columns)
