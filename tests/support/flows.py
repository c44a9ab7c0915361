"""Flows as CloudWatch would tell of them: all well, and stuck at the pipe."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from salespipe.flow.snapshot import Figure, Flow, Stage, Verdict

NOW: Final = datetime(2026, 11, 23, 14, 32, 10, 400_000, tzinfo=UTC)

_RESOURCES: Final = (
    ("generator", "salespipe-generator"),
    ("table", "OrdersRawTable"),
    ("pipe", "salespipe-pipe"),
    ("stream", "salespipe-stream"),
    ("transform", "salespipe-delivery"),
    ("delivery", "salespipe-delivery"),
)
_MINUTE: Final = NOW.replace(second=0, microsecond=0) - timedelta(minutes=1)


def _stage(
    at: int, verdict: Verdict, passed: float | None, lag: float | None = None, *, failed: float = 0, why: str = ""
) -> Stage:
    return Stage(
        *_RESOURCES[at],
        verdict,
        why,
        rate=None if passed is None else Figure(passed, _MINUTE, True),
        recent=None if passed is None else passed * 14,
        lag_seconds=None if lag is None else Figure(lag, _MINUTE, True),
        failed=failed,
    )


def flowing_at(scale: int) -> Flow:
    flowing = Verdict.FLOWING
    return Flow(
        NOW - timedelta(seconds=4),
        (
            _stage(0, Verdict.IDLE, None, None),
            _stage(1, flowing, 334 * scale, None),
            _stage(2, flowing, 330 * scale, None),
            _stage(3, flowing, 330 * scale, 0.4),
            _stage(4, flowing, 328 * scale, 1.2),
            _stage(5, flowing, 301 * scale, 31.0),
        ),
        0,
    )


def stuck_at_pipe() -> Flow:
    return Flow(
        NOW - timedelta(seconds=4),
        (
            _stage(0, Verdict.IDLE, None, None),
            _stage(1, Verdict.FLOWING, 334, None),
            _stage(2, Verdict.FAILING, 0, failed=412, why="412 failed in the last 5 minutes"),
            _stage(3, Verdict.IDLE, 0, 0.0),
            _stage(4, Verdict.BEHIND, 12, 214, why="214 s old, more than 60 s"),
            _stage(5, Verdict.UNKNOWN, None, None),
        ),
        37,
        ("metrics: ThrottlingException: Rate exceeded",),
    )


def idle() -> Flow:
    return Flow(NOW, tuple(Stage(name, resource, Verdict.IDLE) for name, resource in _RESOURCES), 0)
