"""What a person has to know beside the figures: what is wrong and what mends it, and how the stream is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from salespipe.watch.terminal import words
from salespipe.watch.terminal.chain import stuck_at
from salespipe.watch.terminal.lines import Block, Line, clean, ends, fit, wrapped

if TYPE_CHECKING:
    from salespipe.watch.model import Reading, Snapshot

_LATE: Final = 10
_QUIET: Final = 5
# Where a stage says more of what is wrong with it.
_LOGS: Final = {"generator": "generator", "pipe": "pipe", "transform": "transform", "delivery": "firehose"}


def notes(snapshot: Snapshot, width: int, age: float, most: int) -> Block:
    """What a person has to know beside the figures, the gravest first, in at most so many lines."""
    made: Block = []
    board, failure, read = snapshot.board, snapshot.failure, snapshot.reading
    if failure is not None:
        told = wrapped(failure.message, width - 8, 2)
        made += [
            [(" STALE " if not at else "       ", "alarm" if not at else ""), (f" {line}", "bad")]
            for at, line in enumerate(told)
        ]
        if failure.hint:
            made.append([("  fix:  ", "good"), (fit(clean(failure.hint), width - 8), "bold")])
    elif age >= _QUIET:
        made.append([(f"no news for {words.age(age)}", "warn")])
    stuck = None if snapshot.flow is None or failure is not None else stuck_at(snapshot.flow)
    if snapshot.flow is not None and stuck is not None:
        stage = snapshot.flow.stages[stuck].name
        made.append(
            [("next: ", "good"), (f"salespipe logs {_LOGS[stage]}" if stage in _LOGS else "salespipe status", "bold")]
        )
    if read.filling:
        to_go = "" if read.read_to is None else f", now at {read.read_to:%H:%M:%S}"
        made.append([(f"reading back{to_go}: what is below still grows", "warn")])
    elif board.filled_since > board.since:
        why = "more orders than are kept" if board.sealed_before else "the stream was read back no further"
        made.append([(f"the window lacks what is older than {board.filled_since:%H:%M:%S}: {why}", "warn")])
    known = [lag.behind_seconds for lag in read.shards if lag.behind_seconds is not None]
    if known and max(known) > _LATE and not read.filling and failure is None:
        made.append([(f"the stream is read {words.seconds(max(known))} behind", "warn")])
    made += [[(f"not known: {problem}", "warn")] for problem in (snapshot.flow.problems if snapshot.flow else ())]
    odd = [
        f"{count:,} {what}"
        for count, what in ((board.unreadable, "unreadable records"), (board.undated, "orders without a time"))
        if count
    ]
    if odd:
        made.append([(f"not counted: {', '.join(odd)}", "warn")])
    return made[:most]


def reading(snapshot: Snapshot) -> Line:
    """How the stream is read, which is how fresh the business below is."""
    read: Reading = snapshot.reading
    if not read.shards:
        return [("the stream has not been read yet", "dim")]
    each = f"{len(read.shards)} shard{'s' * (len(read.shards) > 1)}"
    rate = sum(lag.records_a_second for lag in read.shards)
    made: Line = [(f"{each}, {words.rate(rate)} records/s", "dim")]
    known = [lag.behind_seconds for lag in read.shards if lag.behind_seconds is not None]
    if known:
        made += [(", ", "dim"), (f"{words.seconds(max(known))} behind", "warn" if max(known) > _LATE else "dim")]
    if read.pipe_seconds is not None:
        made.append((f", pipe {words.seconds(read.pipe_seconds)}", "dim"))
        if read.pipe_seconds_max is not None:
            made.append((f" (at most {words.seconds(read.pipe_seconds_max)})", "dim"))
    slow = sum(lag.throttled for lag in read.shards)
    if slow:
        made.append((f", {slow} throttled", "warn"))
    if read.enhanced:
        made.append((", enhanced fan-out", "dim"))
    return made


def summary(snapshot: Snapshot, width: int) -> Line:
    """How the stream is read at the left, how many events it had at the right."""
    board = snapshot.board
    told = f"{board.events:,} events, {board.duplicates:,} twice, {board.late:,} late"
    return ends(reading(snapshot), [(told, "dim")], width)
