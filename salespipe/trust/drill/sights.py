"""What anybody can see of a failure: the stages' verdicts, the alarms, the logs, and what is not as it should be."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from salespipe.flow import alarms, snapshot
from salespipe.flow.logs.lines import understand
from salespipe.flow.logs.reading import Reading, merged
from salespipe.flow.logs.sources import sources
from salespipe.flow.snapshot import Flow, Verdict
from salespipe.lifecycle import status
from salespipe.pipeline import pipeline
from salespipe.resources.base import State, settled_away
from salespipe.trust.drill.timeline import Kind, Timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from salespipe.aws import Aws

_LOUD: Final = frozenset({"WARNING", "ERROR", "CRITICAL"})
# Lines that begin alike, but for their figures, are of one kind.
_ALIKE: Final = 40
_FIGURES: Final = re.compile(r"[0-9]+")
_LONGEST: Final = 200
_GRAVE: Final = (Verdict.FAILING, Verdict.BEHIND, Verdict.UNKNOWN, Verdict.FLOWING, Verdict.IDLE)


def now() -> datetime:
    """The time, UTC."""
    return datetime.now(UTC)


@dataclass
class Sights:
    """Looks again and again, and tells what is new since the last time. ``aws`` should not insist where nobody answers.

    A stage's verdict is told when it changes, dead letters when they are twice as many, an alarm when it rings and when
    it is over, a log line of each kind once.
    """

    aws: Aws
    timeline: Timeline
    clock: Callable[[], datetime] = now
    _verdicts: dict[str, Verdict] = field(default_factory=dict)
    _letters: int = 0
    _ringing: set[str] = field(default_factory=set)
    _lines: set[tuple[str, str]] = field(default_factory=set)
    _silent: bool = False

    def __post_init__(self) -> None:
        since = self.clock()
        self._readings = [Reading(source, since) for source in sources(self.aws.names)]

    def look(self) -> None:
        """Look once; nothing is raised where nobody answers, which is told, too."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._alarms()
            self._flow(snapshot.read(self.aws, self.clock()))
            self._logs()
        except (BotoCoreError, ClientError) as error:
            if not self._silent:
                self._see(f"nothing answers: {error}", "salespipe status")
            self._silent = True
        else:
            if self._silent:
                self._see("it answers again", "salespipe status")
            self._silent = False

    def resources(self) -> None:
        """Tell which resources are not as they should be. Raises what ``lifecycle.status`` raises."""
        wanted = pipeline(self.aws)
        for resource, each in zip(wanted, status(self.aws, wanted), strict=True):
            if each.state is State.READY or settled_away(resource, each.seen):
                continue
            drift = ", ".join(
                f"{drift.field} is {drift.actual!s:.20}, not {drift.wanted!s:.20}" for drift in each.seen.drift
            )
            told = "; ".join(part for part in (each.seen.detail, drift) if part)
            self._see(f"{each.kind} {each.name} is {each.state}" + (f": {told}" if told else ""), "salespipe plan")

    def _flow(self, flow: Flow) -> None:
        changed: dict[Verdict, list[str]] = {}
        for stage in flow.stages:
            before, self._verdicts[stage.name] = self._verdicts.get(stage.name, Verdict.IDLE), stage.verdict
            if stage.verdict is not before:
                changed.setdefault(stage.verdict, []).append(f"{stage.name} ({stage.why})" if stage.why else stage.name)
        for verdict in _GRAVE:
            if names := changed.get(verdict):
                self._see(f"{verdict}: {', '.join(names)}", "salespipe status")
        letters = flow.dead_letters or 0
        if letters >= max(1, 2 * self._letters):
            self._see(f"the dead-letter queue holds {letters:,}", "salespipe quarantine ls")
            self._letters = letters
        self._letters = min(letters, self._letters)

    def _alarms(self) -> None:
        for alarm in alarms.read(self.aws):
            if alarm.state == "ALARM" and alarm.name not in self._ringing:
                self._ringing.add(alarm.name)
                self._see(f"the alarm {alarm.name} rings: {alarm.says}", "salespipe status")
            elif alarm.state == "OK" and alarm.name in self._ringing:
                self._ringing.remove(alarm.name)
                self._see(f"the alarm {alarm.name} is over", "salespipe status")

    def _logs(self) -> None:
        for event in merged(self.aws, self._readings):
            line = understand(event.message)
            kind = event.source, _FIGURES.sub("0", line.text)[:_ALIKE]
            if line.level not in _LOUD or kind in self._lines:
                continue
            self._lines.add(kind)
            self._see(f"{event.source} logs {line.level}: {line.text[:_LONGEST]}", f"salespipe logs {event.source}")

    def _see(self, text: str, command: str) -> None:
        self.timeline.add(Kind.SEEN, " ".join(text.split()), command)
