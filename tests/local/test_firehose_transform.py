import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import pytest

from salespipe.local.api import AwsError
from salespipe.local.firehose.definition import Processor
from salespipe.local.firehose.transform import Outcome, Transform, batch_limit
from salespipe.local.functions.service import Invocation
from salespipe.local.record_log import Record

ARN = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/mine"
STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:f"
RECORDS = [Record(number, 1_700_000_000.123, f"key-{number}", text) for number, text in enumerate([b"a", b"b"], 1)]


class Origin:
    stream_arn = STREAM

    def shards(self) -> list[str]:
        return [f"{STREAM}/shardId-0"]

    def shard_id(self, shard: str) -> str:
        return shard.rpartition("/")[2]

    def sequence_number(self, sequence: int) -> str:
        return f"49{sequence:054d}"


class Lambda:
    """Answers with Python functions, one for each invocation; the last stays."""

    def __init__(self, *functions: Callable[[dict[str, Any]], Any]) -> None:
        self.functions = list(functions)
        self.events: list[dict[str, Any]] = []

    def invoke(self, function: str, payload: bytes, *, region: str) -> Invocation:
        assert (function, region) == (FUNCTION, "eu-west-1")
        self.events.append(json.loads(payload))
        answer = (self.functions.pop(0) if len(self.functions) > 1 else self.functions[0])(self.events[-1])
        return answer if isinstance(answer, Invocation) else Invocation(json.dumps(answer).encode())


def echo(event: dict[str, Any]) -> Any:
    return {"records": [{"recordId": one["recordId"], "result": "Ok", "data": one["data"]} for one in event["records"]]}


def failing(_event: dict[str, Any]) -> Any:
    return Invocation(b'{"errorMessage": "oh"}', "Unhandled")


def refusing(code: str, status: int) -> Callable[[dict[str, Any]], Any]:
    def refuse(_event: dict[str, Any]) -> Any:
        raise AwsError(code, "No.", status)

    return refuse


def broken(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda event: {"records": change(echo(event)["records"])}


def process(function: Lambda, *, retries: int = 3, origin: Origin | None = None) -> tuple[Outcome, list[float]]:
    """What becomes of RECORDS, and how long was slept between the tries."""
    slept: list[float] = []

    def sleep(seconds: float) -> bool:
        slept.append(seconds)
        return False

    transform = Transform(ARN, origin or Origin(), function, clock=lambda: 1_700_000_001.0, sleep=sleep)
    return transform.process(f"{STREAM}/shardId-0", RECORDS, Processor(FUNCTION, retries, 2**20, 60)), slept


def errors(outcome: Outcome) -> list[dict[str, Any]]:
    return [json.loads(line) for line in outcome.errors]


def test_the_function_gets_the_documented_event() -> None:
    function = Lambda(echo)
    outcome, _ = process(function)
    assert (outcome.data, outcome.errors, outcome.trouble) == ([b"a", b"b"], [], None)
    (event,) = function.events
    assert set(event) == {"invocationId", "deliveryStreamArn", "sourceKinesisStreamArn", "region", "records"}
    assert (event["deliveryStreamArn"], event["sourceKinesisStreamArn"]) == (ARN, STREAM)
    assert len({record["recordId"] for record in event["records"]}) == 2
    record = event["records"][0]
    assert (record["approximateArrivalTimestamp"], b64decode(record["data"])) == (1_700_000_000_123, b"a")
    assert record["kinesisRecordMetadata"] == {
        "shardId": "shardId-0",
        "partitionKey": "key-1",
        "sequenceNumber": f"49{1:054d}",
        "subsequenceNumber": 0,
        "approximateArrivalTimestamp": 1_700_000_000_123,
    }


def test_direct_puts_have_no_kinesis_metadata() -> None:
    class Direct(Origin):
        stream_arn = ""

    function = Lambda(echo)
    process(function, origin=Direct())
    assert "sourceKinesisStreamArn" not in function.events[0]
    assert set(function.events[0]["records"][0]) == {"recordId", "approximateArrivalTimestamp", "data"}


def test_the_answers_order_is_free_and_the_records_order_is_kept() -> None:
    outcome, _ = process(Lambda(broken(lambda records: records[::-1])))
    assert outcome.data == [b"a", b"b"]


@pytest.mark.parametrize(
    ("function", "code"),
    [
        (broken(lambda records: records[1:]), "Lambda.MissingRecordId"),
        (broken(lambda records: [*records, records[0]]), "Lambda.DuplicatedRecordId"),
        (broken(lambda records: [*records, {**records[0], "recordId": "?"}]), "Lambda.JsonProcessingException"),
        (broken(lambda records: [{**record, "data": 5} for record in records]), "Lambda.JsonProcessingException"),
        (broken(lambda records: [{**record, "data": "%"} for record in records]), "Lambda.JsonProcessingException"),
        (broken(lambda records: [{**record, "data": None} for record in records]), "Lambda.JsonProcessingException"),
        (
            broken(lambda records: [{**record, "result": "Fine"} for record in records]),
            "Lambda.JsonProcessingException",
        ),
        (lambda _: {"statusCode": 200}, "Lambda.JsonProcessingException"),
        (lambda _: None, "Lambda.JsonProcessingException"),
        (lambda _: Invocation(b"not json"), "Lambda.JsonProcessingException"),
        (lambda _: Invocation(b" " * (6 * 2**20 + 1)), "Lambda.ResponseTooLarge"),
    ],
)
def test_an_answer_that_breaks_the_contract_fails_the_whole_batch_at_once(
    function: Callable[[dict[str, Any]], Any], code: str
) -> None:
    outcome, slept = process(Lambda(function))
    assert outcome.data == slept == []
    assert outcome.trouble is not None
    assert outcome.trouble[0] == code
    lines = errors(outcome)
    assert [b64decode(line["rawData"]) for line in lines] == [b"a", b"b"]
    assert {(line["errorCode"], line["attemptsMade"]) for line in lines} == {(code, 1)}


@pytest.mark.parametrize(
    ("function", "code"),
    [
        (failing, "Lambda.FunctionError"),
        (
            lambda _: Invocation(b'{"errorMessage": "2026 id Task timed out after 3.00 seconds"}', "Unhandled"),
            "Lambda.FunctionTimedOut",
        ),
        (refusing("ResourceNotFoundException", 404), "Lambda.ResourceNotFound"),
        (refusing("TooManyRequestsException", 429), "Lambda.InvokeLimitExceeded"),
    ],
)
def test_a_failed_invocation_is_tried_again_as_often_as_configured(
    function: Callable[[dict[str, Any]], Any], code: str
) -> None:
    outcome, slept = process(Lambda(function), retries=2)
    assert {(line["errorCode"], line["attemptsMade"]) for line in errors(outcome)} == {(code, 3)}
    assert slept == sorted(slept)
    assert len(slept) == 2


def test_a_function_that_recovers_loses_nothing() -> None:
    outcome, slept = process(Lambda(failing, failing, echo))
    assert (outcome.data, outcome.errors, len(slept)) == ([b"a", b"b"], [], 2)


def test_a_service_that_is_down_is_nobodys_try() -> None:
    outcome, _ = process(Lambda(*[refusing("ServiceException", 500)] * 9, echo), retries=0)
    assert (outcome.data, outcome.errors) == ([b"a", b"b"], [])


def test_an_event_always_fits_lambda() -> None:
    for size in (200_000, 2**20, 3 * 2**20):
        count = batch_limit(size)
        records = [Record(number, 1_700_000_000.0, "k" * 36, b"x" * (size // count)) for number in range(count)]
        function = Lambda(echo)
        transform = Transform(ARN, Origin(), function, clock=lambda: 0.0, sleep=lambda _: False)
        transform.process(f"{STREAM}/shardId-000000000000", records, Processor(FUNCTION, 0, size, 60))
        assert len(json.dumps(function.events[0], separators=(",", ":"))) <= 6 * 2**20


def test_bytes_come_back_as_the_function_returned_them() -> None:
    def binary(event: dict[str, Any]) -> Any:
        data = b64encode(bytes(range(256))).decode()
        return {"records": [{"recordId": one["recordId"], "result": "Ok", "data": data} for one in event["records"]]}

    outcome, _ = process(Lambda(binary))
    assert outcome.data == [bytes(range(256))] * 2
