"""``salespipe status``: every resource, as AWS describes it."""

from __future__ import annotations

import typer

from salespipe.cli.context import ANYWHERE, App


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(status)


def status(context: typer.Context) -> int:
    """Show the state of every resource.

    Exits 0 when all are ready, 4 when nothing is there, else 3.
    """
    from salespipe import lifecycle
    from salespipe.pipeline import pipeline
    from salespipe.view import readings

    state = App.of(context)
    aws = state.aws()
    with state.screen.waiting("looking"):
        found = lifecycle.status(aws, pipeline(aws))
    return readings.show(state.screen, state.config.name, aws.where, found)
