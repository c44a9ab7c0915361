"""One order's lines in the objects that Firehose wrote, and its records among those that failed.

Firehose files an object under the hour in which its oldest record arrived, and puts that moment into its name; S3
tells when it was written. An object holds what arrived between the two, so that few need be read: on AWS a listing of
the hour (0.000005 USD for each 1,000 objects) and some GETs (0.0000004 USD each), where a query in Athena that finds
one order scans the whole lake, since JSON has no index. Where no time is known, Athena is asked all the same: see
``asking``.
"""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from salespipe.trust import objects
from salespipe.trust.objects import Object
from salespipe.trust.proof import content
from salespipe.trust.proof.answers import Event
from salespipe.trust.quarantine.failures import record_id
from salespipe.trust.trace.model import Change, Failure, Line
from salespipe.trust.trace.streams import change_of
from salespipe.trust.trace.values import values_of_line

if TYPE_CHECKING:
    from salespipe.aws import Aws

# S3 tells whole seconds, and so does an object's name.
_SLACK: Final = timedelta(seconds=2)
_HOUR: Final = timedelta(hours=1)
_SAID: Final = re.compile(r"\{.*\}", re.DOTALL)
_OPENED: Final = re.compile(r"-(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)-[^/]*$")


@dataclass(frozen=True, slots=True)
class Found:
    """A line of the order's, and the change that it is of."""

    line: Line
    change: Change
    row: dict[str, Any]


class Reader:
    """Reads objects, each once; ``read`` counts them."""

    def __init__(self, aws: Aws, order: str) -> None:
        self._aws = aws
        self._order = order
        self._key = aws.config.table.partition_key
        # As the transform writes it, and as others may have.
        self._marks = {json.dumps(order, ensure_ascii=ascii_only).encode() for ascii_only in (False, True)}
        self._seen: dict[str, float] = {}
        self.read = 0

    def around(self, moments: Sequence[datetime], most: int) -> Iterator[Found]:
        """The order's lines in objects that may hold what arrived at these moments, at most ``most`` objects.

        Those that certainly could are read first; of the others the next that were written. Raises ``ClientError``.
        """
        if not moments:
            return
        listed = [each for hour in self._hours(moments) for each in objects.listing(self._aws, hour)]
        chosen = sorted((each for each in listed if each.key not in self._seen), key=lambda each: each.modified)
        holding = [each for each in chosen if any(_could_hold(each, moment) for moment in moments)]
        first = min(moments).timestamp() - _SLACK.total_seconds()
        later = [each for each in chosen if each not in holding and each.modified >= first]
        yield from self.of([*holding, *later][:most])

    def keys(self, keys: Iterable[str]) -> Iterator[Found]:
        """The order's lines in these objects. Raises ``ClientError``."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self._seen]
        described = [self._described(key) for key in wanted]
        yield from self.of([each for each in described if each])

    def of(self, chosen: list[Object]) -> Iterator[Found]:
        """The order's lines in objects as they were listed. Raises ``ClientError``."""
        for each, body in zip(chosen, objects.bodies(self._aws, chosen), strict=True):
            self._seen[each.key] = each.modified
            self.read += 1
            try:
                for number, line in enumerate(objects.lines(body), 1):
                    if any(mark in line for mark in self._marks) and (found := self._found(each, number, line)):
                        yield found
            except zlib.error:
                continue  # what cannot be unpacked is for verify to tell

    def failures(self, since: datetime, until: datetime, most: int) -> Iterator[tuple[Failure, Change]]:
        """The order's records among those that failed from then on, the newest ``most`` objects of them.

        Raises ``ClientError``.
        """
        listed = [each for prefix in self._failed(since, until) for each in objects.listing(self._aws, prefix)]
        began = (since - _SLACK).timestamp()
        chosen = [each for each in listed if each.modified >= began and each.key not in self._seen]
        chosen = sorted(chosen, key=lambda each: each.modified)[-most:]
        for each, body in zip(chosen, objects.bodies(self._aws, chosen), strict=True):
            self._seen[each.key] = each.modified
            self.read += 1
            try:
                for number, line in enumerate(objects.lines(body), 1):
                    if found := self._failure(each, number, line):
                        yield found
            except zlib.error:
                continue

    def _found(self, each: Object, number: int, line: bytes) -> Found | None:
        try:
            row = content.decode(line)
            if row[self._key] != self._order:
                return None
            kind, event_id, sequence = row["event_type"], row["event_id"], row["sequence_number"]
            created = datetime.fromisoformat(row["event_time"])
            held = content.GONE if kind == "REMOVE" else content.of_record(row)
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
            return None  # a line that cannot be read is for verify to tell
        at = datetime.fromtimestamp(each.modified, UTC)
        place = Line(each.key, number, at, _time(row, "arrived_at"), _time(row, "transformed_at"))
        return Found(place, Change(event_id, kind, sequence.lstrip("0"), created, held, values_of_line(row)), row)

    def _failure(self, each: Object, number: int, line: bytes) -> tuple[Failure, Change] | None:
        try:
            told = _decode_failure(line)
            event = _decode_event(b64decode(told.raw))
            if event.change.keys[self._key].get("S") != self._order:
                return None
            change = change_of(event)
        except (msgspec.MsgspecError, Base64Error, KeyError, TypeError, ValueError):
            return None
        at = datetime.fromtimestamp(each.modified, UTC)
        code, message = told.code or told.last_code, _plain(told.message or told.last_message)
        arrived = datetime.fromtimestamp(told.arrived / 1000, UTC) if told.arrived else None
        return Failure(each.key, number, at, code, message, record_id(b64decode(told.raw)), arrived), change

    def _hours(self, moments: Sequence[datetime]) -> list[str]:
        """The folders of the hours in which the oldest record of an object with these can have arrived."""
        back = timedelta(seconds=self._aws.config.delivery_seconds) + _SLACK
        hours = set()
        for moment in moments:
            hour = (moment - back).replace(minute=0, second=0, microsecond=0)
            while hour <= moment + _SLACK:
                hours.add(hour)
                hour += _HOUR
        return [f"{self._aws.names.events_prefix}dt={hour:%Y-%m-%d}/hour={hour:%H}/" for hour in sorted(hours)]

    def _failed(self, since: datetime, until: datetime) -> list[str]:
        """The days of each kind of failure."""
        names, s3 = self._aws.names, self._aws.client("s3")
        kinds = s3.list_objects_v2(Bucket=names.bucket, Prefix=names.errors_prefix, Delimiter="/")
        days, day = [], since - timedelta(days=1)
        while day.date() <= until.date():
            days.append(f"{day:%Y/%m/%d}/")
            day += timedelta(days=1)
        return [f"{kind['Prefix']}{day}" for kind in kinds.get("CommonPrefixes", ()) for day in days]

    def _described(self, key: str) -> Object | None:
        """An object by its name alone."""
        return next((each for each in objects.listing(self._aws, key) if each.key == key), None)


class _Failure(msgspec.Struct, rename="camel"):
    """A line below the error prefix (Firehose developer guide: data transformation failure handling)."""

    raw: str = msgspec.field(name="rawData", default="")
    arrived: float = msgspec.field(name="arrivalTimestamp", default=0.0)
    code: str = msgspec.field(name="errorCode", default="")
    message: str = msgspec.field(name="errorMessage", default="")
    last_code: str = msgspec.field(name="lastErrorCode", default="")
    last_message: str = msgspec.field(name="lastErrorMessage", default="")


_decode_failure: Final = msgspec.json.Decoder(_Failure).decode
_decode_event: Final = msgspec.json.Decoder(Event).decode


def _plain(message: str) -> str:
    """What Firehose says, and of a function's error what that said: it is JSON behind Firehose's own words."""
    said = _SAID.search(message)
    with suppress(msgspec.MsgspecError):
        error = msgspec.json.decode(said[0], type=_Said) if said else None
        if error:
            return f"{error.kind}: {error.message}"
    return message


class _Said(msgspec.Struct):
    """How a function in Python fails (Lambda developer guide, exceptions in Python)."""

    message: str = msgspec.field(name="errorMessage")
    kind: str = msgspec.field(name="errorType", default="error")


def _could_hold(each: Object, moment: datetime) -> bool:
    """Whether a record that arrived then can be in an object: its oldest came before, and it was written behind."""
    told = _OPENED.search(each.key)
    opened = datetime.strptime(told[1], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC) if told else moment
    return opened - _SLACK <= moment <= datetime.fromtimestamp(each.modified, UTC) + _SLACK


def _time(row: dict[str, Any], name: str) -> datetime | None:
    try:
        return datetime.fromisoformat(row[name])
    except (KeyError, TypeError, ValueError):
        return None
