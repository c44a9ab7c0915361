"""The prompt: Typer commands that parse, call and render; no logic."""

from __future__ import annotations

import os
import sys


def start() -> None:
    """Begin the program. Ctrl-C ends it quietly even while the commands are still being imported."""
    _open_streams()
    try:
        from salespipe.cli.main import main

        main()
    except KeyboardInterrupt:
        sys.exit(130)


def _open_streams() -> None:
    """Python has None for a stream that was closed before it began (``<&-``): everybody else relies on having one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - for as long as it runs
