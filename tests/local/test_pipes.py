"""The Pipes service over a real record log, with streams of its own making."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from moto import mock_aws

from salespipe.local.api import AwsError, Call, Cloud
from salespipe.local.pipes.service import Pipes
from salespipe.local.record_log import RecordLog
from salespipe.local.store import Store

REGION = "eu-west-1"
ACCOUNT = "123456789012"
STREAM = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders/stream/2026-01-01T00:00:00.000"
KINESIS = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/orders"
OTHER = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/copies"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipe"


class Streams:
    """Streams with one shard each, over the record log; what is put while ``broken`` raises."""

    def __init__(self, log: RecordLog, *arns: str) -> None:
        self.log = log
        self.arns = set(arns)
        self.broken = False
        self.puts = 0

    def shards(self, stream_arn: str) -> list[str]:
        return [f"{stream_arn}/shardId-0"] if stream_arn in self.arns else []

    def shard_id(self, shard: str) -> str:
        return shard.rsplit("/", 1)[-1]

    def sequence_number(self, sequence: int) -> str:
        return f"{sequence:021d}"

    def put(self, stream_arn: str, entries: Sequence[tuple[str, bytes]]) -> list[tuple[str, str]]:
        self.puts += 1
        if self.broken:
            raise AwsError("InternalFailure", "Out of order.", 500)
        numbers = self.log.append(self.shards(stream_arn)[0], entries)
        return [("shardId-0", self.sequence_number(number)) for number in numbers]


class World:
    """One local AWS with a DynamoDB stream, two Kinesis streams and the Pipes service, which can be restarted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open()

    def open(self) -> None:
        self.store = Store(self.folder)
        self.log = RecordLog(self.store, time.time)
        self.streams = Streams(self.log, STREAM)
        self.kinesis = Streams(self.log, KINESIS, OTHER)
        self.cloud = Cloud(self.store, self.log, self.client, "http://127.0.0.1:1", ACCOUNT, time.time)
        self.pipes = Pipes(self.cloud, self.streams, self.kinesis)
        self.pipes.start()

    def close(self) -> None:
        self.pipes.stop()
        self.store.close()

    def client(self, service: str, region: str) -> Any:
        return boto3.client(service, region)

    def call(self, operation: str, path: str = "/v1/pipes/mine", query: str = "", **params: Any) -> dict[str, Any]:
        call = Call("pipes", operation, REGION, ACCOUNT, path=path, query=query, params=params)
        answer = self.pipes.handlers[operation](call)
        assert isinstance(answer, dict)
        return answer

    def create(self, wait: str = "RUNNING", **changes: Any) -> None:
        self.call("CreatePipe", **{**definition(), **changes})
        self.await_state(wait)

    def await_state(self, state: str) -> None:
        until(lambda: self.call("DescribePipe")["CurrentState"] == state)

    def orders(self, *names: str, event: str = "INSERT") -> None:
        entries = [
            (name, json.dumps({"eventName": event, "dynamodb": {"Keys": {"orderid": {"S": name}}}}).encode())
            for name in names
        ]
        self.log.append(f"{STREAM}/shardId-0", entries)

    def delivered(self, arn: str = KINESIS) -> list[str]:
        return [record.key for record in self.log.read(f"{arn}/shardId-0", 0, 100_000)]

    def position(self) -> int | None:
        return self.log.position(f"arn:aws:pipes:{REGION}:{ACCOUNT}:pipe/mine", f"{STREAM}/shardId-0")


def definition(**parameters: Any) -> dict[str, Any]:
    return {
        "Source": STREAM,
        "Target": KINESIS,
        "RoleArn": ROLE,
        "SourceParameters": {"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON", **parameters}},
        "TargetParameters": {"KinesisStreamParameters": {"PartitionKey": "$.dynamodb.Keys.orderid.S"}},
    }


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "It did not come to pass."
        time.sleep(0.005)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        world = World(tmp_path)
        yield world
        world.close()


def queue(name: str = "dlq") -> tuple[Any, str, str]:
    sqs = boto3.client("sqs", REGION)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return sqs, url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def messages(sqs: Any, url: str, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    until(
        lambda: (
            found.extend(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []))
            or len(found) >= count
        )
    )
    return [json.loads(message["Body"]) for message in found]


def test_events_arrive_unchanged_in_order_under_their_key(world: World) -> None:
    world.orders("a", "b")
    world.create()
    world.orders("c")
    until(lambda: world.delivered() == ["a", "b", "c"])
    sent = [record.data for record in world.log.read(f"{STREAM}/shardId-0", 0, 10)]
    assert [record.data for record in world.log.read(f"{KINESIS}/shardId-0", 0, 10)] == sent
    until(lambda: world.position() == 3)


def test_a_pipe_as_aws_describes_it(world: World) -> None:
    answer = world.call("CreatePipe", **definition(), Tags={"project": "x"}, Description="mine")
    assert answer["CurrentState"] == "CREATING"
    assert set(answer) == {"Arn", "Name", "DesiredState", "CurrentState", "CreationTime", "LastModifiedTime"}
    world.await_state("RUNNING")
    described = world.call("DescribePipe")
    assert described["Arn"] == f"arn:aws:pipes:{REGION}:{ACCOUNT}:pipe/mine"
    assert described["SourceParameters"]["DynamoDBStreamParameters"]["BatchSize"] == 100
    assert described["Tags"] == {"project": "x"}
    listed = world.call("ListPipes", "/v1/pipes", "NamePrefix=mi&CurrentState=RUNNING")["Pipes"]
    assert [pipe["Name"] for pipe in listed] == ["mine"]
    assert world.call("ListPipes", "/v1/pipes", "NamePrefix=other") == {"Pipes": []}


def test_tags(world: World) -> None:
    world.create(Tags={"a": "1"})
    path = "/tags/" + quote(world.call("DescribePipe")["Arn"], safe="")
    world.call("TagResource", path, tags={"b": "2"})
    world.call("UntagResource", path, "tagKeys=a")
    assert world.call("ListTagsForResource", path) == {"tags": {"b": "2"}}


def test_latest_begins_with_what_comes_after(world: World) -> None:
    world.orders("before")
    world.create(**definition(StartingPosition="LATEST"))
    world.orders("after")
    until(lambda: world.delivered() == ["after"])


def test_stop_and_start_keep_the_position(world: World) -> None:
    world.create()
    world.orders("a")
    until(lambda: world.position() == 1)
    assert world.call("StopPipe", "/v1/pipes/mine/stop")["CurrentState"] == "STOPPING"
    world.await_state("STOPPED")
    world.orders("b")
    assert world.call("StartPipe", "/v1/pipes/mine/start")["CurrentState"] == "STARTING"
    until(lambda: world.delivered() == ["a", "b"])


def test_a_restart_goes_on_where_each_pipe_was(world: World) -> None:
    world.create()
    world.orders("a")
    until(lambda: world.position() == 1)
    world.close()
    world.open()
    world.orders("b")
    until(lambda: world.position() == 2)
    assert world.delivered() == ["a", "b"]


def test_delete_ends_in_not_found_and_forgets_the_position(world: World) -> None:
    world.create()
    world.orders("a")
    until(lambda: world.position() == 1)
    assert world.call("DeletePipe")["CurrentState"] == "DELETING"

    def gone() -> bool:
        try:
            world.call("DescribePipe")
        except AwsError as error:
            return error.code == "NotFoundException" and error.status == 404
        return False

    until(gone)
    assert world.position() is None


def test_update_replaces_the_target_and_keeps_the_position(world: World) -> None:
    world.create()
    world.orders("a")
    until(lambda: world.position() == 1)
    world.call(
        "UpdatePipe",
        Target=OTHER,
        RoleArn=ROLE,
        SourceParameters={"DynamoDBStreamParameters": {"BatchSize": 7}},
        TargetParameters={"KinesisStreamParameters": {"PartitionKey": "fixed"}},
    )
    world.await_state("RUNNING")
    world.orders("b")
    until(lambda: world.delivered(OTHER) == ["fixed"])
    parameters = world.call("DescribePipe")["SourceParameters"]["DynamoDBStreamParameters"]
    assert (parameters["BatchSize"], parameters["StartingPosition"]) == (7, "TRIM_HORIZON")


def test_filters_are_alternatives_and_what_they_drop_counts_as_done(world: World) -> None:
    patterns = [{"eventName": ["REMOVE"]}, {"dynamodb": {"Keys": {"orderid": {"S": [{"prefix": "vip"}]}}}}]
    source = definition()["SourceParameters"]
    source["FilterCriteria"] = {"Filters": [{"Pattern": json.dumps(pattern)} for pattern in patterns]}
    world.create(SourceParameters=source)
    world.orders("a", "vip-1")
    world.orders("b", event="REMOVE")
    world.orders("c")
    until(lambda: world.position() == 4)
    assert world.delivered() == ["vip-1", "b"]


def test_an_input_template_is_applied_but_the_key_comes_from_the_event(world: World) -> None:
    target = definition()["TargetParameters"]
    target["InputTemplate"] = '{"id": <$.dynamodb.Keys.orderid.S>, "pipe": <aws.pipes.pipe-name>}'
    world.create(TargetParameters=target)
    world.orders("a")
    until(lambda: world.delivered() == ["a"])
    (record,) = world.log.read(f"{KINESIS}/shardId-0", 0, 10)
    assert json.loads(record.data) == {"id": "a", "pipe": "mine"}


def test_the_window_gathers_a_batch(world: World) -> None:
    world.create(**definition(BatchSize=3, MaximumBatchingWindowInSeconds=300))
    world.orders("a", "b")
    time.sleep(0.1)
    assert world.delivered() == []
    world.orders("c")  # the batch is full, so nothing waits for the window
    until(lambda: world.delivered() == ["a", "b", "c"])


def test_an_event_without_a_key_fails_alone_and_ends_in_the_dead_letter_queue(world: World) -> None:
    sqs, url, arn = queue()
    world.create(**definition(MaximumRetryAttempts=0, DeadLetterConfig={"Arn": arn}))
    world.log.append(f"{STREAM}/shardId-0", [("x", b'{"dynamodb":{"Keys":{}}}')])
    world.orders("a", "b")
    until(lambda: world.position() == 3)
    assert world.delivered() == ["a", "b"]
    (message,) = messages(sqs, url, 1)
    assert message["context"] == {
        "partnerResourceArn": f"arn:aws:pipes:{REGION}:{ACCOUNT}:pipe/mine",
        "condition": "RetryAttemptsExhausted",
    }
    assert message["version"] == "1.0"
    batch = message["DDBStreamBatchInfo"]
    assert batch["startSequenceNumber"] == batch["endSequenceNumber"] == "000000000000000000001"
    assert (batch["shardId"], batch["batchSize"], batch["streamArn"]) == ("shardId-0", 1, STREAM)
    assert batch["approximateArrivalOfFirstRecord"].endswith("Z")


def test_records_that_are_too_old_are_not_delivered(world: World) -> None:
    sqs, url, arn = queue()
    old = RecordLog(world.store, lambda: time.time() - 3600)
    old.append(f"{STREAM}/shardId-0", [("x", b"{}"), ("y", b"{}")])
    world.orders("a")
    world.create(**definition(MaximumRecordAgeInSeconds=60, DeadLetterConfig={"Arn": arn}))
    until(lambda: world.position() == 3)
    assert world.delivered() == ["a"]
    (message,) = messages(sqs, url, 1)
    assert message["context"]["condition"] == "RecordAgeExceeded"
    assert message["DDBStreamBatchInfo"]["batchSize"] == 2


def test_a_broken_target_is_retried_until_it_works(world: World) -> None:
    world.kinesis.broken = True
    world.create()
    world.orders("a", "b")
    until(lambda: world.kinesis.puts >= 2)
    world.kinesis.broken = False
    until(lambda: world.delivered() == ["a", "b"])


def test_a_full_disk_of_our_own_uses_up_no_tries(world: World) -> None:
    sqs, url, arn = queue()
    world.create(**definition(MaximumRetryAttempts=0, DeadLetterConfig={"Arn": arn}))
    put, full = world.kinesis.put, sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL  # type: ignore[misc]
    refused: list[str] = []

    def no_room(arn: str, entries: Sequence[tuple[str, bytes]]) -> list[tuple[str, str]]:
        if len(refused) < 2:
            refused.extend(key for key, _ in entries)
            raise full
        return put(arn, entries)

    world.kinesis.put = no_room  # type: ignore[method-assign]
    world.orders("a")
    until(lambda: world.position() == 1)
    assert refused == ["a", "a"]
    assert world.delivered() == ["a"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_bisecting_finds_the_bad_event_and_delivers_the_rest(world: World) -> None:
    put = world.kinesis.put

    def picky(arn: str, entries: Sequence[tuple[str, bytes]]) -> list[tuple[str, str]]:
        if any(key == "bad" for key, _ in entries):
            raise AwsError("ValidationException", "One is bad.")
        return put(arn, entries)

    world.kinesis.put = picky  # type: ignore[method-assign]
    sqs, url, arn = queue()
    parameters = {"OnPartialBatchItemFailure": "AUTOMATIC_BISECT", "MaximumRetryAttempts": 0}
    world.orders("a", "b", "bad", "c", "d")
    world.create(**definition(**parameters, DeadLetterConfig={"Arn": arn}))
    until(lambda: world.position() == 5)
    assert world.delivered() == ["a", "b", "c", "d"]
    assert messages(sqs, url, 1)[0]["DDBStreamBatchInfo"]["startSequenceNumber"].endswith("3")


def test_a_queue_as_target(world: World) -> None:
    sqs, url, arn = queue("target")
    world.create(Target=arn, TargetParameters={})
    world.orders(*"abcdefghijklm")
    bodies = messages(sqs, url, 13)
    assert {body["dynamodb"]["Keys"]["orderid"]["S"] for body in bodies} == set("abcdefghijklm")


def test_a_log_group_as_target(world: World) -> None:
    logs = boto3.client("logs", REGION)
    logs.create_log_group(logGroupName="/mine")
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/mine:*"
    world.create(Target=arn, TargetParameters={"CloudWatchLogsParameters": {"LogStreamName": "s"}})
    world.orders("a")
    until(lambda: world.position() == 1)
    (event,) = logs.get_log_events(logGroupName="/mine", logStreamName="s")["events"]
    assert json.loads(event["message"])["eventName"] == "INSERT"


class FakeLambda:
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.batches: list[Any] = []

    def get_function(self, **_: Any) -> dict[str, Any]:
        return {}

    def invoke(self, *, Payload: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.batches.append([event["dynamodb"]["Keys"]["orderid"]["S"] for event in json.loads(Payload)])
        return self.answers.pop(0) if self.answers else answer_of({})


def answer_of(result: Any, error: str = "") -> dict[str, Any]:
    class Body:
        def read(self) -> bytes:
            return json.dumps(result).encode()

    return {"Payload": Body(), **({"FunctionError": error} if error else {})}


def test_a_function_as_target_gets_batches_and_may_fail_a_part(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    partial = {"batchItemFailures": [{"itemIdentifier": "e-b"}]}
    fake = FakeLambda(answer_of({}, "Unhandled"), answer_of(partial))
    monkeypatch.setattr(world.pipes._runtime, "_cloud", replace(world.cloud, client=lambda *_: fake))
    entries = [
        (name, json.dumps({"eventID": f"e-{name}", "dynamodb": {"Keys": {"orderid": {"S": name}}}})) for name in "abc"
    ]
    world.log.append(f"{STREAM}/shardId-0", [(key, data.encode()) for key, data in entries])
    target = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
    world.create(**{**definition(BatchSize=3), "Target": target, "TargetParameters": {}})
    until(lambda: world.position() == 3)
    assert fake.batches == [["a", "b", "c"], ["a", "b", "c"], ["b", "c"]]


def test_kinesis_as_source_is_wrapped_and_filtered_by_its_data(world: World) -> None:
    world.log.append(f"{OTHER}/shardId-0", [("k1", b'{"n":1}'), ("k2", b'{"n":2}'), ("k3", b"text")])
    world.create(
        Source=OTHER,
        SourceParameters={
            "KinesisStreamParameters": {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 0},
            "FilterCriteria": {"Filters": [{"Pattern": '{"data": {"n": [2]}}'}]},
        },
        TargetParameters={"KinesisStreamParameters": {"PartitionKey": "$.partitionKey"}},
    )
    until(lambda: world.delivered() == ["k2"])
    (record,) = world.log.read(f"{KINESIS}/shardId-0", 0, 10)
    event = json.loads(record.data)
    assert (event["eventSource"], event["eventSourceARN"], event["data"]) == ("aws:kinesis", OTHER, "eyJuIjoyfQ==")
    assert event["eventID"] == f"shardId-0:{event['sequenceNumber']}"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Source": STREAM + "x"}, f"Cannot access stream {STREAM}x. Please ensure the customer role can perform"),
        ({"Target": KINESIS + "x"}, f"Cannot access stream {KINESIS}x"),
        (
            definition(DeadLetterConfig={"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:no"}),
            f"Error occurred while sending message to SQS queue: arn:aws:sqs:{REGION}:{ACCOUNT}:no",
        ),
    ],
)
def test_what_does_not_exist_is_found_out_later(world: World, changes: dict[str, Any], reason: str) -> None:
    world.create("CREATE_FAILED", **changes)
    assert reason in world.call("DescribePipe")["StateReason"]
    world.call("DeletePipe")  # a failed pipe can be deleted
    until(lambda: world.call("ListPipes", "/v1/pipes") == {"Pipes": []})


def test_a_pipe_exists_once_and_is_left_alone_while_busy(world: World) -> None:
    world.create(DesiredState="STOPPED", wait="STOPPED")
    with pytest.raises(AwsError, match="already exists") as caught:
        world.call("CreatePipe", **definition())
    assert (caught.value.code, caught.value.status) == ("ConflictException", 409)
    assert caught.value.fields == {"resourceId": "mine", "resourceType": "pipe"}
    kept = world.pipes._definitions.get(REGION, "mine")
    assert kept is not None
    world.pipes._definitions.put(REGION, "mine", {**kept, "CurrentState": "UPDATING"})
    for operation in ("DeletePipe", "UpdatePipe", "StartPipe", "StopPipe"):
        with pytest.raises(AwsError, match="state UPDATING"):
            world.call(operation)
