"""Dynamic partitioning: whose partition a record is, and what is gathered and delivered of each."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import pytest

from salespipe.local.firehose.buffer import Buffer
from salespipe.local.firehose.definition import Settings, settings
from salespipe.local.firehose.description import new_definition
from salespipe.local.firehose.partitioning import ACTIVE_LIMIT, Partitioning, PartitioningError, parse_query
from salespipe.local.firehose.transform import Outcome
from salespipe.local.firehose.worker import DeliveryWorker
from salespipe.local.record_log import Record, RecordLog
from salespipe.local.store import Store

ROLE = "arn:aws:iam::123456789012:role/delivery"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:transform"


def config(**changes: Any) -> Settings:
    parameters = [{"ParameterName": "LambdaArn", "ParameterValue": FUNCTION}]
    given = {
        "DeliveryStreamName": "mine",
        "ExtendedS3DestinationConfiguration": {
            "RoleARN": ROLE,
            "BucketARN": "arn:aws:s3:::lake",
            "DynamicPartitioningConfiguration": {"Enabled": True},
            "Prefix": "orders/day=!{partitionKeyFromLambda:day}/",
            "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
            "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60},
            "ProcessingConfiguration": {
                "Enabled": True,
                "Processors": [{"Type": "Lambda", "Parameters": parameters}],
            },
            **changes,
        },
    }
    return settings(new_definition(given, "eu-west-1", "123456789012", 1.0))


def record(sequence: int, data: bytes = b"x", arrived: float = 100.0) -> Record:
    return Record(sequence, arrived, "key", data)


def metadata(**keys: Any) -> bytes:
    return json.dumps({"partitionKeys": keys}).encode()


def outcome(records: Sequence[Record], *given: bytes) -> Outcome:
    return Outcome(records, [one.data for one in records], sources=records, metadata=list(given))


@pytest.mark.parametrize(
    ("query", "document", "keys"),
    [
        ("{customer: .customer_id}", {"customer_id": "c-1"}, {"customer": "c-1"}),
        ('{a: .x.y, "b": .z[1]}', {"x": {"y": "Y"}, "z": ["0", "1"]}, {"a": "Y", "b": "1"}),
        ('{a: .["x-y"].z}', {"x-y": {"z": "Z"}}, {"a": "Z"}),
        ("{a: .n, b: .t}", {"n": 2.5, "t": True}, {"a": "2.5", "b": "true"}),
    ],
)
def test_keys_by_query(query: str, document: Any, keys: dict[str, str]) -> None:
    partitioning = Partitioning(keys, parse_query(query))
    assert dict(partitioning.keys(json.dumps(document).encode(), b"")) == keys


@pytest.mark.parametrize(
    "query", ["", ".a", "{}", "{a: .a | ascii_downcase}", "{a: (.a)}", "{a: .a b: .b}", "{a: .[]}"]
)
def test_more_of_jq_is_refused(query: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is the definition's
        parse_query(query)


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"null",
        b'{"partitionKeys": null}',
        b'{"partitionKeys": ["day"]}',
        metadata(hour="1"),
        metadata(day=None),
        metadata(day=""),
        metadata(day=22),
    ],
)
def test_keys_that_are_missing_or_no_text_are_refused(given: bytes) -> None:
    with pytest.raises(PartitioningError, match="partitionKeys values must not be null or empty"):
        Partitioning(["day"], {}).keys(b"x", given)


def test_data_that_a_query_cannot_read() -> None:
    with pytest.raises(PartitioningError, match="Non JSON record provided"):
        Partitioning(["day"], parse_query("{day: .day}")).keys(b"{", b"")
    with pytest.raises(PartitioningError, match="must not be null or empty"):
        Partitioning(["day"], parse_query("{day: .day}")).keys(b'{"day": {"of": "june"}}', b"")


def test_a_record_without_its_keys_becomes_an_error() -> None:
    buffer = Buffer()
    buffer.add(outcome([record(1), record(2, b"bad", 7.5)], metadata(day="1"), b""), 50.0, config(), 60.25)
    good, bad = buffer.parts.values()
    assert (good.keys, good.data, good.first) == ((("day", "1"),), [b"x"], 1)
    assert (bad.error_type, bad.first, bad.oldest) == ("metadata-extraction-failed", 2, 7.5)
    line = json.loads(b"".join(bad.data))
    assert b64decode(line.pop("rawData")) == b"bad"
    assert line == {
        "attemptsMade": 1,
        "arrivalTimestamp": 7500,
        "errorCode": "DynamicPartitioning.MetadataExtractionFailed",
        "errorMessage": "partitionKeys values must not be null or empty",
        "attemptEndingTimestamp": 60250,
    }


def test_one_partition_too_many_is_an_error() -> None:
    buffer = Buffer()
    records = [record(number) for number in range(1, ACTIVE_LIMIT + 3)]
    days = [*range(ACTIVE_LIMIT), "another", 0]
    buffer.add(outcome(records, *(metadata(day=str(day)) for day in days)), 1.0, config(), 1.0)
    assert len(buffer.parts) == ACTIVE_LIMIT + 1
    assert len(buffer.parts["activePartitionExceeded", ()].data) == 1
    assert len(buffer.parts["", (("day", "0"),)].data) == 2


def test_what_is_finished_ends_before_the_first_record_that_waits() -> None:
    buffer = Buffer()
    assert buffer.finished == 0
    records = [record(4, b"a", 1.0), record(5, b"b", 2.0), record(6, b"a", 3.0)]
    buffer.add(outcome(records, *(metadata(day=one.data.decode()) for one in records)), 1.0, config(), 1.0)
    assert (buffer.finished, buffer.oldest) == (3, 1.0)
    del buffer.parts["", (("day", "a"),)]
    assert (buffer.finished, buffer.oldest) == (4, 2.0)
    del buffer.parts["", (("day", "b"),)]
    assert (buffer.finished, buffer.oldest) == (6, 3.0)


class Origin:
    """One shard of a record log."""

    stream_arn = ""

    def shards(self) -> list[str]:
        return ["s"]

    def shard_id(self, shard: str) -> str:
        return shard

    def sequence_number(self, sequence: int) -> str:
        return f"49{sequence:054d}"

    def read(self, records: Sequence[Record], now: float, *, latest: bool) -> None:
        """Nobody counts."""

    def delivered(self, shard: str, arrived: float) -> None:
        """Nobody trims."""


class Invocation:
    function_error = ""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload


class ByFirstLetter:
    """A transform that makes the first letter of the data its day."""

    def invoke(self, _function: str, payload: bytes, *, region: str) -> Invocation:  # noqa: ARG002
        answers = [
            {
                "recordId": one["recordId"],
                "result": "Ok",
                "data": one["data"],
                "metadata": {"partitionKeys": {"day": b64decode(one["data"]).decode()[:1]}},
            }
            for one in json.loads(payload)["records"]
        ]
        return Invocation(json.dumps({"records": answers}).encode())


class Objects:
    """Keeps what would be written to S3, by folder."""

    def __init__(self) -> None:
        self.found: dict[str, bytes] = {}

    def write(self, part: Any, _settings: Settings) -> None:
        self.found["/".join(value for _, value in part.keys)] = b"".join(part.data)

    def report(self, *_: Any) -> None:
        raise AssertionError


def test_partitions_are_delivered_each_on_its_own(tmp_path: Any) -> None:
    store, objects = Store(tmp_path), Objects()
    log = RecordLog(store, lambda: 100.0)
    settings = config(BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 900})
    worker = DeliveryWorker(settings, Origin(), ByFirstLetter(), objects, log=log, clock=lambda: 100.0)  # type: ignore[arg-type]
    log.append("s", [("k", text.encode()) for text in ("a1", "b1", "a2", "b2", "a3")])
    worker.start()
    worker.drain()
    assert objects.found == {"a": b"a1a2a3", "b": b"b1b2"}
    assert log.position(settings.arn, "s") == 5
    store.close()
