"""Latencies in a fixed, small amount of memory."""

from __future__ import annotations

import math
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

    def record(self, seconds: float) -> None:
        """Count one latency; what is out of range falls into the first or last bucket."""
        bucket = int(math.log(seconds / SMALLEST) / GROWTH) if seconds > SMALLEST else 0
        self._counts[min(bucket, BUCKETS - 1)] += 1
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
