"""Following one order: looking again and again until all that was written of it can be queried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from salespipe.flow.delays import longest_delay
from salespipe.trust.trace.look import Progress, Tracer
from salespipe.trust.trace.model import Passage, Trace, Version

if TYPE_CHECKING:
    from salespipe.aws import Aws

# A look at an order that waits makes about ten calls, and on AWS two queries once it is in the lake.
_EVERY_SECONDS: Final = {"local": 0.3, "aws": 5.0}


def patience(aws: Aws) -> float:
    """How long to follow at most, seconds, where nobody says: three times what an order may take."""
    return 3 * longest_delay(aws)


def follow(
    tracer: Tracer, seconds: float, progress: Progress, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Iterator[Trace]:
    """Look until every version is through, or ``seconds`` are over; yields each look. Also waits for the order itself.

    Raises what ``Tracer.look`` raises.
    """
    began = clock()
    while True:
        trace = tracer.look()
        yield trace
        left = seconds - (clock() - began)
        if (trace.versions and trace.stuck is None) or left <= 0:
            return
        why = trace.stuck.why if trace.stuck else f"there is no order {trace.order} yet"
        progress(f"{why}; following for {left:.0f} s more at most")
        sleep(min(left, _EVERY_SECONDS[tracer.aws.config.target]))


class News:
    """What of a look was not in the one before."""

    def __init__(self) -> None:
        self._known: set[tuple[int, str, str]] = set()

    def of(self, trace: Trace) -> list[tuple[Version, Passage]]:
        """The places where a version was met for the first time, in the order of the hops."""
        news = []
        for version in trace.versions:
            for passage in version.way:
                mark = (version.number, passage.hop, passage.where)
                if mark not in self._known:
                    self._known.add(mark)
                    news.append((version, passage))
        return news
