"""How long events take, stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from salespipe.flow.latency import Latency, Percentiles


def table(latency: Latency) -> Table:
    """Draw a row for each stage, and one for the whole."""
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    drawn.add_column("latency", no_wrap=True)
    for head in ("p50", "p95", "p99"):
        drawn.add_column(head, justify="right", no_wrap=True)
    drawn.add_column("", no_wrap=True, style="dim", overflow="ellipsis")
    for number, stage in enumerate(latency.stages):
        drawn.add_row(stage.stage, *map(seconds, (stage.p50, stage.p95, stage.p99)), "" if number else _of(latency))
    return drawn


def headline(latency: Latency) -> str:
    """The whole way in one line."""
    whole = latency.stages[-1]
    return f"latency, {whole.stage}: {_three(whole)} (p50, p95, p99)"


def record(latency: Latency) -> dict[str, object]:
    """The latency as a document."""
    return {
        "since": latency.since,
        "until": latency.until,
        "events": latency.events,
        "objects": latency.objects,
        "stages": [
            {
                "stage": stage.stage,
                "p50_seconds": round(stage.p50, 3),
                "p95_seconds": round(stage.p95, 3),
                "p99_seconds": round(stage.p99, 3),
            }
            for stage in latency.stages
        ],
    }


def seconds(value: float) -> str:
    """A delay with one digit below 10 s."""
    return f"{value:.1f} s" if value < 10 else f"{value:,.0f} s"


def _three(stage: Percentiles) -> str:
    return ", ".join(map(seconds, (stage.p50, stage.p95, stage.p99)))


def _of(latency: Latency) -> str:
    objects = "object" if latency.objects == 1 else f"{latency.objects} objects"
    when = f"{latency.since:%H:%M:%S} to {latency.until:%H:%M:%S} UTC"
    return f"of {latency.events:,} events in the newest {objects}, {when}"
