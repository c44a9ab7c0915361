"""Replaying: records are put on their way again, and leave the quarantine once they are seen in the lake.

In this order, so that nothing is lost whenever it ends: an event is put into the Kinesis stream; it is seen in the
lake; its line, or its message, is deleted. What is put and not deleted is put again the next time, and is delivered
twice, of which the views make one. What fails again comes to lie in a new object: its attempts are counted where it lay
before, and then the new line is deleted; until then the two lines are one record, whose attempts count once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from salespipe.answers import is_not_found
from salespipe.flow import hops
from salespipe.flow.delays import utc_now
from salespipe.query.failures import not_deployed
from salespipe.trust import objects as bucket
from salespipe.trust.quarantine import letters
from salespipe.trust.quarantine.failures import event_id, failure, record_id, refusal
from salespipe.trust.quarantine.fixing import Fix, NotFixedError, fixed
from salespipe.trust.quarantine.outcome import Watcher
from salespipe.trust.quarantine.results import Progress, Replayed, Sent
from salespipe.trust.quarantine.sending import LARGEST, Sender
from salespipe.trust.quarantine.settling import Settler, wanted

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.trust.quarantine.reading import Quarantine

# So many events are on their way at once, and each round waits for the buffers; an object's are all of the same round.
_ROUND: Final = {"local": 20_000, "aws": 100_000}
_RENEW_SECONDS: Final = letters.HOLD_SECONDS / 3


class _SkippedError(Exception):
    """The script left a record out."""


@dataclass
class Replay:
    """One run over the chosen records. ``patience`` is as for ``Watcher.wait``."""

    aws: Aws
    quarantine: Quarantine
    fix: Fix | None = None
    script: Path = Path()
    dry_run: bool = False
    patience: float | None = None
    progress: Progress = lambda _: None
    _held: dict[str, str] = field(default_factory=dict)
    _renewed: float = 0.0

    def run(self) -> Replayed:
        """Put them and wait. Raises ``SalespipeError`` (NotDeployed) where there is no stream."""
        index = self.quarantine.index
        self._result = Replayed(self.dry_run, index.count(chosen=True))
        self._sender = Sender(self.aws)
        self._settler = Settler(self.aws, self.quarantine, self._result)
        try:
            self._watcher = Watcher(self.aws, index)
        except Exception as error:
            if is_not_found(error):
                raise not_deployed(self.aws.names) from error
            raise
        self._replay_letters()
        self._replay_objects()
        return self._result

    def _replay_objects(self) -> None:
        sent: list[Sent] = []
        for key in self.quarantine.index.chosen_objects():
            sent += self._object(key)
            if len(sent) >= _ROUND[self.aws.config.target]:
                self._wait(sent)
                sent = []
        self._wait(sent)

    def _object(self, key: str) -> Iterator[Sent]:
        """Put the chosen records of an object, each once, as it came."""
        index, result = self.quarantine.index, self._result
        here = index.chosen_in(key)
        for line in bucket.lines(bucket.body(self.aws, key)):
            known = failure(line)
            if known is None or known.record not in here or index.place(known.record) != (key, known.repaired):
                continue
            here.discard(known.record)
            try:
                yield self._put(known.record, known.data)
            except NotFixedError as error:
                result.broken += 1
                result.tell(known.record, str(error))
            except _SkippedError:
                result.skipped += 1
        self.progress(f"{result.put:,} events put")

    def _replay_letters(self) -> None:
        """Those that were not chosen are given back at once, the others are held until it is done."""
        queue, index = self.quarantine.queue, self.quarantine.index
        if not queue.url:
            return
        queue.give_back([receipt for _, receipt, _ in index.letters(chosen=False)])
        chosen = index.letters(chosen=True)
        self._held = {letter: receipt for letter, receipt, _ in chosen}
        self._renewed = self.aws.clock()
        sent: list[Sent] = []
        for letter, _, body in chosen:
            sent += self._letter(letter, letters.letter(body).pointer)
            if len(sent) >= _ROUND[self.aws.config.target]:
                self._wait(sent)
                sent = []
        self._wait(sent)

    def _letter(self, letter: str, pointer: letters.Pointer) -> list[Sent]:
        """Put all events of a message; one that cannot be put keeps it in the queue."""
        result, sent, skipped = self._result, list[Sent](), 0
        events = letters.resolve(self.aws, pointer)
        if events is None:
            result.expired += 1
            result.tell(letter, pointer.expiry(utc_now()))
            return []
        if len(events) > pointer.batch_size and (pipe := hops.pipe(self.aws)) and pipe.filters:
            result.remark(
                "The pipe has filters, and a message does not tell events that they drop from others:"
                " all between its first and its last are put."
            )
        problem = ""
        for data in events:
            try:
                sent.append(self._put(record_id(data), data, letter))
            except NotFixedError as error:
                problem = str(error)
            except _SkippedError:
                skipped += 1
        if problem or skipped:
            result.broken += bool(problem)
            result.skipped += not problem
            if problem:
                result.tell(letter, problem)
            self._settler.stays.add(letter)
        return sent

    def _put(self, record: str, data: bytes, letter: str = "") -> Sent:
        """Put one event, repaired first. Raises ``NotFixedError`` or ``_SkippedError`` where it is not to be put."""
        own = data
        if self.fix is not None:
            made = fixed(self.fix, data, record, self.script)
            if made is None:
                raise _SkippedError
            own = made
        if len(own) > LARGEST:
            raise NotFixedError(f"it has {len(own):,} bytes, more than the stream takes")
        self._result.put += 1
        if self.dry_run:
            self._foretell(letter or record, own)
        else:
            self._sender.put(own, record)
            self._renew()
        return Sent(record, event_id(own), letter, repaired=own is not data)

    def _foretell(self, record: str, data: bytes) -> None:
        """What the transform of this version says of it; another may be deployed."""
        if problem := refusal(data):
            self._result.refused += 1
            self._result.tell(record, f"the transform of this version refuses it: {problem}")

    def _wait(self, sent: list[Sent]) -> None:
        """Wait for what was put, and let go what was delivered."""
        if self.dry_run or not sent:
            return
        self._sender.flush()
        events, records = wanted(sent)
        seen = self._watcher.wait(events, records, self.patience, self.progress, self._renew)
        self._settler.settle(sent, seen, self._held)

    def _renew(self) -> None:
        """Hold the messages for longer, now and then."""
        if self._held and self.aws.clock() - self._renewed >= _RENEW_SECONDS:
            self._renewed = self.aws.clock()
            self.quarantine.queue.hold([*self._held.values()])
