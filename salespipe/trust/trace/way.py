"""A version's way as a list: where it was met, when, and how long after the hop before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from salespipe.trust.trace.model import Hop, Passage, Shown, Version
from salespipe.trust.trace.values import changed


def describe(versions: Sequence[Version]) -> None:
    """Fill in what each version changed, where it was met, and how long it took."""
    before: dict[str, str] | None = None
    for version in versions:
        values = version.change.values if version.change and version.kind != "REMOVE" else None
        version.changes = changed(before, values) if before is not None and values is not None else []
        version.way, version.seconds = way(version), seconds(version)
        before = values


def way(version: Version) -> list[Passage]:
    """Every place where a version was met, hop by hop; the delay of a duplicate is that behind the first copy."""
    made: list[Passage] = []
    before: Passage | None = None  # the last whose time is known
    exact: Passage | None = None  # the last whose time is known exactly
    for passage in _passages(version):
        since = exact if passage.exact and exact else before
        made.append(_behind(passage, since))
        if passage.at is not None and passage.copy == 1:
            before = passage
            exact = passage if passage.exact else exact
    return made


def _behind(passage: Passage, since: Passage | None) -> Passage:
    """A place with the delay that it was met behind another."""
    if passage.at is None or since is None or since.at is None:
        return passage
    seconds = max(0.0, (passage.at - since.at).total_seconds())
    return replace(passage, seconds=seconds, about=not (passage.exact and since.exact))


def seconds(version: Version) -> float | None:
    """How long a version took from its write to S3; None where one of the two is not known."""
    known = [version.written.at] if version.written else [version.change.at] if version.change else []
    if not known or not version.lines:
        return None
    # The pipe may be quicker than the answer that acknowledges the write.
    began = min(known + [record.at for record in version.records])
    ended = min(max(line.at, line.transformed or line.at) for line in version.lines)
    return max(0.0, (ended - began).total_seconds())


def _passages(version: Version) -> Iterator[Passage]:
    if version.written:
        yield Passage(Hop.WRITTEN, version.written.at, f"{version.written.kind}, acknowledged")
    if version.seen:
        yield Passage(Hop.WRITTEN, None, "the table has it; no ledger does")
    if version.change:
        yield Passage(Hop.STREAM, version.change.at, version.change.sequence, exact=False)
    for copy, record in enumerate(version.records, 1):
        yield Passage(Hop.KINESIS, record.at, f"{record.shard} {record.sequence}", copy=copy)
    if not version.records and Hop.KINESIS in version.missed:
        arrived = version.lines[0].arrived if version.lines else None
        yield Passage(Hop.KINESIS, arrived, version.missed[Hop.KINESIS])
    for copy, failure in enumerate(version.failures, 1):
        told = f": {failure.code}" if failure.code else ""
        yield Passage("failed", failure.at, f"{failure.key} line {failure.line}{told}", exact=False, copy=copy)
    for copy, line in enumerate(version.lines, 1):
        if line.transformed:
            yield Passage("transform", line.transformed, "", copy=copy)
        yield Passage(Hop.LAKE, line.at, f"{line.key} line {line.line}", exact=False, copy=copy)
    if version.rows:
        yield Passage(Hop.ATHENA, None, "1 row" if version.rows == 1 else f"{version.rows} rows")
    if version.shown in _TOLD:
        yield Passage(Hop.VIEW, None, _TOLD[version.shown])


_TOLD: Final[dict[Shown | None, str]] = {
    Shown.CURRENT: "its row is this version",
    Shown.SUPERSEDED: "superseded by a later version",
    Shown.REMOVED: "no row: this version deleted the order",
}
