"""Replaying at the pace of the events themselves, so many times faster: ``--speed 60x``."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from salespipe.errors import Exit, SalespipeError
from salespipe.load.pacing import wait

FASTEST: Final = 1e9


def parse_speed(text: str | None) -> float | None:
    """A factor from ``60x`` or ``0.5``; None from None. Raises ``SalespipeError`` (exit 2) for anything else."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,12})?)\s*x?", text.strip().lower(), re.ASCII)
    if not found or not 0 < float(found[1]) <= FASTEST:
        raise SalespipeError(
            "BadSpeed",
            f"--speed {text} is no factor above 0 and up to {FASTEST:,.0f}.",
            hint="Write --speed 60x: an hour of orders in a minute.",
            exit_code=Exit.USAGE,
        )
    return float(found[1])


class EventTime:
    """When rows are due: the first at once, each later one after the time between them, divided by ``speed``.

    A row with an earlier time than one before it, or with none, is due with that one. ``idle`` is called while waiting.
    """

    def __init__(
        self, speed: float, clock: Callable[[], float], sleep: Callable[[float], None], idle: Callable[[], None]
    ) -> None:
        self._speed = speed
        self._clock, self._sleep, self._idle = clock, sleep, idle
        self._first: datetime | None = None
        self._start = self._due = clock()

    def due(self, moment: datetime | None) -> float:
        """Wait until a row of that time is due; when that was, by the clock."""
        if moment:
            if self._first is None:
                self._first, self._start = moment, self._clock()
            self._due = max(self._due, self._start + (moment - self._first).total_seconds() / self._speed)
        wait(self._due, self._clock, self._sleep, self._idle)
        return self._due
