"""Choosing by weights, the same on every machine and in every version of Python."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from typing import Final, TypeVar

T = TypeVar("T")
Weighted = tuple[list[float], list[T]]
FINE: Final = 1_000_000_000


def weighted(shares: Iterable[tuple[T, int]]) -> Weighted[T]:
    """Upper bounds within 0 to 1, but for the last, and the values to choose: ``values[bisect(bounds, chance)]``.

    Weights are whole numbers, since these add up to the same everywhere: ``sum`` of floats rounds in another way from
    Python 3.12 on.
    """
    values, weights = zip(*shares, strict=True)
    *bounds, total = accumulate(weights)
    return [bound / total for bound in bounds], list(values)


def zipf(ranks: int, exponent: float) -> list[int]:
    """Weights of the ranks 1, 2, 3 ... as 1 / rank to the power of ``exponent``, in billionths, at least one.

    Rounded, since mathematical libraries do not agree on the last digit of a power.
    """
    return [max(1, round(FINE * rank**-exponent)) for rank in range(1, ranks + 1)]
