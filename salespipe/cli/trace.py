"""``salespipe trace``: the way of one order through every hop, and where it waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from salespipe.cli.context import ANYWHERE, App
from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.trust.trace.look import Tracer
    from salespipe.trust.trace.model import Trace

# Service model dynamodb: a partition key has 2,048 bytes at most.
_LONGEST = 2048


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(trace)


def trace(
    context: typer.Context,
    orderid: Annotated[
        str, typer.Argument(metavar="ORDERID", help="The order's id; behind -- if it begins with a dash.")
    ],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Wait for the next hop, until the order can be queried.")
    ] = False,
    timeout: Annotated[
        str | None,
        typer.Option(help="With --follow: how long, as 90s or 5m (default: three times what an order may take)."),
    ] = None,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="On AWS, search the whole lake however much Athena scans for it.")
    ] = False,
) -> int:
    """Show every version of one order at every hop: when it came there, how long it took, and where it waits and why.

    Exits 0 when every version can be queried, 3 when one is on its way, stuck or put aside, 1 when there never was such
    an order, 4 when there is no pipeline. --json has: at, pipeline, where, order, exit_code, found, in_table, older,
    versions, stuck, looked_through, remarks; with --follow a line for each look that found something new.
    """
    from salespipe.cli.asking import seconds
    from salespipe.trust.trace.look import Tracer
    from salespipe.view import trace as view

    state = App.of(context)
    if timeout is not None and not follow:
        raise typer.BadParameter("--timeout goes with --follow", ctx=context)
    most = None if timeout is None else seconds(timeout, "--timeout")
    order = _order(orderid)
    aws = state.aws()
    readings, problems = state.ledgers(aws).of_table()
    for problem in problems:
        state.screen.say(f"{problem.message} It is left out.")
    tracer = Tracer(aws, order, readings, everywhere)
    if follow:
        found = _follow(state, tracer, most)
    else:
        with state.screen.waiting("trace") as wait:
            found = tracer.look(wait.update)
        view.show(state.screen, found)
    if not found.found and not state.json:
        raise _never(found)
    return found.exit_code


def _follow(state: App, tracer: Tracer, most: float | None) -> Trace:
    """Tell each place as the order comes there, then the whole."""
    from salespipe.trust.trace import following
    from salespipe.view import trace as view

    aws, news = tracer.aws, following.News()
    most = following.patience(aws) if most is None else most
    with state.screen.waiting("trace") as wait:
        for found in following.follow(tracer, most, wait.update, aws.clock, aws.sleep):
            fresh = news.of(found)
            if fresh and state.json:
                state.screen.data(view.document(found))
            for version, passage in () if state.json else fresh:
                state.screen.text(view.line(version, passage, found.at.date()))
    view.end(state.screen, found)
    return found


def _order(text: str) -> str:
    """The order id. Raises ``SalespipeError`` for what no key of DynamoDB can be."""
    from salespipe.query.sources import text as utf8

    order = utf8(text, "the order id")
    if not order or len(order.encode()) > _LONGEST:
        size = f"{len(order.encode()):,} bytes" if order else "no characters"
        told = f"The order id has {size}: a key of DynamoDB has 1 to {_LONGEST:,} bytes."
        raise SalespipeError("OrderId", told, hint="salespipe trace ORDERID", exit_code=Exit.USAGE)
    return order


def _never(found: Trace) -> SalespipeError:
    looked = ", ".join(found.looked)
    return SalespipeError(
        "NoSuchOrder",
        f"There is no order {found.order!r}, and as far as can be seen there never was. Looked through: {looked}.",
        hint='An order id is written exactly as in the table: salespipe query "SELECT * FROM orders LIMIT 10".',
    )
