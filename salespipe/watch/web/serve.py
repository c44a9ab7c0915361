"""``watch --web``: serve the page until Ctrl-C."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Final, Protocol

from salespipe.errors import SalespipeError
from salespipe.watch.model import Choice

if TYPE_CHECKING:
    from collections.abc import Callable

    from salespipe.view.screen import Screen
    from salespipe.watch.model import Board, Snapshot
    from salespipe.watch.web.pictures import Pictures
    from salespipe.watch.web.server import PageServer

_WAIT_SECONDS: Final = 0.5
_LEAVE_SECONDS: Final = 0.2


class Source(Protocol):
    """What makes snapshots: a watcher of the stream, or of a recording. Others start and stop it.

    ``board`` is what the newest of a choice is, None where it cannot be told now; from any thread, beside the rest.
    """

    @property
    def newest(self) -> Snapshot | None:
        """The last snapshot, if there is one."""

    def wait(self, timeout: float | None = None, after: Snapshot | None = None) -> Snapshot | None:
        """A snapshot that is not ``after``; None after so many seconds without one."""

    def board(self, choice: Choice) -> Board | None:
        """The business as ``choice`` has it, as of now."""


def serve(
    screen: Screen,
    watcher: Source,
    choice: Choice | None = None,
    *,
    port: int = 0,
    browse: Callable[[str], object] | None = None,
) -> None:
    """Serve the page of ``watcher`` on 127.0.0.1 until Ctrl-C; its URL is told on stderr, and given to ``browse``.

    Each page that is open has its own choice; ``choice`` is the one of the URL. ``port`` 0 is any that is free. Raises
    ``SalespipeError`` where the port cannot be had.
    """
    from salespipe.watch.web.choosing import written
    from salespipe.watch.web.pictures import Pictures

    pictures = Pictures(watcher.board)
    server = _listen(pictures, port)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="watch-page", daemon=True)
    thread.start()
    url = f"{server.url}?{written(choice or Choice())}"
    try:
        screen.say(f"Live at {url} for the browsers of this machine. Ctrl-C ends it.")
        if browse is not None:
            threading.Thread(target=browse, args=(url,), name="watch-browser", daemon=True).start()
        _post(watcher, pictures)
    except KeyboardInterrupt:
        return
    finally:
        pictures.end()
        threading.Event().wait(_LEAVE_SECONDS)  # for the pages to be told
        server.shutdown()
        server.server_close()


def browser() -> Callable[[str], object] | None:
    """What opens a URL in the person's browser; None where there is no display, so that none takes the terminal."""
    shown = sys.platform in {"darwin", "win32"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if not shown:
        return None
    import webbrowser

    return webbrowser.open


def _post(watcher: Source, pictures: Pictures) -> None:
    last = watcher.newest
    if last is not None:
        pictures.post(last)
    while True:
        if (snapshot := watcher.wait(_WAIT_SECONDS, last)) is not None:
            last = snapshot
            pictures.post(snapshot)


def _listen(pictures: Pictures, port: int) -> PageServer:
    from salespipe.watch.web.server import HOST, PageServer

    try:
        return PageServer(pictures, port)
    except OSError as error:
        raise SalespipeError(
            "PortNotFree",
            f"Port {port} of {HOST} cannot be had: {error.strerror or error}.",
            hint="salespipe watch --web, which takes one that is free, or --port with another",
        ) from error
