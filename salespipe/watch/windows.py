"""Where a window and the one before it begin and end, on whole steps of time."""

from __future__ import annotations

from typing import Final, NamedTuple

from salespipe.watch.model import Window

SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
DAY: Final = 24 * 60 * MINUTE

# Length, step of the points, and what begins and ends on a whole one.
_WINDOWS: Final = {
    Window.MINUTE: (MINUTE, SECOND),
    Window.FIVE_MINUTES: (5 * MINUTE, 5 * SECOND),
    Window.QUARTER: (15 * MINUTE, 15 * SECOND),
    Window.HOUR: (60 * MINUTE, MINUTE),
}
_OF_TODAY: Final = 15 * MINUTE


class Edges(NamedTuple):
    """From and to before, in milliseconds since 1970; the window before is as long. ``step`` is that of the points."""

    before_since: int
    before_until: int
    since: int
    until: int
    step: int

    @classmethod
    def of(cls, window: Window, now: int) -> Edges:
        """Those of the window whose last step has ``now`` in it.

        A window ends with the step that is going on, so that its points stay where they are until a new one begins.
        That of today ends with the minute; the one before it is yesterday's to the same time.
        """
        if window is Window.TODAY:
            since, until = now // DAY * DAY, (now // MINUTE + 1) * MINUTE
            return cls(since - DAY, until - DAY, since, until, _OF_TODAY)
        length, step = _WINDOWS[window]
        until = (now // step + 1) * step
        return cls(until - 2 * length, until - length, until - length, until, step)

    def moving(self, to: Edges) -> list[tuple[int, int]]:
        """The stretches of time that lie in another window by other edges, each once and in order."""
        stretches: list[tuple[int, int]] = []
        for start, end in sorted((min(pair), max(pair)) for pair in zip(self[:4], to[:4], strict=True)):
            if stretches and start <= stretches[-1][1]:
                stretches[-1] = (stretches[-1][0], max(end, stretches[-1][1]))
            elif start < end:
                stretches.append((start, end))
        return stretches
