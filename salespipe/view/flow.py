"""What flows through the pipeline, stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from salespipe.flow.snapshot import Verdict

if TYPE_CHECKING:
    from rich.table import Table

    from salespipe.flow.snapshot import Figure, Flow

_STYLES: Final = {
    Verdict.FLOWING: "green",
    Verdict.IDLE: "dim",
    Verdict.BEHIND: "yellow",
    Verdict.FAILING: "bold red",
    Verdict.UNKNOWN: "yellow",
}
_COUNTED: Final = {
    "generator": "runs",
    "table": "write units",
    "pipe": "events",
    "stream": "records",
    "transform": "records",
    "delivery": "records",
}


def table(flow: Flow) -> Table:
    """Draw a row for each stage. A rate followed by ``+`` is of a minute that still grows; ``-`` is not known."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    drawn.add_column("stage", no_wrap=True)
    drawn.add_column("flow", overflow="fold")
    for head in ("in minute", "passed", f"in {flow.window_minutes} min", "lag", "failed"):
        drawn.add_column(head, justify="right", no_wrap=True)
    drawn.add_column("counted", no_wrap=True, style="dim")
    for stage in flow.stages:
        drawn.add_row(
            stage.name,
            Text(stage.verdict, _STYLES[stage.verdict]),
            f"{stage.rate.minute:%H:%M}" if stage.rate else "-",
            _rate(stage.rate),
            _number(stage.recent),
            _seconds(stage.lag_seconds),
            _number(stage.failed),
            _COUNTED.get(stage.name, ""),
        )
    return drawn


def remarks(flow: Flow) -> list[tuple[str, str]]:
    """What a person should know beside the figures, each line with its style."""
    lines = [
        (f"{stage.name}: {stage.why}", _STYLES[stage.verdict])
        for stage in flow.stages
        if stage.why and stage.verdict is not Verdict.UNKNOWN
    ]
    if flow.dead_letters:
        lines.append((f"dead letters: {flow.dead_letters:,} given up by the pipe", _STYLES[Verdict.FAILING]))
    lines += [(f"not known: {problem}", _STYLES[Verdict.UNKNOWN]) for problem in flow.problems]
    return lines


def record(flow: Flow) -> dict[str, object]:
    """The flow as a document."""
    return {
        "at": flow.at,
        "verdict": flow.worst,
        "window_minutes": flow.window_minutes,
        "dead_letters": flow.dead_letters,
        "problems": flow.problems,
        "stages": [
            {
                "stage": stage.name,
                "resource": stage.resource,
                "verdict": stage.verdict,
                "why": stage.why,
                "rate": stage.rate,
                "recent": stage.recent,
                "lag_seconds": stage.lag_seconds,
                "failed": stage.failed,
            }
            for stage in flow.stages
        ],
    }


def _rate(figure: Figure | None) -> str:
    return "-" if figure is None else f"{figure.value:,.0f}{'' if figure.complete else '+'}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _seconds(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    return f"{figure.value:,.1f} s" if figure.value < 10 else f"{figure.value:,.0f} s"
