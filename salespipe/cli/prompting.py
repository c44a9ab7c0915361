"""``salespipe query --shell``: SQL at a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.cli.context import App


def run(app: App, *, alone: bool) -> None:
    """Open the shell on the target. Raises ``SalespipeError`` without a terminal, or with SQL beside it."""
    from salespipe.local import daemon
    from salespipe.shell import terminal
    from salespipe.shell.keeping import Keeping

    if not alone:
        told = "--shell takes no SQL, and writes where it is told to."
        raise SalespipeError("Usage", told, hint=r"In the shell: \i FILE reads, \o FILE writes.", exit_code=Exit.USAGE)
    terminal.require(app.screen)
    terminal.run(app.aws(), app.screen, Keeping(daemon.default_data_dir() / "shell"))
