"""The question that stands before a query that may scan much, and so cost."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.cli.asking import Question
    from salespipe.cli.context import App


def agree(app: App, aws: Aws, questions: Sequence[Question], *, yes: bool) -> None:
    """Ask about statements whose worst case is above ``ask_above_mb``, all before the first of them runs.

    On this machine nobody is charged: nothing is asked there. Raises ``SalespipeError`` (NotConfirmed) unless the
    answer is yes; where nobody can answer, ``--yes`` has to be said.
    """
    if yes or aws.config.target == "local":
        return
    from salespipe.query import guard

    for question in questions:
        with app.screen.waiting("estimating what it scans"):
            worst = guard.estimate(aws, question.sql, parameters=question.values)
        if worst is None or not worst.asks(aws.config.query.ask_above_mb):
            continue
        _ask(app, guard.question(worst))


def agree_together(app: App, aws: Aws, statements: Sequence[str], *, yes: bool) -> None:
    """Ask once about statements that run side by side, if their worst cases together are above ``ask_above_mb``.

    As ``agree`` does otherwise.
    """
    if yes or aws.config.target == "local":
        return
    from salespipe.query import guard

    with app.screen.waiting("estimating what they scan"):
        worst = guard.estimate_all(aws, statements)
    if worst is not None and worst.asks(aws.config.query.ask_above_mb):
        _ask(app, guard.question(worst, len(statements)))


def _ask(app: App, asked: str) -> None:
    if app.json or not sys.stdin.isatty():
        hint = "--yes agrees; a WHERE clause on dt and hour reads less; ask_above_mb under [query] asks later."
        raise SalespipeError("NotConfirmed", asked, hint=hint, exit_code=Exit.USAGE)
    if not typer.confirm(asked, err=True):
        raise SalespipeError("NotConfirmed", "The query was not run.", exit_code=Exit.FAILED)
