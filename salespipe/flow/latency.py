"""How long events took lately, stage by stage, from the newest objects of the lake.

Each line tells when the event happened, came to Kinesis and was transformed, and S3 when it had the object: an hour or
two listed and a few small objects read, on AWS for about 0.00002 USD a look.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from salespipe.aws import is_not_found
from salespipe.flow.lake import plain

if TYPE_CHECKING:
    from salespipe.aws import Aws

WINDOW_MINUTES: Final = 15
"""Objects older than this are not the recent past."""
STAGES: Final = ("table to Kinesis", "Kinesis to transform", "transform to S3", "table to S3")
_OBJECTS: Final = 8
_LARGEST: Final = 8 << 20
_CHUNK: Final = 1 << 18

# The delays of one event, in seconds, in the order of STAGES.
_Delays = tuple[float, float, float, float]


class _Line(msgspec.Struct, gc=False):
    event_time: datetime | None = None
    arrived_at: datetime | None = None
    transformed_at: datetime | None = None


_decode: Final = msgspec.json.Decoder(_Line).decode


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of the events that passed a stage, seconds: half took no longer than ``p50``, 99 of 100 than ``p99``."""

    stage: str
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Latency:
    """What the newest objects tell, delivered between two moments (UTC).

    An event's own time and S3's are in whole seconds, so that the first stage and the whole are told up to a second too
    long, and what ends at S3 up to a second too short.
    """

    stages: tuple[Percentiles, ...]
    events: int
    objects: int
    since: datetime
    until: datetime


class Latencies:
    """Reads the newest objects; of those that it has read, it keeps the delays from look to look."""

    def __init__(self) -> None:
        self._known: dict[str, list[_Delays]] = {}

    def read(self, aws: Aws, now: datetime) -> Latency | None:
        """Look once; None where nothing was delivered lately, or lines tell no times. Raises botocore's errors."""
        chosen = _newest(aws, now)
        self._known = {
            each["Key"]: self._known[each["Key"]] if each["Key"] in self._known else list(_delays(aws, each))
            for each in chosen
        }
        delays = [each for known in self._known.values() for each in known]
        if not delays:
            return None
        by_stage = ([each[place] for each in delays] for place in range(len(STAGES)))
        stages = tuple(_percentiles(stage, sorted(each)) for stage, each in zip(STAGES, by_stage, strict=True))
        moments = [each["LastModified"].astimezone(UTC) for each in chosen]
        return Latency(stages, len(delays), len(chosen), min(moments), max(moments))


def _newest(aws: Aws, now: datetime) -> list[dict[str, Any]]:
    """The newest objects of this hour's folder and the one before, as S3 lists them."""
    names, oldest = aws.names, now - timedelta(minutes=WINDOW_MINUTES)
    # A folder is that of the arrival of an object's oldest record.
    hours = dict.fromkeys(f"dt={hour:%Y-%m-%d}/hour={hour:%H}/" for hour in (oldest, now))
    found = []
    for hour in hours:
        pages = aws.client("s3").get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=names.bucket, Prefix=f"{names.events_prefix}{hour}"):
            found += [
                each
                for each in page.get("Contents", ())
                if each["LastModified"] >= oldest and 0 < each["Size"] <= _LARGEST
            ]
    return sorted(found, key=lambda each: each["LastModified"])[-_OBJECTS:]


def _delays(aws: Aws, each: dict[str, Any]) -> Iterator[_Delays]:
    """The delays of every event of an object that tells its times."""
    import zlib

    written = each["LastModified"].timestamp()
    try:
        body = aws.client("s3").get_object(Bucket=aws.names.bucket, Key=each["Key"])["Body"]
    except Exception as error:
        if is_not_found(error):
            return  # deleted since it was listed
        raise
    with body:
        try:
            lines = b"".join(plain(body.iter_chunks(_CHUNK))).split(b"\n")
        except zlib.error:
            return  # none of Firehose's
    for line in lines:
        try:
            told = _decode(line)
        except msgspec.MsgspecError:
            continue
        if told.event_time and told.arrived_at and told.transformed_at:
            event, arrived = told.event_time.timestamp(), told.arrived_at.timestamp()
            transformed = told.transformed_at.timestamp()
            steps = (arrived - event, transformed - arrived, written - transformed, max(written, transformed) - event)
            yield max(0.0, steps[0]), max(0.0, steps[1]), max(0.0, steps[2]), max(0.0, steps[3])


def _percentiles(stage: str, delays: list[float]) -> Percentiles:
    def at(percent: int) -> float:
        return delays[-(-percent * len(delays) // 100) - 1]

    return Percentiles(stage, at(50), at(95), at(99))
