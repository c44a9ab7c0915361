"""Open-model pacing: when each write is due depends on a schedule alone, never on how the last one went."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from salespipe.orders import Rhythm

# A wait is cut into pieces of at most this many seconds, so that progress goes on.
PIECE: Final = 0.2
# A wait takes at least so many seconds: beyond 500 a second several writes are let go at once, a thousandth of a second
# late on average, instead of waking up for each.
SHORTEST: Final = 0.002
# What is due so few seconds before the end of a run is due at its end: a schedule is a float, the count must be exact.
ROUNDING: Final = 1e-7


class Schedule(Protocol):
    """When writes are due."""

    def due(self, number: int) -> float:
        """The seconds after the start at which a write is due: numbers from 0, and the times never fall."""


@dataclass(frozen=True, slots=True)
class Steady:
    """``rate`` writes a second, all the time."""

    rate: float

    def due(self, number: int) -> float:
        """As ``Schedule`` says."""
        # A quotient, not a sum: a million writes later the rate is still exact.
        return number / self.rate


@dataclass(frozen=True, slots=True)
class Ramp:
    """From ``first`` writes a second to ``last`` on a straight line that takes ``seconds``, and ``last`` from then."""

    first: float
    last: float
    seconds: float

    def due(self, number: int) -> float:
        """As ``Schedule`` says."""
        climbed = (self.first + self.last) / 2 * self.seconds
        if number >= climbed:
            return self.seconds + (number - climbed) / self.last
        # The time by which first * t + (last - first) * t**2 / (2 * seconds) writes are due, in the form that does not
        # subtract what is nearly equal.
        root = math.sqrt(self.first**2 + 2 * number * (self.last - self.first) / self.seconds)
        return 2 * number / (self.first + root)


@dataclass(frozen=True, slots=True)
class Shaped:
    """``rate`` writes a second on average, more and fewer as the rhythm goes."""

    rate: float
    rhythm: Rhythm

    def due(self, number: int) -> float:
        """As ``Schedule`` says."""
        return self.rhythm.due(number / self.rate)


def due_within(schedule: Schedule, seconds: float) -> int:
    """How many writes are due before ``seconds`` after the start have passed, give or take the rounding of floats."""
    seconds -= ROUNDING
    if seconds < 0:
        return 0
    low, high = 0, 1  # number low is due, number high is not
    while schedule.due(high) < seconds:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if schedule.due(middle) < seconds else (low, middle)
    return high


def due_times(
    schedule: Schedule,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    idle: Callable[[], None] = lambda: None,
) -> Iterator[float]:
    """The times of ``clock`` at which writes are due, each given when it has come.

    Whoever is late gets the times that have passed without any wait until the schedule is caught up, and the times
    themselves stay as they were: a latency counted from them cannot hide a stall. ``idle`` is called at least every
    0.2 s of waiting.
    """
    start = now = clock()
    number, due_after = 0, schedule.due
    while True:
        due = start + due_after(number)
        if due > now:  # by the last reading of the clock, which need not be read for what is overdue
            now = wait(due, clock, sleep, idle)
        yield due
        number += 1


def wait(
    due: float, clock: Callable[[], float], sleep: Callable[[float], None], idle: Callable[[], None] = lambda: None
) -> float:
    """Wait until ``due`` by the clock has come, in pieces with ``idle`` between them; the time it is then."""
    while (left := due - (now := clock())) > 0:
        sleep(min(max(left, SHORTEST), PIECE))
        idle()
    return now
