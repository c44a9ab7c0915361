"""The way of one order: a block for each version, a line for each place where it was met, then where it waits."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.table import Table

    from salespipe.trust.trace.model import Passage, Stuck, Trace, Version
    from salespipe.view.screen import Screen

# So many versions, and of each so many changed attributes, of so many characters; --json has more.
_SHOWN: Final = 8
_CHANGES: Final = 3
_LONGEST: Final = 60
_PLACES: Final = {
    "written": "the table",
    "stream": "the table's stream",
    "kinesis": "Kinesis",
    "lake": "the lake",
    "athena": "Athena",
    "view": "the view",
}


def show(screen: Screen, trace: Trace) -> None:
    """Draw the trace, or write it as JSON."""
    if screen.json:
        screen.data(document(trace))
        return
    from rich.text import Text

    for remark in trace.remarks:
        screen.say(remark)
    if not trace.found:
        return  # the command says so
    versions = trace.versions[-_SHOWN:]
    if hidden := trace.older + len(trace.versions) - len(versions):
        screen.show(Text(f"Not shown: the first {hidden:,} versions.", "dim"))
    for version in versions:
        screen.show(Text(f"version {version.number}: {version.kind or 'written'}{_told(version.changes)}", "bold"))
        screen.show(_table(version, trace.at.date(), trace.stuck))
    end(screen, trace)


def end(screen: Screen, trace: Trace) -> None:
    """The result, and what helps where the order waits; nothing in JSON, which has both."""
    from rich.text import Text

    if screen.json or not trace.found:
        return
    screen.show(Text(verdict(trace), "bold green" if trace.stuck is None else "bold yellow"))
    if trace.stuck:
        screen.say(f"  {'next' if trace.stuck.waits else 'fix'}: {trace.stuck.fix}")


def document(trace: Trace) -> dict[str, Any]:
    """The trace for scripts. Times are ISO 8601 in UTC; what is not known is null."""
    return {
        "at": trace.at,
        "pipeline": trace.pipeline,
        "where": trace.where,
        "order": trace.order,
        "exit_code": int(trace.exit_code),
        "found": trace.found,
        "in_table": trace.in_table,
        "older": trace.older,
        "versions": [_record(version) for version in trace.versions],
        "stuck": trace.stuck,
        "looked_through": trace.looked,
        "remarks": trace.remarks,
    }


def verdict(trace: Trace) -> str:
    """The result in one sentence."""
    count = len(trace.versions) + trace.older
    versions = "Its one version" if count == 1 else f"All {count:,} versions"
    if trace.stuck is None:
        took = trace.versions[-1].seconds
        delay = "" if took is None else f"; the newest took {_seconds(took)} from the write to S3"
        return f"{versions} can be queried{delay}."
    waiting = [version for version in trace.versions if version.stuck]
    number = waiting[-1].number
    others = f" (and {len(waiting) - 1:,} more wait)" if len(waiting) > 1 else ""
    doing = "is on its way to" if trace.stuck.waits else "has not come to"
    return f"Version {number} {doing} {_PLACES[trace.stuck.hop]}{others}: {trace.stuck.why}."


def line(version: Version, passage: Passage, today: date) -> str:
    """One place as a line of text, for those who follow."""
    parts = (_clock(passage, today), _after(passage), _name(passage), passage.where)
    return f"version {version.number}  " + "  ".join(part for part in parts if part)


def _record(version: Version) -> dict[str, Any]:
    return {
        "version": version.number,
        "kind": version.kind,
        "event_id": version.change.event_id if version.change else None,
        "changes": version.changes,
        "hops": [
            {
                "hop": passage.hop,
                "at": passage.at,
                "exact": passage.exact,
                "seconds": None if passage.seconds is None else round(passage.seconds, 3),
                "about": passage.about,
                "where": passage.where,
                "copy": passage.copy,
            }
            for passage in version.way
        ],
        "seconds": version.seconds,
        "rows": version.rows,
        "shown": version.shown,
        "stuck": version.stuck,
    }


def _table(version: Version, today: date, told_below: Stuck | None) -> Table:
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    drawn.add_column("  hop", no_wrap=True)
    drawn.add_column("time (UTC)", no_wrap=True)
    drawn.add_column("after", justify="right", no_wrap=True)
    drawn.add_column("where", overflow="fold")
    for passage in version.way:
        style = "yellow" if passage.copy > 1 else "bold red" if passage.hop == "failed" else ""
        name = Text(f"  {_name(passage)}", style)
        drawn.add_row(name, _clock(passage, today), _after(passage), Text(passage.where))
    if version.stuck:
        style = "yellow" if version.stuck.waits else "bold red"
        told = "not yet" if version.stuck is told_below else f"not yet: {version.stuck.why}"
        drawn.add_row(Text(f"  {version.stuck.hop}", style), "", "", Text(told, style))
    return drawn


def _told(changes: list[str]) -> str:
    if not changes:
        return ""
    some = [change if len(change) <= _LONGEST else f"{change[: _LONGEST - 3]}..." for change in changes[:_CHANGES]]
    more = f" and {len(changes) - _CHANGES} more" if len(changes) > _CHANGES else ""
    return f"  {', '.join(some)}{more}"


def _name(passage: Passage) -> str:
    return passage.hop if passage.copy == 1 else f"{passage.hop} (copy {passage.copy})"


def _clock(passage: Passage, today: date) -> str:
    at = passage.at
    if at is None:
        return ""
    day = "" if at.date() == today else f"{at:%Y-%m-%d} "
    return f"{day}{at:%H:%M:%S}.{at.microsecond // 1000:03d}" if passage.exact else f"{day}{at:%H:%M:%S}"


def _after(passage: Passage) -> str:
    """The delay; where a time is in whole seconds, only about."""
    if passage.seconds is None:
        return ""
    return f"~{passage.seconds:.0f} s" if passage.about else f"+{_seconds(passage.seconds)}"


def _seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 1 else f"{value:.1f} s" if value < 120 else f"{value / 60:.0f} min"
