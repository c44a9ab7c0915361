"""``salespipe up``: create what is not there, repair what has drifted."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from salespipe.cli.confirm import agree
from salespipe.cli.context import ANYWHERE, App
from salespipe.cli.plan import preview
from salespipe.errors import Exit


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(up)


def up(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done, as plan does.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Agree that what can only be replaced loses its data.")
    ] = False,
) -> int:
    """Create the pipeline, or what is missing of it.

    What has drifted from the configuration is repaired. A second time nothing changes.
    """
    from salespipe import lifecycle
    from salespipe.pipeline import pipeline
    from salespipe.view import plan, steps

    state, began = App.of(context), time.monotonic()
    if dry_run:
        return preview(state)
    aws = state.aws(start=True)
    state.screen.say(f"{state.config.name} on {aws.where}")
    _say_price(state)
    resources = pipeline(aws)
    with state.screen.waiting("looking"):
        found = lifecycle.status(aws, resources)
        behind = lifecycle.orphans(aws, found)
    plan.warn(state.screen, behind)
    agreed = agree(state, lifecycle.plan(aws, resources, found), replace=replace)
    # Somebody may have thought for long: what is agreed to is looked at again before it is deleted.
    run = lifecycle.up(aws, resources, consent=agreed, found=None if agreed else found)
    ended = steps.follow(state.screen, "up", run)
    if state.json:
        state.screen.data({"steps": ended, "orphans": behind, "seconds": time.monotonic() - began})
    else:
        steps.summarise(state.screen, ended, began)
    return Exit.DONE


def _say_price(state: App) -> None:
    from salespipe.cost import estimate
    from salespipe.view import cost

    if state.config.target == "aws":
        state.screen.say(f"idle it costs {cost.summary(estimate.idle(state.config))}; salespipe down ends that")
