"""What Firehose has delivered; whether that is everything, ``flow.drain`` tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from salespipe.aws import is_not_found
from salespipe.errors import SalespipeError
from salespipe.flow.delays import longest_delay
from salespipe.query.failures import not_deployed

if TYPE_CHECKING:
    from salespipe.aws import Aws

Progress = Callable[[str], None]


def await_first(aws: Aws, *, progress: Progress = lambda _: None) -> int:
    """Wait for any delivered object; returns how many there are in the hours around now, at least 1.

    Raises ``SalespipeError`` when nothing came within three times the longest delay of the buffers.
    """
    began, patience = aws.clock(), 3 * longest_delay(aws)
    while not _any_object(aws):
        if aws.clock() - began > patience:
            raise SalespipeError(
                "NothingDelivered",
                f"Nothing was delivered to s3://{aws.names.bucket}/{aws.names.events_prefix} within {patience:.0f} s.",
                hint="What was written failed: salespipe insights quarantined-records."
                if next(_list(aws, aws.names.errors_prefix), None)
                else "Write orders first: salespipe generate, or salespipe replay FILE.",
            )
        progress(f"waiting for the first object, at most {patience:.0f} s")
        aws.sleep(min(1.0, patience / 30))
    return max(1, sum(1 for _ in recent(aws)))


def recent(aws: Aws) -> Iterator[dict[str, Any]]:
    """The objects of this hour and the one before, as S3 lists them: delivered, and failed.

    Firehose files an object under the arrival of its oldest record, so a late one may still go to the hour before.
    """
    names, now = aws.names, datetime.now(UTC)
    hours = [now - timedelta(hours=1), now]
    yield from _list(aws, names.errors_prefix)
    for hour in hours:
        yield from _list(aws, f"{names.events_prefix}dt={hour:%Y-%m-%d}/hour={hour:%H}/")


def _any_object(aws: Aws) -> bool:
    from botocore.exceptions import ClientError

    names = aws.names
    try:
        listed = aws.client("s3").list_objects_v2(Bucket=names.bucket, Prefix=names.events_prefix, MaxKeys=1)
    except ClientError as error:
        if is_not_found(error):
            raise not_deployed(names) from error
        raise
    return bool(listed.get("Contents"))


def _list(aws: Aws, prefix: str) -> Iterator[dict[str, Any]]:
    pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=aws.names.bucket, Prefix=prefix)
    for page in pages:
        yield from page.get("Contents", [])
