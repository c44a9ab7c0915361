"""``salespipe insights``: questions that need no SQL, their answers as charts and tables, and a report of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from salespipe.cli.context import ANYWHERE, App
from salespipe.cli.query import Force, Format, Limit, NoHeader, Stats
from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.cli.asking import Asking
    from salespipe.insights import Insight
    from salespipe.query.answers import Answer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=f"Your own: .sql files in ./insights, or [insights] folder. {ANYWHERE}")(insights)


def insights(  # noqa: PLR0917 - Typer passes options by name
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Insights, or whole groups: sales, customers, inventory, pipeline. First of all: report."),
    ] = None,
    param: Annotated[list[str] | None, typer.Option("--param", "-p", help="name=value, as in period=7d.")] = None,
    table: Annotated[bool, typer.Option("--table", help="Show every column, as a table, instead of charts.")] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL, and ask nothing.")] = False,
    format: Format = None,  # noqa: A002 - it is the option's name
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the result, or the report, to a file.")
    ] = None,
    force: Force = False,
    limit: Limit = None,
    no_header: NoHeader = False,
    stats: Stats = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before queries that may scan much.")] = False,
) -> int | None:
    """Ask without SQL: sales, customers, inventory and the pipeline itself.

    Without a name they are listed. With names they are asked, all at once: one insight in any format of salespipe
    query, several as table or json, which has each by its name. The names report, and what to report on after it,
    write one HTML page with the answers: salespipe insights report sales -o report.html. Ctrl-C stops the queries on
    the server.
    """
    from salespipe.cli.asking import Asking
    from salespipe.insights import choose, load
    from salespipe.view import insights as view

    state, asked = App.of(context), list(names or ())
    report = asked[:1] == ["report"]
    one = limit is not None or no_header or stats is not None
    _check(asked, format, output, sql=sql, one=one)
    values = _values(param or ())
    known = load(Path(state.config.insights.folder).expanduser() if state.config.insights.folder else None)
    if not asked:
        view.listing(state.screen, known)
        return None
    chosen = choose(known, asked[report:]) if asked[report:] else known
    if sql:
        view.statements(state.screen, chosen, values, state.config.delivery_seconds)
        return None
    if report:
        return _report(state, chosen, values, output or Path("report.html"), force=force, yes=yes)
    if format or output or one:
        plan = Asking(
            *(state, format or ("table" if table else None), output, not no_header, limit, stats),
            force=force,
            shown=chosen[0].whole,
        )
        _check_plan(plan, len(chosen), one=one)
        return _write(plan, chosen, values, yes=yes)
    answers = _ask(state, state.aws(), chosen, values, yes=yes)
    view.show(state.screen, answers, tables=table)
    return _verdict(answers)


def _check(asked: list[str], format: str | None, output: Path | None, *, sql: bool, one: bool) -> None:  # noqa: A002
    if asked[:1] == ["report"]:
        if format is not None or one:
            told = "--format, --limit, --no-header and --stats"
            raise _usage("Format", "A report is one HTML page of all rows.", f"Leave out {told}, or the name report.")
    elif output is not None and format is None and output.suffix.lower() in {".html", ".htm"}:
        raise _usage("NoReport", f"{output} would be a report.", f"salespipe insights report -o {output}")
    elif (format or output or one) and (sql or not asked):
        told = "--sql prints the SQL" if sql else "Without a name the insights are listed"
        raise _usage("NoResult", f"{told}: there is no result to write.", "salespipe insights sales-summary -o x.csv")


def _check_plan(plan: Asking, insights: int, *, one: bool) -> None:
    if insights > 1 and one:
        told = f"--limit, --no-header and --stats are for one result, and there are {insights} insights."
        raise _usage("Several", told, "Ask them one by one.")
    if insights > 1 and plan.name not in {"table", "json"}:
        told = f"{plan.name} takes one result, and there are {insights} insights."
        raise _usage("Format", told, "--format json has each by its name; or ask them one by one.")


def _write(plan: Asking, chosen: tuple[Insight, ...], values: dict[str, str], *, yes: bool) -> int:
    from salespipe.cli import guarding
    from salespipe.cli.asking import Question
    from salespipe.query import answers, destination
    from salespipe.view import insights as view

    state, aws = plan.app, plan.app.aws()
    if len(chosen) > 1:
        told = _ask(state, aws, chosen, values, yes=yes)
        with destination.opened(plan.output) as out:
            view.write(out, told, plan.name, width=state.screen.width if plan.output is None else sys.maxsize)
        view.took(state.screen, told)
        if state.json and plan.output is not None:
            answered = sum(each.result is not None for each in told)
            state.screen.data({"output": plan.output, "format": plan.name, "insights": answered})
        return _verdict(told)
    [prepared] = answers.prepare(aws, chosen, values)
    if prepared.problem:
        raise prepared.problem
    guarding.agree_together(state, aws, [prepared.sql], yes=yes)
    plan.ask(aws, [Question(prepared.sql)])
    return Exit.DONE


def _report(
    state: App, chosen: tuple[Insight, ...], values: dict[str, str], file: Path, *, force: bool, yes: bool
) -> int:
    from datetime import UTC, datetime

    from salespipe.cli import asking
    from salespipe.query import destination
    from salespipe.view import report

    asking.replaceable(state, file, force=force)
    aws = state.aws()
    answers = _ask(state, aws, chosen, values, yes=yes)
    page = report.page(answers, name=state.config.name, where=aws.where, now=datetime.now(UTC))
    with destination.opened(file) as out:
        out.write(page.encode())
    told = sum(answer.result is not None for answer in answers)
    if state.json:
        state.screen.data({"file": str(file), "insights": told, "left_out": len(answers) - told})
    else:
        left = f"; {len(answers) - told} could not be asked, as it says" if told < len(answers) else ""
        state.screen.say(f"{file} answers {told} question{'' if told == 1 else 's'}{left}.")
    return Exit.DONE if told else Exit.FAILED


def _ask(state: App, aws: Aws, chosen: tuple[Insight, ...], values: dict[str, str], *, yes: bool) -> list[Answer]:
    from salespipe.cli import guarding
    from salespipe.query import answers

    prepared = answers.prepare(aws, chosen, values)
    guarding.agree_together(state, aws, [each.sql for each in prepared if each.problem is None], yes=yes)
    with state.screen.waiting("asking") as wait:
        return answers.run(aws, prepared, progress=wait.update)


def _values(param: list[str] | tuple[str, ...]) -> dict[str, str]:
    pairs = [each.partition("=") for each in param]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise _usage("BadParameter", f"{name!r} is not name=value.", "--param period=7d")
    return {name: value for name, _, value in pairs}


def _verdict(answers: list[Answer]) -> int:
    answered = sum(answer.result is not None for answer in answers)
    return Exit.DONE if answered == len(answers) else Exit.PARTLY if answered else Exit.FAILED


def _usage(code: str, message: str, hint: str) -> SalespipeError:
    return SalespipeError(code, message, hint=hint, exit_code=Exit.USAGE)
