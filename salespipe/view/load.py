"""Loading as it goes: a panel that moves on a terminal, a line now and then elsewhere, and the summary."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from salespipe.errors import Exit
from salespipe.load.report import LoadError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from salespipe.load.products import Products
    from salespipe.load.report import Progress, Summary
    from salespipe.load.scheduled import Scheduled
    from salespipe.view.screen import Screen

_SHOWN: Final = 10
_BARS: Final = "▁▂▃▄▅▆▇█"
_ASCII_BARS: Final = "_.-=+*%#"
# The rate of now is that of the last so many seconds; the sparkline has a bar for each second.
_NOW: Final = 2.0
_SECONDS: Final = 34
_WIDTH: Final = 24


@contextmanager
def following(screen: Screen, what: str) -> Iterator[Callable[[Progress], None]]:
    """Show progress while a load runs; one that cannot go on still tells what it had written."""
    try:
        if screen.animated:
            with _panel(screen, what) as follow:
                yield follow
        else:
            with screen.waiting(what) as wait:
                yield lambda progress: wait.update(line(progress))
    except LoadError as error:
        summarise(screen, error.summary)
        raise


@contextmanager
def _panel(screen: Screen, what: str) -> Iterator[Callable[[Progress], None]]:
    from rich.live import Live

    pulse = Pulse()
    bars = _BARS if screen.talk.encoding.startswith("utf") else _ASCII_BARS
    with Live(console=screen.talk, auto_refresh=False, transient=True) as live:

        def follow(progress: Progress) -> None:
            pulse.beat(progress)
            live.update(panel(what, progress, pulse, bars), refresh=True)

        yield follow


class Pulse:
    """The achieved rate of now and of each second before, from progress as it comes."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque([(0.0, 0)])
        self._second = (0.0, 0)
        self.seconds: deque[float] = deque(maxlen=_SECONDS)

    def beat(self, progress: Progress) -> None:
        """Take note of where it stands."""
        now = (progress.seconds, progress.acknowledged)
        self._marks.append(now)
        while len(self._marks) > 2 and now[0] - self._marks[1][0] >= _NOW:
            self._marks.popleft()
        since, before = self._second
        if now[0] - since >= 1:
            self.seconds.append((now[1] - before) / (now[0] - since))
            self._second = now

    @property
    def rate(self) -> float:
        """Writes a second that were acknowledged lately."""
        (since, before), (now, then) = self._marks[0], self._marks[-1]
        return (then - before) / (now - since) if now > since else 0.0


def panel(what: str, progress: Progress, pulse: Pulse, bars: str = _BARS) -> RenderableType:
    """Where a load stands, in five lines of less than 80 columns."""
    from rich.text import Text

    target = "" if progress.target_rate is None else f"target {_figure(progress.target_rate)}  "
    trouble = "yellow" if progress.retried or progress.throttled or progress.rejected else ""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{what:<10}", "bold").append(f"{_course(progress, bars)}\n")
    text.append("a second  ", "dim").append(f"{target}achieved ").append(_figure(pulse.rate), "bold")
    text.append(f"  {sparkline(pulse.seconds, bars)}\n", "cyan")
    text.append("writes    ", "dim").append(f"{progress.acknowledged:,}", "bold").append(" acknowledged  ")
    text.append(
        f"{progress.retried:,} retried  {progress.throttled:,} throttled  {progress.rejected:,} rejected\n", trouble
    )
    text.append("latency   ", "dim").append(
        f"p50 {_figure(progress.p50_ms)} ms  p95 {_figure(progress.p95_ms)} ms  p99 {_figure(progress.p99_ms)} ms\n"
    )
    text.append("capacity  ", "dim").append(f"{_figure(progress.consumed_write_units)} write units consumed")
    return text


def sparkline(values: deque[float], bars: str = _BARS) -> str:
    """A bar for each value, the highest as high as the largest value."""
    most = max(values, default=0.0)
    return "".join(bars[min(len(bars) - 1, int(value / most * len(bars)))] for value in values) if most else ""


def _course(progress: Progress, bars: str) -> str:
    """How long it has taken, how much is behind, and how long it will take."""
    if progress.done is None:
        return f"{clock(progress.seconds)}  until Ctrl-C"
    done = min(1.0, progress.done)
    left = progress.left
    if left is None and done > 0:
        left = progress.seconds * (1 - done) / done
    full = int(done * _WIDTH)
    drawn = bars[-1] * full + bars[0] * (_WIDTH - full)
    coming = "" if left is None else f"  {clock(left)} left"
    return f"{clock(progress.seconds)}  {drawn} {done:>4.0%}{coming}"


def clock(seconds: float) -> str:
    """``1:05`` for 65 seconds, ``1:00:00`` for an hour."""
    minutes, second = divmod(int(seconds + 0.5), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def line(progress: Progress) -> str:
    """Say in one line where a load stands."""
    target = "" if progress.target_rate is None else f" of {_figure(progress.target_rate)}"
    done = "" if progress.done is None else f"{progress.done:.0%}, "
    trouble = {"throttled": progress.throttled, "retried": progress.retried, "rejected": progress.rejected}
    told = "".join(f", {count:,} {word}" for word, count in trouble.items() if count)
    return (
        f"{done}{progress.acknowledged:,} acknowledged, {_figure(progress.achieved_rate)}{target} a second, "
        f"p99 {_figure(progress.p99_ms)} ms{told}"
    )


def summarise(screen: Screen, summary: Summary, *, again: str = "") -> Exit:
    """Tell how a load ended, and as one JSON object on the last line of stdout unless that is a terminal.

    ``again`` is the command that makes the same orders. Returns the exit code: what chaos meant to be rejected is no
    failure.
    """
    if not screen.json:
        tell(screen, summary)
        if again:
            screen.say(f"the same orders once more: {again}", style="dim")
    if screen.piped:
        screen.data(summary)
    if summary.interrupted:
        return Exit.INTERRUPTED
    return Exit.PARTLY if _astray(summary) else Exit.DONE


def _astray(summary: Summary) -> int:
    """How many writes were rejected that were not meant to be."""
    return summary.rejected - sum(outcomes.get("rejected", 0) for outcomes in summary.chaos.values())


def schedule(screen: Screen, told: Scheduled) -> Exit:
    """Tell what the generator Lambda's schedule does, with ``json`` as a document."""
    if screen.json:
        screen.data(told)
        return Exit.DONE
    a_second = "" if told.rate is None else f", {told.rate:,.3g} a second"
    amount = f"{told.count:,} writes a run, {told.schedule}{a_second}"
    if told.on:
        screen.say(f"The generator Lambda writes by itself: {amount}.")
        screen.say("stop it: salespipe generate --lambda --stop", style="dim")
    else:
        screen.say(f"The generator Lambda is off. When on: {amount}.")
        screen.say("switch it on: salespipe generate --lambda --rate 1", style="dim")
    return Exit.DONE


def catalogue(screen: Screen, products: Products) -> None:
    """Tell why the catalogue is not in the lake, or not as it is now; nothing when all is well."""
    if products.problem:
        screen.say(f"The catalogue was not written to the lake: {products.problem}", style="yellow")


def tell(screen: Screen, summary: Summary) -> None:
    """Tell a person how a load ended."""
    target = "" if summary.target_rate is None else f" of {_figure(summary.target_rate)}"
    screen.say(
        f"{summary.acknowledged:,} writes acknowledged in {summary.seconds:.1f} s, "
        f"{_figure(summary.achieved_rate)}{target} a second"
    )
    for told in (
        f"{summary.inserted:,} inserted, {summary.updated:,} updated, {summary.deleted:,} deleted",
        f"{summary.retried:,} retried, {summary.throttled:,} throttled, {summary.rejected:,} rejected",
        f"{_figure(summary.consumed_write_units)} write units consumed",
        f"latency p50 {_figure(summary.p50_ms)} ms, p95 {_figure(summary.p95_ms)} ms, p99 {_figure(summary.p99_ms)} ms",
    ):
        screen.say(told, style="dim")
    for kind, outcomes in summary.chaos.items():
        counts = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.items())
        screen.say(f"chaos {kind}: {counts}", style="dim")
    if summary.abandoned:
        screen.say(f"{summary.abandoned:,} writes were ready but not acknowledged when it ended.", style="yellow")
    if not _astray(summary):
        return
    for reject in summary.rejects[:_SHOWN]:
        where = f"line {reject.line}" if reject.line else reject.key
        screen.say(f"  skipped {where}: {reject.reason}", style="yellow")
    if summary.rejected > _SHOWN:
        screen.say(f"  and {summary.rejected - _SHOWN:,} more (--json lists the first hundred)", style="yellow")
