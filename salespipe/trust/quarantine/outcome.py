"""What becomes of events that were put again: each is delivered, or fails again, or is not seen in time."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from salespipe.flow.delays import AwsTime, longest_delay
from salespipe.trust import objects as bucket
from salespipe.trust.quarantine.failures import Failure, failure

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.trust.objects import Object
    from salespipe.trust.quarantine.index import Index

_POLL_SECONDS: Final = {"local": 0.25, "aws": 5.0}
_DELAYS: Final = 4
# S3 gives whole seconds, and AWS's own time is known to a second.
_SLACK: Final = timedelta(seconds=2)
# An object lies under the hour in which its oldest record arrived.
_BACK: Final = timedelta(hours=1)
_ID: Final = re.compile(rb'"event_id":"([^"\\]+)"')


@dataclass
class Seen:
    """What was seen so far: how many lines of the lake each event has, and the new failures of each record."""

    delivered: Counter[str] = field(default_factory=Counter)
    failed: dict[str, list[tuple[str, Failure]]] = field(default_factory=dict)


class Watcher:
    """Looks into every object that is new since it was made, once. ``index`` has the error objects that are not new."""

    def __init__(self, aws: Aws, index: Index) -> None:
        self._aws = aws
        self._index = index
        self._time = AwsTime(aws.clock)
        self._time.heard(aws.client("kinesis").describe_stream_summary(StreamName=aws.names.stream))
        self.began = self._time.now() - _SLACK
        self._read: set[str] = set()
        for prefix, after in self._places():
            self._new(prefix, after)  # what is there already has nothing of what will be put

    def wait(
        self,
        events: Mapping[str, int],
        records: set[str],
        patience: float | None,
        progress: Callable[[str], None],
        meanwhile: Callable[[], None],
    ) -> Seen:
        """Wait until what was put is in the lake, or has failed again.

        ``events`` are their IDs, with how many records have each, ``records`` all that were put: one without an event
        ID can only fail. Gives up when nothing was seen for ``patience`` seconds, by default four times as many as a
        record may be on its way.
        """
        aws, seen = self._aws, Seen()
        allowed = _DELAYS * longest_delay(aws) if patience is None else patience
        nearer, told = aws.clock(), -1
        while True:
            self._look(events, records, seen)
            came = sum(min(count, events[event]) for event, count in seen.delivered.items())
            if came + len(seen.failed) > told:
                nearer, told = aws.clock(), came + len(seen.failed)
            left = allowed - (aws.clock() - nearer)
            if told >= len(records) or left <= 0:
                return seen
            progress(
                f"{came:,} delivered, {len(seen.failed):,} failed again, {len(records) - told:,} on their way,"
                f" at most {left:.0f} s more"
            )
            meanwhile()
            aws.sleep(_POLL_SECONDS[aws.config.target])

    def _look(self, events: Mapping[str, int], records: set[str], seen: Seen) -> None:
        began = self.began.timestamp() * 1000
        for prefix, after in self._places():
            for each in self._new(prefix, after):
                if prefix == self._aws.names.events_prefix:
                    for line in self._lines(each):
                        found = _ID.search(line)
                        if found and (event := found[1].decode("utf-8", "replace")) in events:
                            seen.delivered[event] += 1
                elif not self._index.has_object(each.key):
                    for line in self._lines(each):
                        known = failure(line)
                        if known and known.record in records and known.arrived >= began:
                            seen.failed.setdefault(known.record, []).append((each.key, known))

    def _places(self) -> list[tuple[str, str]]:
        """Where new objects may be: below these prefixes, behind these names."""
        names, since = self._aws.names, self.began - _BACK
        answer = self._aws.client("s3").list_objects_v2(Bucket=names.bucket, Prefix=names.errors_prefix, Delimiter="/")
        kinds = [kind["Prefix"] for kind in answer.get("CommonPrefixes", [])]
        return [
            (names.events_prefix, f"dt={since:%Y-%m-%d/hour=%H}/"),
            *((kind, f"{since:%Y/%m/%d}/") for kind in kinds),
        ]

    def _lines(self, each: Object) -> Iterator[bytes]:
        """The lines of an object; one that is none of Firehose's may be anything."""
        with suppress(zlib.error):
            yield from bucket.lines(bucket.body(self._aws, each.key))

    def _new(self, prefix: str, after: str) -> list[Object]:
        """The objects that were written since, and not yet read."""
        since = self.began.timestamp()
        found = [
            each
            for each in bucket.listing(self._aws, prefix, after=prefix + after)
            if each.modified >= since and each.key not in self._read
        ]
        self._read.update(each.key for each in found)
        return found
