"""What lies in the bucket, looked at now and then: the reference data, and what could not be delivered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from salespipe.aws import error_code, error_message, is_not_found
from salespipe.flow.lake import plain
from salespipe.flow.metrics import Metric, fetch
from salespipe.flow.snapshot import WINDOW_MINUTES

if TYPE_CHECKING:
    from salespipe.aws import Aws

# Of what failed so many objects are read in one look, the rest in the next.
_AT_ONCE: Final = 20
_MOST: Final = 10_000
_OBJECT: Final = "products.json"
_CHUNK_BYTES: Final = 1 << 18


class Products:
    """The reference data: read again only when it has changed, by its ETag."""

    def __init__(self) -> None:
        self._etag = ""
        self.problem = ""
        self.oldest_delivery: datetime | None = None

    def look(self, aws: Aws) -> tuple[Mapping[str, Any], ...] | None:
        """All rows if they have changed, else None. ``problem`` says why they could not be read, if so."""
        from botocore.exceptions import ClientError

        known = {"IfNoneMatch": self._etag} if self._etag else {}
        key = f"{aws.names.products_prefix}{_OBJECT}"
        self.problem = ""
        try:
            answer = aws.client("s3").get_object(Bucket=aws.names.bucket, Key=key, **known)
        except ClientError as error:
            if not is_not_found(error) and error_code(error) not in {"304", "NotModified"}:
                self.problem = f"{key}: {error_code(error)}: {error_message(error)}"
            return None
        with answer["Body"]:
            text: bytes = answer["Body"].read()
        if answer["ETag"] == self._etag:
            return None  # told again by a server that knows no conditions
        self._etag = answer["ETag"]
        rows = tuple(_rows(text.splitlines()))
        self.oldest_delivery = min(filter(None, (_time(row.get("stocked_at")) for row in rows)), default=None)
        return rows


def _rows(lines: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        try:
            row = msgspec.json.decode(line)
        except msgspec.DecodeError:
            continue  # it is anybody's object: what is no row is none of ours
        if isinstance(row, dict):
            yield row


def _time(text: object) -> datetime | None:
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when


class Quarantine:
    """The records below the error prefix. An object there never changes, so that each is read once."""

    def __init__(self) -> None:
        self._records: dict[str, int] = {}
        self.problem = ""

    def look(self, aws: Aws) -> int | None:
        """How many there are; None where that is not known, or not yet. ``problem`` says why, if AWS refuses."""
        from botocore.exceptions import ClientError

        self.problem = ""
        try:
            return self._count(aws)
        except ClientError as error:
            if not is_not_found(error):
                self.problem = f"{aws.names.errors_prefix}: {error_code(error)}: {error_message(error)}"
            return None

    def _count(self, aws: Aws) -> int | None:
        s3, names = aws.client("s3"), aws.names
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=names.bucket, Prefix=names.errors_prefix, PaginationConfig={"MaxItems": _MOST}
        )
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        self._records = {key: self._records[key] for key in keys if key in self._records}
        for key in [key for key in keys if key not in self._records][:_AT_ONCE]:
            body = s3.get_object(Bucket=names.bucket, Key=key)["Body"]
            with body:
                text = b"".join(plain(body.iter_chunks(_CHUNK_BYTES)))
            self._records[key] = sum(1 for line in text.splitlines() if line.strip())
        return sum(self._records.values()) if len(self._records) == len(keys) < _MOST else None


def objects(aws: Aws, now: datetime) -> int | None:
    """How many objects Firehose wrote in the last ``WINDOW_MINUTES``; None where CloudWatch does not tell."""
    from botocore.exceptions import ClientError

    metric = Metric("AWS/Firehose", "DeliveryToS3.ObjectCount", "DeliveryStreamName", aws.names.delivery)
    start = now.replace(second=0, microsecond=0) - timedelta(minutes=WINDOW_MINUTES - 1)
    try:
        points = fetch(aws, {"objects": metric}, start, now + timedelta(seconds=1), period=60)["objects"]
    except ClientError:
        return None  # the flow, which asks the same service, says why
    return int(sum(point.value for point in points)) if points else None
