"""One look at the whole pipeline: its resources, what flows, and what it has cost; as a document, or as a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from salespipe.errors import Exit
from salespipe.flow.totals import MEMORY_HERE
from salespipe.resources.base import State
from salespipe.view import alarms as alarms_view
from salespipe.view import cost
from salespipe.view import flow as flow_view
from salespipe.view import latency as latency_view
from salespipe.view import readings as readings_view

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType

    from salespipe.cost.bill import Bill
    from salespipe.errors import SalespipeError
    from salespipe.flow.alarms import AlarmState
    from salespipe.flow.latency import Latency
    from salespipe.flow.snapshot import Flow
    from salespipe.lifecycle import Reading
    from salespipe.view.screen import Screen

_LEAST_ROWS: Final = 3


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that one look found, at a moment (UTC).

    ``unseen`` are resources that AWS refused to describe: kind, name, and why. ``bill`` is what was spent ``since`` the
    Kinesis stream was made; None where that or the usage is not known. With ``free`` nothing is charged: the bill is
    what AWS would have asked. ``alarms`` is None where there are none, or they could not be read, and ``latency`` where
    nothing was delivered lately.
    """

    at: datetime
    pipeline: str
    where: str
    readings: tuple[Reading, ...]
    unseen: tuple[tuple[str, str, str], ...] = field(default=())
    flow: Flow | None = None
    bill: Bill | None = None
    since: datetime | None = None
    free: bool = False
    alarms: tuple[AlarmState, ...] | None = None
    latency: Latency | None = None

    @property
    def exit_code(self) -> Exit:
        """0 when all resources are ready, 4 when nothing is there, else 3. What flows only warns."""
        states = {reading.state for reading in self.readings}
        if not self.unseen and states == {State.READY}:
            return Exit.DONE
        return Exit.NOT_DEPLOYED if not self.unseen and states == {State.ABSENT} else Exit.PARTLY

    @property
    def counts(self) -> str:
        """How many resources are in which state."""
        told = [(str(state), sum(reading.state is state for reading in self.readings)) for state in State]
        told.append(("unknown", len(self.unseen)))
        return ", ".join(f"{count} {state}" for state, count in told if count)


def document(look: Look) -> dict[str, object]:
    """A look as one JSON document. Times are ISO 8601 in UTC; what is not known is null.

    ``at``, ``pipeline``, ``where``, ``exit_code`` (that of the command), and

    - ``resources``: ``kind name state arn detail created age_seconds adopted``, and ``drift``, a list of
      ``field wanted actual remedy``. State ``unknown`` means that AWS refused to describe it; ``detail`` says why.
    - ``flow`` (null while nothing is deployed): ``at verdict window_minutes dead_letters problems`` and ``stages``:
      ``stage resource verdict why``, ``rate`` and ``lag_seconds`` (``value minute complete``: of which minute it is,
      and whether that is over), ``recent`` and ``failed`` (sums over the window).
    - ``latency`` (null where nothing was delivered in the last 15 minutes): ``since until events objects`` and
      ``stages``: ``stage p50_seconds p95_seconds p99_seconds``.
    - ``alarms`` (null where there are none): a list of ``name state since reason says enabled``, of which ``says`` is
      what it means and what to run.
    - ``cost`` (null where unknown): ``since``, ``free``, and the bill: ``usd at_least unknown region as_of lines``.
    """
    return {
        "at": look.at,
        "pipeline": look.pipeline,
        "where": look.where,
        "exit_code": int(look.exit_code),
        "resources": [
            *(readings_view.record(reading, look.at) for reading in look.readings),
            *(readings_view.unseen_record(*each) for each in look.unseen),
        ],
        "flow": None if look.flow is None else flow_view.record(look.flow),
        "latency": None if look.latency is None else latency_view.record(look.latency),
        "alarms": look.alarms,
        "cost": None
        if look.bill is None
        else {"since": look.since, "free": look.free, **cost.record(look.bill, total=True)},
    }


def failure(at: datetime, error: SalespipeError) -> dict[str, object]:
    """A look that failed, among others that did not: ``at`` and ``error`` (``code message hint``)."""
    return {"at": at, "error": {"code": error.code, "message": error.message, "hint": error.hint}}


def show(screen: Screen, look: Look) -> Exit:
    """Draw a look in full, or write it as JSON; returns the exit code that says how the whole is."""
    if screen.json:
        screen.data(document(look))
        return look.exit_code
    screen.show(page(look))
    screen.say(f"{look.pipeline} on {look.where}: {look.counts}", style="bold")
    states = {reading.state for reading in look.readings}
    if look.exit_code is Exit.NOT_DEPLOYED or State.DRIFTED in states:
        screen.say("next: salespipe up")
    return look.exit_code


def page(look: Look) -> Group:
    """The look in full: a row for each resource, with all that differs, and the flow below."""
    from rich.console import Group

    below = _below(look)
    return Group(readings_view.table(look.readings, look.unseen, look.at), *(["", *below] if below else []))


def fitted(look: Look, console: Console, *, spare: int = 0) -> RenderableType:
    """The look as it fits the console's height, but for ``spare`` lines: in full, or what is not ready of it."""
    from rich.console import Group

    room = console.height - spare
    head, below = headline(look), Group("", *_below(look, lines=1))
    for drawn in (
        Group(*head, "", page(look)),
        Group(*head, readings_view.attention(look.readings, look.unseen, look.at), below),
    ):
        if len(console.render_lines(drawn)) <= room:
            return drawn
    rows = max(room - len(console.render_lines(Group(*head, below))), _LEAST_ROWS)
    return Group(*head, readings_view.attention(look.readings, look.unseen, look.at, lines=rows), below)


def headline(look: Look) -> list[RenderableType]:
    """When, what and where, and how many resources are in which state: two lines."""
    from rich.text import Text

    title = Text(f"{look.at:%H:%M:%S} UTC  {look.pipeline} on {look.where}", "bold", no_wrap=True, overflow="ellipsis")
    return [title, Text(look.counts, no_wrap=True, overflow="ellipsis")]


def money(look: Look) -> list[str]:
    """What it has cost so far, and what that leaves out; nothing where it is not known."""
    if look.bill is None or look.since is None:
        return []
    free = "free here; on AWS it would have been " if look.free else ""
    lines = [f"{free}{cost.spent(look.bill)}, since {look.since:%Y-%m-%d %H:%M} UTC"]
    if look.bill.unknown:
        lines.append(f"not counted: {', '.join(look.bill.unknown)}")
    if look.free and look.at - look.since > MEMORY_HERE:
        lines.append(f"not counted: what flowed more than {MEMORY_HERE // timedelta(hours=1)} hours ago")
    return lines


def _below(look: Look, *, lines: int | None = None) -> list[RenderableType]:
    from rich.text import Text

    parts: list[RenderableType] = []
    if look.flow is not None:
        parts.append(flow_view.table(look.flow))
        parts += [Text(line, style) for line, style in flow_view.remarks(look.flow)]
    if look.latency is not None:
        whole = Text(latency_view.headline(look.latency), no_wrap=True, overflow="ellipsis")
        parts.append(latency_view.table(look.latency) if lines is None else whole)
    if look.alarms:
        told = alarms_view.lines(look.alarms, look.at) if lines is None else [alarms_view.headline(look.alarms)]
        parts += told
    parts += [Text(line, style="dim") for line in money(look)[:lines]]
    return parts
