"""When to look: ``10m`` ago or a time, as people write it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from salespipe.errors import Exit, SalespipeError

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGO: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(:\d{2})?(\.\d+)?Z?")


def moment(text: str, option: str, now: datetime) -> datetime:
    """A moment before ``now``: ``90s``, ``10m``, ``2h``, ``1d`` ago, ISO 8601, or a time of today. UTC where not said.

    Raises ``SalespipeError`` (exit code 2) naming the option.
    """
    told = text.strip()
    try:
        if ago := _AGO.fullmatch(told.lower()):
            return now - timedelta(seconds=float(ago[1]) * _UNITS[ago[2]])
        if _CLOCK.fullmatch(told):
            hours, _, rest = told.partition(":")
            told = f"{now.astimezone(UTC):%Y-%m-%d}T{hours:0>2}:{rest}"
        found = datetime.fromisoformat(told)
    except (ValueError, OverflowError):
        raise SalespipeError(
            "Time",
            f"{option} {text} is neither a duration nor a time.",
            hint=f"{option} 10m, {option} 2h, {option} 14:30 or {option} 2026-01-31T14:30:00Z (UTC)",
            exit_code=Exit.USAGE,
        ) from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def milliseconds(at: datetime) -> int:
    """Unix time in milliseconds, as CloudWatch Logs counts."""
    return int(at.timestamp() * 1000)
