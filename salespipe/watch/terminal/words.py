"""Numbers, times and changes in as few cells as they need."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias

from salespipe.watch.model import Window
from salespipe.watch.terminal.lines import Span

Number: TypeAlias = int | float | Decimal

_UNITS: Final = ((10**12, "tn"), (10**9, "bn"), (10**6, "M"), (10**3, "k"))
_SPANS: Final = {
    Window.MINUTE: "last minute",
    Window.FIVE_MINUTES: "last 5 minutes",
    Window.QUARTER: "last 15 minutes",
    Window.HOUR: "last hour",
    Window.TODAY: "today",
}


def count(value: Number, width: int = 99) -> str:
    """A whole number, with a unit where it is wider than ``width``."""
    full = f"{value:,.0f}"
    return full if len(full) <= width else shortened(value, width)


def money(value: Number, width: int = 99) -> str:
    """An amount with its cents; without them, or with a unit, where it is wider than ``width``."""
    for text in (f"{value:,.2f}", f"{value:,.0f}"):
        if len(text) <= width:
            return text
    return shortened(value, width)


def shortened(value: Number, width: int = 6) -> str:
    """A number with a unit, as 1.23M: as many digits as fit, at most three."""
    value = float(value)
    size = abs(value)
    # What would be rounded to a thousand has the next unit.
    scale, unit = next(((scale, unit) for scale, unit in _UNITS if size >= 0.9995 * scale), (1, ""))
    part = value / scale
    texts = [f"{part:.{digits}f}{unit}" for digits in (2, 1, 0)]
    useful = texts[0 if abs(part) < 9.995 else 1 if abs(part) < 99.95 else 2 :]
    return next((text for text in useful if len(text) <= width), useful[-1])


def rate(value: float) -> str:
    """So many a minute: small ones with a digit behind the point."""
    return f"{value:.1f}" if 0 < value < 10 else count(value, 7)


def percent(part: Number, whole: Number) -> str:
    """A share; - of nothing."""
    if not whole:
        return "-"
    share = 100 * float(part) / float(whole)
    return f"{share:.1f}%" if 0 < share < 9.95 else f"{share:.0f}%"


def change(now: Number, before: Number, *, good: bool = True) -> Span:
    """How a number has changed, with its style; not ``good`` where more of it is worse."""
    if not before:
        return ("new", "good" if good else "warn") if now else ("", "")
    ratio = float(now) / float(before)
    if abs(ratio - 1) < 0.005:
        return ("=", "dim")
    # At 10 times and more a factor says it better than a percentage.
    text = f"x{count(ratio, 3)}" if ratio >= 10 else f"{abs(ratio - 1) * 100:.0f}%"
    better = (now > before) == good
    return (f"{'▲' if now > before else '▼'} {text}", "good" if better else "worse")


def seconds(value: float) -> str:
    """A span of time, to be read at a glance."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 300:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 2 * 3600 else f"{value / 3600:.0f} h"


def age(value: float) -> str:
    """For how long, in whole seconds."""
    return f"{value:.0f} s" if value < 10 else seconds(value)


def clock(at: datetime, span: timedelta = timedelta(0)) -> str:
    """The time of day, with seconds in a short span."""
    return f"{at:%H:%M}" if span >= timedelta(minutes=15) else f"{at:%H:%M:%S}"


def span(window: Window) -> str:
    """A window in words."""
    return _SPANS[window]
