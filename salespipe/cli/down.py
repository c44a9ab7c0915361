"""``salespipe down``: stop what writes, wait for what is under way, delete everything, and print the receipt."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from salespipe.cli.confirm import confirm
from salespipe.cli.context import ANYWHERE, App
from salespipe.errors import SalespipeError

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.lifecycle import Reading
    from salespipe.resources.base import Resource


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(down)


def down(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask: the data goes too.")] = False,
    keep_data: Annotated[bool, typer.Option("--keep-data", help="Keep the bucket; a later up uses it again.")] = False,
    no_drain: Annotated[bool, typer.Option("--no-drain", help="Do not wait for orders that are under way.")] = False,
) -> int:
    """Delete the pipeline with its data.

    What writes is stopped first, and orders that are under way are waited for. At the end everything is looked at
    again: nothing is left, or what is, why, and what it costs. Exits 3 when something is.
    """
    from salespipe import lifecycle
    from salespipe.lifecycle.receipt import receipt
    from salespipe.pipeline import pipeline
    from salespipe.query.failures import not_deployed
    from salespipe.view import receipt as view
    from salespipe.view import steps

    state, began = App.of(context), time.monotonic()
    aws = state.aws()
    state.screen.say(f"{state.config.name} on {aws.where}")
    resources = pipeline(aws)
    with state.screen.waiting("looking"):
        seen = lifecycle.survey(aws, resources)
    found = lifecycle.seen_as(resources, seen)
    if len(found) == len(seen) and not any(reading.ours for reading in found):
        raise not_deployed(aws.names)
    keep = {(each.kind, each.name) for each in resources if each.kind == "s3 bucket"} if keep_data else set()
    confirm(state, _question(state, aws, found, keep), yes=yes, command="salespipe down")
    began = time.monotonic()
    orphans = lifecycle.orphans(aws, found)
    if not no_drain:
        _drain(state, aws, resources, found)
    ended = steps.follow(state.screen, "down", lifecycle.down(aws, resources, keep=keep))
    told = receipt(aws, resources, ended, orphans)
    return view.show(state.screen, f"{state.config.name} on {aws.where}", ended, told, time.monotonic() - began)


def _question(state: App, aws: Aws, found: Sequence[Reading], keep: set[tuple[str, str]]) -> str:
    spared = [f"your own {each.kind} {each.name}" for each in found if each.seen.adopted]
    spared += [f"{kind} {name}" for kind, name in keep]
    data = "" if keep else " and all its data"
    but = f", but not {' and '.join(spared)}" if spared else ""
    return f"Delete {state.config.name}{data} on {aws.where}{but}?"


def _drain(state: App, aws: Aws, resources: Sequence[Resource], found: Sequence[Reading]) -> None:
    """Stop what writes and wait for what is under way; where that fails everything is as it was."""
    from salespipe import lifecycle
    from salespipe.flow.drain import drain

    ours = {reading.kind for reading in found if reading.ours}
    if not {"kinesis stream", "firehose stream", "s3 bucket"} <= ours:
        return
    with lifecycle.stopped(aws, resources, found) as writers:
        for writer in writers:
            state.screen.say(f"switched off: {writer.kind} {writer.name}")
        try:
            with state.screen.waiting("draining") as wait:
                drain(aws, progress=wait.update)
        except SalespipeError as error:
            message = f"{error.message} Nothing was deleted."
            raise SalespipeError(error.code, message, hint=error.hint, exit_code=error.exit_code) from error
    state.screen.say("drained: what was under way is delivered")
