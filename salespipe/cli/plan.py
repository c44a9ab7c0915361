"""``salespipe plan``: what ``up`` would do and what it would cost; nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from salespipe.cli.context import ANYWHERE, App
from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.cost.bill import Bill


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(plan)


def plan(
    context: typer.Context,
    rate: Annotated[float | None, typer.Option(help="Also the price at so many orders a second.")] = None,
    policy: Annotated[bool, typer.Option("--policy", help="Only print the IAM policy that you need.")] = False,
) -> int:
    """Show what up would create, change, replace and leave, and what it would cost.

    Changes nothing. Exits 0 when there is nothing to do, 5 when there is. --policy prints one document; it is longer
    than AWS lets a single policy be, so --policy --json prints it as managed policies by name.
    """
    state = App.of(context)
    if policy:
        return _policy(state)
    return preview(state, rate)


def preview(state: App, rate: float | None = None) -> int:
    """Show the plan; ``up --dry-run`` does the same."""
    from salespipe import lifecycle
    from salespipe.cost import estimate
    from salespipe.pipeline import pipeline
    from salespipe.view import plan as view

    busy = None if rate is None else _at_rate(state, rate)
    unstarted = state.unstarted()
    aws = unstarted or state.aws()
    resources = pipeline(aws)
    state.screen.say(f"{state.config.name} on {aws.where}")
    if unstarted:
        found, changes = [], lifecycle.plan_from_nothing(resources)
    else:
        with state.screen.waiting("looking"):
            found = lifecycle.status(aws, resources)
            changes = lifecycle.plan(aws, resources, found)
    behind = lifecycle.orphans(aws, found)
    charged = state.config.target == "aws"
    seen = view.Preview(state.config.name, aws.where, changes, behind, estimate.idle(state.config), rate, busy, charged)
    return view.show(state.screen, seen)


def _at_rate(state: App, rate: float) -> Bill:
    from salespipe.cost import estimate

    try:
        return estimate.at_rate(state.config, rate)
    except ValueError as error:
        raise SalespipeError("Usage", f"--rate: {error}.", hint="--rate 50", exit_code=Exit.USAGE) from None


def _policy(state: App) -> int:
    from salespipe.resources.caller import caller_policies, caller_policy

    names = (state.unstarted() or state.aws()).names
    if state.json:
        state.screen.data(caller_policies(names))
    else:
        state.screen.indented(caller_policy(names))
    return Exit.DONE
