"""``salespipe demo``: the whole tour on this machine, ending in the proof that nothing was lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from salespipe.cli.context import ANYWHERE, App
from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.load.report import Summary
    from salespipe.query.answers import Answer
    from salespipe.trust.verify import Report

_INSIGHTS: Final = ("sales-summary", "sales-by-category", "sales-by-region", "top-products")


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(demo)


def demo(
    context: typer.Context,
    seconds: Annotated[int, typer.Option(min=1, max=3600, help="How long orders are written.")] = 15,
    rate: Annotated[float, typer.Option(help="Writes a second.")] = 50.0,
) -> int:
    """Take the whole tour on this machine.

    Up, live orders, a crawl, the proof that every write is in the lake exactly once, and some insights.
    """
    state = App.of(context)
    if state.config.target != "local":
        raise SalespipeError(
            "DemoIsLocal", "The demo runs on this machine only.", hint="salespipe up", exit_code=Exit.USAGE
        )
    began = time.monotonic()
    aws = state.aws(start=True)
    _deploy(state, aws)
    summary = _load(state, aws, rate, seconds)
    report = _prove(state, aws)
    answers = _ask(state, aws)
    _conclude(state, summary, report, answers, time.monotonic() - began)
    return report.exit_code


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


def _prove(state: App, aws: Aws) -> Report:
    """Crawl what has come so far; the proof waits for the rest."""
    from salespipe.query import crawl
    from salespipe.trust.verify import verify
    from salespipe.view import verify as view

    state.screen.say("3. Crawled, and verified", style="bold")
    with state.screen.waiting("crawl") as wait:
        crawl.crawl(aws, settle=False, progress=wait.update)
    with state.screen.waiting("verify") as wait:
        report = verify(aws, state.ledgers(aws), progress=wait.update)
    if not state.json:
        view.show(state.screen, report)
    return report


def _ask(state: App, aws: Aws) -> list[Answer]:
    from salespipe import insights
    from salespipe.query import answers
    from salespipe.view import insights as view

    state.screen.say("4. Asked", style="bold")
    prepared = answers.prepare(aws, insights.choose(insights.shipped(), _INSIGHTS), {})
    with state.screen.waiting("asking") as wait:
        told = answers.run(aws, prepared, progress=wait.update)
    if not state.json:
        view.show(state.screen, told, tables=False)
    return told


def _conclude(state: App, summary: Summary, report: Report, answers: list[Answer], seconds: float) -> None:
    from salespipe.view import verify as view

    if state.json:
        told = {each.insight.name: each.result.records() for each in answers if each.result is not None}
        proof = view.document(report)
        state.screen.data(
            {"written": summary.acknowledged, "verified": proof, "answers": told, "seconds": round(seconds, 1)}
        )
        return
    style = "bold green" if report.exit_code is Exit.DONE else "bold red"
    state.screen.say(f"\n{summary.acknowledged:,} writes in {seconds:.0f} s. {view.verdict(report)}", style=style)
    state.screen.say(
        "It is still there. Try next:\n"
        "  salespipe watch\n"
        "  salespipe generate --rate 200 --duration 30s\n"
        "  salespipe query --shell\n"
        "  salespipe insights report -o report.html\n"
        "  salespipe down"
    )
