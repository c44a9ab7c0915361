"""Open-model pacing: when each write is due depends on the rate alone, never on how the last one went."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

# A wait is cut into pieces of at most this many seconds, so that progress goes on.
PIECE: Final = 0.2
# A wait takes at least so many seconds: beyond 500 a second several writes are let go at once, a thousandth of a second
# late on average, instead of waking up for each.
SHORTEST: Final = 0.002


def due_times(
    rate: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    idle: Callable[[], None] = lambda: None,
) -> Iterator[float]:
    """The times at which writes are due, 1/rate seconds apart, each given when it has come.

    The first is due at once. Whoever is late gets the times that have passed without any wait until the rate is caught
    up, and the times themselves stay as they were: a latency counted from them cannot hide a stall. ``idle`` is called
    at least every 0.2 s of waiting.
    """
    start = clock()
    number = 0
    while True:
        # A product, not a sum: a million slots later the rate is still exact.
        due = start + number / rate
        while (wait := due - clock()) > 0:
            sleep(min(max(wait, SHORTEST), PIECE))
            idle()
        yield due
        number += 1
