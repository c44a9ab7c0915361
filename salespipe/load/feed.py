"""Feeding a writer: hand over writes, tell of progress, and come to an end in every case with a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from salespipe.errors import SalespipeError
from salespipe.load.report import LoadError, Progress, Summary
from salespipe.orders import Kind

if TYPE_CHECKING:
    from salespipe.load.writer import Write, Writer

# Progress is told this often, seconds.
INTERVAL: Final = 0.25

OnProgress = Callable[[Progress], None]


class Feed:
    """One load from its start to its summary.

    ``done`` gives the share of the work behind, or None; ``on_progress`` is called from the caller's own thread about
    four times a second. ``tick`` is for whoever makes writes, to be called while waiting.
    """

    def __init__(
        self,
        writer: Writer,
        clock: Callable[[], float],
        *,
        target_rate: float | None,
        done: Callable[[], float | None],
        on_progress: OnProgress | None,
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._target_rate = target_rate
        self._done = done
        self._on_progress = on_progress
        self._start = clock()
        self._next = self._start

    def tick(self) -> None:
        """Tell of progress, if it is time to."""
        now = self._clock()
        if self._on_progress and now >= self._next:
            self._next = now + INTERVAL
            self._on_progress(Progress(**self._figures()))

    def run(self, writes: Iterable[Write], *, seed: int | None = None) -> Summary:
        """Write everything and wait for it to settle. Ctrl-C ends it early, with a summary that says so.

        Raises ``LoadError``, which has the summary, when it cannot go on.
        """
        try:
            for write in writes:
                while not self._writer.offer(write, INTERVAL):
                    self.tick()
                self.tick()
            while not self._writer.drain(INTERVAL):
                self.tick()
        except KeyboardInterrupt:
            self._writer.stop()
            return self._summary(seed, interrupted=True)
        except SalespipeError as error:
            self._writer.stop()
            raise LoadError(error, self._summary(seed)) from error
        finally:
            self._writer.stop()
        return self._summary(seed)

    def _summary(self, seed: int | None, *, interrupted: bool = False) -> Summary:
        figures = self._figures()
        with self._writer.counting() as tally:
            rejects = tuple(sorted(tally.rejects, key=lambda reject: reject.line))
        return Summary(**figures, abandoned=self._writer.abandoned, interrupted=interrupted, rejects=rejects, seed=seed)

    def _figures(self) -> dict[str, Any]:
        with self._writer.counting() as tally:
            counts = [tally.acknowledged[kind] for kind in Kind]
            p50, p95, p99 = (1000 * tally.latencies.quantile(share) for share in (0.5, 0.95, 0.99))
            seconds = self._clock() - self._start
            return {
                "target_rate": self._target_rate,
                "achieved_rate": sum(counts) / seconds if seconds > 0 else 0.0,
                "acknowledged": sum(counts),
                "inserted": counts[0],
                "updated": counts[1],
                "deleted": counts[2],
                "rejected": tally.rejected,
                "retried": tally.retried,
                "throttled": tally.throttled,
                "p50_ms": p50,
                "p95_ms": p95,
                "p99_ms": p99,
                "jitter_ms": 1000 * tally.delays.deviation,
                "consumed_write_units": tally.consumed,
                "seconds": seconds,
                "done": self._done(),
            }
