"""Times of a million writes in a fixed, small amount of memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

# Each bucket is 2 % wider than the one before: what is read back is at most 1 % off.
GROWTH: Final = math.log(1.02)
SMALLEST: Final = 1e-5
BUCKETS: Final = 1024


class Latencies:
    """A histogram of seconds, from 10 microseconds to about an hour and a half."""

    def __init__(self) -> None:
        self._counts = [0] * BUCKETS
        self._total = 0

    def record(self, latencies: Iterable[float]) -> None:
        """Count latencies; what is out of range falls into the first or last bucket."""
        counts, log = self._counts, math.log
        for seconds in latencies:
            bucket = int(log(seconds / SMALLEST) / GROWTH) if seconds > SMALLEST else 0
            counts[bucket if bucket < BUCKETS else -1] += 1
            self._total += 1

    def quantile(self, share: float) -> float:
        """The seconds that ``share`` (0 to 1) of all latencies do not exceed; 0.0 when there are none."""
        wanted = share * self._total
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return SMALLEST * math.exp((bucket + 0.5) * GROWTH)
        return 0.0


class Spread:
    """How far numbers of seconds are apart."""

    def __init__(self) -> None:
        self._count = 0
        self._sum = 0.0
        self._squares = 0.0

    def record(self, seconds: Sequence[float]) -> None:
        """Count some."""
        self._count += len(seconds)
        self._sum += sum(seconds)
        self._squares += sum([each * each for each in seconds])

    @property
    def deviation(self) -> float:
        """The standard deviation in seconds; 0.0 when there are none."""
        if not self._count:
            return 0.0
        mean = self._sum / self._count
        return math.sqrt(max(0.0, self._squares / self._count - mean * mean))
