"""Where somebody is on the screen, and where each key takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

from salespipe.watch.model import Choice, Window
from salespipe.watch.terminal import lists
from salespipe.watch.terminal.lists import Panel

if TYPE_CHECKING:
    from salespipe.watch.model import Board

_WINDOWS: Final = dict(zip("12345", Window, strict=True))
_PANELS: Final = tuple(Panel)
_PAGE: Final = 10
_LONGEST: Final = 60


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at, and how.

    The cursor is in ``panel``, on the row whose key is ``at``, or else on ``row``. ``typing`` is the filter that was
    there before somebody began to type another. ``trail`` are the views that Escape leads back to. ``done`` is the end.
    """

    choice: Choice = field(default_factory=Choice)
    panel: Panel = Panel.PRODUCTS
    at: str | None = None
    row: int = 0
    sorts: Mapping[Panel, str] = field(default_factory=lambda: MappingProxyType({}))
    paused: bool = False
    help: bool = False
    typing: str | None = None
    trail: tuple[View, ...] = ()
    done: bool = False

    def sort(self, panel: Panel) -> str:
        """The order that a list is in."""
        return self.sorts.get(panel) or next(iter(lists.sorts(panel)))


def press(view: View, key: str, board: Board | None) -> View:
    """The view after a key, with ``board`` on the screen. Keys are named as ``keys.Decoder`` names them."""
    if key == "ctrl-c":
        return replace(view, done=True)
    if view.typing is not None:
        return _typed(view, view.typing, key)
    if view.help:
        # Any key ends the help, and does nothing else.
        return replace(view, help=False, done=key == "q")
    if key in _WINDOWS:
        return _choose(view, window=_WINDOWS[key])
    if key in _SIMPLE:
        return _SIMPLE[key](view)
    return _moved(view, key, board) if board is not None else view


def _choose(view: View, **changes: object) -> View:
    return replace(view, choice=msgspec.structs.replace(view.choice, **changes))


def _typed(view: View, before: str, key: str) -> View:
    text = view.choice.text
    match key:
        case "enter":
            return replace(view, typing=None)
        case "escape":
            return replace(_choose(view, text=before), typing=None)
        case "backspace":
            return _choose(view, text=text[:-1])
        case "ctrl-u":
            return _choose(view, text="")
        case _ if len(key) == 1 and key.isprintable() and len(text) < _LONGEST:
            return _choose(view, text=text + key)
        case _:
            return view


def _panel(view: View, step: int) -> View:
    at = (_PANELS.index(view.panel) + step) % len(_PANELS)
    return replace(view, panel=_PANELS[at], at=None, row=0)


def _sorted(view: View, step: int) -> View:
    names = list(lists.sorts(view.panel))
    name = names[(names.index(view.sort(view.panel)) + step) % len(names)]
    return replace(view, sorts=MappingProxyType({**view.sorts, view.panel: name}), at=None, row=0)


def _back(view: View) -> View:
    if view.trail:
        return replace(
            view.trail[-1],
            choice=msgspec.structs.replace(view.trail[-1].choice, window=view.choice.window),
            sorts=view.sorts,
            paused=view.paused,
        )
    return _choose(view, text="")


def _moved(view: View, key: str, board: Board) -> View:
    rows = lists.items(board, view.panel, view.sort(view.panel))
    here = lists.place(rows, view.at, view.row)
    last = len(rows) - 1
    steps = {
        "up": here - 1,
        "k": here - 1,
        "down": here + 1,
        "j": here + 1,
        "pageup": here - _PAGE,
        "pagedown": here + _PAGE,
        "home": 0,
        "g": 0,
        "end": last,
        "G": last,
    }
    if not rows or (key != "enter" and key not in steps):
        return view
    if key == "enter":
        if board.choice != view.choice:
            return view  # what was asked for is still to come: these are the rows of another choice
        choice = lists.opened(view.choice, view.panel, rows[here])
        if choice == view.choice:
            return view
        there = replace(view, at=lists.key_of(rows[here]), row=here)
        return replace(view, choice=choice, panel=lists.inside(choice), at=None, row=0, trail=(*view.trail, there))
    row = max(0, min(last, steps[key]))
    # At the top it stays at the top, whatever comes there.
    return replace(view, row=row, at=lists.key_of(rows[row]) if row else None)


_SIMPLE: Final[dict[str, Callable[[View], View]]] = {
    "q": lambda view: replace(view, done=True),
    "?": lambda view: replace(view, help=True),
    "h": lambda view: replace(view, help=True),
    "f1": lambda view: replace(view, help=True),
    " ": lambda view: replace(view, paused=not view.paused),
    "p": lambda view: replace(view, paused=not view.paused),
    "/": lambda view: replace(view, typing=view.choice.text),
    "tab": lambda view: _panel(view, 1),
    "right": lambda view: _panel(view, 1),
    "backtab": lambda view: _panel(view, -1),
    "left": lambda view: _panel(view, -1),
    "s": lambda view: _sorted(view, 1),
    "S": lambda view: _sorted(view, -1),
    "escape": _back,
    "backspace": _back,
}
