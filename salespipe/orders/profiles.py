"""Profiles: how busy a shop is through its day, and what people buy then.

A profile is a function of time alone. It shapes the rate without changing its mean: over a whole day of the shop's as
many orders are due as at a steady rate. A day lasts 86,400 seconds divided by the time scale, but no less than five
minutes, or the whole run if that is shorter: at the default scale somebody who watches a dashboard sees a night, a
morning and an evening peak pass within five minutes, and a flash sale begin 50 seconds after the start, rise to five
times the mean rate, and sell some of its products out in its 25 seconds. Such a day begins at eight in the morning. At
a time scale of 1 the shop's clock is UTC, and a run of days has the rhythm of days.

    steady      the same all day
    daily       quiet at night, when the store is closed; a peak in the evening, when people buy by phone
    flash-sale  at noon, for two hours: eight products at 40 % off take four of five orders
    holiday     a long evening, gifts, larger baskets
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from salespipe.orders.baskets import EVENING, HOLIDAY, NIGHT, NORMAL, SALE, Season
from salespipe.orders.life import DAY, TIME_SCALE

SHORTEST_DAY: Final = 300.0
OPENING: Final = 8.0
HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class Profile:
    """A day: how busy each of its pieces of equal length is, and the hours at which another season of trade begins."""

    name: str
    weights: tuple[int, ...] = (1,)
    seasons: tuple[tuple[float, Season], ...] = ((0.0, NORMAL),)


def _quarters(hours: tuple[int, ...]) -> tuple[int, ...]:
    """Weights of quarters of an hour, on straight lines from each full hour's weight to the next one's."""
    following = (*hours[1:], hours[0])
    pairs = zip(hours, following, strict=True)
    return tuple(now * (4 - quarter) + then * quarter for now, then in pairs for quarter in range(4))


_DAILY: Final = (40, 26, 17, 13, 12, 16, 28, 48, 70, 88, 100, 108, 114, 108, 102, 102, 106, 114, 128, 146, 158, 150)
_HOLIDAY: Final = (45, 28, 18, 13, 12, 16, 30, 55, 80, 98, 112, 120, 124, 118, 112, 110, 116, 130, 156, 184, 205, 204)
STEADY: Final = Profile("steady")
PROFILES: Final = {
    profile.name: profile
    for profile in (
        STEADY,
        Profile("daily", _quarters((*_DAILY, 118, 74)), ((0, NIGHT), (7, NORMAL), (18, EVENING))),
        Profile(
            "flash-sale",
            tuple(8 if hour in (12, 13) else 1 for hour in range(HOURS)),
            ((0, NORMAL), (12, SALE), (14, NORMAL)),
        ),
        Profile("holiday", _quarters((*_HOLIDAY, 168, 102)), ((0, HOLIDAY),)),
    )
}


class Rhythm:
    """A profile laid over time: a ``day`` of so many seconds, ``into`` of which are past at Unix time ``start``."""

    def __init__(self, profile: Profile, *, day: float = DAY, start: float = 0.0, into: float = 0.0) -> None:
        self.profile = profile
        self.day = day
        self._start = start - into
        self._into = into
        pieces, total = len(profile.weights), sum(profile.weights)
        self._piece = day / pieces
        self._factors = [weight * pieces / total for weight in profile.weights]
        # The work done by the end of each piece: as many seconds as a steady rate would take for it.
        self._work = [0.0, *(day * done / total for done in accumulate(profile.weights))]
        self._hours = [hour for hour, _ in profile.seasons]
        number, left = divmod(into, day)
        index = min(int(left / self._piece), pieces - 1)
        self._done = number * day + self._work[index] + (left - index * self._piece) * self._factors[index]

    @classmethod
    def of(
        cls, profile: Profile, *, start: float, time_scale: float = TIME_SCALE, duration: float | None = None
    ) -> Rhythm:
        """The rhythm of a run that begins at Unix time ``start`` and lasts ``duration`` seconds, or without end."""
        day = max(DAY / time_scale, min(SHORTEST_DAY, duration or SHORTEST_DAY))
        return cls(profile, day=day, start=start, into=start % DAY if day == DAY else day * OPENING / HOURS)

    def factor(self, at: float) -> float:
        """By how much the rate at a Unix time is above or below its mean; 1 on average over a day."""
        return self._factors[min(int((at - self._start) % self.day / self._piece), len(self._factors) - 1)]

    def due(self, steady: float) -> float:
        """When something is due that at a steady rate would be due after ``steady`` seconds; both from the start.

        With the n-th write at ``due(n / rate)``, writes are due at the rate that ``factor`` tells, in a schedule that
        depends on nothing else. Never falling, and exact over any number of days.
        """
        if len(self._factors) == 1:
            return steady
        days, work = divmod(steady + self._done, self.day)
        index = min(bisect_right(self._work, work) - 1, len(self._factors) - 1)
        within = (work - self._work[index]) / self._factors[index]
        return days * self.day + index * self._piece + within - self._into

    def season(self, at: float) -> tuple[Season, float]:
        """The season of trade at a Unix time, and the Unix time until which it lasts (infinity: for ever)."""
        seasons = self.profile.seasons
        if len(seasons) == 1:
            return seasons[0][1], math.inf
        moment = (at - self._start) % self.day
        index = bisect_right(self._hours, moment * HOURS / self.day) - 1
        ends = self._hours[index + 1] if index + 1 < len(seasons) else HOURS
        return seasons[index][1], at - moment + ends * self.day / HOURS
