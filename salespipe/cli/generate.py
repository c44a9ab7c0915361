"""``salespipe generate``: made-up orders, then their updates and deletes, at a rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from salespipe.cli.context import ANYWHERE, App

if TYPE_CHECKING:
    from salespipe.aws import Aws

_ANYWHERE = f"{ANYWHERE} A profile of your AWS credentials stands before the command here: salespipe --profile NAME."


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=_ANYWHERE)(generate)


def generate(  # noqa: PLR0917 - Typer passes options by name
    context: typer.Context,
    rate: Annotated[float | None, typer.Option(help="Writes a second, on average.  [default: 50]")] = None,
    profile: Annotated[str, typer.Option(help="How busy when: steady, daily, flash-sale or holiday.")] = "steady",
    ramp: Annotated[str | None, typer.Option(help="50:5000:60s: from a rate to a rate, which then stays.")] = None,
    duration: Annotated[str | None, typer.Option(help="How long: 60s, 5m, 1h. Without it or --count: Ctrl-C.")] = None,
    count: Annotated[int | None, typer.Option(help="How many writes.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed makes the same orders.")] = None,
    chaos: Annotated[
        str | None,
        typer.Option(metavar="[KIND=SHARE,…]", help="Trouble on purpose: all kinds, or late,hot=5%,…"),
    ] = None,
    no_ledger: Annotated[bool, typer.Option("--no-ledger", help="Do not record what was written.")] = False,
    mix: Annotated[str | None, typer.Option(help="Shares of inserts, updates, deletes.  [default: 50,45,5]")] = None,
    workers: Annotated[int, typer.Option(help="Threads that write.")] = 4,
    time_scale: Annotated[float, typer.Option(help="How much faster than life an order's life is.")] = 200_000.0,
    scheduled: Annotated[
        bool, typer.Option("--lambda", help="Not from here: the Lambda, on its schedule. Alone: what it does now.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="With --lambda: switch its schedule off.")] = False,
) -> int:
    """Write made-up orders at a rate.

    New orders, then what becomes of them: paid, shipped, delivered, cancelled, returned, deleted.
    """
    from salespipe.load import options
    from salespipe.load.generate import generate as load
    from salespipe.load.products import Products
    from salespipe.load.troubles import parse_chaos
    from salespipe.view import load as view

    state = App.of(context)
    if scheduled or stop:
        options.check_scheduled(_typed(context), stop=stop, scheduled=scheduled)
        return _schedule(state, rate, stop=stop)
    shares, climb, seconds = options.parse_mix(mix), options.parse_ramp(ramp), options.parse_duration(duration)
    shape, trouble = options.profile_named(profile), parse_chaos(chaos)
    most = options.rate_of(rate, shape, climb)
    aws = state.aws()
    _announce(state, aws, most)
    products = Products(aws)
    with view.following(state.screen, "generate") as follow:
        summary = load(
            aws,
            rate=rate,
            profile=shape,
            ramp=climb,
            duration=seconds,
            count=count,
            seed=seed,
            mix=shares,
            workers=workers,
            time_scale=time_scale,
            chaos=trouble,
            products=products,
            ledgers=None if no_ledger else state.ledgers(aws),
            on_progress=follow,
        )
    view.catalogue(state.screen, products)
    return view.summarise(state.screen, summary, again=_again(context, summary.seed))


def _typed(context: typer.Context) -> dict[str, str]:
    """The options that stand on the command line, and their values as text."""
    return {
        parameter.opts[0]: "" if context.params[name] is True else str(context.params[name])
        for parameter in context.command.params
        if (name := parameter.name or "") in context.params
        and (source := context.get_parameter_source(name))
        and source.name == "COMMANDLINE"
    }


def _again(context: typer.Context, seed: int | None) -> str:
    """The command that makes the same orders."""
    words = " ".join(f"{option} {value}".rstrip() for option, value in _typed(context).items() if option != "--seed")
    return f"salespipe generate {words} --seed {seed}".replace("  ", " ")


def _schedule(state: App, rate: float | None, *, stop: bool) -> int:
    """Switch the Lambda's schedule on or off, or tell what it does."""
    from salespipe.load import scheduled
    from salespipe.view import load as view

    aws = state.aws()
    if stop:
        told = scheduled.switch_off(aws)
    elif rate is None:
        told = scheduled.look(aws)
    else:
        scheduled.count_of(aws.config, rate)
        _announce(state, aws, rate)
        told = scheduled.switch_on(aws, rate)
    return view.schedule(state.screen, told)


def _announce(state: App, aws: Aws, rate: float) -> None:
    """Say where orders are written, and what that costs where it costs anything."""
    state.screen.say(f"writing orders to {aws.config.table.name} on {aws.where}")
    if state.config.target == "aws" and not state.endpoint_url:
        from salespipe.cost.estimate import at_rate
        from salespipe.view.cost import summary

        state.screen.say(f"at {rate:,.0f} writes a second the pipeline costs {summary(at_rate(aws.config, rate))}")
