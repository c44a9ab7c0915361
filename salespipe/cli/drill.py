"""``salespipe drill``: failures on purpose, on a pipeline of their own, each healed and verified."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from salespipe.cli.context import ANYWHERE, App
from salespipe.errors import Exit, SalespipeError


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(drill)


def drill(  # noqa: PLR0917 - Typer passes options by name
    context: typer.Context,
    wanted: Annotated[
        list[str] | None, typer.Argument(metavar="[SCENARIO]...", help="Which failures; none: all, see --list.")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="Only say which scenarios there are.")] = False,
    rate: Annotated[float, typer.Option(min=1, max=500, help="Writes a second.")] = 50.0,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, max=60, help="How long each failure lasts (default: some seconds).")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The same orders again, under other ids.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave each scenario's data where it is, to look at.")] = False,
) -> int:
    """Break a pipeline on purpose, mend it, and prove that nothing was lost.

    Each scenario has a local AWS and a pipeline of its own in a temporary folder: nothing of yours is touched. Orders
    are written, something breaks, it is mended by a means that you have, too, and verify must pass. Beside what happens
    stands the command that does it, or shows it. Exits 0 when every scenario passed, else 1. --json has: passed, seed,
    rate, seconds, folder, and for each of scenarios: scenario, about, passed, problem, seconds, written, timeline
    (seconds, kind, text, command), verify.
    """
    from salespipe.cli.drilling import Grounds
    from salespipe.trust.drill import scenarios
    from salespipe.trust.drill.run import Drill
    from salespipe.view import drill as view

    state, chosen = App.of(context), scenarios.chosen(wanted or ())
    if listing:
        return view.listed(state.screen, chosen)
    _require_local(state)
    seed = secrets.randbits(32) if seed is None else seed
    grounds = Grounds(keep=keep)
    try:
        with grounds, view.Showing(state.screen, rate, seed, grounds.folder) as showing:
            for each in chosen:
                lasting = each.seconds if minutes is None else minutes * 60
                with grounds.of(each) as ground:
                    showing.begin(each, ground.config_file)
                    run = Drill(each, ground, rate, seed, lasting, showing.entry, showing.progress)
                    showing.end(run.run())
    except KeyboardInterrupt:
        raise KeyboardInterrupt(grounds.farewell) from None
    return showing.conclude(kept=keep)


def _require_local(state: App) -> None:
    if state.config.target != "local" or state.endpoint_url:
        raise SalespipeError(
            "DrillIsLocal",
            "A drill breaks things on this machine only, on an AWS of its own.",
            hint="salespipe drill --target local",
            exit_code=Exit.USAGE,
        )
