"""What flows through the pipeline: ``read`` makes one frozen ``Flow`` of one look at CloudWatch and at the queue.

CloudWatch tells of whole minutes, and on AWS a few minutes late, so that every figure says of which minute it is. What
is not known is None, which is another thing than 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from salespipe.aws import error_code, error_message, is_not_found
from salespipe.flow.metrics import Metric, Point, Points, fetch
from salespipe.stages import Gauge, gauges

if TYPE_CHECKING:
    from collections.abc import Callable

    from salespipe.aws import Aws

WINDOW_MINUTES: Final = 15
"""How far back ``recent`` and ``failed`` count."""
FAILING_MINUTES: Final = 5
"""A failure younger than this makes a stage failing."""
_MINUTE: Final = timedelta(minutes=1)


class Verdict(StrEnum):
    """How a stage is, by its figures."""

    FLOWING = "flowing"
    IDLE = "idle"  # nothing has passed lately, and nothing is late
    BEHIND = "behind"  # what passes is older than it should be
    FAILING = "failing"  # something failed in the last minutes
    UNKNOWN = "unknown"  # its figures could not be read


@dataclass(frozen=True, slots=True)
class Figure:
    """A value of the minute that began at ``minute`` (UTC); not ``complete`` while that minute may still grow."""

    value: float
    minute: datetime
    complete: bool


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: ``rate`` is what passed in one minute, ``recent`` in the window, ``failed`` what failed in it.

    ``lag_seconds`` is how old the oldest was of what is passing. Each is None where AWS published nothing of it.
    """

    name: str
    resource: str
    verdict: Verdict
    why: str = ""
    rate: Figure | None = None
    recent: float | None = None
    lag_seconds: Figure | None = None
    failed: float | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """The whole, at a moment (UTC). ``dead_letters`` are in the queue right now; None when the queue is not there.

    ``problems`` say what could not be read, and why.
    """

    at: datetime
    stages: tuple[Stage, ...]
    dead_letters: int | None
    problems: tuple[str, ...] = field(default=())
    window_minutes: int = WINDOW_MINUTES

    @property
    def worst(self) -> Verdict:
        """The gravest verdict among the stages; dead letters count as failing."""
        grave = (Verdict.FAILING, Verdict.BEHIND, Verdict.UNKNOWN, Verdict.FLOWING)
        found = {stage.verdict for stage in self.stages} | ({Verdict.FAILING} if self.dead_letters else set())
        return next((verdict for verdict in grave if verdict in found), Verdict.IDLE)


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late a metric is: a minute's figure no longer grows after ``settled``, and is old news after ``stale``."""

    settled: timedelta
    stale: timedelta


# AWS publishes within one to three minutes as a rule ("best-effort", pages of the services); the AWS on this machine
# within seconds.
_ON_AWS: Final = Lateness(timedelta(seconds=60), timedelta(minutes=5))
_HERE: Final = Lateness(timedelta(seconds=10), timedelta(seconds=75))


def read(aws: Aws, now: datetime | None = None) -> Flow:
    """Look once: GetMetricData, and the attributes of the dead-letter queue.

    What AWS refuses is told in ``problems`` and leaves its figures unknown; nothing is raised for it.
    """
    at = datetime.now(UTC) if now is None else now
    measured = gauges(aws.config, aws.names)
    lateness = _HERE if aws.config.target == "local" else _ON_AWS
    problems: list[str] = []
    start = at.replace(second=0, microsecond=0) - (WINDOW_MINUTES - 1) * _MINUTE
    # One second more, so that the minute under way is in it also at its very beginning.
    points = _told(
        "metrics", problems, lambda: fetch(aws, _wanted(measured), start, at + timedelta(seconds=1), period=60)
    )
    letters = _told("dead letters", problems, lambda: _dead_letters(aws))
    stages = tuple(
        judged(gauge, points, at, lateness)
        if points is not None
        else Stage(gauge.name, gauge.resource, Verdict.UNKNOWN, "its metrics could not be read")
        for gauge in measured
    )
    return Flow(at, stages, letters, tuple(problems))


def _told(what: str, problems: list[str], call: Callable[[], Any]) -> Any:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call()
    except (BotoCoreError, ClientError) as error:
        if not is_not_found(error):
            problems.append(f"{what}: {error_code(error) or type(error).__name__}: {error_message(error)}")
        return None


def _dead_letters(aws: Aws) -> int:
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=aws.names.queue)["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(answer.get(name, 0)) for name in names)


def _wanted(measured: tuple[Gauge, ...]) -> dict[str, Metric]:
    wanted: dict[str, Metric] = {}
    for gauge in measured:
        several = {f"failed{number}": metric for number, metric in enumerate(gauge.failed)}
        single = {"moved": gauge.moved, "lag": gauge.lag, "tried": gauge.tried, "done": gauge.done}
        for role, metric in (single | several).items():
            if metric is not None:
                wanted[f"{gauge.name} {role}"] = metric
    return wanted


def judged(gauge: Gauge, points: Mapping[str, Points], at: datetime, lateness: Lateness) -> Stage:
    """A stage by its points, which go by the gauge's name and the role of the metric."""

    def of(role: str) -> Points:
        return points.get(f"{gauge.name} {role}", ())

    moved, failures = of("moved"), _failures(gauge, points)
    rate, lag = _rate(moved, at, lateness), _latest(of("lag"), at, lateness)
    late = None if lag is None else Figure(lag.value / gauge.lag_unit, lag.minute, lag.complete)
    fresh = sum(point.value for point in failures if point.start + _MINUTE > at - FAILING_MINUTES * _MINUTE)
    verdict, why = Verdict.IDLE, ""
    if fresh:
        verdict, why = Verdict.FAILING, f"{fresh:,.0f} failed in the last {FAILING_MINUTES} minutes"
    elif late is not None and late.value > gauge.late_seconds:
        verdict, why = Verdict.BEHIND, f"{late.value:,.0f} s old, more than {gauge.late_seconds:,.0f} s"
    elif rate is not None and rate.value:
        verdict = Verdict.FLOWING
    return Stage(
        gauge.name,
        gauge.resource,
        verdict,
        why,
        rate=rate,
        recent=_sum(moved),
        lag_seconds=late,
        failed=_sum(failures),
    )


def _failures(gauge: Gauge, points: Mapping[str, Points]) -> Points:
    """What failed, by minute, however the service tells it."""
    by_minute: dict[datetime, float] = {}
    for number in range(len(gauge.failed)):
        for point in points.get(f"{gauge.name} failed{number}", ()):
            by_minute[point.start] = by_minute.get(point.start, 0.0) + point.value
    done = {point.start: point.value for point in points.get(f"{gauge.name} done", ())}
    for point in points.get(f"{gauge.name} tried", ()):
        failed = max(0.0, point.value - done.get(point.start, 0.0))
        by_minute[point.start] = by_minute.get(point.start, 0.0) + failed
    return tuple(Point(start, value) for start, value in sorted(by_minute.items(), reverse=True))


def _sum(points: Points) -> float | None:
    return sum(point.value for point in points) if points else None


def _rate(points: Points, at: datetime, lateness: Lateness) -> Figure | None:
    """The newest minute that no longer grows, or the one under way where nothing passed in that."""
    figures = [figure for figure in _figures(points, at, lateness) if not _stale(figure, at, lateness)]
    whole = next((figure for figure in figures if figure.complete), None)
    if whole is not None and whole.value:
        return whole
    growing = next((figure for figure in figures if not figure.complete and figure.value), None)
    return growing or whole


def _latest(points: Points, at: datetime, lateness: Lateness) -> Figure | None:
    return next((figure for figure in _figures(points, at, lateness) if not _stale(figure, at, lateness)), None)


def _figures(points: Points, at: datetime, lateness: Lateness) -> list[Figure]:
    return [Figure(point.value, point.start, point.start + _MINUTE + lateness.settled <= at) for point in points]


def _stale(figure: Figure, at: datetime, lateness: Lateness) -> bool:
    return figure.minute + _MINUTE + lateness.stale <= at
