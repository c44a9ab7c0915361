"""The pipeline as a chain of stages, from left to right as an order passes them, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from salespipe.flow.snapshot import Verdict
from salespipe.watch.terminal import words
from salespipe.watch.terminal.lines import Block, Line, Span, cells, fit, left, padded

if TYPE_CHECKING:
    from salespipe.flow.snapshot import Flow, Stage
    from salespipe.watch.model import Snapshot

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


def _short(value: float) -> str:
    return words.count(value, 6)


def _fitted(span: Span, width: int) -> Span:
    return left(span[0], width), span[1]
