"""Loading as it goes: one line that moves on a terminal, a line now and then elsewhere, and the summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from salespipe.errors import Exit
from salespipe.load.report import LoadError

if TYPE_CHECKING:
    from salespipe.load.products import Products
    from salespipe.load.report import Progress, Summary
    from salespipe.view.screen import Screen

_SHOWN: Final = 10


@contextmanager
def following(screen: Screen, what: str) -> Iterator[Callable[[Progress], None]]:
    """Show progress while a load runs; one that cannot go on still tells what it had written."""
    try:
        with screen.waiting(what) as wait:
            yield lambda progress: wait.update(line(progress))
    except LoadError as error:
        summarise(screen, error.summary)
        raise


def line(progress: Progress) -> str:
    """Say in one line where a load stands."""
    target = "" if progress.target_rate is None else f" of {progress.target_rate:,.0f}"
    done = "" if progress.done is None else f"{progress.done:.0%}, "
    trouble = {"throttled": progress.throttled, "retried": progress.retried, "rejected": progress.rejected}
    told = "".join(f", {count:,} {word}" for word, count in trouble.items() if count)
    return (
        f"{done}{progress.acknowledged:,} acknowledged, {progress.achieved_rate:,.0f}{target} a second, "
        f"p99 {progress.p99_ms:,.0f} ms{told}"
    )


def summarise(screen: Screen, summary: Summary) -> Exit:
    """Tell how a load ended, with ``json`` as one object on the last line of stdout; returns the exit code."""
    if screen.json:
        screen.data(summary)
    else:
        tell(screen, summary)
    if summary.interrupted:
        return Exit.INTERRUPTED
    return Exit.PARTLY if summary.rejected else Exit.DONE


def catalogue(screen: Screen, products: Products) -> None:
    """Tell why the catalogue is not in the lake, or not as it is now; nothing when all is well."""
    if products.problem:
        screen.say(f"The catalogue was not written to the lake: {products.problem}", style="yellow")


def tell(screen: Screen, summary: Summary) -> None:
    """Tell a person how a load ended."""
    screen.say(
        f"{summary.acknowledged:,} writes acknowledged in {summary.seconds:.1f} s "
        f"({summary.achieved_rate:,.0f} a second): {summary.inserted:,} inserted, {summary.updated:,} updated, "
        f"{summary.deleted:,} deleted"
    )
    screen.say(
        f"latency p50 {summary.p50_ms:,.0f} ms, p95 {summary.p95_ms:,.0f} ms, p99 {summary.p99_ms:,.0f} ms; "
        f"{summary.retried:,} retried, {summary.throttled:,} throttled, {summary.rejected:,} rejected",
        style="dim",
    )
    if summary.abandoned:
        screen.say(f"{summary.abandoned:,} writes were ready but not acknowledged when it ended.", style="yellow")
    for reject in summary.rejects[:_SHOWN]:
        where = f"line {reject.line}" if reject.line else reject.key
        screen.say(f"  skipped {where}: {reject.reason}", style="yellow")
    if summary.rejected > _SHOWN:
        screen.say(f"  and {summary.rejected - _SHOWN:,} more (--json lists the first hundred)", style="yellow")
