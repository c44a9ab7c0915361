"""CloudWatch Logs: searching. moto keeps the groups, streams and events, and answers everything else.

Source: service model of logs, 2014-03-28, FilterLogEvents; CloudWatch Logs user guide, filter pattern syntax.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from salespipe.local.api import Answer, AwsError, Call, Cloud, Handler, NotMine
from salespipe.local.logs.patterns import compile_filter

if TYPE_CHECKING:
    from salespipe.local.moto.log_events import StoredEvent

_LIMIT: Final = 10_000  # events of one answer
_BYTES: Final = 2**20  # of one answer
_FOREVER: Final = 2**62
_ID_SHIFT: Final = 20  # room for a million events in the millisecond of the start


class Logs:
    """The service "logs". ``eventId`` is never used twice, whatever was restarted or deleted, and grows."""

    name = "logs"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._numbered = False

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The search, and what must be done before the first event is put."""
        return {"FilterLogEvents": self._filter, "PutLogEvents": self._number}

    def observe(self, call: Call, answer: Answer) -> None:
        """Nothing that moto answers matters here."""

    def start(self) -> None:
        """There is nothing to take up."""

    def stop(self) -> None:
        """There is nothing to end."""

    def _number(self, _call: Call) -> Answer:
        """Let moto put the events, numbered from the time on: a number says then when its process began."""
        from salespipe.local.moto.log_events import number_from

        if not self._numbered:
            with self._lock:
                if not self._numbered:
                    number_from(int(self._cloud.clock() * 1000) << _ID_SHIFT)
                    self._numbered = True
        raise NotMine

    def _filter(self, call: Call) -> dict[str, Any]:
        from salespipe.local.moto.log_events import stored, streams_of

        asked = call.params
        group = _group(asked)
        limit = asked.get("limit") or _LIMIT
        if not 1 <= limit <= _LIMIT:
            raise _invalid(f"Value '{limit}' at 'limit' failed to satisfy constraint: from 1 to {_LIMIT}.")
        matches = compile_filter(asked.get("filterPattern") or "")
        streams = streams_of(call.region, group)
        if streams is None:
            raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
        names = _streams(asked, list(streams))
        after = _position(asked.get("nextToken"))
        start = max(asked.get("startTime") or 0, after[0])
        found = sorted(
            event
            for event in stored(streams, names, start, _end(asked))
            if event[:2] > after and matches(event.message)
        )
        # One more than fits says that there are more.
        page: list[StoredEvent] = []
        size = 0
        for event in found[: limit + 1]:
            size += len(event.message.encode()) + 26
            if len(page) == limit or (size > _BYTES and page):
                break
            page.append(event)
        answer: dict[str, Any] = {
            "events": [
                {
                    "logStreamName": event.stream,
                    "timestamp": event.timestamp,
                    "message": event.message,
                    "ingestionTime": event.ingested,
                    "eventId": f"{event.number:056d}",
                }
                for event in page
            ],
            "searchedLogStreams": [],
        }
        if len(page) < len(found):
            answer["nextToken"] = _token(page[-1].timestamp, page[-1].number)
        return answer


def _group(asked: Mapping[str, Any]) -> str:
    """The group's name, which is given as such or within an ARN."""
    name, identifier = asked.get("logGroupName"), asked.get("logGroupIdentifier")
    if bool(name) == bool(identifier):
        raise _invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.")
    return str(name or identifier).split(":log-group:")[-1].removesuffix(":*")


def _streams(asked: Mapping[str, Any], known: list[str]) -> list[str]:
    wanted, prefix = asked.get("logStreamNames"), asked.get("logStreamNamePrefix")
    if wanted and prefix:
        raise _invalid("LogStreamNames and LogStreamNamePrefix cannot both be specified.")
    if wanted:
        if set(wanted) - set(known):
            raise AwsError("ResourceNotFoundException", "The specified log stream does not exist.")
        return list(dict.fromkeys(wanted))
    return [name for name in known if name.startswith(prefix or "")]


def _end(asked: Mapping[str, Any]) -> int:
    end = asked.get("endTime")
    return _FOREVER if end is None else int(end)


def _position(token: str | None) -> tuple[int, int]:
    """The time and number of the last event of the page before."""
    if token is None:
        return -1, -1
    try:
        timestamp, number = base64.b64decode(token, validate=True).decode().split("/")
        return int(timestamp), int(number)
    except ValueError:
        raise _invalid("The specified nextToken is invalid.") from None


def _token(timestamp: int, number: int) -> str:
    return base64.b64encode(f"{timestamp}/{number}".encode()).decode()


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
