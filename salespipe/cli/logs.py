"""``salespipe logs``: what every part of the pipeline logs, merged by time, once or as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from salespipe.cli.context import ANYWHERE, App
from salespipe.errors import Exit

if TYPE_CHECKING:
    from datetime import datetime

    from salespipe.flow.logs.reading import Reading
    from salespipe.view.logs import Showing
    from salespipe.view.screen import Screen

# Seconds between two looks; FilterLogEvents may be called five times a second at least, and five sources are asked.
_EVERY: Final = {"local": 1.0, "aws": 3.0}


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(epilog=ANYWHERE)(logs)


def logs(  # noqa: PLR0917 - Typer passes options by name
    context: typer.Context,
    wanted: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="generator, pipe, firehose, transform, crawler; none: all of them."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come; Ctrl-C ends it.")] = False,
    since: Annotated[str, typer.Option(help="From when: 10m, 2h, 1d ago, 14:30 or 2026-01-31T14:30 (UTC).")] = "10m",
    until: Annotated[str | None, typer.Option(help="Up to when, in the same words.")] = None,
    pattern: Annotated[
        str,
        typer.Option("--filter", help="CloudWatch's pattern: ERROR, '?ERROR ?WARN', '{ $.level = \"INFO\" }'."),
    ] = "",
    everything: Annotated[
        bool, typer.Option("--all", "-a", help="Also the START and END that Lambda logs around each run.")
    ] = False,
) -> int:
    """Show what the parts of the pipeline logged, merged by time (UTC).

    Exits 4 when a named source is not deployed, or none is. A filter is one of CloudWatch, which runs it: words that
    must all be in a line, in their case; words with other characters than letters, digits and _ are quoted for you.
    --json has for each: at, source, level, kind, message, fields, stream, ingested, id, raw.
    """
    from datetime import UTC, datetime

    from salespipe.cli.reaching import Reach
    from salespipe.flow.logs import reading, sources, spans
    from salespipe.flow.logs.words import quoted
    from salespipe.view.logs import Showing

    state, now = App.of(context), datetime.now(UTC)
    begin = spans.moment(since, "--since", now)
    end = spans.moment(until, "--until", now) if until else None
    if follow and end:
        raise typer.BadParameter("--until does not go with --follow", ctx=context)
    aws = state.aws()
    found = [reading.Reading(each, begin, end, quoted(pattern)) for each in sources.chosen(aws.names, wanted or ())]
    showing = Showing(state.screen, max(len(each.source.name) for each in found), everything=everything)
    try:
        for event in reading.opened(aws, found, named=bool(wanted)):
            showing.show(event)
        _note(state.screen, found, showing, begin)
        if follow:
            pause = _EVERY[state.config.target]
            for event in reading.followed(Reach(state), found, lambda: aws.sleep(pause), state.screen.say):
                showing.show(event)
    except KeyboardInterrupt:
        if not follow:
            raise
    return Exit.DONE


def _note(screen: Screen, found: list[Reading], showing: Showing, begin: datetime) -> None:
    """Say what the lines do not: which sources have none, and why."""
    for missing in [each.missing for each in found if each.missing]:
        screen.say(f"{missing.message} {missing.hint}")
    if silent := [each.source.name for each in found if not each.missing and not each.taken]:
        what = "nothing that matches" if found[0].pattern else "nothing"
        screen.say(f"{what} since {begin:%Y-%m-%d %H:%M:%S} UTC: {', '.join(silent)}")
    if showing.left_out:
        screen.say(f"{showing.left_out:,} lines around invocations left out: --all shows them")
