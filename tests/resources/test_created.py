"""When AWS made a resource, where the calls that describe it tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from salespipe.aws import Aws
from salespipe.lifecycle import status, up
from salespipe.pipeline import pipeline
from salespipe.resources.base import State

# What their descriptions have no moment of creation for: a function's LastModified is another thing.
UNTOLD = {
    *("lambda function", "lambda permission", "eventbridge rule", "sqs queue", "s3 bucket", "athena named queries"),
    *("cloudwatch alarms", "cloudwatch dashboard"),
}
# The classifier of these tests has none, where Glue's has.
UNTOLD_HERE = {"glue classifier"}


def test_the_age_is_told_in_utc(aws: Aws) -> None:
    resources, before = pipeline(aws), datetime.now(UTC)
    for _ in up(aws, resources):
        pass
    there = [reading for reading in status(aws, resources) if reading.state is not State.ABSENT]
    created = {reading.kind: reading.seen.created for reading in there}
    told = {kind: moment for kind, moment in created.items() if moment is not None}
    assert created.keys() - told.keys() - UNTOLD_HERE == UNTOLD
    for moment in told.values():
        assert moment.utcoffset() == timedelta(0)
        assert before - timedelta(seconds=2) <= moment <= datetime.now(UTC)  # some have whole seconds
