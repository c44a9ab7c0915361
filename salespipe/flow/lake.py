"""Whether records have reached the bucket: as events of the lake, or as they came, among what failed."""

from __future__ import annotations

import zlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from salespipe.aws import is_not_found
from salespipe.flow.arrivals import Arrival, digest

if TYPE_CHECKING:
    from salespipe.aws import Aws

_CHUNK_BYTES: Final = 1 << 18
# S3 gives whole seconds, and a table's stream does so for its events.
_SLACK: Final = timedelta(seconds=2)
_HOUR: Final = timedelta(hours=1)
_GZIP: Final = b"\x1f\x8b"
_ANY_WRAPPER: Final = 47  # zlib: gzip or zlib, told by the header


class _Line(msgspec.Struct):
    """A line of the lake (``event_id``), of a failure (``rawData``), or a table's event (``eventID``)."""

    event_id: str | None = None
    event: str | None = msgspec.field(name="eventID", default=None)
    raw: str | None = msgspec.field(name="rawData", default=None)


_decode = msgspec.json.Decoder(_Line).decode


class Lake:
    """Looks for records in the objects that were written since they arrived, and reads none twice for the same."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._found: set[str | bytes] = set()  # event ids and digests
        self._asked: dict[tuple[str, str], int] = {}  # in the order in which they were first asked for
        self._read: dict[str, int] = {}  # how many had been asked for when an object was read

    def missing(self, wanted: Iterable[Arrival], back: timedelta, now: datetime) -> list[Arrival]:
        """Those of ``wanted`` that are in no object yet.

        An object lies under the hour in which its oldest record arrived, which may be as much as ``back`` before the
        record looked for.
        """
        pending = [arrival for arrival in wanted if not self._has(arrival)]
        for arrival in pending:
            self._asked.setdefault(_key(arrival), len(self._asked) + 1)
        if not pending:
            return []
        since = min(arrival.at for arrival in pending) - _SLACK
        objects = [item for prefix in self._prefixes(pending, back, now) for item in self._list(prefix, since)]
        for item in sorted(objects, key=lambda item: item["LastModified"], reverse=True):
            self._look_into(item, pending)
            pending = [arrival for arrival in pending if not self._has(arrival)]
            if not pending:
                break
        return pending

    def _has(self, arrival: Arrival) -> bool:
        return arrival.event_id in self._found or arrival.digest in self._found

    def _look_into(self, item: dict[str, Any], pending: list[Arrival]) -> None:
        known = self._read.get(item["Key"], 0)
        new = [
            arrival
            for arrival in pending
            if self._asked[_key(arrival)] > known and item["LastModified"] >= arrival.at - _SLACK
        ]
        if not new:
            return
        wanted = {mark for arrival in new for mark in (arrival.event_id, arrival.digest) if mark}
        for line in self._lines(item["Key"]):
            self._found.update(mark for mark in _marks(line) if mark in wanted)
        self._read[item["Key"]] = len(self._asked)

    def _prefixes(self, pending: list[Arrival], back: timedelta, now: datetime) -> list[str]:
        """The hours, and the days of each kind of failure, in which the objects can lie."""
        names = self._aws.names
        hours: set[datetime] = set()
        for arrival in pending:
            # The time of a table's event is that of the write: the pipe may have passed it on much later.
            end = arrival.at if arrival.digest else now
            hour = (arrival.at - back).replace(minute=0, second=0, microsecond=0)
            while hour <= end:
                hours.add(hour)
                hour += _HOUR
        kinds = self._aws.client("s3").list_objects_v2(Bucket=names.bucket, Prefix=names.errors_prefix, Delimiter="/")
        failed = [kind["Prefix"] for kind in kinds.get("CommonPrefixes", [])]
        days = sorted({f"{hour:%Y/%m/%d}/" for hour in hours}) if failed else []
        return [
            *(f"{names.events_prefix}dt={hour:%Y-%m-%d}/hour={hour:%H}/" for hour in sorted(hours)),
            *(f"{kind}{day}" for kind in failed for day in days),
        ]

    def _list(self, prefix: str, since: datetime) -> Iterator[dict[str, Any]]:
        pages = (
            self._aws.client("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=self._aws.names.bucket, Prefix=prefix)
        )
        for page in pages:
            for item in page.get("Contents", []):
                if item["LastModified"] >= since:
                    yield item

    def _lines(self, key: str) -> Iterator[bytes]:
        try:
            body = self._aws.client("s3").get_object(Bucket=self._aws.names.bucket, Key=key)["Body"]
        except Exception as error:
            if is_not_found(error):
                return  # deleted since it was listed
            raise
        with body:
            rest = b""
            for chunk in plain(body.iter_chunks(_CHUNK_BYTES)):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
            yield rest


def _key(arrival: Arrival) -> tuple[str, str]:
    return arrival.shard, arrival.sequence


def plain(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """What the chunks of an object say, whether compressed or not; a GZIP file may have several members."""
    inflate = None
    for number, chunk in enumerate(chunks):
        if number == 0:
            if not chunk.startswith(_GZIP):
                yield chunk
                yield from chunks
                return
            inflate = zlib.decompressobj(_ANY_WRAPPER)
        assert inflate is not None  # noqa: S101 - made with the first chunk
        left = chunk
        while left:
            yield inflate.decompress(left)
            left = inflate.unused_data
            if left:
                inflate = zlib.decompressobj(_ANY_WRAPPER)


def _marks(line: bytes) -> Iterator[str | bytes]:
    """The event ids and the digests by which the record that a line is of may be known."""
    try:
        known = _decode(line)
    except msgspec.MsgspecError:
        return
    yield from filter(None, (known.event_id, known.event))
    if known.raw is None:
        return
    try:
        data = b64decode(known.raw)
    except (Base64Error, ValueError):
        return
    yield digest(data)
    yield from _marks(data)
