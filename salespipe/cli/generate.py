"""``salespipe generate``: made-up orders, then their updates and deletes, at a rate."""

from __future__ import annotations

from typing import Annotated

import typer

from salespipe.cli.context import ANYWHERE, App


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(generate)


def generate(
    context: typer.Context,
    rate: Annotated[float, typer.Option(help="Writes a second.")] = 50.0,
    duration: Annotated[str | None, typer.Option(help="How long: 60s, 5m, 1h. Without it or --count: Ctrl-C.")] = None,
    count: Annotated[int | None, typer.Option(help="How many writes.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed makes the same orders.")] = None,
    no_ledger: Annotated[bool, typer.Option("--no-ledger", help="Do not record what was written.")] = False,
) -> int:
    """Write made-up orders at a rate.

    New orders, then what becomes of them: paid, shipped, delivered, cancelled, returned, deleted.
    """
    from salespipe.load.generate import generate as load
    from salespipe.load.products import Products
    from salespipe.view import load as view

    state = App.of(context)
    seconds = parse_duration(duration)
    aws = state.aws()
    state.screen.say(f"writing orders to {aws.config.table.name} on {aws.where}")
    products = Products(aws)
    with view.following(state.screen, "generate") as follow:
        summary = load(
            aws,
            rate=rate,
            duration=seconds,
            count=count,
            seed=seed,
            products=products,
            ledgers=None if no_ledger else state.ledgers(aws),
            on_progress=follow,
        )
    view.catalogue(state.screen, products)
    return view.summarise(state.screen, summary)


def parse_duration(text: str | None) -> float | None:
    """Seconds from ``90``, ``90s``, ``5m`` or ``1h``. Raises ``SalespipeError`` (exit 2) for anything else."""
    import re

    from salespipe.errors import Exit, SalespipeError

    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if not found:
        raise SalespipeError(
            "BadDuration", f"--duration {text} is not a duration.", hint="Write 60s, 5m or 1h.", exit_code=Exit.USAGE
        )
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]
