"""One scenario from its deployment to its proof: break it under load, mend it, and verify."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from salespipe import lifecycle
from salespipe.aws import error_message
from salespipe.errors import Exit, SalespipeError
from salespipe.flow import drain
from salespipe.pipeline import pipeline
from salespipe.query import crawl
from salespipe.trust.drill.load import Load
from salespipe.trust.drill.place import Ground, Place
from salespipe.trust.drill.sights import Sights
from salespipe.trust.drill.timeline import Entry, Kind, Timeline
from salespipe.trust.verify import Report, verify

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.load.report import Summary
    from salespipe.trust.drill.scenarios import Scenario

LEAD: Final = 3.0
"""Orders are written for so many seconds before it breaks, and as long after it is mended."""
_PAUSE: Final = 1.0
# All that is on its way comes within seconds on an idle machine.
_PATIENCE: Final = 120.0

Progress = Callable[[str], None]


@dataclass
class Outcome:
    """How a scenario went: it ``passed`` where ``verify`` has proven that nothing was lost.

    ``problem`` says why it did not come to that; ``report`` is what ``verify`` found, ``load`` what was written.
    """

    scenario: str
    entries: list[Entry]
    seconds: float = 0.0
    load: Summary | None = None
    report: Report | None = None
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether everything that was acknowledged is there, once."""
        return not self.problem and self.report is not None and self.report.exit_code is Exit.DONE


@dataclass
class Drill:
    """One run of one scenario on ``ground``: ``rate`` writes a second, and ``lasting`` seconds of failure.

    ``tell`` hears of every entry of the timeline at once, ``progress`` of what is waited for.
    """

    scenario: Scenario
    ground: Ground
    rate: float
    seed: int
    lasting: float
    tell: Callable[[Entry], object] = lambda _: None
    progress: Progress = lambda _: None
    _outcome: Outcome = field(init=False)

    def run(self) -> Outcome:
        """Do it. What goes wrong is in the outcome; Ctrl-C is raised once the load has ended."""
        from botocore.exceptions import BotoCoreError, ClientError

        self.progress("starting a local AWS")
        aws = self.ground.start()
        self._timeline = timeline = Timeline(aws.clock, self.tell)
        self._outcome = Outcome(self.scenario.name, timeline.entries)
        try:
            self._play(aws)
        except SalespipeError as error:
            self._give_up(error.message, error.hint)
        except (BotoCoreError, ClientError) as error:
            self._give_up(error_message(error))
        self._outcome.seconds = timeline.seconds
        return self._outcome

    def _play(self, aws: Aws) -> None:
        self.progress("deploying")
        for _ in lifecycle.up(aws, pipeline(aws)):
            pass
        self._step(f"the pipeline {aws.config.name} is deployed", "salespipe up")
        seconds = LEAD + self.lasting + LEAD
        load = Load(aws, self.ground.ledgers(aws), rate=self.rate, seconds=seconds, seed=self.seed)
        # Whoever looks does not insist: that nothing answers is what is to be seen.
        sights = Sights(replace(aws, attempts=1), self._timeline)
        place = Place(self.ground, aws, self._timeline)
        load.start()
        try:
            written = f"salespipe generate --rate {self.rate:g} --duration {seconds:.0f}s --seed {self.seed}"
            self._step(f"{self.rate:g} writes a second begin", written)
            self._watch(sights, load, LEAD)
            self.scenario.breaks(place)
            self._watch(sights, load, self.lasting / 2)
            if not self.scenario.unseen:
                sights.resources()
            self._watch(sights, load, self.lasting / 2)
            self.scenario.heals(place)
            self._watch(sights, load, LEAD)
            self._outcome.load = load.end()
        finally:
            place.leave()
            load.stop()
        self._step(_written(self._outcome.load))
        self._prove(place, sights)

    def _watch(self, sights: Sights, load: Load, seconds: float) -> None:
        """Let ``seconds`` go by, with an eye on what can be seen."""
        aws = sights.aws
        end = aws.clock() + seconds
        while (left := end - aws.clock()) > 0:
            sights.look()
            done = load.progress
            if done:
                self.progress(f"{done.acknowledged:,} writes acknowledged, {done.retried:,} sent again")
            aws.sleep(min(_PAUSE, left))

    def _prove(self, place: Place, sights: Sights) -> None:
        aws = place.aws  # whose configuration may have been changed
        drain.drain(aws, progress=self.progress, patience=_PATIENCE)
        sights.look()
        self.scenario.recovers(place)
        self.progress("crawling")
        crawl.crawl(aws, progress=self.progress)
        report = verify(aws, self.ground.ledgers(aws), patience=_PATIENCE, progress=self.progress)
        self._outcome.report = report
        self._timeline.add(Kind.PROOF, _proof(report), "salespipe verify")

    def _give_up(self, why: str, hint: str = "") -> None:
        self._outcome.problem = f"{why} {hint}".strip()
        self._timeline.add(Kind.PROOF, f"it could not go on: {why}", hint)

    def _step(self, text: str, command: str = "") -> None:
        self._timeline.add(Kind.STEP, text, command)


def _written(summary: Summary | None) -> str:
    if summary is None:
        return "nothing was written"
    again = f", {summary.retried:,} were sent again" if summary.retried else ""
    return f"{summary.acknowledged:,} writes were acknowledged{again}"


def _proof(report: Report) -> str:
    """What verify found, in one line."""
    orders = report.orders - report.moving
    if report.exit_code is Exit.DONE:
        return f"{orders:,} orders compared: every acknowledged write is in the lake, every order once in the view"
    counts = (f"{count:,} {kind} at the {stage}" for (kind, stage), count in report.findings.counts.items() if count)
    return f"{orders:,} orders compared: " + ", ".join([*counts, *report.partly])
