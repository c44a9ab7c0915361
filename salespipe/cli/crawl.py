"""``salespipe crawl``: make what was delivered queryable."""

from __future__ import annotations

from typing import Annotated

import typer

from salespipe.cli.context import ANYWHERE, App


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(crawl)


def crawl(
    context: typer.Context,
    wait: Annotated[bool, typer.Option(help="Wait until everything written so far is delivered.")] = True,
) -> None:
    """Make what was delivered queryable.

    Wait for delivery, run the Glue crawler, check its table, and create the views, and the table of what failed.
    """
    from salespipe.query import crawl as crawling

    state = App.of(context)
    aws = state.aws()
    state.screen.say(f"crawling {aws.names.database} on {aws.where}")
    with state.screen.waiting("crawl") as progress:
        found = crawling.crawl(aws, settle=wait, progress=progress.update)
    if state.json:
        return state.screen.data(found)
    state.screen.say(f"{found.table} has {len(found.columns)} columns; the view {found.view} shows each order once.")
    return state.screen.say(f'next: salespipe query "SHOW COLUMNS IN {found.view}"')
