"""``salespipe insights``: questions that need no SQL, their answers as charts and tables, and a report of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from salespipe.cli.context import ANYWHERE, App
from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
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
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The report's file.")] = None,
    force: Annotated[bool, typer.Option(help="Replace a report that exists.")] = False,
) -> int | None:
    """Ask without SQL: sales, customers, inventory and the pipeline itself.

    Without a name they are listed. With names they are asked, all at once. The names report, and what to report on
    after it, write one HTML page with the answers: salespipe insights report sales -o report.html
    """
    from salespipe.insights import choose, load
    from salespipe.view import insights as view

    state, asked = App.of(context), list(names or ())
    report = asked[:1] == ["report"]
    if output is not None and not report:
        raise _usage("NoReport", "-o is the file of a report.", "salespipe insights report")
    known = load(Path(state.config.insights.folder).expanduser() if state.config.insights.folder else None)
    if not asked:
        view.listing(state.screen, known)
        return None
    chosen = choose(known, asked[report:]) if asked[report:] else known
    if sql:
        view.statements(state.screen, chosen, _values(param or ()), state.config.delivery_seconds)
        return None
    if report:
        return _report(state, chosen, param or [], output or Path("report.html"), force=force)
    answers = _ask(state, chosen, param or [])
    view.show(state.screen, answers, tables=table)
    return _verdict(answers)


def _report(state: App, chosen: tuple[Insight, ...], param: list[str], file: Path, *, force: bool) -> int:
    from datetime import UTC, datetime

    from salespipe.view import report

    if file.exists() and not force:
        raise _usage("FileExists", f"{file} exists.", "--force replaces it.")
    aws = state.aws()
    answers = _ask(state, chosen, param)
    page = report.page(answers, name=state.config.name, where=aws.where, now=datetime.now(UTC))
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise SalespipeError("NotWritten", f"{file} cannot be written: {error}.", exit_code=Exit.FAILED) from error
    told = sum(answer.result is not None for answer in answers)
    if state.json:
        state.screen.data({"file": str(file), "insights": told, "left_out": len(answers) - told})
    else:
        state.screen.say(f"{file} answers {told} questions; {len(answers) - told} could not be asked, as it says.")
    return Exit.DONE if told else Exit.FAILED


def _ask(state: App, chosen: tuple[Insight, ...], param: list[str]) -> list[Answer]:
    from salespipe.query import answers

    values, aws = _values(param), state.aws()
    with state.screen.waiting("asking") as wait:
        return answers.ask(aws, chosen, values, progress=wait.update)


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
