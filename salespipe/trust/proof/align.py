"""Matching the versions that were acknowledged with the events that came of them, both in order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from salespipe.trust.proof.content import Content

_EXACTLY: int = 40_000


def align(versions: Sequence[bytes], contents: Sequence[Content]) -> tuple[list[int], list[int]]:
    """The places of the versions that have no event, and of the events that have no version.

    As many as can be are matched, in order. An event that changes nothing which a fingerprint tells needs no version of
    its own. For an order of very many versions each takes the next event that fits.
    """
    matched = pairs(versions, contents)
    taken = {event for _, event in matched}
    known = {version for version, _ in matched}
    extra = [
        place
        for place, content in enumerate(contents)
        if place not in taken and not (place and contents[place - 1].same(content))
    ]
    return [place for place in range(len(versions)) if place not in known], extra


def pairs(versions: Sequence[bytes], contents: Sequence[Content]) -> list[tuple[int, int]]:
    """The places of the versions and of the events that are matched with each other, in order."""
    exactly = len(versions) * len(contents) <= _EXACTLY
    return _longest(versions, contents) if exactly else _next(versions, contents)


def _longest(versions: Sequence[bytes], contents: Sequence[Content]) -> list[tuple[int, int]]:
    """A longest common subsequence."""
    lengths = [[0] * (len(contents) + 1) for _ in range(len(versions) + 1)]
    for row in range(len(versions) - 1, -1, -1):
        for column in range(len(contents) - 1, -1, -1):
            if contents[column].may_be(versions[row]):
                lengths[row][column] = lengths[row + 1][column + 1] + 1
            else:
                lengths[row][column] = max(lengths[row + 1][column], lengths[row][column + 1])
    matched, row, column = [], 0, 0
    while row < len(versions) and column < len(contents):
        if contents[column].may_be(versions[row]):
            matched.append((row, column))
            row, column = row + 1, column + 1
        elif lengths[row + 1][column] >= lengths[row][column + 1]:
            row += 1
        else:
            column += 1
    return matched


def _next(versions: Sequence[bytes], contents: Sequence[Content]) -> list[tuple[int, int]]:
    places: dict[bytes, list[int]] = {}
    for place, content in enumerate(contents):
        for fingerprint in dict.fromkeys((content.own, content.plain, *content.others)):
            places.setdefault(fingerprint, []).append(place)
    matched, after = [], 0
    for row, version in enumerate(versions):
        fitting = places.get(version, [])
        at = bisect_left(fitting, after)
        if at < len(fitting):
            matched.append((row, fitting[at]))
            after = fitting[at] + 1
    return matched
