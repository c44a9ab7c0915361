"""The pipeline as a chain of stages, from left to right as an order passes them, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from salespipe.flow.snapshot import Verdict
from salespipe.watch.terminal import words
from salespipe.watch.terminal.lines import Block, Line, Span, cells, clean, ends, fit, left, padded, wrapped

if TYPE_CHECKING:
    from salespipe.flow.snapshot import Flow, Stage
    from salespipe.watch.model import Reading, Snapshot

_MARKS: Final = {
    Verdict.FLOWING: ("●", "good"),
    Verdict.IDLE: ("○", "dim"),
    Verdict.BEHIND: ("◐", "warn"),
    Verdict.FAILING: ("✖", "bad"),
    Verdict.UNKNOWN: ("?", "warn"),
}
_STUCK: Final = {Verdict.FAILING, Verdict.BEHIND}
_LEAST: Final = 12
_TALL: Final = 36
_LATE: Final = 10


@dataclass(frozen=True, slots=True)
class _Cell:
    """One stage as it is drawn: a name, and what stands under it."""

    name: str
    rows: tuple[Span, ...]
    stuck: bool = False


def stuck_at(flow: Flow) -> int | None:
    """The first stage that fails or is behind, which is where to look: what comes after it only suffers from it."""
    for at, stage in enumerate(flow.stages):
        if stage.verdict in _STUCK or (stage.name == "pipe" and flow.dead_letters):
            return at
    return None


def chain(snapshot: Snapshot, width: int, height: int) -> Block:
    """The stages: names, rates, lags and failures, one under the other, and a line for where it is stuck."""
    if snapshot.flow is None:
        return [[("Its stages are not known yet.", "dim")], *([[]] * (_rows(height) + 1))]
    stages = _shown(snapshot.flow, width)
    stuck = stuck_at(snapshot.flow)
    at_fault = None if stuck is None else snapshot.flow.stages[stuck].name
    made = [_stage(stage, snapshot, stuck=stage.name == at_fault, tall=height >= _TALL) for stage in stages]
    made.append(_lake(snapshot, tall=height >= _TALL))
    size = width // len(made)
    widths = [size] * (len(made) - 1) + [width - size * (len(made) - 1)]
    block: Block = [_names(made, widths)]
    for row in range(_rows(height)):
        line: Line = []
        for cell, room in zip(made, widths, strict=True):
            line += padded([_fitted(cell.rows[row], room - 1), (" ", "")], room)
        block.append(line)
    block.append(_fault(snapshot.flow, made, size, width))
    return block


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


def _rows(height: int) -> int:
    return 4 if height >= _TALL else 3


def _shown(flow: Flow, width: int) -> tuple[Stage, ...]:
    """Every stage; where there is little room not the generator of the pipeline's own, while that is not in use."""
    if (len(flow.stages) + 1) * _LEAST <= width:
        return flow.stages
    return tuple(
        stage
        for stage in flow.stages
        if stage.name != "generator" or stage.verdict is not Verdict.IDLE or stage.recent or stage.failed
    )


def _stage(stage: Stage, snapshot: Snapshot, *, stuck: bool, tall: bool) -> _Cell:
    mark, style = _MARKS[stage.verdict]
    rate = "-" if stage.rate is None else f"{_short(stage.rate.value)}{'' if stage.rate.complete else '+'}/min"
    if stage.rate is None:
        rate = str(stage.verdict)
    lag = None if stage.lag_seconds is None else stage.lag_seconds.value
    if stage.name == "pipe" and lag is None:
        lag = snapshot.reading.pipe_seconds
    behind = stage.verdict is Verdict.BEHIND
    recent: Span = ("", "") if stage.recent is None else (f"{_short(stage.recent)} in 15 min", "dim")
    return _Cell(
        stage.name,
        (
            (f"{mark} {rate}", style),
            *((recent,) if tall else ()),
            ("" if lag is None else f"lag {words.seconds(lag)}", "warn" if behind else "dim"),
            _failed(stage),
        ),
        stuck,
    )


def _failed(stage: Stage) -> Span:
    if stage.failed is None:
        return ("", "")
    return (f"{_short(stage.failed)} failed", "bad" if stage.failed else "dim")


def _lake(snapshot: Snapshot, *, tall: bool) -> _Cell:
    objects, bad = snapshot.objects, snapshot.quarantined
    found: Span = ("", "") if objects is None else (f"{_short(objects)} object{'s' * (objects != 1)}", "")
    held: Span = ("", "") if bad is None else (f"{_short(bad)} quarantined", "bad" if bad else "dim")
    return _Cell("lake", (found, *((("", ""),) if tall else ()), ("", ""), held))


def _names(made: list[_Cell], widths: list[int]) -> Line:
    line: Line = []
    for number, (cell, room) in enumerate(zip(made, widths, strict=True)):
        name = fit(cell.name, room)
        line.append((name, "alarm" if cell.stuck else "bold"))
        if number + 1 == len(made):
            break
        arrow = room - cells(name) - 3
        broken = made[number + 1].stuck
        line.append((f" {'─' * max(0, arrow)}{'✖' if broken else '▶'} ", "bad" if broken else "dim"))
    return line


def _fault(flow: Flow, made: list[_Cell], size: int, width: int) -> Line:
    """An arrow at the stage where it is stuck, with the reason; it goes to the left where it would not fit."""
    at = next((number for number, cell in enumerate(made) if cell.stuck), None)
    if at is None:
        return []
    stage = next(stage for stage in flow.stages if stage.name == made[at].name)
    style = "warn" if stage.verdict is Verdict.BEHIND else "bad"
    letters = f"{flow.dead_letters:,} dead letters" if flow.dead_letters and stage.name == "pipe" else ""
    why = ", ".join(each for each in (stage.why, letters) if each)
    text = f"↑ {'behind' if style == 'warn' else 'stuck'} here: {why}"
    spare = width - at * size - cells(text)
    if spare >= 0:
        return [(" " * (at * size), ""), (text, style)]
    text = f"{'behind' if style == 'warn' else 'stuck'} here: {why} ↑"
    start = max(0, at * size + 1 - cells(text))
    return [(" " * start, ""), (fit(text, width - start), style)]


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
    elif age >= 5:
        made.append([(f"no news for {words.age(age)}", "warn")])
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


def _short(value: float) -> str:
    return words.count(value, 6)


def _fitted(span: Span, width: int) -> Span:
    return left(span[0], width), span[1]


def summary(snapshot: Snapshot, width: int) -> Line:
    """How the stream is read at the left, how many events it had at the right."""
    board = snapshot.board
    told = f"{board.events:,} events, {board.duplicates:,} twice, {board.late:,} late"
    return ends(reading(snapshot), [(told, "dim")], width)
