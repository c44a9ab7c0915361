"""``salespipe query``: one SQL statement, its rows, and what it took."""

from __future__ import annotations

from typing import Annotated

import typer

from salespipe.cli.context import ANYWHERE, App


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(query)


def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(help="One SQL statement, in Athena's dialect. Start with the view orders.")],
) -> None:
    """Run SQL and show its rows.

    Athena's dialect. Start with the view orders: each order once, as it is now.
    """
    from salespipe.query import athena
    from salespipe.view import results

    state = App.of(context)
    aws = state.aws()
    with state.screen.waiting("query") as wait:
        result = athena.run(aws, sql, progress=wait.update)
    results.show(state.screen, result)
