"""``salespipe up``: create what is not there, repair what has drifted."""

from __future__ import annotations

import time

import typer

from salespipe.cli.context import ANYWHERE, App


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(up)


def up(context: typer.Context) -> None:
    """Create the pipeline, or what is missing of it.

    What has drifted from the configuration is repaired. A second time nothing changes.
    """
    from salespipe import lifecycle
    from salespipe.pipeline import pipeline
    from salespipe.view import steps

    state, began = App.of(context), time.monotonic()
    aws = state.aws(start=True)
    state.screen.say(f"{state.config.name} on {aws.where}")
    if state.config.target == "aws":
        price = 24 * state.config.stream.idle_usd_an_hour
        state.screen.say(f"Idle it costs about {price:.2f} USD a day, for Kinesis; salespipe down ends that.")
    ended = steps.follow(state.screen, "up", lifecycle.up(aws, pipeline(aws)))
    if state.json:
        return state.screen.data({"steps": ended, "seconds": time.monotonic() - began})
    return steps.summarise(state.screen, ended, began)
