"""``salespipe query``: SQL, its rows, and what it took."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from salespipe.cli.context import ANYWHERE, App

Format = Annotated[
    str | None,
    typer.Option(
        help="table, csv, tsv, json, jsonl, markdown, parquet or arrow. Default: what -o's suffix says, or table."
    ),
]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write the result to a file.")]
Force = Annotated[bool, typer.Option(help="Replace a file that exists.")]
Limit = Annotated[int | None, typer.Option(min=0, help="Read so many rows; the SQL stays as it is.")]
NoHeader = Annotated[bool, typer.Option("--no-header", help="Leave the names of the columns out.")]
Stats = Annotated[
    Path | None, typer.Option(help="Append what each statement took to a file, as a line of JSON: id, statistics.")
]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    verbs = "Also: salespipe query status|results|cancel ID, and salespipe query history [ID]."
    app.command(epilog=f"{verbs} {ANYWHERE}")(query)


def query(  # noqa: PLR0917 - Typer passes options by name
    context: typer.Context,
    sql: Annotated[
        str | None, typer.Argument(help="SQL in Athena's dialect; - or nothing reads it from a pipe.")
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the SQL from a file (UTF-8).")] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help="The value of a ? in the SQL, in order; or name=value for :name."),
    ] = None,
    format: Format = None,  # noqa: A002 - it is the option's name
    output: Output = None,
    force: Force = False,
    limit: Limit = None,
    no_header: NoHeader = False,
    stats: Stats = None,
    reuse: Annotated[
        str | None, typer.Option(metavar="AGE", help="Take an earlier result of the same SQL, if so young: 60m.")
    ] = None,
    watch: Annotated[str | None, typer.Option(metavar="EVERY", help="Ask again and again: 5s.")] = None,
    times: Annotated[int | None, typer.Option(min=1, help="With --watch: how often.")] = None,
    run_async: Annotated[
        bool, typer.Option("--async", help="Do not wait: print the query's id, for query status and results.")
    ] = False,
    shell: Annotated[
        bool, typer.Option("--shell", help="Ask at a prompt, with completion, history and favourites.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a query that may scan much.")] = False,
) -> None:
    r"""Run SQL and show its rows.

    Athena's dialect. Start with the view orders: each order once, as it is now. Several statements are separated by
    semicolons. A value for --param is a number (42), true, false, null, a literal ('42', DATE '2026-01-31') or else a
    text; Athena binds it, it never becomes SQL. NULL is empty in csv (an empty text is ""), \N in tsv. --json has:
    id, columns, rows, statistics, and a document for each statement. Ctrl-C stops the query on the server.
    """
    from salespipe.cli import asking, guarding, prompting

    state = App.of(context)
    if shell:
        return prompting.run(state, alone=sql is None and file is None and output is None)
    repeats = asking.repeats(state, watch, times, submits=run_async)
    age = asking.minutes(reuse)
    plan = asking.Asking(state, format, output, not no_header, limit, stats, force=force)
    questions = asking.questions(sql, file, param or ())
    aws = state.aws()
    guarding.agree(state, aws, questions, yes=yes)
    if run_async:
        return plan.submit(aws, questions, reuse_minutes=age)
    if repeats:
        return plan.watch(aws, questions, repeats, reuse_minutes=age)
    return plan.ask(aws, questions, reuse_minutes=age)
