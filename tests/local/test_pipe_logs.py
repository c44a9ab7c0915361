"""What a pipe logs, as a client of CloudWatch Logs finds it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from salespipe.local.server import LocalAws

ACCOUNT = "123456789012"
GROUP = "/aws/vendedlogs/pipes/mine"
GROUP_ARN = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{GROUP}"
ERROR = {"TargetInvocationFailed", "TargetStageFailed", "ExecutionFailed"}
INFO = {"ExecutionStarted", "TargetStageEntered", "TargetStageSucceeded", "ExecutionSucceeded"}
TRACE = {"TargetInvocationStarted", "TargetInvocationSucceeded"}


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "It did not come to pass."
        time.sleep(0.02)


class World:
    """A queue that a pipe carries to another one, and the records of its log."""

    def __init__(self, aws: LocalAws) -> None:
        self.client = lambda service: aws.clients(service, "us-east-1")
        self.kinesis, self.sqs, self.pipes = map(self.client, ("kinesis", "sqs", "pipes"))
        self.logs = self.client("logs")
        self.kinesis.create_stream(StreamName="from", ShardCount=1)
        self.queue = self.sqs.create_queue(QueueName="to")["QueueUrl"]
        self.logs.create_log_group(logGroupName=GROUP)

    def pipe(self, level: str, **changes: Any) -> None:
        stream = {"StartingPosition": "TRIM_HORIZON", "MaximumRetryAttempts": 1}
        logging = {"Level": level, "CloudwatchLogsLogDestination": {"LogGroupArn": GROUP_ARN}}
        self.pipes.create_pipe(
            Name="mine",
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/r",
            Source=f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/from",
            SourceParameters={"KinesisStreamParameters": stream},
            Target=f"arn:aws:sqs:us-east-1:{ACCOUNT}:to",
            LogConfiguration={**logging, **changes},
        )
        until(lambda: self.state() != "CREATING")

    def state(self) -> str:
        return str(self.pipes.describe_pipe(Name="mine")["CurrentState"])

    def put(self) -> None:
        self.kinesis.put_record(StreamName="from", Data=b'{"a":1}', PartitionKey="k")

    def records(self) -> list[dict[str, Any]]:
        events = self.logs.filter_log_events(logGroupName=GROUP)["events"]
        assert {event["logStreamName"] for event in events} <= {"mine"}
        return [json.loads(event["message"]) for event in events]

    def steps(self) -> list[str]:
        return [record["messageType"] for record in self.records()]

    def arrived(self) -> bool:
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["ApproximateNumberOfMessages"])
        return bool(int(found["Attributes"]["ApproximateNumberOfMessages"]))


@pytest.fixture
def world(aws_inside: LocalAws) -> World:
    return World(aws_inside)


@pytest.mark.parametrize(("level", "steps"), [("INFO", INFO), ("TRACE", INFO | TRACE)])
def test_each_step_of_an_execution_is_a_record(world: World, level: str, steps: set[str]) -> None:
    world.pipe(level)
    world.put()
    until(lambda: len(world.steps()) >= len(steps))
    records = world.records()

    assert records[0]["messageType"] == "ExecutionStarted"
    assert {record["messageType"] for record in records} == steps
    assert len({record["executionId"] for record in records}) == 1
    assert {record["logLevel"] for record in records} == {"INFO", level}
    assert records[0]["resourceArn"] == f"arn:aws:pipes:us-east-1:{ACCOUNT}:pipe/mine"
    assert "error" not in records[0]


def test_with_errors_only_what_goes_well_is_not_told_and_what_fails_says_why(world: World) -> None:
    world.pipe("ERROR")
    world.put()
    until(world.arrived)
    world.sqs.delete_queue(QueueUrl=world.queue)
    world.put()
    until(lambda: len(world.steps()) >= 6)
    records = world.records()

    assert [record["messageType"] for record in records] == [
        *("TargetInvocationFailed", "TargetStageFailed", "ExecutionFailed"),
        *("TargetInvocationFailed", "TargetStageFailed", "ExecutionFailed"),
    ], "each of the two tries"
    assert len({record["executionId"] for record in records}) == 2
    error = records[0]["error"]
    assert error["message"].startswith("Target invocation failed with error from Sqs.")
    assert "does not exist" in error["message"]
    assert (error["awsService"], error["details"], error["httpStatusCode"]) == ("sqs", "1 of 1 events", 400)


def test_off_is_silent_and_can_be_changed(world: World) -> None:
    world.pipe("OFF")
    world.put()
    until(world.arrived)
    assert world.pipes.describe_pipe(Name="mine")["LogConfiguration"]["Level"] == "OFF"

    world.pipes.update_pipe(
        Name="mine",
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/r",
        LogConfiguration={"Level": "INFO", "CloudwatchLogsLogDestination": {"LogGroupArn": f"{GROUP_ARN}:*"}},
    )
    until(lambda: world.state() == "RUNNING")
    world.put()
    until(lambda: "ExecutionSucceeded" in world.steps())
    assert world.steps().count("ExecutionStarted") == 1


def test_a_group_that_is_not_there_is_found_out_later(world: World) -> None:
    world.logs.delete_log_group(logGroupName=GROUP)
    world.pipe("ERROR")
    assert world.state() == "CREATE_FAILED"
    assert GROUP in world.pipes.describe_pipe(Name="mine")["StateReason"]


def test_once_a_pipe_is_deleted_its_log_group_can_be(world: World) -> None:
    world.pipe("TRACE")
    world.put()
    until(world.arrived)
    world.pipes.delete_pipe(Name="mine")

    def gone() -> bool:
        try:
            world.state()
        except world.pipes.exceptions.NotFoundException:
            return True
        return False

    until(gone)
    assert "ExecutionSucceeded" in world.steps(), "all is written before it is gone"
    world.logs.delete_log_group(logGroupName=GROUP)
    time.sleep(0.7)
    assert not [each for each in world.logs.describe_log_groups()["logGroups"] if each["logGroupName"] == GROUP]
