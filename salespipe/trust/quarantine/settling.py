"""After a round of a replay: what was delivered leaves the quarantine, what failed again stays there once."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from salespipe.trust.quarantine import removing
from salespipe.trust.quarantine.failures import Failure, counted, newest, refusal
from salespipe.trust.quarantine.results import Replayed, Sent

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.trust.quarantine.outcome import Seen
    from salespipe.trust.quarantine.reading import Quarantine

_SAYS_NOTHING: Final = "Lambda.ProcessingFailedStatus"


def wanted(sent: list[Sent]) -> tuple[Counter[str], set[str]]:
    """The IDs of the events that were put, with how many records have each, and these records."""
    of = {each.record: each.event for each in sent}
    return Counter(event for event in of.values() if event), set(of)


def arrived(sent: list[Sent], seen: Seen) -> set[str]:
    """The records that are in the lake.

    Where several have the same event ID, the lake does not tell them apart: all have arrived, or none is said to.
    """
    events, _ = wanted([each for each in sent if each.record not in seen.failed])
    return {
        each.record
        for each in sent
        if each.event and each.record not in seen.failed and seen.delivered[each.event] >= events[each.event]
    }


@dataclass
class Settler:
    """Lets go what arrived. ``stays`` are messages of which not every event was put."""

    aws: Aws
    quarantine: Quarantine
    result: Replayed
    stays: set[str] = field(default_factory=set)

    def settle(self, sent: list[Sent], seen: Seen, held: dict[str, str]) -> None:
        """``held`` are the receipts of messages; those that are deleted leave it."""
        there = arrived(sent, seen)
        self._settle_letters([each for each in sent if each.letter], there, seen, held)
        self._settle_lines([each for each in sent if not each.letter], there, seen)

    def _settle_lines(self, sent: list[Sent], there: set[str], seen: Seen) -> None:
        index, result = self.quarantine.index, self.result
        gone = {each.record for each in sent if each.record in there}
        again = {each.record for each in sent if each.record in seen.failed}
        places: dict[str, set[str]] = defaultdict(set)  # the records to change in each object
        others: dict[str, set[str]] = defaultdict(set)
        for record in gone | again:
            key, _ = index.place(record)
            places[key].add(record)
            for other in index.objects_of(record) - {key}:
                others[other].add(record)
        for record in again:
            for key, _ in seen.failed[record]:
                others[key].add(record)
        kept: set[str] = set()
        for key, records in sorted(places.items()):
            kept |= self._count_again(key, records & gone, records & again, seen)
        for key, records in sorted(others.items()):
            removing.rewrite(self.aws, key, removing.without(records & (gone | kept)))
        result.delivered += len(gone)
        result.failed += len(again)
        result.unseen += len(sent) - len(gone) - len(again)
        for record in again:
            result.tell(record, f"failed again: {_why(newest(each for _, each in seen.failed[record]))}")

    def _count_again(self, key: str, gone: set[str], again: set[str], seen: Seen) -> set[str]:
        """Take out of an object what is gone, and count the attempts of the rest; those that stay there."""
        index, kept = self.quarantine.index, set[str]()

        def change(known: Failure, line: bytes) -> bytes | None:
            record = known.record
            if record in gone or record in kept:
                return None
            if record not in again or index.place(record) != (key, known.repaired):
                return line
            kept.add(record)
            failures = [each for _, each in seen.failed[record]]
            attempts = (index.record(record).attempts or 0) + sum(each.attempts for each in failures)
            return counted(line, attempts, newest(failures))

        removing.rewrite(self.aws, key, change)
        return kept

    def _settle_letters(self, sent: list[Sent], there: set[str], seen: Seen, held: dict[str, str]) -> None:
        """A message is deleted once each of its events is in the lake, or among the failures, as it came."""
        result = self.result
        by_letter: dict[str, list[Sent]] = defaultdict(list)
        for each in sent:
            by_letter[each.letter].append(each)
        done: list[str] = []
        drop: dict[str, set[str]] = defaultdict(set)
        for letter, events in by_letter.items():
            failed = [each for each in events if each.record in seen.failed]
            for each in failed:
                if each.repaired:
                    for key, _ in seen.failed[each.record]:
                        drop[key].add(each.record)
            if letter in self.stays:
                continue
            settled = all(each.record in there or (each in failed and not each.repaired) for each in events)
            if settled:
                done.append(letter)
            if failed:
                result.failed += 1
                result.tell(letter, _of_letter(events, failed, deleted=settled))
            elif settled:
                result.delivered += 1
            else:
                result.unseen += 1
        receipts = [held.pop(letter) for letter in done]
        if self.quarantine.queue.delete(receipts):
            result.remark("Some messages could not be deleted: somebody else has read them meanwhile.")
        for key, records in drop.items():
            removing.rewrite(self.aws, key, removing.without(records))


def _why(last: Failure) -> str:
    """The error; where that says no more than that it is one, what our transform says of the record."""
    if last.code == _SAYS_NOTHING and (told := refusal(last.data)):
        return f"the transform of this version refuses it: {told}"
    return f"{last.code}: {last.message}"


def _of_letter(events: list[Sent], failed: list[Sent], *, deleted: bool) -> str:
    told = f"{len(failed):,} of its {len(events):,} events failed in the transform"
    return f"{told}: they are records of their own now" if deleted else told
