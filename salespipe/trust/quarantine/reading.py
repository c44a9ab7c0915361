"""Reading the quarantine: error objects and dead letters into an index, each once."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from salespipe.answers import is_not_found
from salespipe.query.failures import not_deployed
from salespipe.trust import objects as bucket
from salespipe.trust.quarantine.failures import Failure, failure
from salespipe.trust.quarantine.index import Index
from salespipe.trust.quarantine.letters import Queue

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.trust.objects import Object

_TELL_EVERY: Final = 20_000
_ROWS: Final = 1000
_MB: Final = 1_000_000

Progress = Callable[[str], None]
Row = tuple[str, str, str, int | None, int, int, int | None, bool, int]


@dataclass
class Quarantine:
    """All that could not be delivered. ``foreign`` says what lies there and is none of the pipeline's: it is left.

    ``held`` is about how many messages of the queue somebody else was reading.
    """

    index: Index
    queue: Queue
    foreign: list[str] = field(default_factory=list)
    held: int = 0


def listed(aws: Aws, progress: Progress = lambda _: None) -> list[Object]:
    """The objects below ``errors/``. Raises ``SalespipeError`` (NotDeployed) where there is no bucket."""
    try:
        return bucket.listing(aws, aws.names.errors_prefix, progress)
    except Exception as error:
        if is_not_found(error):
            raise not_deployed(aws.names) from error
        raise


def weight(objects: list[Object]) -> str:
    """What reading them will take, in one sentence."""
    size = sum(each.size for each in objects)
    return f"Reads {len(objects):,} objects of {size / _MB:,.1f} MB (as many GET requests)."


@contextmanager
def opened(
    aws: Aws, objects: list[Object], progress: Progress = lambda _: None, *, hold: bool = False
) -> Iterator[Quarantine]:
    """All of it, read. Dead letters are given back at once, or with ``hold`` at the end. Raises ``ClientError``."""
    with Index() as index:
        queue = Queue(aws)
        found = Quarantine(index, queue)
        try:
            found.held = queue.waiting()
            try:
                if foreign := queue.read(index, progress):
                    found.foreign.append(f"{aws.names.queue}: {foreign:,} messages are none of the pipe's")
            finally:
                if not hold:
                    _give_back(found)
            _read(aws, objects, found, progress)
            index.gather()
            yield found
        finally:
            if hold:
                _give_back(found)


def _give_back(found: Quarantine) -> None:
    index = found.index
    receipts = [receipt for chosen in (True, False) for _, receipt, _ in index.letters(chosen=chosen)]
    found.queue.give_back(receipts)


def _read(aws: Aws, objects: list[Object], found: Quarantine, progress: Progress) -> None:
    taken = told = 0
    rows: list[Row] = []
    for number, (each, body) in enumerate(zip(objects, bucket.bodies(aws, objects), strict=True)):
        kind, before, strange = type_of(aws, each.key), taken, 0
        try:
            for line in bucket.lines(body):
                known = failure(line)
                if known is None:
                    strange += 1
                    continue
                rows.append(_row(known, kind, number))
                taken += 1
                if len(rows) >= _ROWS:
                    found.index.add(rows)
                    rows.clear()
        except zlib.error as error:
            found.foreign.append(f"{each.key}: it cannot be decompressed: {error}")
        if strange:
            found.foreign.append(f"{each.key}: {_strange(strange, all_of_it=taken == before)}")
        if taken > before:
            found.index.add_object(number, each.key, each.size, strange)
        if taken - told >= _TELL_EVERY or number + 1 == len(objects):
            told = taken
            progress(f"{taken:,} records in {number + 1:,} of {len(objects):,} objects")
    found.index.add(rows)


def type_of(aws: Aws, key: str) -> str:
    """The type of error that an object is named after."""
    kind, slash, _ = key.removeprefix(aws.names.errors_prefix).partition("/")
    return kind if slash else ""


def _row(known: Failure, kind: str, number: int) -> Row:
    return (known.record, kind, known.code, known.attempts, known.arrived, known.ended, number, known.repaired, 1)


def _strange(count: int, *, all_of_it: bool) -> str:
    if all_of_it:
        return "it is none of Firehose's"
    return "1 line is none of Firehose's" if count == 1 else f"{count:,} lines are none of Firehose's"
