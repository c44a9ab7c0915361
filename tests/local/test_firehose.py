"""The Firehose service over a real record log, with a Kinesis of its own making, a fake Lambda, and moto's S3."""

import gzip
import json
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from salespipe.local.api import AwsError, Call, Cloud
from salespipe.local.firehose.service import Firehose
from salespipe.local.record_log import RecordLog
from salespipe.local.store import Store

REGION = "us-east-1"
ACCOUNT = "123456789012"
STREAM = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/orders"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/delivery"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:transform:$LATEST"
ARN = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/mine"


class Kinesis:
    def __init__(self, log: RecordLog) -> None:
        self.log = log
        self.names = ["shardId-0"]

    def shards(self, stream_arn: str) -> list[str]:
        return [f"{STREAM}/{name}" for name in self.names] if stream_arn == STREAM else []

    def shard_id(self, shard: str) -> str:
        return shard.rsplit("/", 1)[-1]

    def sequence_number(self, sequence: int) -> str:
        return f"49{sequence:054d}"


@dataclass
class Invocation:
    payload: bytes
    function_error: str = ""


def upper(event: dict[str, Any]) -> Any:
    """A transform in good health: upper case, one line for each record."""
    return {"records": [answer(record) for record in event["records"]]}


def answer(record: dict[str, Any], result: str = "Ok") -> dict[str, Any]:
    data = b64encode(b64decode(record["data"]).upper() + b"\n").decode()
    return {"recordId": record["recordId"], "result": result, "data": data}


class Lambda:
    """Runs a Python function in place of a deployed one, and remembers the events."""

    def __init__(self) -> None:
        self.function: Callable[[dict[str, Any]], Any] = upper
        self.events: list[dict[str, Any]] = []
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    def invoke(self, function: str, payload: bytes, *, region: str) -> Invocation:
        assert (function, region) == (FUNCTION, REGION)
        event = json.loads(payload)
        with self._lock:
            self.events.append(event)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            result = self.function(event)
        finally:
            with self._lock:
                self.at_once -= 1
        return result if isinstance(result, Invocation) else Invocation(json.dumps(result).encode())


class World:
    """One local AWS with a Kinesis stream, a bucket and the Firehose service, which can be restarted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.s3 = boto3.client("s3", REGION)
        self.logs = boto3.client("logs", REGION)
        self.glue = boto3.client("glue", REGION)
        self.s3.create_bucket(Bucket="lake")
        self.function = Lambda()
        self.open()

    def open(self) -> None:
        self.store = Store(self.folder)
        self.log = RecordLog(self.store, time.time)
        self.kinesis = Kinesis(self.log)
        cloud = Cloud(self.store, self.log, self.client, "http://127.0.0.1:1", ACCOUNT, time.time)
        self.firehose = Firehose(cloud, self.kinesis, self.function)
        self.firehose.start()

    def close(self) -> None:
        self.firehose.stop()
        self.store.close()

    def client(self, service: str, region: str) -> Any:
        assert region == REGION
        return {"s3": self.s3, "logs": self.logs, "glue": self.glue}[service]

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        params = {"DeliveryStreamName": "mine", **params}
        found = self.firehose.handlers[operation](Call("firehose", operation, REGION, ACCOUNT, params=params))
        assert isinstance(found, dict)
        return found

    def create(self, *, direct: bool = False, **changes: Any) -> None:
        self.call("CreateDeliveryStream", **request(direct=direct, **changes))
        until(lambda: self.describe()["DeliveryStreamStatus"] == "ACTIVE")

    def describe(self) -> dict[str, Any]:
        found: dict[str, Any] = self.call("DescribeDeliveryStream")["DeliveryStreamDescription"]
        return found

    def put(self, *texts: str, shard: str = "shardId-0") -> None:
        self.log.append(f"{STREAM}/{shard}", [(f"key-{text}", text.encode()) for text in texts])

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        found = self.s3.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", [])
        return {entry["Key"]: self.s3.get_object(Bucket="lake", Key=entry["Key"])["Body"].read() for entry in found}

    def lines(self, prefix: str = "") -> list[bytes]:
        return b"".join(self.objects(prefix).values()).split()

    def errors(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in b"".join(self.objects("errors/").values()).splitlines()]

    def position(self, shard: str = "shardId-0") -> int | None:
        return self.log.position(ARN, f"{STREAM}/{shard}")


def processing(**parameters: str) -> dict[str, Any]:
    given = {"LambdaArn": FUNCTION, "BufferIntervalInSeconds": "0", **parameters}
    entries = [{"ParameterName": name, "ParameterValue": value} for name, value in given.items()]
    return {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": entries}]}


def request(*, direct: bool = False, **changes: Any) -> dict[str, Any]:
    source = {"KinesisStreamARN": STREAM, "RoleARN": ROLE}
    return {
        **(
            {}
            if direct
            else {"DeliveryStreamType": "KinesisStreamAsSource", "KinesisStreamSourceConfiguration": source}
        ),
        "ExtendedS3DestinationConfiguration": {
            "RoleARN": ROLE,
            "BucketARN": "arn:aws:s3:::lake",
            "Prefix": "orders/",
            "ErrorOutputPrefix": "errors/",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
            "ProcessingConfiguration": processing(),
            **changes,
        },
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


def test_records_are_transformed_and_land_as_the_function_returned_them(world: World) -> None:
    world.put("before")  # the delivery stream begins with what comes after it became active
    world.create()
    world.put("a", "b")
    until(lambda: world.lines() == [b"A", b"B"])
    until(lambda: world.position() == 3)
    ((key, body),) = world.objects().items()
    day = datetime.now(UTC).strftime("%Y/%m/%d")
    assert key.startswith(f"orders/{day}/")
    assert key.split("/")[-1].startswith("mine-1-" + datetime.now(UTC).strftime("%Y-"))
    assert body == b"A\nB\n"


def test_dropped_and_failed_records(world: World) -> None:
    results = {"a": "Ok", "b": "Dropped", "c": "ProcessingFailed"}

    def choose(event: dict[str, Any]) -> Any:
        answers = [answer(record, results[b64decode(record["data"]).decode()]) for record in event["records"]]
        return {"records": list(reversed(answers))}  # the order of the answer is free

    world.function.function = choose
    world.create()
    world.put("a", "b", "c")
    until(lambda: world.position() == 3)
    assert world.lines("orders/") == [b"A"]
    (line,) = world.errors()
    assert line["errorCode"] == "Lambda.ProcessingFailedStatus"
    assert b64decode(line["rawData"]) == b"c"
    assert (line["attemptsMade"], line["lambdaArn"]) == (1, FUNCTION)
    assert set(line) == {
        "attemptsMade",
        "arrivalTimestamp",
        "errorCode",
        "errorMessage",
        "attemptEndingTimestamp",
        "rawData",
        "lambdaArn",
    }
    (key,) = world.objects("errors/")
    assert key.startswith("errors/processing-failed/")


def test_a_function_error_is_retried_and_then_told_and_kept(world: World) -> None:
    world.logs.create_log_group(logGroupName="/fh")
    world.logs.create_log_stream(logGroupName="/fh", logStreamName="s")
    world.function.function = lambda _: Invocation(b'{"errorMessage": "oh"}', "Unhandled")
    logging = {"Enabled": True, "LogGroupName": "/fh", "LogStreamName": "s"}
    world.create(ProcessingConfiguration=processing(NumberOfRetries="1"), CloudWatchLoggingOptions=logging)
    world.put("a")
    until(lambda: world.position() == 1)
    (line,) = world.errors()
    assert (line["errorCode"], line["attemptsMade"]) == ("Lambda.FunctionError", 2)
    assert len(world.function.events) == 2
    (event,) = world.logs.get_log_events(logGroupName="/fh", logStreamName="s")["events"]
    told = json.loads(event["message"])
    assert (told["errorCode"], told["deliveryStreamARN"], told["processor"]) == ("Lambda.FunctionError", ARN, FUNCTION)


def test_gzip_and_prefix_expressions_and_extension(world: World) -> None:
    world.create(
        CompressionFormat="GZIP",
        FileExtension=".json.gz",
        Prefix="o/dt=!{timestamp:yyyy-MM-dd}/",
        ErrorOutputPrefix="errors/!{firehose:error-output-type}/",
        CustomTimeZone="UTC",
    )
    world.put("a")
    until(lambda: world.position() == 1)
    ((key, body),) = world.objects().items()
    assert key.startswith(f"o/dt={datetime.now(UTC):%Y-}")
    assert key.endswith(".json.gz")
    assert gzip.decompress(body) == b"A\n"


def test_the_interval_gathers_and_the_size_does_not_wait_for_it(world: World) -> None:
    world.create(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900})
    world.put("a")
    until(lambda: world.function.events)
    time.sleep(0.1)
    assert world.objects() == {}
    world.put("b" * 600_000, "c" * 600_000)
    until(lambda: len(world.lines()) == 3)


def test_the_transforms_own_buffer_counts_bytes(world: World) -> None:
    world.create(ProcessingConfiguration=processing(BufferSizeInMBs="0.2", BufferIntervalInSeconds="900"))
    world.put(*[str(number) * 50_000 for number in range(9)])
    until(lambda: len(world.function.events) == 2)
    assert [len(event["records"]) for event in world.function.events] == [4, 4]  # the ninth waits


def test_shards_are_delivered_side_by_side_and_new_ones_noticed(world: World) -> None:
    gate = threading.Barrier(2, timeout=20)

    def meeting(event: dict[str, Any]) -> Any:
        if not gate.broken and len(world.function.events) <= 2:
            gate.wait()
        return upper(event)

    world.function.function = meeting
    world.kinesis.names = ["shardId-0", "shardId-1"]
    world.create()
    world.put("a")
    world.put("b", shard="shardId-1")
    until(lambda: sorted(world.lines()) == [b"A", b"B"])
    assert world.function.most_at_once == 2
    world.kinesis.names.append("shardId-2")
    world.put("c", shard="shardId-2")
    until(lambda: sorted(world.lines()) == [b"A", b"B", b"C"])


def test_order_within_a_shard_holds_over_many_batches(world: World) -> None:
    def uneven(event: dict[str, Any]) -> Any:
        time.sleep(0.02 if len(world.function.events) % 2 else 0)
        return upper(event)

    world.function.function = uneven
    world.create(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900})
    names = [f"{number:06d}" for number in range(3000)]
    for start in range(0, 3000, 100):
        world.put(*names[start : start + 100])
    until(lambda: sum(len(event["records"]) for event in world.function.events) == 3000)
    world.call("DeleteDeliveryStream")
    until(world.lines)
    assert [line.decode() for line in world.lines()] == names


def test_delete_delivers_what_is_gathered_and_ends_in_not_found(world: World) -> None:
    world.create(BufferingHints={"SizeInMBs": 128, "IntervalInSeconds": 900})
    world.put("a")
    until(lambda: world.function.events)
    world.put("b")
    world.call("DeleteDeliveryStream")

    def gone() -> bool:
        try:
            return world.describe()["DeliveryStreamStatus"] != "DELETING"
        except AwsError as error:
            return error.code == "ResourceNotFoundException"

    until(gone)
    assert world.lines() == [b"A", b"B"]
    assert world.position() is None


def test_a_restart_reads_again_what_was_not_delivered(world: World) -> None:
    world.create()
    world.put("a")
    until(lambda: world.position() == 1)
    change = {"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 900}}
    update(world, "1", change)
    world.put("b")
    until(lambda: len(world.function.events) == 2)
    world.close()
    world.open()
    until(lambda: len(world.function.events) == 3)
    update(world, "2", {"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0}})
    until(lambda: world.position() == 2)
    assert world.lines() == [b"A", b"B"]


def update(world: World, version: str, change: dict[str, Any]) -> None:
    world.call(
        "UpdateDestination",
        CurrentDeliveryStreamVersionId=version,
        DestinationId="destinationId-000000000001",
        ExtendedS3DestinationUpdate=change,
    )


def test_update_takes_effect_without_a_restart(world: World) -> None:
    world.create()
    update(world, "1", {"Prefix": "new/", "ProcessingConfiguration": {"Enabled": False}})
    assert world.describe()["VersionId"] == "2"
    world.put("a")
    until(world.objects)
    ((key, body),) = world.objects().items()
    assert key.startswith("new/")
    assert "mine-2-" in key
    assert body == b"a"
    with pytest.raises(AwsError, match="current version id: 2") as caught:
        update(world, "1", {"Prefix": "x/"})
    assert caught.value.code == "ConcurrentModificationException"


def test_s3_that_fails_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put, failures = world.s3.put_object, [1, 2]

    def failing(**arguments: Any) -> Any:
        if failures:
            failures.pop()
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "Slow down."}}, "PutObject")
        return put(**arguments)

    monkeypatch.setattr(world.s3, "put_object", failing)
    world.create()
    world.put("a")
    until(lambda: world.lines() == [b"A"])
    until(lambda: world.position() == 1)


def test_direct_puts_go_the_same_way(world: World) -> None:
    world.create(direct=True)
    data = [b64encode(text.encode()).decode() for text in "abc"]
    assert len(world.call("PutRecord", Record={"Data": data[0]})["RecordId"]) == 192
    until(lambda: world.lines() == [b"A"])
    answer = world.call("PutRecordBatch", Records=[{"Data": one} for one in data[1:]])
    assert (answer["FailedPutCount"], len(answer["RequestResponses"])) == (0, 2)
    until(lambda: sorted(world.lines()) == [b"A", b"B", b"C"])
    event = world.function.events[0]
    assert "sourceKinesisStreamArn" not in event
    assert "kinesisRecordMetadata" not in event["records"][0]


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("PutRecord", {"Record": {"Data": "?"}}, "SerializationException"),
        ("PutRecord", {"Record": {"Data": b64encode(b"x" * 1_024_001).decode()}}, "InvalidArgumentException"),
        ("PutRecordBatch", {"Records": []}, "InvalidArgumentException"),
        ("PutRecordBatch", {"Records": [{"Data": b64encode(b"x" * 10**6).decode()}] * 5}, "InvalidArgumentException"),
        ("PutRecord", {"DeliveryStreamName": "none", "Record": {"Data": ""}}, "ResourceNotFoundException"),
    ],
)
def test_puts_that_are_refused(world: World, operation: str, params: dict[str, Any], code: str) -> None:
    world.create(direct=True)
    with pytest.raises(AwsError) as caught:
        world.call(operation, **params)
    assert caught.value.code == code


def test_no_direct_puts_beside_a_kinesis_source(world: World) -> None:
    world.create()
    with pytest.raises(AwsError, match="not permitted on KinesisStreamAsSource delivery stream type"):
        world.call("PutRecord", Record={"Data": ""})


def test_as_aws_describes_it(world: World) -> None:
    answer = world.call("CreateDeliveryStream", **request(), Tags=[{"Key": "a", "Value": "1"}])
    assert answer == {"DeliveryStreamARN": ARN}
    until(lambda: world.describe()["DeliveryStreamStatus"] == "ACTIVE")
    found = world.describe()
    source = found["Source"]["KinesisStreamSourceDescription"]
    assert source["KinesisStreamARN"] == STREAM
    assert source["DeliveryStartTimestamp"] >= found["CreateTimestamp"]
    assert (found["VersionId"], found["HasMoreDestinations"]) == ("1", False)
    (destination,) = found["Destinations"]
    extended = destination["ExtendedS3DestinationDescription"]
    assert extended["ProcessingConfiguration"] == processing()
    assert (extended["CompressionFormat"], extended["S3BackupMode"]) == ("UNCOMPRESSED", "Disabled")
    assert "ProcessingConfiguration" not in destination["S3DestinationDescription"]
    world.call("TagDeliveryStream", Tags=[{"Key": "b", "Value": "2"}])
    world.call("UntagDeliveryStream", TagKeys=["a"])
    tags = world.call("ListTagsForDeliveryStream")
    assert tags == {"Tags": [{"Key": "b", "Value": "2"}], "HasMoreTags": False}
    listed = world.call("ListDeliveryStreams", Limit=5)
    assert listed == {"DeliveryStreamNames": ["mine"], "HasMoreDeliveryStreams": False}
    with pytest.raises(AwsError, match="already exists") as caught:
        world.call("CreateDeliveryStream", **request())
    assert caught.value.code == "ResourceInUseException"


def test_partitions_have_folders_of_their_own(world: World) -> None:
    def by_day(event: dict[str, Any]) -> Any:
        answers = [answer(one) for one in event["records"]]
        for one, source in zip(answers, event["records"], strict=True):
            day = b64decode(source["data"]).decode().partition("-")[2]
            one["metadata"] = {"partitionKeys": {"day": day} if day else {}}
        return {"records": answers}

    world.function.function = by_day
    world.create(
        DynamicPartitioningConfiguration={"Enabled": True},
        Prefix="orders/day=!{partitionKeyFromLambda:day}/",
        ErrorOutputPrefix="errors/!{firehose:error-output-type}/",
        BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 60},
    )
    world.put("a-1", "b-2", "c-1", "d")
    world.call("DeleteDeliveryStream")  # delivers at once what is gathered
    until(lambda: len(world.objects()) == 3)
    assert world.lines("orders/day=1/") == [b"A-1", b"C-1"]
    assert world.lines("orders/day=2/") == [b"B-2"]
    ((key, body),) = world.objects("errors/").items()
    assert key.startswith("errors/metadata-extraction-failed/mine-1-")
    assert b64decode(json.loads(body)["rawData"]) == b"d"


def test_records_are_converted_by_the_tables_schema(world: World) -> None:
    conversion = {
        "SchemaConfiguration": {"RoleARN": ROLE, "DatabaseName": "lake", "TableName": "orders"},
        "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
        "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
    }
    changes = {
        "DataFormatConversionConfiguration": conversion,
        "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
        "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 0},
        "ProcessingConfiguration": {"Enabled": False},
    }
    with pytest.raises(AwsError, match="could not be found"):
        world.create(**changes)
    world.glue.create_database(DatabaseInput={"Name": "lake"})
    columns = [{"Name": "orderid", "Type": "string"}, {"Name": "quantity", "Type": "int"}]
    world.glue.create_table(
        DatabaseName="lake", TableInput={"Name": "orders", "StorageDescriptor": {"Columns": columns}}
    )
    world.create(**changes)
    world.put('{"orderid": "o-1", "quantity": 2}', '{"orderid": "o-2", "quantity": "lots"}')
    until(lambda: world.position() == 2)
    ((key, body),) = world.objects("orders/").items()
    assert key.endswith(".parquet")
    assert body[:4] == body[-4:] == b"PAR1"
    ((key, body),) = world.objects("errors/").items()
    assert key.startswith("errors/format-conversion-failed/mine-1-")
    assert "." not in key
    assert json.loads(body)["lastErrorCode"] == "DataFormatConversion.MalformedData"
