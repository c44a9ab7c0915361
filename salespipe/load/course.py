"""How a load is meant to go: when its writes are due, how many there are, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass

from salespipe.load.pacing import Ramp, Schedule, Shaped, Steady, due_within
from salespipe.orders import Profile, Rhythm
from salespipe.orders.profiles import STEADY

# A stall near the end may be caught up for this many seconds beyond the duration; after that the end is the end.
GRACE = 1.0
# The rate of a moment is that of so many seconds around it.
MOMENT = 1.0


@dataclass(frozen=True, slots=True)
class Course:
    """A schedule, and how many writes of it are made: None for no end. ``ends`` is the end in seconds, if any."""

    schedule: Schedule
    total: int | None = None
    ends: float | None = None

    @classmethod
    def of(cls, schedule: Schedule, *, duration: float | None, count: int | None) -> Course:
        """The course of a run that ends after ``duration`` seconds or ``count`` writes, whichever comes first."""
        due = None if duration is None else due_within(schedule, duration)
        numbers = [number for number in (due, count) if number is not None]
        return cls(schedule, min(numbers, default=None), None if duration is None else duration + GRACE)

    def rate(self, seconds: float) -> float:
        """The writes a second that are due ``seconds`` after the start."""
        if isinstance(self.schedule, Steady):
            return self.schedule.rate
        since = max(0.0, seconds - MOMENT / 2)
        return (due_within(self.schedule, since + MOMENT) - due_within(self.schedule, since)) / MOMENT

    def mean(self, seconds: float) -> float:
        """The writes a second that were due on average by ``seconds`` after the start, or by an earlier end."""
        if isinstance(self.schedule, Steady):
            return self.schedule.rate
        passed = seconds if self.total is None else min(seconds, self.schedule.due(self.total))
        # To the millionth: the time of a shaped schedule's end is rounded.
        return round(due_within(self.schedule, passed) / passed, 6) if passed > 0 else self.rate(0.0)

    def done(self, ready: int) -> float | None:
        """The share of the writes that lies behind once ``ready`` of them were made; None where there is no end."""
        if self.total is None:
            return None
        return ready / self.total if self.total else 1.0

    def left(self, seconds: float, done: int) -> float | None:
        """In how many seconds it will be over, as it goes by now: by the schedule, or later if it lags behind."""
        if self.total is None:
            return None
        left = max(0.0, self.schedule.due(max(0, self.total - 1)) - seconds)
        if not left and done:
            left = (self.total - done) * seconds / done
        return left if self.ends is None else max(0.0, min(left, self.ends - seconds))


def schedule_of(
    rate: float,
    *,
    profile: Profile,
    ramp: Ramp | None,
    start: float,
    time_scale: float,
    duration: float | None,
) -> tuple[Schedule, Rhythm]:
    """When writes are due, and the shop's rhythm that goes with it; ``start`` is Unix time."""
    rhythm = Rhythm.of(profile, start=start, time_scale=time_scale, duration=duration)
    if ramp:
        return ramp, rhythm
    return (Steady(rate) if profile is STEADY else Shaped(rate, rhythm)), rhythm
