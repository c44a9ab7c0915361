"""``salespipe replay``: real orders from a file through the pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from salespipe.cli.context import ANYWHERE, App


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(replay)


def replay(  # noqa: PLR0917 - Typer passes options by name
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV or JSON lines, gzip or not.")],
    map_: Annotated[
        str | None, typer.Option("--map", help="orderid=invoice,quantity=pieces,…: attribute=column.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Rows a second; as fast as it goes without it.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many rows.")] = None,
    no_ledger: Annotated[bool, typer.Option("--no-ledger", help="Do not record what was written.")] = False,
) -> int:
    """Write the orders of a file.

    A row that cannot be written is skipped, counted and listed at the end; then it exits 3.
    """
    from salespipe.load.mapping import parse_mapping
    from salespipe.load.replay import replay as load
    from salespipe.view import load as view

    state = App.of(context)
    mapping = parse_mapping(map_) if map_ else None
    aws = state.aws()
    state.screen.say(f"replaying {file} into {aws.config.table.name} on {aws.where}")
    with view.following(state.screen, "replay") as follow:
        ledgers = None if no_ledger else state.ledgers(aws)
        summary = load(aws, file, mapping, rate=rate, limit=limit, ledgers=ledgers, on_progress=follow)
    return view.summarise(state.screen, summary)
