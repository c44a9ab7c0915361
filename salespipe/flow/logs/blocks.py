"""Tracebacks that were printed, which Lambda logs line by line: put together again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from salespipe.flow.logs.reading import Event

_HEAD: Final = "Traceback (most recent call last):"
_CHAINED: Final = ("During handling of the above exception", "The above exception was the direct cause", _HEAD)
_WITHIN: Final = 1_000  # milliseconds between two lines of one block


def joined(events: list[Event]) -> list[Event]:
    """The same events, in which the lines of a traceback are one: its first, whose message is the whole.

    Lines belong together when one stream has them one after the other. A traceback ends with the exception's own line,
    unless another one follows that was raised while it was handled.
    """
    blocks: list[Event] = []
    last: dict[tuple[str, str], tuple[int, int, bool]] = {}  # where a stream's last block is, its time, whether open
    for event in events:
        key = event.source, event.stream
        place, at, is_open = last.get(key, (-1, 0, False))
        continues = is_open or (place >= 0 and event.message.startswith(_CHAINED[:2]))
        head = blocks[place] if place >= 0 else event
        if continues and event.at - at <= _WITHIN and head.message.startswith(_HEAD):
            blocks[place] = replace(head, ids=head.ids + event.ids, message=f"{head.message}\n{event.message}")
        else:
            place = len(blocks)
            blocks.append(event)
        last[key] = place, event.at, _goes_on(event.message)
    return blocks


def _goes_on(message: str) -> bool:
    """Whether more of the traceback follows: its head or frames, not yet the exception."""
    line = message.splitlines()[-1] if message else ""
    return line.startswith(_CHAINED) or line[:1].isspace()
