"""The objects that a delivery stream makes of what it has gathered."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Any, Final
from uuid import UUID

import msgspec

from salespipe.local.api import ClientFactory
from salespipe.local.firehose.buffer import Part
from salespipe.local.firehose.conversion import ERROR_TYPE, Converter
from salespipe.local.firehose.definition import Settings
from salespipe.local.firehose.prefixes import Instant, Prefix
from salespipe.local.metrics import DELIVERED_BYTES, DELIVERED_OBJECTS, Report, unreported

log = logging.getLogger(__name__)

# JSON lines compress well at any level; a higher one would cost more than the rest of the delivery.
_GZIP_LEVEL: Final = 1


class ObjectWriter:
    """Writes parts of buffers as S3 objects. ``random`` is what the keys' random parts are made of.

    ``sequence_number`` gives a record's as clients see it.
    """

    def __init__(
        self,
        client: ClientFactory,
        region: str,
        clock: Callable[[], float],
        random: Random,
        sequence_number: Callable[[int], str],
        *,
        report: Report = unreported,
    ) -> None:
        self._client = client
        self._region = region
        self._clock = clock
        self._random = random
        self._converter = Converter(client, sequence_number, clock)
        self._report = report

    def write(self, part: Part, settings: Settings) -> None:
        """Put the object of a part, and one of what cannot be converted. Raises what S3 and Glue answer."""
        if part.error_type:
            self._put(part, settings, settings.error_prefix, part.error_type, b"".join(part.data))
        elif settings.conversion is None:
            self._put(part, settings, settings.prefix, "", b"".join(part.data))
        else:
            body, errors = self._converter.convert(part.data, part.sources, settings.conversion)
            if errors:
                self._put(part, settings, settings.error_prefix, ERROR_TYPE, errors)
            if body:
                self._put(part, settings, settings.prefix, "", body)

    def _put(self, part: Part, settings: Settings, prefix: Prefix, error_type: str, body: bytes) -> None:
        arrival = datetime.fromtimestamp(part.oldest, UTC).astimezone(settings.zone)
        folder = prefix.evaluate(Instant(arrival, self._random, error_type, dict(part.keys)))
        identity = UUID(int=self._random.getrandbits(128), version=4)
        # What failed is JSON, also where the rest becomes Parquet.
        extension = "" if error_type and settings.conversion else settings.extension
        key = f"{folder}{settings.name}-{settings.version}-{arrival:%Y-%m-%d-%H-%M-%S}-{identity}{extension}"
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
