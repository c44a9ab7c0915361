"""What a delivery stream gathers for S3, and the objects it makes of that."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final
from uuid import UUID

import msgspec

from salespipe.local.api import ClientFactory
from salespipe.local.firehose.definition import Settings
from salespipe.local.firehose.prefixes import Instant, Prefix
from salespipe.local.firehose.transform import Outcome
from salespipe.local.metrics import DELIVERED_BYTES, DELIVERED_OBJECTS, Report, unreported

log = logging.getLogger(__name__)

# JSON lines compress well at any level; a higher one would cost more than the rest of the delivery.
_GZIP_LEVEL: Final = 1
_FAILED: Final = "processing-failed"


@dataclass
class Buffer:
    """One shard's delivery in the making. ``since`` is when it got its first record, ``oldest`` when that arrived.

    ``sequence`` is the last one that it covers, whatever became of the records; None when it is empty.
    """

    data: list[bytes] = field(default_factory=list)
    errors: list[bytes] = field(default_factory=list)
    size: int = 0
    since: float = 0.0
    oldest: float = 0.0
    newest: float = 0.0
    sequence: int | None = None

    def add(self, outcome: Outcome, since: float, delimiter: bytes) -> None:
        """Take in a batch that came into the delivery stream at ``since`` (Unix seconds)."""
        if self.sequence is None:
            self.since = since
            self.oldest = outcome.records[0].arrived
        self.sequence = outcome.records[-1].sequence
        self.newest = outcome.records[-1].arrived
        data = [piece + delimiter for piece in outcome.data] if delimiter else outcome.data
        self.data += data
        self.errors += outcome.errors
        self.size += sum(map(len, data)) + sum(map(len, outcome.errors))


class ObjectWriter:
    """Writes buffers as S3 objects. ``random`` is what the keys' random parts are made of."""

    def __init__(
        self,
        client: ClientFactory,
        region: str,
        clock: Callable[[], float],
        random: Random,
        report: Report = unreported,
    ) -> None:
        self._client = client
        self._region = region
        self._clock = clock
        self._random = random
        self._report = report

    def write(self, buffer: Buffer, settings: Settings) -> None:
        """Put the buffer's objects: records that failed first, so that none is forgotten. Raises what S3 answers."""
        if buffer.errors:
            self._put(settings, settings.error_prefix, buffer, b"".join(buffer.errors), _FAILED)
        if buffer.data:
            self._put(settings, settings.prefix, buffer, b"".join(buffer.data))

    def _put(self, settings: Settings, prefix: Prefix, buffer: Buffer, body: bytes, error_type: str = "") -> None:
        arrival = datetime.fromtimestamp(buffer.oldest, UTC).astimezone(settings.zone)
        folder = prefix.evaluate(Instant(arrival, self._random, error_type))
        identity = UUID(int=self._random.getrandbits(128), version=4)
        key = f"{folder}{settings.name}-{settings.version}-{arrival:%Y-%m-%d-%H-%M-%S}-{identity}{settings.extension}"
        if settings.gzip:
            body = gzip.compress(body, _GZIP_LEVEL, mtime=int(self._clock()))
        self._client("s3", self._region).put_object(
            Bucket=settings.bucket,
            Key=key,
            Body=body,
            ContentType="application/octet-stream",
        )
        self._report(DELIVERED_OBJECTS, 1)
        self._report(DELIVERED_BYTES, len(body))

    def report(self, settings: Settings, code: str, message: str, processor: str = "") -> None:
        """Tell of an error in the delivery stream's log, if it has one; a missing log stops nothing."""
        log.warning("%s: %s: %s", settings.name, code, message)
        if not settings.log_group:
            return
        line: dict[str, Any] = {
            "deliveryStreamARN": settings.arn,
            "destination": f"arn:aws:s3:::{settings.bucket}",
            "deliveryStreamVersionId": int(settings.version),
            "message": message,
            "errorCode": code,
        }
        if processor:
            line["processor"] = processor
        event = {"timestamp": int(self._clock() * 1000), "message": msgspec.json.encode(line).decode()}
        with suppress(Exception):
            self._client("logs", self._region).put_log_events(
                logGroupName=settings.log_group, logStreamName=settings.log_stream, logEvents=[event]
            )
