"""The first of many by rank, kept while ranks change, without sorting the many."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from heapq import nsmallest
from math import inf
from operator import itemgetter
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
# What two things are ranked by: the smaller comes first.
Rank = tuple[int, str]

_FEW: Final = 128
_MANY: Final = 1024


class Leaders(Generic[K]):
    """Holds those whose rank is within a limit; where they have become too few, ``everything`` is gone through."""

    def __init__(self, everything: Callable[[], Iterable[tuple[K, Rank]]]) -> None:
        self._everything = everything
        self._held: dict[K, Rank] = {}
        self._limit: Rank | None = None
        # What is new and ranks behind that need not be told.
        self.bound: float = inf

    def put(self, key: K, rank: Rank) -> None:
        """One that is new, or has a new rank."""
        if self._limit is None or rank <= self._limit:
            self._held[key] = rank
            if len(self._held) > _MANY:
                self._shrink()
        else:
            self._held.pop(key, None)

    def drop(self, key: K) -> None:
        """One that is there no more."""
        self._held.pop(key, None)

    def first(self, number: int) -> list[K]:
        """The first, in order; ``number`` is at most 128."""
        if self._limit is not None and len(self._held) < number:
            self._limit, self._held, self.bound = None, {}, inf
            for key, rank in self._everything():
                self.put(key, rank)
        return [key for key, _ in nsmallest(number, self._held.items(), key=itemgetter(1))]

    def _shrink(self) -> None:
        # Mostly in order already: what is newest comes last.
        first = sorted(self._held.items(), key=itemgetter(1))[:_FEW]
        self._held, self._limit = dict(first), first[-1][1]
        self.bound = self._limit[0]
