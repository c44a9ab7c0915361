"""Snapshots for scripts: one, or a line of JSON for each second."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.view.screen import Screen
    from salespipe.watch.model import Snapshot
    from salespipe.watch.watcher import Watcher

_ELSEWHERE = (120, 50)
_NOT_THERE = frozenset({"NotDeployed", "NotRunning"})


def once(
    watcher: Watcher,
    *,
    patience: float,
    over: Callable[[], bool] | None = None,
    tell: Callable[[str], object] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Snapshot:
    """The picture once all that its window needs was read back, or after ``patience`` seconds of reading.

    ``over`` says when there is no more to come, for a recording. No thread is started. Raises ``SalespipeError`` where
    the stream cannot be read.
    """
    deadline = clock() + patience
    while True:
        pause = watcher.step()
        seen = watcher.newest
        if seen is not None and seen.failure is not None:
            raise _told(seen)
        done = over() if over else seen is not None and not seen.reading.filling
        if done or clock() >= deadline:
            return watcher.picture()
        if seen is not None and seen.reading.read_to is not None:
            tell(f"read to {seen.reading.read_to:%H:%M:%S} UTC")
        sleep(min(pause, 0.1))


def draw(screen: Screen, snapshot: Snapshot) -> None:
    """Write one picture as the terminal shows it, as wide as that is; text elsewhere."""
    from salespipe.watch.terminal.draw import LEAST, draw
    from salespipe.watch.terminal.tty import has_unicode
    from salespipe.watch.terminal.view import View

    size = shutil.get_terminal_size(_ELSEWHERE)
    view = View(choice=snapshot.board.choice, done=True)
    width, height = (max(each) for each in zip(size, LEAST, strict=True))
    picture = draw(snapshot, view, width, height, unicode=has_unicode(sys.stdout, os.environ))
    if sys.stdout.isatty():
        screen.show(picture)
    else:
        screen.text(picture.text.rstrip("\n"))


def lines(
    screen: Screen,
    watcher: Watcher,
    every: float,
    *,
    over: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Write the newest snapshot every so many seconds, until it is ``over``; then the last one."""
    while not over():
        began = clock()
        snapshot = watcher.wait(every)
        if snapshot is not None:
            screen.data(snapshot)
        sleep(max(0.0, every - (clock() - began)))
    watcher.stop()
    screen.data(watcher.picture())


@contextmanager
def ended_gently() -> Iterator[None]:
    """A process that is asked to end does so as after Ctrl-C, so that a recording is whole and no consumer is left."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _told(snapshot: Snapshot) -> SalespipeError:
    failure = snapshot.failure
    assert failure is not None  # noqa: S101 - the caller has looked
    exit_code = Exit.NOT_DEPLOYED if failure.code in _NOT_THERE else Exit.FAILED
    return SalespipeError(failure.code, failure.message, hint=failure.hint, exit_code=exit_code)
