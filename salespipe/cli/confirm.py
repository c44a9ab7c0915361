"""The questions that stand before data is deleted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from salespipe.cli.context import App
from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.lifecycle import Change, Key


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


def agree(state: App, changes: Sequence[Change], *, replace: bool) -> frozenset[Key]:
    """What may be deleted with its data and made anew: all that must, with ``replace`` or where a person says yes.

    Empty where nobody can be asked, and where ``up`` will refuse for another reason: it says so itself. Raises
    ``SalespipeError`` (NotConfirmed) where the answer is no.
    """
    from salespipe.lifecycle import Intent
    from salespipe.view import plan

    lossy = [change for change in changes if change.intent is Intent.CONSENT]
    if not lossy or any(change.blocking for change in changes):
        return frozenset()
    if not replace:
        if state.json or not sys.stdin.isatty():
            return frozenset()
        plan.say(state.screen, lossy)
        if not typer.confirm("Delete that with all its data, and create it anew?", err=True):
            raise SalespipeError("NotConfirmed", "Nothing was changed.", exit_code=Exit.FAILED)
    return frozenset(change.key for change in lossy)
