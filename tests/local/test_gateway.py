from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from salespipe.local.api import Answer, AwsError, Call, Handler, NotMine
from salespipe.local.front.gateway import Gateway
from salespipe.local.front.routes import find_route

ACCOUNT = "123456789012"


class FakeMoto:
    def __init__(self) -> None:
        self.calls: list[tuple[Call, bool]] = []
        self.result: Answer | AwsError = Answer(200, b"{}")

    def answer(self, call: Call, *, changes: bool) -> Answer:
        self.calls.append((call, changes))
        if isinstance(self.result, AwsError):
            raise self.result
        return self.result


class FakeService:
    def __init__(self, name: str, handlers: Mapping[str, Handler], listens: tuple[str, ...] = ()) -> None:
        self.name = name
        self.handlers = handlers
        self.listens = listens
        self.heard: list[tuple[str, str]] = []

    def observe(self, call: Call, answer: Answer) -> None:  # noqa: ARG002
        self.heard.append((call.service, call.operation))

    def start(self) -> None: ...

    def stop(self) -> None: ...


def signed(name: str, region: str = "eu-west-1", **headers: str) -> dict[str, str]:
    scope = f"Credential=me/20260101/{region}/{name}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0", **headers}


def target(prefix: str, operation: str, name: str) -> dict[str, str]:
    return signed(name, **{"x-amz-target": f"{prefix}.{operation}", "content-type": "application/x-amz-json-1.1"})


FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "body", "expected"),
    [
        ("POST", "/", "", target("DynamoDB_20120810", "PutItem", "dynamodb"), b"{}", ("dynamodb", "PutItem")),
        (
            "POST",
            "/",
            "",
            target("DynamoDBStreams_20120810", "GetRecords", "dynamodb"),
            b"{}",
            ("dynamodbstreams", "GetRecords"),
        ),
        ("POST", "/", "", target("AWSGlue", "CreateClassifier", "glue"), b"{}", ("glue", "CreateClassifier")),
        ("POST", "/", "", target("AmazonSSM", "GetParameter", "ssm"), b"{}", ("ssm", "GetParameter")),
        ("POST", "/", "", {**signed("iam"), **FORM}, b"Action=CreateRole&RoleName=r", ("iam", "CreateRole")),
        (
            "POST",
            "/service/GraniteServiceVersion20100801/operation/PutMetricData",
            "",
            signed("monitoring"),
            b"",
            ("cloudwatch", "PutMetricData"),
        ),
        ("POST", "/v1/pipes/p/start", "", signed("pipes"), b"", ("pipes", "StartPipe")),
        ("DELETE", "/v1/pipes/p", "", signed("pipes"), b"", ("pipes", "DeletePipe")),
        ("POST", "/2015-03-31/functions/f/invocations", "", {}, b"{}", ("lambda", "Invoke")),
        (
            "GET",
            "/2015-03-31/functions/f/configuration",
            "",
            signed("lambda"),
            b"",
            ("lambda", "GetFunctionConfiguration"),
        ),
        ("GET", "/schedules", "", signed("scheduler"), b"", ("scheduler", "ListSchedules")),
        ("GET", "/", "", signed("s3"), b"", ("s3", "ListBuckets")),
        ("PUT", "/b", "", signed("s3"), b"", ("s3", "CreateBucket")),
        ("GET", "/b/", "list-type=2&prefix=x", signed("s3"), b"", ("s3", "ListObjectsV2")),
        ("GET", "/b", "", signed("s3"), b"", ("s3", "ListObjects")),
        ("GET", "/b", "location", signed("s3"), b"", ("s3", "GetBucketLocation")),
        ("PUT", "/b/k/e/y", "", signed("s3"), b"", ("s3", "PutObject")),
        ("PUT", "/b/k", "", signed("s3", **{"x-amz-copy-source": "/b/o"}), b"", ("s3", "CopyObject")),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", signed("s3"), b"", ("s3", "UploadPart")),
        ("POST", "/b/k", "uploads=", signed("s3"), b"", ("s3", "CreateMultipartUpload")),
        ("POST", "/b/k", "uploadId=u", signed("s3"), b"", ("s3", "CompleteMultipartUpload")),
        ("DELETE", "/b/k", "uploadId=u", signed("s3"), b"", ("s3", "AbortMultipartUpload")),
        ("DELETE", "/b/k", "versionId=1", signed("s3"), b"", ("s3", "DeleteObject")),
        ("POST", "/b", "delete=", signed("s3"), b"", ("s3", "DeleteObjects")),
        ("PUT", "/b/k", "tagging=", signed("s3"), b"", ("s3", "PutObjectTagging")),
        ("GET", "/b/k", "", {"authorization": "AWS me:signature"}, b"", ("s3", "GetObject")),
        ("GET", "/b/k", "", {}, b"", ("s3", "GetObject")),
    ],
)
def test_a_request_is_recognised(
    method: str, path: str, query: str, *, headers: dict[str, str], body: bytes, expected: tuple[str, str]
) -> None:
    route = find_route(method, path, query, headers, body)
    assert (route.service, route.operation) == expected


def test_region_comes_from_the_signature_also_when_presigned() -> None:
    assert find_route("POST", "/", "", target("AWSGlue", "GetTables", "glue"), b"").region == "eu-west-1"
    query = "X-Amz-Credential=me%2F20260101%2Fap-south-1%2Fs3%2Faws4_request&X-Amz-Signature=0"
    route = find_route("GET", "/b/a%20b%2Fc", query, {}, b"")
    assert (route.service, route.operation, route.region) == ("s3", "GetObject", "ap-south-1")
    assert route.uri == {"Bucket": "b", "Key": "a b/c"}
    assert find_route("GET", "/b", "", {}, b"").region == "us-east-1"


@pytest.fixture
def moto() -> FakeMoto:
    return FakeMoto()


def dynamodb(gateway: Gateway, operation: str, body: object) -> tuple[Answer, Any]:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    answer = gateway.dispatch("POST", "/", "", target("DynamoDB_20120810", operation, "dynamodb"), raw)
    return answer, msgspec.json.decode(answer.body)


def test_a_handler_of_ours_answers_before_moto(moto: FakeMoto) -> None:
    seen: list[Call] = []

    def put(call: Call) -> dict[str, Any]:
        seen.append(call)
        return {"Attributes": {"n": 1}}

    gateway = Gateway(moto, ACCOUNT)
    gateway.add(FakeService("dynamodb", {"PutItem": put}))
    answer, body = dynamodb(gateway, "PutItem", {"TableName": "t", "Item": {}})
    assert (answer.status, body) == (200, {"Attributes": {"n": 1}})
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"
    assert answer.headers["x-amzn-requestid"]
    assert (seen[0].region, seen[0].account, seen[0].params["TableName"]) == ("eu-west-1", ACCOUNT, "t")
    assert not moto.calls


def test_a_handler_may_leave_a_call_to_moto(moto: FakeMoto) -> None:
    def put(_: Call) -> dict[str, Any]:
        raise NotMine

    gateway = Gateway(moto, ACCOUNT)
    gateway.add(FakeService("dynamodb", {"PutItem": put}))
    dynamodb(gateway, "PutItem", {"TableName": "t", "Item": {}})
    assert [(call.operation, changes) for call, changes in moto.calls] == [("PutItem", True)]
    # The handler would have checked it: moto does not.
    answer, told = dynamodb(gateway, "PutItem", {"TableName": "t"})
    assert (answer.status, told["__type"]) == (400, "ValidationException")
    assert len(moto.calls) == 1


def test_only_what_succeeded_and_may_have_changed_something_is_observed(moto: FakeMoto) -> None:
    gateway = Gateway(moto, ACCOUNT)
    own, other = FakeService("dynamodb", {}), FakeService("pipes", {}, listens=("dynamodb",))
    gateway.add(own)
    gateway.add(other)
    dynamodb(gateway, "DeleteTable", {"TableName": "table"})
    dynamodb(gateway, "DescribeTable", {"TableName": "table"})
    moto.result = Answer(400, b'{"__type":"ResourceNotFoundException"}')
    answer, _ = dynamodb(gateway, "DeleteTable", {"TableName": "table"})
    assert answer.status == 400
    assert own.heard == other.heard == [("dynamodb", "DeleteTable")]


def test_an_observer_that_fails_does_not_spoil_the_answer(moto: FakeMoto, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeService):
        def observe(self, call: Call, answer: Answer) -> None:  # noqa: ARG002
            raise RuntimeError("out of order")

    gateway = Gateway(moto, ACCOUNT)
    gateway.add(Broken("dynamodb", {}))
    with caplog.at_level(logging.ERROR):
        answer, _ = dynamodb(gateway, "DeleteTable", {"TableName": "table"})
    assert answer.status == 200
    assert "out of order" in caplog.text


def test_a_fault_of_ours_is_an_internal_failure_with_its_traceback_in_the_log(
    moto: FakeMoto, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Call) -> dict[str, Any]:
        raise ZeroDivisionError("a detail")

    gateway = Gateway(moto, ACCOUNT)
    gateway.add(FakeService("dynamodb", {"PutItem": broken}))
    with caplog.at_level(logging.ERROR):
        answer, body = dynamodb(gateway, "PutItem", {})
    assert (answer.status, body["__type"]) == (500, "InternalFailure")
    assert "Traceback" not in answer.body.decode()
    assert "a detail" not in answer.body.decode()
    assert "ZeroDivisionError: a detail" in caplog.text


@pytest.mark.parametrize(
    ("operation", "body", "code", "message"),
    [
        ("PutItem", b"{nonsense", "SerializationException", "Could not parse"),
        ("PutItem", b"[1]", "SerializationException", "not a JSON object"),
        ("ListTables", b'{"x": "\xff"}', "SerializationException", "Could not parse"),
        ("Juggle", {}, "UnknownOperationException", "no operation"),
        ("DescribeTable", {}, "ValidationException", "1 validation error detected: Value null at 'tableName' failed"),
        ("DescribeTable", {"TableName": 3}, "SerializationException", "NUMBER_VALUE can not be converted to String"),
        ("DescribeTable", {"TableName": {}}, "SerializationException", "Start of structure or map found"),
        ("DescribeTable", {"TableName": []}, "SerializationException", "Start of list found"),
        ("ListTables", {"Limit": 1000}, "ValidationException", "less than or equal to 100"),
        ("ListTables", {"Limit": True}, "SerializationException", "TRUE_VALUE can not be converted to Integer"),
        (
            "UpdateTable",
            {"TableName": "table", "BillingMode": "FREE"},
            "ValidationException",
            "at 'billingMode' failed to satisfy constraint: Member must satisfy enum value set: [PROVISIONED, ",
        ),
    ],
)
def test_bad_input_is_refused_in_the_words_of_aws(
    moto: FakeMoto, operation: str, body: object, code: str, message: str
) -> None:
    answer, said = dynamodb(Gateway(moto, ACCOUNT), operation, body)
    assert said["__type"] == answer.headers["x-amzn-errortype"] == code
    assert message in said["message"]
    assert answer.status in {400, 404}
    assert not moto.calls


def test_the_pattern_and_path_of_a_nested_member_are_named(moto: FakeMoto) -> None:
    body = msgspec.json.encode({"RoleArn": "no arn", "Source": "s", "Target": "t"})
    answer = Gateway(moto, ACCOUNT).dispatch("POST", "/v1/pipes/a%20b", "", signed("pipes"), body)
    message = msgspec.json.decode(answer.body)["message"]
    assert (
        "Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern" in message
    )
    assert message.startswith("4 validation errors detected: ")


def test_rest_members_come_from_path_query_headers_and_body(moto: FakeMoto) -> None:
    gateway = Gateway(moto, ACCOUNT)
    gateway.dispatch("GET", "/v1/pipes", "Limit=7&NamePrefix=a%5Fb", signed("pipes"), b"")
    pipe = {
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r",
        "Source": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q",
        "Target": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:t",
        "Tags": {"a": "b"},
    }
    gateway.dispatch("POST", "/v1/pipes/p", "", signed("pipes"), msgspec.json.encode(pipe))
    gateway.dispatch(
        "POST",
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Af/invocations",
        "Qualifier=v1",
        signed("lambda", **{"x-amz-invocation-type": "Event"}),
        b"not even JSON",
    )
    listed, created, invoked = (call for call, _ in moto.calls)
    assert listed.params == {"Limit": 7, "NamePrefix": "a_b"}
    assert created.params["Name"] == "p"
    assert created.params["Tags"] == {"a": "b"}
    assert invoked.params == {
        "FunctionName": "arn:aws:lambda:f",
        "Qualifier": "v1",
        "InvocationType": "Event",
    }
    assert invoked.body == b"not even JSON"


def test_a_bucket_in_the_host_name_becomes_part_of_the_path(moto: FakeMoto) -> None:
    headers = signed("s3", host="my.bucket.localhost:4566")
    Gateway(moto, ACCOUNT).dispatch("PUT", "/a/b", "", headers, b"x")
    call, changes = moto.calls[0]
    assert (call.path, call.operation, changes) == ("/my.bucket/a/b", "PutObject", True)


def refused(headers: dict[str, str]) -> Callable[[FakeMoto], Answer]:
    def ask(moto: FakeMoto) -> Answer:
        moto.result = AwsError("Throttling", "Not <now>", 503)
        return Gateway(moto, ACCOUNT).dispatch("POST", "/", "", headers, b"Action=GetUser")

    return ask


def test_an_error_has_the_form_of_its_protocol(moto: FakeMoto) -> None:
    query = refused({**signed("iam"), **FORM})(moto)
    assert query.status == 503
    assert query.headers["content-type"] == "text/xml"
    assert (
        b"<Error><Type>Receiver</Type><Code>Throttling</Code><Message>Not &lt;now&gt;</Message></Error>" in query.body
    )
    xml = Gateway(moto, ACCOUNT).dispatch("GET", "/b/k", "", signed("s3"), b"")
    assert b"?>\n<Error><Code>Throttling</Code>" in xml.body
    rest = Gateway(moto, ACCOUNT).dispatch("GET", "/v1/pipes/p", "", signed("pipes"), b"")
    assert (rest.headers["content-type"], rest.headers["x-amzn-errortype"]) == ("application/json", "Throttling")
    path = "/service/GraniteServiceVersion20100801/operation/ListMetrics"
    cbor = Gateway(moto, ACCOUNT).dispatch(
        "POST", path, "", signed("monitoring", **{"smithy-protocol": "rpc-v2-cbor"}), b"\xa0"
    )
    assert cbor.body == b"\xa2\x66__type\x6aThrottling\x67message\x69Not <now>"
