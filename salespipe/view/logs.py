"""Log lines for people, in the colours of their sources where there are any, and as JSON for programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from salespipe.flow.logs.lines import Kind, Line, understand

if TYPE_CHECKING:
    from rich.text import Text

    from salespipe.flow.logs.reading import Event
    from salespipe.view.screen import Screen

_COLOURS: Final = {
    "generator": "green",
    "pipe": "magenta",
    "firehose": "yellow",
    "transform": "cyan",
    "crawler": "blue",
}
_LEVELS: Final = {"WARNING": "bold yellow", "ERROR": "bold red", "CRITICAL": "bold white on red"}
# Which of many: worth its place beside what went wrong only.
_WHICH: Final = frozenset({"requestId", "executionId", "crawl", "logger"})
_SILENT: Final = frozenset({"INFO", "", "BENCHMARK"})
_INDENT: Final = " " * 4
# A log may hold anything: what would move the cursor or ring is shown as a replacement character.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
Parts = list[tuple[str, str]]
"""Text and its style, one after the other."""


class Showing:
    """Shows log events on ``screen``, and counts those that it left out.

    Without ``everything`` the lines that Lambda puts around an invocation are left out, unless they tell of a failure.
    """

    def __init__(self, screen: Screen, width: int, *, everything: bool = False) -> None:
        self._screen = screen
        self._width = width
        self._everything = everything
        self.shown = 0
        self.left_out = 0

    def show(self, event: Event) -> None:
        """Show one event, at once."""
        line = understand(event.message)
        if line.kind is Kind.FRAME and not line.level and not self._everything:
            self.left_out += len(event.ids)
            return
        self.shown += len(event.ids)
        if self._screen.json:
            self._screen.data(document(event, line))
            return
        clock = not self._screen.piped
        found = list(rows(event, line, self._width, clock=clock, everything=self._everything))
        if self._screen.coloured:
            self._screen.line(_coloured(found))
        else:
            self._screen.text("\n".join(plain(row) for row in found))


def document(event: Event, line: Line) -> dict[str, Any]:
    """An event as a program gets it: understood, and as it was (``raw``)."""
    return {
        "at": _iso(event.at),
        "source": event.source,
        "level": line.level,
        "kind": line.kind.value,
        "message": "\n".join((line.text, *line.more)),
        "fields": dict(line.fields),
        "stream": event.stream,
        "ingested": _iso(event.ingested),
        "id": event.ids[0],
        "raw": event.message,
    }


def rows(event: Event, line: Line, width: int, *, clock: bool, everything: bool) -> Iterator[Parts]:
    """The rows of one event: time, source, level and message with its fields, and what belongs to it below.

    ``width`` is that of the longest source's name. With ``clock`` times are short, else ISO 8601; both are UTC.
    """
    quiet = line.kind is not Kind.LINE and not line.level
    colour = _COLOURS.get(event.source, "")
    at = _clock(event.at) if clock else _iso(event.at)
    row: Parts = [(at, "dim"), (" ", ""), (event.source.ljust(width), colour), (" ", "")]
    if line.level not in _SILENT:
        row += [(line.level, _LEVELS.get(line.level, "bold")), (" ", "")]
    row.append((line.text, "dim" if quiet else ""))
    wrong = line.level in _LEVELS
    fields = {name: value for name, value in line.fields.items() if everything or wrong or name not in _WHICH}
    if fields:
        told = " ".join(f"{name}={_value(value)}" for name, value in fields.items())
        row += [("  " if line.text else "", ""), (told, "dim")]
    yield row
    for further in line.more:
        yield [(_INDENT, ""), (further, "dim" if further.startswith(" ") else "")]


def plain(row: Iterable[tuple[str, str]]) -> str:
    """A row without colours."""
    return "".join(_clean(text) for text, _ in row).rstrip()


def _coloured(found: Iterable[Parts]) -> Text:
    from rich.text import Text

    return Text("\n").join(Text.assemble(*((_clean(text), style) for text, style in row)) for row in found)


def _clean(text: str) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value if value and " " not in value else msgspec.json.encode(value).decode()
    return msgspec.json.encode(value).decode()


def _iso(milliseconds: int) -> str:
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def _clock(milliseconds: int) -> str:
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{at:%m-%d %H:%M:%S}.{milliseconds % 1000:03d}"
