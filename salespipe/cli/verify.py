"""``salespipe verify``: nothing lost, nothing doubled; what is wrong, at which stage, and with which orders."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from salespipe.cli.context import ANYWHERE, App
from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.trust.proof.weigh import Weight


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(verify)


def verify(  # noqa: PLR0917 - Typer passes options by name
    context: typer.Context,
    timeout: Annotated[
        str | None,
        typer.Option(help="How long to wait for what is under way, as 90s or 5m (default: four times the buffers)."),
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Compare at once, whatever is still under way.")] = False,
    late: Annotated[
        str | None, typer.Option(help="Call late what took longer from the table to the lake, as 30s or 10m.")
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the report as JUnit XML, too.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before much is read on AWS.")] = False,
) -> int:
    """Prove that every acknowledged write is in the lake, and every order once in the view.

    Waits for what is under way, then reads the ledgers of acknowledged writes, the table, its stream, Kinesis, the
    lake and the view, and compares them order by order, by content. An event that was delivered twice, or late, is told
    and is no fault: the view has it once. Exits 0 when it is proven, 1 for faults, 3 when something could not be
    checked, 4 when there is no pipeline. --json has: at, pipeline, where, exit_code, proven, orders, moving, seconds,
    hops, counts, findings, remarks, partly.
    """
    from salespipe.trust.proof import junit as xml
    from salespipe.trust.proof import weigh
    from salespipe.trust.verify import Verification
    from salespipe.view import verify as view

    state = App.of(context)
    patience, late_after = _seconds(timeout, "--timeout"), _seconds(late, "--late")
    if junit is not None:
        _writable(junit)
    aws = state.aws()
    kept = state.ledgers(aws).of_table()
    with state.screen.waiting("verify") as wait:
        weight = weigh.weigh(aws, kept[0], wait.update)
    _agree(state, weight, yes=yes)
    with state.screen.waiting("verify") as wait:
        report = Verification(aws, weight, kept, patience, not no_wait, late_after, progress=wait.update).run()
    if junit is not None:
        junit.write_bytes(xml.document(report))
    view.show(state.screen, report)
    return report.exit_code


def _seconds(text: str | None, option: str) -> float | None:
    from salespipe.cli.asking import seconds

    return None if text is None else seconds(text, option)


def _writable(file: Path) -> None:
    try:
        with file.open("ab"):
            pass
    except OSError as error:
        told = f"{file} cannot be written: {error.strerror or error}."
        raise SalespipeError("NotWritten", told, exit_code=Exit.USAGE) from error


def _agree(state: App, weight: Weight, *, yes: bool) -> None:
    """On AWS, say what will be read; ask where that is more than ``ask_above_mb``. On this machine nobody pays."""
    if state.config.target == "local":
        return
    state.screen.say(weight.told())
    if yes or not weight.asks(state.config.query.ask_above_mb):
        return
    if state.json or not sys.stdin.isatty():
        hint = "--yes agrees; ask_above_mb under [query] asks later."
        raise SalespipeError("NotConfirmed", weight.told(), hint=hint, exit_code=Exit.USAGE)
    if not typer.confirm("Go on?", err=True):
        raise SalespipeError("NotConfirmed", "Nothing was verified.", exit_code=Exit.FAILED)
