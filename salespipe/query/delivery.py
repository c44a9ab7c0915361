"""What Firehose has delivered, and when it has delivered everything."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from salespipe.aws import is_not_found
from salespipe.errors import SalespipeError
from salespipe.query.failures import not_deployed

if TYPE_CHECKING:
    from salespipe.aws import Aws

Progress = Callable[[str], None]

# Beyond what the configuration makes a record wait: reading, invoking, writing, and a busy machine.
_MARGIN_SECONDS: Final = {"local": 2.0, "aws": 30.0}


def longest_delay(aws: Aws) -> float:
    """How long, in seconds, a record can lie in the buffers between the table and S3 when nothing is behind."""
    config = aws.config
    buffers = config.batch_window_seconds + config.transform_buffer_seconds + config.buffer_seconds
    return buffers + _MARGIN_SECONDS[config.target]


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
                hint="Write orders first: salespipe generate, or salespipe replay FILE.",
            )
        progress(f"waiting for the first object, at most {patience:.0f} s")
        aws.sleep(min(1.0, patience / 30))
    return max(1, sum(1 for _ in recent(aws)))


def settle(aws: Aws, *, progress: Progress = lambda _: None) -> None:
    """Wait until everything written before now is delivered.

    No API tells that a pipe has caught up, so it is told by what arrives: either no new object comes for as long as
    the buffers can hold a record (while there is a backlog, each interval brings objects), or, where orders keep
    coming, the events that arrive are younger than this call by that much.
    """
    began, delay = datetime.now(UTC), longest_delay(aws)
    changed = aws.clock()
    seen: set[str] | None = None
    while (quiet := aws.clock() - changed) < delay:
        objects = {item["Key"]: item for item in recent(aws)}
        if seen is None or objects.keys() != seen:
            if _newest_event(aws, objects, began) > began + timedelta(seconds=delay):
                return
            seen, changed = set(objects), aws.clock()
        progress(f"waiting for delivery: {len(objects):,} recent objects, quiet for {quiet:.0f} of {delay:.0f} s")
        aws.sleep(min(0.5, delay / 10))


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


def _newest_event(aws: Aws, objects: dict[str, dict[str, Any]], began: datetime) -> datetime:
    """When the youngest event of the newest object happened; ``began`` where no object is newer than that."""
    names = aws.names
    delivered = [item for key, item in objects.items() if key.startswith(names.events_prefix)]
    newest = max(delivered, key=lambda item: item["LastModified"], default=None)
    if newest is None or newest["LastModified"] <= began:
        return began
    body = aws.client("s3").get_object(Bucket=names.bucket, Key=newest["Key"])["Body"].read()
    last = gzip.decompress(body).rstrip().rsplit(b"\n", 1)[-1]
    return datetime.fromisoformat(json.loads(last)["event_time"])
