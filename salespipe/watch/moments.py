"""Times as whole milliseconds since 1970, UTC, out of the texts that orders have."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
# What Trino's from_iso8601_timestamp reads, which is what the views make of a time.
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d(:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII).fullmatch
_PLAIN: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII).fullmatch
_FRACTIONS: Final = {f".{number:03d}Z": number for number in range(1000)}
_REMEMBERED: Final = 20_000
_seconds: dict[str, int | None] = {}


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970 of a moment that has a time zone."""
    return (moment - _EPOCH) // _MILLISECOND


def moment(at: int) -> datetime:
    """The moment, in UTC. Raises ``OverflowError`` beyond the year 9999."""
    return _EPOCH + timedelta(milliseconds=at)


def parsed(text: str) -> int | None:
    """An ISO 8601 text in milliseconds; None for whatever a view takes for NULL. A text without a zone is in UTC."""
    fraction = _FRACTIONS.get(text[19:])
    if fraction is None:
        return _any(text)
    head = text[:19]
    try:
        second = _seconds[head]
    except KeyError:
        # Orders of one time come together: most calls find their second here.
        if len(_seconds) >= _REMEMBERED:
            _seconds.clear()
        second = _seconds[head] = _any(head) if _PLAIN(head) else None
    return None if second is None else second + fraction


def _any(text: str) -> int | None:
    if not _ISO(text):
        return None
    try:
        found = datetime.fromisoformat(text)
        return milliseconds(found.replace(tzinfo=UTC) if found.tzinfo is None else found)
    except (ValueError, OverflowError):
        return None
