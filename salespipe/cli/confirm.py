"""The question that stands before data is deleted."""

from __future__ import annotations

import sys

import typer

from salespipe.cli.context import App
from salespipe.errors import Exit, SalespipeError


def confirm(state: App, question: str, *, yes: bool, command: str) -> None:
    """Ask, unless ``yes``; where nobody can answer, ``--yes`` has to be said.

    ``command`` is what to type instead. Raises ``SalespipeError`` (NotConfirmed) unless the answer is yes.
    """
    if yes:
        return
    if state.json or not sys.stdin.isatty():
        raise SalespipeError("NotConfirmed", question, hint=f"{command} --yes", exit_code=Exit.USAGE)
    if not typer.confirm(question, err=True):
        raise SalespipeError("NotConfirmed", "Nothing was deleted.", exit_code=Exit.FAILED)
