"""``salespipe demo``: the whole tour on this machine, ending in a count of what was written against what came out."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from salespipe.cli.context import ANYWHERE, App
from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.load.report import Summary

_PATIENCE_SECONDS: Final = 60.0


class Question(NamedTuple):
    """A question of the tour; an answer of two columns is drawn as ``bars``."""

    title: str
    sql: str
    bars: bool = False


_QUESTIONS: Final = (
    Question(
        "What sells: revenue by category",
        "SELECT category, sum(amount) AS revenue FROM orders WHERE status NOT IN ('cancelled', 'returned') "
        "GROUP BY category ORDER BY revenue DESC LIMIT 8",
        bars=True,
    ),
    Question(
        "Who buys: orders and spending by region",
        "SELECT region, count(*) AS orders, count(DISTINCT customer_id) AS customers, sum(amount) AS revenue, "
        "CAST(avg(amount) AS decimal(18, 2)) AS average_order FROM orders GROUP BY region ORDER BY revenue DESC",
    ),
    Question(
        "Where orders stand: their status now",
        "SELECT status, count(*) AS orders FROM orders GROUP BY status ORDER BY orders DESC",
        bars=True,
    ),
)


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(demo)


def demo(
    context: typer.Context,
    seconds: Annotated[int, typer.Option(min=1, max=3600, help="How long orders are written.")] = 20,
    rate: Annotated[float, typer.Option(help="Writes a second.")] = 50.0,
) -> int:
    """Take the whole tour on this machine.

    Up, live orders, a crawl, three questions, and the count of what was written against what is queryable.
    """
    state = App.of(context)
    if state.config.target != "local":
        raise SalespipeError(
            "DemoIsLocal", "The demo runs on this machine only.", hint="salespipe up", exit_code=Exit.USAGE
        )
    began = time.monotonic()
    aws = state.aws(start=True)
    _deploy(state, aws)
    since = datetime.now(UTC)
    summary = _load(state, aws, rate, seconds)
    _crawl(state, aws)
    queryable = _count(state, aws, since, summary.acknowledged)
    answers = _ask(state, aws)
    _conclude(state, summary.acknowledged, queryable, answers, time.monotonic() - began)
    return Exit.DONE if queryable == summary.acknowledged else Exit.FAILED


def _deploy(state: App, aws: Aws) -> None:
    from salespipe import lifecycle
    from salespipe.pipeline import pipeline
    from salespipe.view import steps

    began = time.monotonic()
    state.screen.say(f"1. The pipeline {state.config.name}, on {aws.where}", style="bold")
    ended = steps.follow(state.screen, "up", lifecycle.up(aws, pipeline(aws)))
    steps.summarise(state.screen, ended, began)


def _load(state: App, aws: Aws, rate: float, seconds: int) -> Summary:
    from salespipe.load.generate import generate
    from salespipe.load.products import Products
    from salespipe.view import load

    state.screen.say(f"2. Orders for {seconds} s, {rate:,.0f} writes a second", style="bold")
    products = Products(aws)
    with load.following(state.screen, "orders") as follow:
        summary = generate(
            aws,
            rate=rate,
            duration=float(seconds),
            products=products,
            ledgers=state.ledgers(aws),
            on_progress=follow,
        )
    load.catalogue(state.screen, products)
    if summary.interrupted:
        raise KeyboardInterrupt
    if not state.json:
        load.tell(state.screen, summary)
    return summary


def _crawl(state: App, aws: Aws) -> None:
    """Crawl what has come so far; the count waits for the rest."""
    from salespipe.query import crawl

    state.screen.say("3. Crawled, and asked", style="bold")
    with state.screen.waiting("crawl") as wait:
        crawl.crawl(aws, settle=False, progress=wait.update)


def _ask(state: App, aws: Aws) -> dict[str, object]:
    from salespipe.query import athena
    from salespipe.view import results

    answers: dict[str, object] = {}
    for question in _QUESTIONS:
        with state.screen.waiting("query") as wait:
            result = athena.run(aws, question.sql, progress=wait.update)
        answers[question.title] = result.records()
        if not state.json:
            results.titled(state.screen, question.title, result, bars=question.bars)
    return answers


def _count(state: App, aws: Aws, since: datetime, written: int) -> int:
    """Count the events since ``since`` that Athena sees, waiting for the last of them to arrive."""
    from salespipe.query import athena

    # A stream event's time has whole seconds, so the first may seem to lie before the demo began.
    sql = (
        "SELECT count(DISTINCT event_id) FROM order_events "
        f"WHERE event_time >= '{since.replace(microsecond=0):%Y-%m-%dT%H:%M:%S}.000Z'"
    )
    began, count = aws.clock(), 0
    with state.screen.waiting("waiting for the last orders") as wait:
        while aws.clock() - began < _PATIENCE_SECONDS:
            (found,) = athena.run(aws, sql).rows[0]
            count = found if isinstance(found, int) else 0
            if count >= written:
                break
            wait.update(f"{count:,} of {written:,}")
            aws.sleep(0.5)
    return count


def _conclude(state: App, written: int, queryable: int, answers: dict[str, object], seconds: float) -> None:
    if state.json:
        state.screen.data({"written": written, "queryable": queryable, "answers": answers, "seconds": seconds})
        return
    verdict = "every write is queryable" if queryable == written else f"{written - queryable:+,} differ"
    style = "bold green" if queryable == written else "bold red"
    state.screen.say(
        f"4. {written:,} written, {queryable:,} queryable: {verdict} ({seconds:.0f} s in all)", style=style
    )
    state.screen.say(
        "\nIt is still there. Try next:\n"
        '  salespipe query "SELECT product_name, sum(quantity) FROM orders GROUP BY 1 ORDER BY 2 DESC"\n'
        "  salespipe generate --rate 200 --duration 30s\n"
        "  salespipe status\n"
        "  salespipe down"
    )
