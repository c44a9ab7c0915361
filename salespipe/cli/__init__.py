"""The prompt: Typer commands that parse, call and render; no logic."""

from __future__ import annotations

import sys


def start() -> None:
    """Begin the program. Ctrl-C ends it quietly even while the commands are still being imported."""
    try:
        from salespipe.cli.main import main

        main()
    except KeyboardInterrupt:
        sys.exit(130)
