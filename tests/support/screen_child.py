"""A program at a terminal of its own: the live picture of made-up snapshots; on stderr it says that it has ended."""

from __future__ import annotations

import sys
import threading
import time

from salespipe.view.screen import Screen
from salespipe.watch.model import Choice, Snapshot
from salespipe.watch.terminal import run
from snapshots import snapshot


class Still:
    """Has the snapshot of whatever is asked for."""

    def __init__(self) -> None:
        self.newest: Snapshot | None = snapshot("small")

    def ask(self, choice: Choice) -> None:
        self.newest = snapshot("small", choice)


if __name__ == "__main__":
    if "threads" in sys.argv:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    run(Screen(), Still(), Choice())
    sys.stderr.write("ended well\n")
