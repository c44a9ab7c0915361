"""``salespipe down``: delete everything, then look again and print the receipt."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from salespipe.cli.confirm import confirm
from salespipe.cli.context import ANYWHERE, App
from salespipe.errors import Exit


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(down)


def down(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask: the data goes too.")] = False,
) -> int:
    """Delete the pipeline with its data.

    Then everything is looked at again: nothing is left, or what is. Exits 3 when something is.
    """
    from salespipe import lifecycle
    from salespipe.pipeline import pipeline
    from salespipe.query.failures import not_deployed
    from salespipe.resources.base import State
    from salespipe.view import steps

    state, began = App.of(context), time.monotonic()
    aws = state.aws()
    resources = pipeline(aws)
    if {reading.state for reading in lifecycle.status(aws, resources)} <= {State.ABSENT, State.FOREIGN}:
        raise not_deployed(aws.names)
    question = f"Delete {state.config.name} and all its data on {aws.where}?"
    confirm(state, question, yes=yes, command="salespipe down")
    ended = steps.follow(state.screen, "down", lifecycle.down(aws, resources))
    left = [step for step in ended if step.action is lifecycle.Action.LEFT]
    failed = [step for step in ended if step.action is lifecycle.Action.FAILED]
    if state.json:
        state.screen.data({"steps": ended, "left": left, "seconds": time.monotonic() - began})
    else:
        steps.summarise(state.screen, ended, began)
        state.screen.say("something is left: run salespipe down again" if left else "nothing is left")
    return Exit.PARTLY if left or failed else Exit.DONE
