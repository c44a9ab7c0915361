"""One person at one screen: keys and snapshots go in, pictures come out, no more of them than there is news."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol

from salespipe.watch.terminal.draw import draw
from salespipe.watch.terminal.view import View, press

if TYPE_CHECKING:
    from salespipe.watch.model import Choice, Snapshot
    from salespipe.watch.terminal.lines import Picture

QUIET: Final = 5.0
"""Seconds without a snapshot that are told."""


class Watched(Protocol):
    """What posts snapshots: ``salespipe.watch.watcher.Watcher``."""

    @property
    def newest(self) -> Snapshot | None:
        """The last snapshot that was posted."""

    def ask(self, choice: Choice) -> None:
        """Show something else from now on."""


class Session:
    """What somebody sees of a watcher. ``clock`` is in seconds."""

    def __init__(
        self, watcher: Watched, choice: Choice, *, unicode: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.view = View(choice=choice)
        self._watcher = watcher
        self._unicode = unicode
        self._clock = clock
        self._shown: Snapshot | None = None
        self._seen: Snapshot | None = None
        self._good_at = clock()
        self._drawn: tuple[object, ...] = ()

    def press(self, keys: Iterable[str]) -> None:
        """Take keys, and ask the watcher for what they choose."""
        before = self.view.choice
        for key in keys:
            self.view = press(self.view, key, self._shown.board if self._shown else None)
        if self.view.choice != before:
            self._watcher.ask(self.view.choice)

    def look(self, width: int, height: int) -> Picture | None:
        """What is to be on a screen of that size now; None where that is what it shows already."""
        self._take(self._watcher.newest)
        age = self._clock() - self._good_at
        told = int(age) if age >= QUIET or (self._shown and self._shown.failure) else 0
        drawn = (self._shown, self.view, width, height, told)
        # A snapshot is compared as the object that it is: to compare two of them takes as long as to draw one.
        if len(drawn) == len(self._drawn) and drawn[0] is self._drawn[0] and drawn[1:] == self._drawn[1:]:
            return None
        self._drawn = drawn
        return draw(self._shown, self.view, width, height, age=float(told), unicode=self._unicode)

    def last(self, width: int, height: int) -> Picture | None:
        """The picture that stays; None where there never was one."""
        self._drawn = ()
        return self.look(width, height) if self._shown is not None else None

    def _take(self, newest: Snapshot | None) -> None:
        """Show what is new; while paused only what was asked for in the meantime."""
        if newest is None or newest is self._seen:
            return
        self._seen = newest
        if newest.failure is None:
            self._good_at = self._clock()
        wanted = newest.board.choice == self.view.choice
        if not self.view.paused or self._shown is None or (wanted and self._shown.board.choice != self.view.choice):
            self._shown = newest
