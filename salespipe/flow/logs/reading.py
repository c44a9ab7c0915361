"""Reading log events in the order of their times, and again and again without one twice.

FilterLogEvents is all that is asked of AWS: it costs nothing, and an account may ask it five times a second or more
(CloudWatch Logs quotas).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from salespipe.aws import error_code, is_not_found
from salespipe.errors import Exit, SalespipeError
from salespipe.flow.logs.blocks import joined
from salespipe.flow.logs.sources import Source, absence
from salespipe.flow.logs.spans import milliseconds

if TYPE_CHECKING:
    from salespipe.aws import Aws

OVERLAP_SECONDS: Final = {"local": 15, "aws": 120}
"""How far back a further read goes: an event may come in so long after its own time, and is found nevertheless."""


@dataclass(frozen=True, slots=True)
class Event:
    """A log event: ``at`` and ``ingested`` are Unix milliseconds.

    ``ids`` are CloudWatch's, never used twice: one, or those of each line of a traceback that was logged line by line.
    """

    source: str
    stream: str
    at: int
    ingested: int
    ids: tuple[str, ...]
    message: str


@dataclass
class Reading:
    """Reads one source, from ``since`` to ``until``; each ``events`` goes on where the one before it was.

    ``pattern`` is CloudWatch's filter pattern. ``missing`` is why there is no log, after a look that found none;
    ``taken`` counts the events that ``take`` was told of, which are not read again.
    """

    source: Source
    since: datetime
    until: datetime | None = None
    pattern: str = ""
    missing: SalespipeError | None = None
    taken: int = 0
    _start: int = 0
    _seen: dict[str, int] = field(default_factory=dict)

    def events(self, aws: Aws) -> Iterator[Event]:
        """What was not yet read, by time. Raises ``SalespipeError`` for a pattern that AWS refuses."""
        self._start = self._start or milliseconds(self.since)
        asked: int | None = None
        try:
            for page in aws.client("logs").get_paginator("filter_log_events").paginate(**self._request):
                asked = asked or _answered(page)
                self.missing = None
                yield from joined(list(self._unseen(page["events"])))
        except Exception as error:
            if error_code(error) == "InvalidParameterException" and self.pattern:
                raise _refused(self.pattern, error) from None
            if not is_not_found(error):
                raise
            self.missing = absence(aws, self.source)
        else:
            if self.source.stream and not self.taken:
                self.missing = absence(aws, self.source)  # the group is everybody's, and outlives whoever logged to it
            self._go_on(asked, OVERLAP_SECONDS[aws.config.target])

    @property
    def _request(self) -> dict[str, Any]:
        request: dict[str, Any] = {"logGroupName": self.source.group, "startTime": self._start}
        if self.until is not None:
            request["endTime"] = milliseconds(self.until)
        if self.pattern:
            request["filterPattern"] = self.pattern
        if self.source.stream:
            request["logStreamNames"] = [self.source.stream]
        return request

    def _unseen(self, events: list[dict[str, Any]]) -> Iterator[Event]:
        for event in events:
            if event["eventId"] not in self._seen:
                yield Event(
                    self.source.name,
                    event["logStreamName"],
                    event["timestamp"],
                    event["ingestionTime"],
                    (event["eventId"],),
                    event["message"],
                )

    def take(self, event: Event) -> None:
        """An event was handled. What was read ahead of a failure, and not handled, is read again."""
        self.taken += len(event.ids)
        self._seen.update(dict.fromkeys(event.ids, event.at))

    def _go_on(self, asked: int | None, overlap: int) -> None:
        """Begin the next read before the time of this one, by AWS's own clock, and forget what is older."""
        if asked is not None:
            self._start = max(self._start, asked - overlap * 1000)
        self._seen = {event: at for event, at in self._seen.items() if at >= self._start}


def merged(aws: Aws, readings: list[Reading]) -> Iterator[Event]:
    """What the readings have now, by time; of one time, those of one source stay together."""
    of = {reading.source.name: reading for reading in readings}
    for event in heapq.merge(*(reading.events(aws) for reading in readings), key=lambda event: event.at):
        yield event
        of[event.source].take(event)


def opened(aws: Aws, readings: list[Reading], *, named: bool) -> Iterator[Event]:
    """What the readings have. Raises ``SalespipeError`` (exit code 4) where a ``named`` source is not, or none is."""
    events = merged(aws, readings)
    first = list(islice(events, 1))  # merging asks every source for its first
    missing = [reading.missing for reading in readings if reading.missing]
    if missing and (named or len(missing) == len(readings)):
        raise missing[0] if named else _nothing()
    return chain(first, events)


def followed(
    reach: Callable[[bool], Aws],
    readings: list[Reading],
    sleep: Callable[[], object],
    say: Callable[[str], object],
) -> Iterator[Event]:
    """What comes, for ever, after what ``opened`` gave; ``sleep`` waits until the next look.

    ``reach`` gives the account as it can be reached at the moment, anew (True) after a failure. Where nothing answers
    any more, or credentials expire, that is told once, and looked again. A source that comes or goes is told.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    trouble = ""
    while True:
        sleep()
        absent = [reading.missing is not None for reading in readings]
        try:
            yield from merged(reach(bool(trouble)), readings)
        except (SalespipeError, BotoCoreError, ClientError) as error:
            if not trouble:
                say(f"{error} Looking again.")
            trouble = str(error)
        else:
            if trouble:
                say("It answers again.")
            trouble = ""
            for was, reading in zip(absent, readings, strict=True):
                if was is not (reading.missing is not None):
                    say(f"There are logs of the {reading.source.name} now." if was else str(reading.missing))


def _nothing() -> SalespipeError:
    return SalespipeError(
        "NotDeployed", "Nothing that logs is deployed.", hint="salespipe up", exit_code=Exit.NOT_DEPLOYED
    )


def _answered(page: dict[str, Any]) -> int | None:
    """When AWS answered, in Unix milliseconds, by its own clock."""
    told = page["ResponseMetadata"]["HTTPHeaders"].get("date")
    return None if told is None else milliseconds(parsedate_to_datetime(told).astimezone(UTC))


def _refused(pattern: str, error: Exception) -> SalespipeError:
    return SalespipeError(
        "FilterPattern",
        f"CloudWatch does not understand the filter {pattern}: {error}",
        hint="""Words: ERROR; a phrase: '"timed out"'; either: '?ERROR ?WARN'; JSON: '{ $.level = "ERROR" }'""",
        exit_code=Exit.USAGE,
    )
