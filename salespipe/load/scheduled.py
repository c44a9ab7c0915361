"""The generator Lambda on its schedule: switched on at a rate, switched off, and what it does now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from salespipe.errors import Exit, SalespipeError
from salespipe.load.options import check_rate
from salespipe.pipeline import pipeline
from salespipe.resources.base import State
from salespipe.resources.events import Rule

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.config import Config

# A run is one invocation. It writes batch after batch, so the function's timeout and its share of a processor bound it:
# a batch of 25 takes about 50 ms of a function of 256 MB, a seventh of a processor, of which half is kept in reserve.
LONGEST_RUN: Final = 10_000
WRITES_A_SECOND: Final = 250
_UNITS: Final = {"minute": 60, "hour": 3600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What the schedule does: ``count`` writes each run, which is ``rate`` a second; None where runs are irregular."""

    rule: str
    on: bool
    schedule: str
    count: int
    rate: float | None


def look(aws: Aws) -> Scheduled:
    """What it does now. Raises ``SalespipeError``: NotDeployed (exit 4), or Foreign if the rule is somebody else's."""
    rule, on = _found(aws)
    return _told(rule, rule.event_now(aws)["count"], on=on)


def switch_on(aws: Aws, rate: float) -> Scheduled:
    """Have the Lambda write so many changes of orders a second from now on.

    Raises ``SalespipeError`` as ``look`` does, and for a rate that a run cannot reach.
    """
    count = count_of(aws.config, rate)
    rule, _ = _found(aws)
    rule.aim(aws, {"count": count})
    rule.switch(aws, on=True)
    return _told(rule, count, on=True)


def switch_off(aws: Aws) -> Scheduled:
    """Have it write nothing any more; a run that has begun comes to its end. Raises as ``look`` does."""
    rule, _ = _found(aws)
    rule.switch(aws, on=False)
    return _told(rule, rule.event_now(aws)["count"], on=False)


def count_of(config: Config, rate: float) -> int:
    """How many writes a run makes for a rate. Raises ``SalespipeError`` (exit 2) beyond what one can make."""
    check_rate(rate)
    seconds = seconds_between(config.generator.schedule)
    if seconds is None:
        raise SalespipeError(
            "IrregularSchedule",
            f"--rate says nothing about a schedule like {config.generator.schedule}: its runs are not evenly spaced.",
            hint='Set schedule = "rate(1 minute)" in [generator], or orders_per_run.',
            exit_code=Exit.USAGE,
        )
    most = min(LONGEST_RUN, config.functions.timeout_seconds * WRITES_A_SECOND)
    if rate * seconds > most:
        raise SalespipeError(
            "BadRate",
            f"--rate {rate:g} is beyond the generator Lambda: it writes up to {most:,} orders a run, one run each "
            f"{seconds} s, which is {most / seconds:,.0f} a second.",
            hint=f"salespipe generate --rate {rate:g} writes them from here.",
            exit_code=Exit.USAGE,
        )
    return max(1, round(rate * seconds))


def seconds_between(schedule: str) -> int | None:
    """The seconds between two runs of ``rate(5 minutes)``; None for any other schedule."""
    found = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", schedule)
    return int(found[1]) * _UNITS[found[2]] if found else None


def _found(aws: Aws) -> tuple[Rule, bool]:
    rule = next(resource for resource in pipeline(aws) if isinstance(resource, Rule))
    seen = rule.describe(aws)
    if seen.state is State.ABSENT:
        raise SalespipeError(
            "NotDeployed", f"There is no rule {rule.name}.", hint="salespipe up", exit_code=Exit.NOT_DEPLOYED
        )
    if seen.state is State.FOREIGN:
        raise SalespipeError("Foreign", f"The rule {rule.name} is not this pipeline's: it {seen.detail}.")
    return rule, rule.switched_on(seen)


def _told(rule: Rule, count: int, *, on: bool) -> Scheduled:
    seconds = seconds_between(rule.schedule)
    return Scheduled(rule.name, on, rule.schedule, count, count / seconds if seconds else None)
