"""Signals as news: what came is remembered, and ends a wait, instead of whatever the program was in."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_ENDS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_NEWS: Final = (signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP)


class Signals:
    """Those that came. ``end`` is the one that asks the program to end, or 0; ``wake`` is readable after any."""

    def __init__(self, wake: int) -> None:
        self.wake = wake
        self.end = 0
        self._came: set[int] = set()

    def take(self, number: signal.Signals) -> bool:
        """Whether that signal has come since it was last asked for."""
        came = number in self._came
        self._came.discard(number)
        return came

    @classmethod
    @contextmanager
    def caught(cls) -> Iterator[Signals]:
        """Catch them, in the main thread; afterwards they do what they did before."""
        read, write = os.pipe()
        os.set_blocking(write, False)
        os.set_blocking(read, False)
        signals = cls(read)
        woken = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        handlers = {number: signal.signal(number, signals._end) for number in _ENDS}
        handlers |= {number: signal.signal(number, signals._note) for number in _NEWS}
        try:
            yield signals
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(woken)
            os.close(read)
            os.close(write)

    def _note(self, number: int, _: FrameType | None) -> None:
        self._came.add(number)

    def _end(self, number: int, _: FrameType | None) -> None:
        if self.end == signal.SIGINT == number:
            raise KeyboardInterrupt  # it was asked for before, and the program does not get to its end
        self.end = number
