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
    file: Annotated[Path, typer.Argument(help="CSV or JSON lines, gzip or not, or Parquet; - is standard input.")],
    map_: Annotated[
        str | None,
        typer.Option(
            "--map",
            help="orderid=invoice,zip=zip:text,…: attribute=column, or column:type (text, integer, "
            "number, time). What is not named is left out.",
        ),
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Rows a second; as fast as it goes without it.")] = None,
    speed: Annotated[
        str | None, typer.Option(help="60x: an hour of orders in a minute, by when they were made.")
    ] = None,
    time: Annotated[str | None, typer.Option(help="The column that --speed goes by.  [default: created_at's]")] = None,
    where: Annotated[str | None, typer.Option(help="SQL condition on the file's columns: pieces > 2 AND …")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many rows (of those --where asks for).")] = None,
    workers: Annotated[int, typer.Option(help="Threads that write.")] = 4,
    rejects: Annotated[
        Path | None, typer.Option(help="Where rejected rows go.  [default: FILE's name and .rejects.jsonl, here]")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Write the rows too that are written already.")] = False,
    no_ledger: Annotated[
        bool, typer.Option("--no-ledger", help="Do not record what was written; it cannot be resumed.")
    ] = False,
) -> int:
    """Write the orders of a file. After an interruption, the same command writes the rest.

    A row that cannot be written is skipped, counted, listed at the end and kept in a file of rejects; then it exits 3.
    """
    from salespipe.load.event_time import parse_speed
    from salespipe.load.mapping import parse_mapping
    from salespipe.load.rejects import default_path
    from salespipe.load.replay import replay as load
    from salespipe.view import replay as view

    state = App.of(context)
    mapping, factor = parse_mapping(map_) if map_ is not None else None, parse_speed(speed)
    aws = state.aws()
    state.screen.say(f"replaying {file} into {aws.config.table.name} on {aws.where}")
    with view.following(state.screen) as follow:
        summary = load(
            aws,
            file,
            mapping,
            rate=rate,
            speed=factor,
            time=time,
            limit=limit,
            where=where,
            workers=workers,
            rejects=rejects or default_path(file),
            ledgers=None if no_ledger else state.ledgers(aws),
            restart=restart,
            on_plan=lambda plan, records: view.announce(state.screen, plan, records),
            on_progress=follow,
        )
    return view.summarise(state.screen, summary, str(file))
