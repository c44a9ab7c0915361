"""Looks one after the other: a screen that is drawn anew on a terminal, lines of JSON elsewhere, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from salespipe.errors import SalespipeError
from salespipe.view import overview

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from salespipe.view.overview import Look
    from salespipe.view.screen import Screen


def follow(
    screen: Screen,
    take: Callable[[], Look],
    every: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Take a look every so many seconds, and show it. A look that fails is told, and the next one is taken.

    On a terminal it is an alternate screen, as of ``top``; the last look stays when it ends.
    """
    from rich.console import Console

    console = Console(highlight=False)
    try:
        if screen.json or not console.is_terminal:
            _lines(screen, take, every, sleep, clock)
        else:
            _screens(console, take, every, sleep, clock)
    except KeyboardInterrupt:
        return


def _lines(
    screen: Screen,
    take: Callable[[], Look],
    every: float,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> None:
    while True:
        began = clock()
        try:
            screen.data(overview.document(take()))
        except SalespipeError as error:
            screen.data(overview.failure(datetime.now(UTC), error))
        sleep(max(0.0, every - (clock() - began)))


def _screens(
    console: Console,
    take: Callable[[], Look],
    every: float,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> None:
    from rich.live import Live

    last: Look | None = None
    try:
        with Live("looking", console=console, screen=True, auto_refresh=False) as live:
            while True:
                began = clock()
                failure = None
                try:
                    last = take()
                except SalespipeError as error:
                    failure = error
                live.update(frame(console, last, failure, every), refresh=True)
                sleep(max(0.0, every - (clock() - began)))
    finally:
        if last is not None:
            console.print(overview.fitted(last, console))


def frame(console: Console, last: Look | None, failure: SalespipeError | None, every: float) -> RenderableType:
    """What is on the screen: the last look that succeeded, below why there is none of now."""
    from rich.console import Group
    from rich.text import Text

    if failure is None:
        return overview.fitted(last, console) if last is not None else Text("")
    told = Text(f"{failure.message} Looking again every {every:g} s.", "bold yellow")
    told.no_wrap, told.overflow = True, "ellipsis"
    fix = [Text(f"fix: {failure.hint}", "green")] if failure.hint else []
    return Group(told, *fix, *([Text(""), overview.fitted(last, console, spare=2 + len(fix))] if last else []))
