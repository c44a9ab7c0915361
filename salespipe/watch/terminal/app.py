"""``run``: a terminal, a session and the signals, from the first picture to the last."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from salespipe.errors import Exit, SalespipeError
from salespipe.watch.terminal.draw import LEAST
from salespipe.watch.terminal.session import Session
from salespipe.watch.terminal.signals import Signals
from salespipe.watch.terminal.tty import Terminal, has_unicode

if TYPE_CHECKING:
    from salespipe.view.screen import Screen
    from salespipe.watch.model import Choice
    from salespipe.watch.terminal.session import Watched

FRAME: Final = 0.25
"""Seconds between two looks at what is new: four pictures a second at most, but for keys."""
_PLAIN_SECONDS: Final = 5.0


def run(screen: Screen, watcher: Watched, choice: Choice) -> None:
    """Show what ``watcher``, which was started, posts until somebody quits; then the last picture stays.

    Where the terminal cannot move its cursor (TERM=dumb) pictures follow one another. Raises ``SalespipeError`` where
    there is no terminal at all, and ``SystemExit`` when the process is asked to end.
    """
    if screen.json or not sys.stdout.isatty():
        raise SalespipeError(
            "NoTerminal",
            "The live picture needs a terminal.",
            hint="salespipe watch --once, or --json, or --web",
            exit_code=Exit.USAGE,
        )
    session = Session(watcher, choice, unicode=has_unicode(sys.stdout, os.environ))
    if os.environ.get("TERM", "dumb") in {"dumb", "unknown", ""}:
        _pages(screen, session)
        return
    with Signals.caught() as signals:
        terminal = Terminal(sys.stdout, signals.wake)
        try:
            terminal.enter()
            _loop(terminal, session, signals)
        except OSError:  # nobody can be at a terminal that does not take what is written to it
            signals.end = signals.end or signal.SIGHUP
        finally:
            terminal.leave()
    if signals.end not in {0, signal.SIGINT}:
        raise SystemExit(128 + signals.end)
    last = session.last(*terminal.size)
    if last is not None:
        terminal.print(last)


def _loop(terminal: Terminal, session: Session, signals: Signals, clock: Callable[[], float] = time.monotonic) -> None:
    looked_at = float("-inf")
    while not (session.view.done or signals.end):
        keys = terminal.keys(max(0.0, looked_at + FRAME - clock()))
        if signals.take(signal.SIGTSTP):
            _suspend(terminal)
        if signals.take(signal.SIGCONT) or "ctrl-l" in keys:
            terminal.enter()
        resized = signals.take(signal.SIGWINCH)
        session.press(keys)
        if keys or resized or clock() >= looked_at + FRAME:
            picture = session.look(*terminal.size)
            looked_at = clock()
            if picture is not None and not session.view.done:
                terminal.paint(picture)


def _suspend(terminal: Terminal) -> None:
    """Stop, as Ctrl-Z stops any program: the shell has the terminal as it was until ``fg``."""
    terminal.leave()
    with _as_usual(signal.SIGTSTP):
        # To this very thread: so it has happened when the call returns, which is when somebody goes on.
        signal.pthread_kill(threading.get_ident(), signal.SIGTSTP)
    terminal.enter()


@contextmanager
def _as_usual(number: signal.Signals) -> Iterator[None]:
    handler = signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, handler)


def _pages(screen: Screen, session: Session) -> None:
    """Pictures one after the other, with a line between them and without keys, until Ctrl-C."""
    session.view = replace(session.view, done=True)
    try:
        while True:
            width, height = shutil.get_terminal_size()
            picture = session.look(max(width, LEAST[0]), max(height, LEAST[1]))
            if picture is not None:
                screen.text(picture.text)
            time.sleep(_PLAIN_SECONDS)
    except KeyboardInterrupt:
        return
