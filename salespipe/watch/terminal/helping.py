"""What each key does, and what the signs mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from salespipe.watch.terminal.lines import Block, Line, beside, left, spread

if TYPE_CHECKING:
    from salespipe.watch.terminal.view import View

_KEYS: Final = (
    ("1 2 3 4 5", "the last 1m, 5m, 15m, 1h, or today (from midnight UTC)"),
    ("space", "pause: the picture stays, the stream is read on"),
    ("tab, left, right", "the next list, or the one before"),
    ("up, down, j, k", "the row; also page up, page down, home, end"),
    ("enter", "open the row: only its product, region, order ..."),
    ("escape", "back to what was there before"),
    ("/", "only orders with a text in a name or an id"),
    ("s, S", "sort the list by the next column, or the one before"),
    ("?", "this help; any key ends it"),
    ("q, ctrl-c", "quit; the last picture stays on the screen"),
)
_SIGNS: Final = (
    ("● ○", "the stage flows, or is idle"),
    ("◐ ✖", "it is behind, or fails: look there first"),
    ("lag", "how old is what passes; of the pipe: lately"),
    ("12+/min", "of a minute that still grows"),
    ("▲ ▼ ░", "more, less, and what was: in the window before, as long"),
    ("·", "not read, so not known"),
    ("revenue", "without what was cancelled or returned"),
    ("new", "who bought for the first time since reading began"),
    ("repeat", "buyers of several orders in the window"),
    ("lost", "cancelled and returned orders"),
)
_FOOT: Final = (
    ("1-5", "window"),
    ("space", "pause"),
    ("tab", "list"),
    ("enter", "open"),
    ("s", "sort"),
    ("/", "filter"),
    ("?", "help"),
    ("q", "quit"),
    ("esc", "back"),
    ("up down", "row"),
)


def page(width: int) -> Block:
    """The help, in two columns where they fit."""
    keys, signs = _table("Keys", _KEYS, 18), _table("Signs and words", _SIGNS, 9)
    if width >= 132:
        return beside([(keys, 74), (signs, width - 78)], 4)
    return [*keys, [], *signs]


def foot(view: View, width: int) -> Line:
    """The last line: the keys, or the filter that is being typed."""
    if view.typing is not None:
        return [
            ("filter: ", "title"),
            (view.choice.text, "bold"),
            ("_", "bold"),
            ("   enter keeps it, escape drops it", "dim"),
        ]
    if view.help:
        return [("any key ", "key"), ("ends the help", "dim")]
    return spread([[(key, "key"), (f" {word}", "dim")] for key, word in _FOOT], width)


def _table(title: str, rows: tuple[tuple[str, str], ...], width: int) -> Block:
    return [[(title, "title")], *([(left(key, width), "key"), (word, "")] for key, word in rows)]
