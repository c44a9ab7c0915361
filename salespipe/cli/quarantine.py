"""``salespipe quarantine``: what could not be delivered, why, and putting it on its way again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from salespipe.cli.context import ANYWHERE, App
from salespipe.errors import Exit

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.trust.quarantine.reading import Quarantine

app = typer.Typer(
    epilog=ANYWHERE,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="What could not be delivered: see it, replay it, or delete it. In the bucket below errors/, and in the pipe's"
    " dead-letter queue.",
)

_Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Records by ID, or by its beginning.")]
_Error = Annotated[str | None, typer.Option("--error", help="All records of this code, or type, of error.")]
_All = Annotated[bool, typer.Option("--all", "-a", help="All records.")]


@app.command(epilog=ANYWHERE)
def ls(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", "-a", help="Each record on a line, with its ID.")] = False,
) -> None:
    """Count records by error; --all lists them.

    With the oldest and the newest of each, and until when dead letters can be replayed (24 h). Looking uses up
    nothing. --json has: at, records, groups, foreign, held; with --all a line for each record.
    """
    from salespipe.flow.delays import utc_now
    from salespipe.view import quarantine as view

    state = App.of(context)
    with _opened(state, state.aws()) as found:
        (view.records if everything else view.groups)(state.screen, found, utc_now())


@app.command(epilog=ANYWHERE)
def show(
    context: typer.Context, record: Annotated[str, typer.Argument(metavar="ID", help="As ls --all has it.")]
) -> None:
    """Tell all of one record.

    What it holds, why it failed, how often, where it lies, and what was logged then. --json has also: message, places,
    deadline, expiry, payloads, log.
    """
    from salespipe.flow.delays import utc_now
    from salespipe.trust.quarantine import chosen, showing
    from salespipe.view import quarantine as view

    state = App.of(context)
    aws = state.aws()
    with _opened(state, aws) as found:
        view.one(state.screen, showing.show(aws, found, chosen.find(found.index, record)), utc_now())


@app.command(epilog=ANYWHERE)
def replay(  # noqa: PLR0917 - Typer passes options by name
    context: typer.Context,
    ids: _Ids = None,
    error: _Error = None,
    everything: _All = False,
    fix: Annotated[
        Path | None,
        typer.Option(help="A Python script with fix(event: dict) -> dict | None, which repairs each; None leaves it."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be put, and put nothing.")] = False,
    timeout: Annotated[
        str | None,
        typer.Option(help="Give up when nothing was seen for so long, as 90s (default: four times the buffers)."),
    ] = None,
) -> int:
    """Put records on their way again.

    What is delivered leaves the quarantine, which is waited for. Each is put into the Kinesis stream as it came, and
    counts once in the views whatever happens: after an interruption the same command goes on. What fails again stays,
    its attempts counted. Exits 0 when all were delivered, 3 for some, 1 for none. --json has: dry_run, chosen, put,
    delivered, failed, unseen, skipped, broken, expired, refused, left, problems, remarks, exit_code.
    """
    from salespipe.cli.asking import seconds
    from salespipe.trust.quarantine import chosen, fixing
    from salespipe.trust.quarantine.replay import Replay
    from salespipe.view import quarantine as view

    state = App.of(context)
    repair = fixing.load(fix) if fix else None
    patience = seconds(timeout, "--timeout") if timeout else None
    aws = state.aws()
    with _opened(state, aws, hold=True) as found:
        chosen.choose(found.index, ids or (), error, everything=everything)
        with state.screen.waiting("replay") as wait:
            result = Replay(aws, found, repair, fix or Path(), dry_run, patience, wait.update).run()
        view.replayed(state.screen, result)
        view.strangers(state.screen, found)
    return result.exit_code


@app.command(epilog=ANYWHERE)
def purge(
    context: typer.Context,
    ids: _Ids = None,
    error: _Error = None,
    everything: _All = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Delete records for good. --json has: deleted."""
    from salespipe.cli.confirm import confirm
    from salespipe.trust.quarantine import chosen
    from salespipe.trust.quarantine.purge import purge as delete

    state = App.of(context)
    aws = state.aws()
    with _opened(state, aws, hold=True) as found:
        count = chosen.choose(found.index, ids or (), error, everything=everything)
        records = f"{count:,} record{'' if count == 1 else 's'}"
        if count:
            confirm(state, f"Delete {records} for good? ({aws.where})", yes=yes, command="salespipe quarantine purge")
        with state.screen.waiting("purge") as wait:
            deleted = delete(aws, found, wait.update)
    if state.json:
        state.screen.data({"deleted": count, "lines": deleted})
    else:
        state.screen.text(f"{records} deleted." if count else "Nothing is in quarantine.")
    return Exit.DONE


@contextmanager
def _opened(state: App, aws: Aws, *, hold: bool = False) -> Iterator[Quarantine]:
    """The quarantine, read; on AWS much of it is told of beforehand."""
    from salespipe.trust.quarantine import reading

    with ExitStack() as stack:
        with state.screen.waiting("quarantine") as wait:
            objects = reading.listed(aws, wait.update)
            size = sum(each.size for each in objects)
            if state.config.target == "aws" and size > state.config.query.ask_above_mb * 1_000_000:
                state.screen.say(reading.weight(objects))
            found = stack.enter_context(reading.opened(aws, objects, wait.update, hold=hold))
        yield found
