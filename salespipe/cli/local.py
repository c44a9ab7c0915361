"""``salespipe local``: the AWS on this machine, as a background process."""

from __future__ import annotations

from typing import Annotated

import typer

from salespipe.cli.confirm import confirm
from salespipe.cli.context import ANYWHERE, App
from salespipe.errors import Exit, SalespipeError

app = typer.Typer(
    epilog=ANYWHERE,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The AWS on this machine: start, stop, look, reset.",
)


@app.command()
def start(context: typer.Context) -> None:
    """Start it, or find the one that runs."""
    from salespipe.local import daemon

    state = App.of(context)
    with state.screen.waiting("starting the local AWS"):
        server = daemon.start(state.data_dir, state.config.local.port)
    if state.json:
        return state.screen.data(server)
    return state.screen.text(f"running at {server.endpoint} (pid {server.pid}, data in {server.data_dir})")


@app.command()
def stop(context: typer.Context) -> None:
    """Stop it; what it holds stays in its data folder."""
    from salespipe.local import daemon

    state = App.of(context)
    stopped = daemon.stop(state.data_dir)
    if state.json:
        return state.screen.data({"stopped": stopped})
    return state.screen.text(f"stopped; its data stays in {state.data_dir}" if stopped else "it was not running")


@app.command()
def status(context: typer.Context) -> None:
    """Show endpoint, process and data folder; exits 4 when it does not run."""
    from salespipe.local import daemon

    state = App.of(context)
    server = daemon.find(state.data_dir)
    if server is None:
        raise SalespipeError(
            "NotRunning",
            f"The local AWS is not running (data folder {state.data_dir}).",
            hint="salespipe local start",
            exit_code=Exit.NOT_DEPLOYED,
        )
    if state.json:
        return state.screen.data(server)
    return state.screen.text(f"running at {server.endpoint} (pid {server.pid}, data in {server.data_dir})")


@app.command()
def reset(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask: everything in it goes.")] = False,
) -> None:
    """Stop it and delete everything that it holds, to start afresh; files that are not its own stay."""
    from salespipe.local import daemon

    state = App.of(context)
    question = f"Delete everything that the local AWS holds in {state.data_dir}?"
    confirm(state, question, yes=yes, command="salespipe local reset")
    deleted = daemon.reset(state.data_dir)
    if state.json:
        return state.screen.data({"deleted": deleted, "data_dir": state.data_dir})
    return state.screen.text(
        f"deleted what was in {state.data_dir}" if deleted else f"there was nothing in {state.data_dir}"
    )


@app.command()
def logs(
    context: typer.Context,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come; Ctrl-C ends it.")] = False,
) -> None:
    """Show the process's own log: what it could not do, and why."""
    from salespipe.local import daemon

    state = App.of(context)
    for line in daemon.logs(state.data_dir, lines=lines, follow=follow):
        state.screen.text(line)
