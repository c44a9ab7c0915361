"""``salespipe status``: every resource as AWS describes it, what flows, and what it has cost; once or all the time."""

from __future__ import annotations

from typing import Annotated

import typer

from salespipe.cli.context import ANYWHERE, App
from salespipe.errors import Exit


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(status)


def status(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until Ctrl-C.")] = False,
    every: Annotated[
        float | None,
        typer.Argument(
            metavar="SECONDS", min=0.5, help="With --watch: how often (default: 2 on this machine, 10 on AWS)."
        ),
    ] = None,
) -> int:
    """Show every resource with what differs from the configuration, what flows, and the cost so far.

    Exits 0 when all resources are ready, 4 when nothing is there, else 3; what flows only warns. A rate is that of one
    whole minute, and on AWS a few minutes late; latency is that of the newest objects of the last 15 minutes. --watch
    redraws the screen of a terminal, and writes a line of JSON for each look elsewhere; Ctrl-C ends it with 0. On AWS
    it asks CloudWatch once a minute, for about 0.02 USD an hour.
    --json has: at, pipeline, where, exit_code, resources, flow, latency, alarms, cost.
    """
    from salespipe.cli.looking import Looker
    from salespipe.cli.reaching import Reach
    from salespipe.view import live, overview

    state = App.of(context)
    if every is not None and not watch:
        raise typer.BadParameter("SECONDS goes with --watch", ctx=context)
    if watch:
        interval = every or (2.0 if state.config.target == "local" else 10.0)
        live.follow(state.screen, Looker(Reach(state)).take, interval)
        return Exit.DONE
    with state.screen.waiting("looking"):
        look = Looker(lambda _: state.aws()).take()
    return overview.show(state.screen, look)
