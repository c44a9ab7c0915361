"""``salespipe query status|results|cancel ID`` and ``query history [ID]``: queries started earlier, or elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from salespipe.cli.context import ANYWHERE, App
from salespipe.cli.query import Force, Format, Limit, NoHeader, Output, Stats

Id = Annotated[str, typer.Argument(metavar="ID", help="The query's id, as query --async and query history print it.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``; ``query --help`` names them."""
    for verb in (status, results, cancel, history):
        app.command(f"query {verb.__name__}", hidden=True, epilog=ANYWHERE)(verb)


def status(context: typer.Context, query: Id) -> None:
    """Show how a query stands, and what it has cost."""
    from salespipe.query import athena
    from salespipe.view import executions

    aws = App.of(context).aws()
    executions.show(App.of(context).screen, athena.look(aws, query), free=aws.config.target == "local")


def results(  # noqa: PLR0917 - Typer passes options by name
    context: typer.Context,
    query: Id,
    format: Format = None,  # noqa: A002 - it is the option's name
    output: Output = None,
    force: Force = False,
    limit: Limit = None,
    no_header: NoHeader = False,
    stats: Stats = None,
) -> None:
    """Show a query's rows, when it has ended; to read them again costs nothing."""
    from salespipe.cli.asking import Asking
    from salespipe.query import athena

    state = App.of(context)
    plan = Asking(state, format, output, not no_header, limit, stats, force=force)
    aws = state.aws()
    with state.screen.waiting("query") as wait:
        ended = athena.finish(aws, query, progress=wait.update)
    plan.write(aws, ended)


def cancel(context: typer.Context, query: Id) -> None:
    """Stop a query on the server; what it has scanned so far is charged."""
    from salespipe.query import athena
    from salespipe.view import executions

    aws = App.of(context).aws()
    athena.look(aws, query)  # whether there is one
    executions.show(App.of(context).screen, athena.stop(aws, query), free=aws.config.target == "local")


def history(
    context: typer.Context,
    query: Annotated[str | None, typer.Argument(metavar="[ID]", help="One query, told whole, with its SQL.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many to list.")] = 20,
) -> None:
    """List the last queries of the pipeline, newest first; or tell all of one, with its SQL."""
    from salespipe.query import athena
    from salespipe.query import history as past
    from salespipe.view import executions

    state = App.of(context)
    aws = state.aws()
    if query is None:
        return executions.history(state.screen, past.recent(aws, limit))
    return executions.whole(state.screen, athena.look(aws, query), free=aws.config.target == "local")
