"""Bad input gets the error that AWS has for it, in every service: never a 500, never a traceback."""

from __future__ import annotations

import http.client
import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.model import ServiceModel

if TYPE_CHECKING:
    from conftest import Bridge, Here

TARGETS = {
    "athena": "AmazonAthena",
    "dynamodb": "DynamoDB_20120810",
    "dynamodbstreams": "DynamoDBStreams_20120810",
    "events": "AWSEvents",
    "firehose": "Firehose_20150804",
    "glue": "AWSGlue",
    "kinesis": "Kinesis_20131202",
    "logs": "Logs_20140328",
    "sqs": "AmazonSQS",
}
GONE = "ResourceNotFoundException"
ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/there-is-none"


class Wire:
    """One connection to the server, without a client library's own checks."""

    def __init__(self, here: Here) -> None:
        self.connection = http.client.HTTPConnection(here.endpoint.removeprefix("http://"), timeout=30)

    def ask(self, service: str, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        name = "dynamodb" if service == "dynamodbstreams" else service
        scope = f"Credential=x/20260101/us-east-1/{name}/aws4_request"
        signed = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0", **headers}
        self.connection.request(method, path, body, signed)
        response = self.connection.getresponse()
        return response.status, response.read()

    def json(self, service: str, operation: str, body: object) -> tuple[int, str, str]:
        """Status, error code and message of a JSON service's answer; bytes are sent as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"X-Amz-Target": f"{TARGETS[service]}.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        status, answer = self.ask(service, "POST", "/", raw, headers)
        told = json.loads(answer or b"{}") or {}
        return status, str(told.get("__type", "")).rpartition("#")[2], str(told.get("message", told.get("Message", "")))

    def action(self, service: str, action: str) -> tuple[int, str]:
        """Status and body of a query service's answer to an action without parameters."""
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        status, answer = self.ask(service, "POST", "/", f"Action={action}&Version=2010-05-08".encode(), headers)
        return status, answer.decode()


@pytest.fixture(scope="module")
def here(aws_here: Here, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    """A server apart: some of what is asked here is taken at its word."""
    server = type(aws_here)(tmp_path_factory.mktemp("bad-input"))
    yield server
    server.close()


@pytest.fixture
def wire(here: Here) -> Iterator[Wire]:
    wire = Wire(here)
    yield wire
    wire.connection.close()


def model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


@pytest.mark.parametrize("service", TARGETS)
def test_an_operation_that_no_service_has(wire: Wire, service: str) -> None:
    status, code, _ = wire.json(service, "DoWhatIMean", {})
    assert (400 <= status < 500, code) == (True, "UnknownOperationException")


@pytest.mark.parametrize("body", [b'{"a": ', b"\xff\xfe", b"[]", b'"text"', b"nonsense"])
@pytest.mark.parametrize("service", TARGETS)
def test_a_body_that_is_no_json_object(wire: Wire, service: str, body: bytes) -> None:
    operation = next(iter(model(service).operation_names))
    status, code, _ = wire.json(service, operation, body)
    assert (status, code) == (400, "SerializationException")


@pytest.mark.parametrize(
    ("service", "operation", "body"),
    [
        ("athena", "StartQueryExecution", {"QueryString": ["SELECT 1"]}),
        ("dynamodb", "CreateTable", {"TableName": {"a": 1}}),
        ("dynamodb", "Query", {"TableName": ["t"]}),
        ("dynamodb", "TransactWriteItems", {"TransactItems": "all"}),
        ("events", "PutRule", {"Name": 5}),
        ("firehose", "CreateDeliveryStream", {"DeliveryStreamName": {"a": 1}}),
        ("glue", "CreateDatabase", {"DatabaseInput": "text"}),
        ("kinesis", "CreateStream", {"StreamName": "s", "ShardCount": "two"}),
        ("logs", "CreateLogGroup", {"logGroupName": True}),
    ],
)
def test_a_value_of_the_wrong_type(wire: Wire, service: str, operation: str, body: dict[str, Any]) -> None:
    status, code, _ = wire.json(service, operation, body)
    assert (status, code) == (400, "SerializationException")


@pytest.mark.parametrize(
    ("service", "operation", "member"),
    [
        ("athena", "StartQueryExecution", "queryString"),
        ("dynamodb", "Query", "tableName"),
        ("dynamodb", "UpdateItem", "tableName"),
        ("dynamodb", "TransactGetItems", "transactItems"),
        ("dynamodb", "TransactWriteItems", "transactItems"),
        ("dynamodb", "ExecuteStatement", "statement"),
        ("glue", "CreateTable", "databaseName"),
        ("events", "PutTargets", "rule"),
    ],
)
def test_a_member_that_is_missing_is_named(wire: Wire, service: str, operation: str, member: str) -> None:
    status, code, message = wire.json(service, operation, {})
    assert (status, code) == (400, "ValidationException")
    assert f"'{member}' failed to satisfy constraint: Member must not be null" in message


@pytest.mark.parametrize(
    ("service", "call", "params", "code"),
    [
        ("athena", "get_query_execution", {"QueryExecutionId": "none"}, "InvalidRequestException"),
        ("athena", "get_work_group", {"WorkGroup": "none"}, "InvalidRequestException"),
        ("dynamodb", "describe_table", {"TableName": "none"}, GONE),
        ("dynamodb", "get_item", {"TableName": "none", "Key": {"k": {"S": "v"}}}, GONE),
        ("dynamodb", "put_item", {"TableName": "none", "Item": {"k": {"S": "v"}}}, GONE),
        ("dynamodbstreams", "describe_stream", {"StreamArn": f"{ARN}/stream/2026"}, GONE),
        ("events", "describe_rule", {"Name": "none"}, GONE),
        ("firehose", "describe_delivery_stream", {"DeliveryStreamName": "none"}, GONE),
        ("firehose", "put_record", {"DeliveryStreamName": "none", "Record": {"Data": b"x"}}, GONE),
        ("glue", "get_crawler", {"Name": "none"}, "EntityNotFoundException"),
        ("glue", "start_crawler", {"Name": "none"}, "EntityNotFoundException"),
        ("glue", "get_classifier", {"Name": "none"}, "EntityNotFoundException"),
        ("glue", "get_database", {"Name": "none"}, "EntityNotFoundException"),
        ("iam", "get_role", {"RoleName": "none"}, "NoSuchEntity"),
        ("kinesis", "describe_stream", {"StreamName": "none"}, GONE),
        ("kinesis", "put_record", {"StreamName": "none", "Data": b"x", "PartitionKey": "k"}, GONE),
        ("lambda", "get_function", {"FunctionName": "none"}, GONE),
        ("lambda", "invoke", {"FunctionName": "none"}, GONE),
        ("logs", "get_log_events", {"logGroupName": "none", "logStreamName": "s"}, GONE),
        ("pipes", "describe_pipe", {"Name": "none"}, "NotFoundException"),
        ("pipes", "delete_pipe", {"Name": "none"}, "NotFoundException"),
        ("s3", "list_objects_v2", {"Bucket": "there-is-none"}, "NoSuchBucket"),
        ("s3", "get_object", {"Bucket": "there-is-none", "Key": "k"}, "NoSuchBucket"),
        ("sqs", "get_queue_url", {"QueueName": "none"}, "AWS.SimpleQueueService.NonExistentQueue"),
    ],
)
def test_what_does_not_exist(here: Here, service: str, call: str, params: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(here.client(service), call)(**params)
    assert caught.value.response["Error"]["Code"] == code
    assert 400 <= caught.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500


@pytest.mark.parametrize(
    ("service", "path"),
    [("lambda", "/2015-03-31/functions"), ("pipes", "/v1/pipes/p")],
)
def test_a_rest_body_that_is_no_json(wire: Wire, service: str, path: str) -> None:
    status, answer = wire.ask(service, "POST", path, b'{"a": ', {"Content-Type": "application/json"})
    assert (status, json.loads(answer)["__type"]) == (400, "SerializationException")


def test_xml_that_is_none(wire: Wire, here: Here) -> None:
    here.client("s3").create_bucket(Bucket="malformed")
    for query, body in (("tagging=", b"<Tagging><TagSet>"), ("lifecycle=", b"nonsense"), ("delete=", b"")):
        method = "POST" if query == "delete=" else "PUT"
        status, answer = wire.ask("s3", method, f"/malformed?{query}", body, {})
        assert (status, b"<Code>MalformedXML</Code>" in answer) == (400, True), (query, answer)


@pytest.mark.parametrize("policy", ["nonsense", '"text"', "[]", ""])
def test_a_bucket_policy_that_is_no_json_is_refused_and_harms_nothing(here: Here, policy: str) -> None:
    s3 = here.client("s3")
    s3.create_bucket(Bucket="policed")
    with pytest.raises(ClientError, match="Policies must be valid JSON") as caught:
        s3.put_bucket_policy(Bucket="policed", Policy=policy)
    assert caught.value.response["Error"]["Code"] == "MalformedPolicy"
    s3.put_object(Bucket="policed", Key="k", Body=b"still")
    s3.put_bucket_policy(Bucket="policed", Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))


def test_a_partiql_statement_that_is_none(here: Here) -> None:
    with pytest.raises(ClientError) as caught:
        here.client("dynamodb").execute_statement(Statement="nonsense")
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_a_stream_of_no_view_leaves_no_table(here: Here) -> None:
    dynamodb = here.client("dynamodb")
    with pytest.raises(ClientError, match="StreamViewType is required") as caught:
        dynamodb.create_table(
            TableName="viewless",
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True},
        )
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert "viewless" not in dynamodb.list_tables()["TableNames"]


def wrong(shape: Any) -> dict[str, Any]:
    """Every member of an input, each of a type that it does not have."""
    numbers = {"integer", "long", "float", "double", "boolean", "timestamp"}
    return {
        name: "text" if member.type_name in numbers | {"structure", "map", "list"} else {"a": [1]}
        for name, member in shape.members.items()
    }


def outcome(client: Any, operation: str, params: dict[str, Any]) -> tuple[int, str]:
    """Status and error code of a call."""
    try:
        answer = client._make_api_call(operation, params)
    except ClientError as error:
        answer = error.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer.get("Error", {}).get("Code", "")


@pytest.mark.parametrize("service", TARGETS)
def test_no_operation_of_a_json_service_fails_inside(wire: Wire, service: str) -> None:
    services = model(service)
    for operation in services.operation_names:
        shape = services.operation_model(operation).input_shape
        for body in ({}, wrong(shape) if shape else {}):
            status, code, message = wire.json(service, operation, body)
            assert code != "InternalFailure", (operation, body, message)
            assert status < 500 or (status, code) == (501, "NotImplemented"), (operation, body, code)


@pytest.mark.parametrize("service", ["iam", "sts"])
def test_no_action_of_a_query_service_fails_inside(wire: Wire, service: str) -> None:
    for action in (*model(service).operation_names, "DoWhatIMean", ""):
        status, answer = wire.action(service, action)
        assert status < 500 or "<Code>NotImplemented</Code>" in answer, (action, answer)


@pytest.mark.parametrize("service", ["lambda", "pipes", "s3", "scheduler"])
def test_no_operation_of_a_rest_service_fails_inside(here: Here, service: str) -> None:
    client = boto3.session.Session().client(
        service,
        region_name="us-east-1",
        endpoint_url=here.endpoint,
        aws_access_key_id="x",
        aws_secret_access_key="y",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, inject_host_prefix=False),
    )
    services = client.meta.service_model
    for operation in services.operation_names:
        described = services.operation_model(operation)
        shape = described.input_shape
        if described.has_event_stream_output or operation == "WriteGetObjectResponse":
            continue  # the client itself cannot make such a request
        members = shape.members if shape else {}
        path = [name for name, member in members.items() if member.serialization.get("location") == "uri"]
        status, code = outcome(client, operation, dict.fromkeys(path, "there-is-none"))
        assert status < 500 or code == "NotImplemented", (operation, status, code)
    client.close()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (KeyError("Name"), "ValidationException"),
        (OSError(28, "No space left on device"), "ServiceUnavailable"),
        (sqlite3.OperationalError("disk I/O error"), "InternalFailure"),
    ],
)
def test_only_a_request_that_moto_cannot_read_is_the_clients_fault(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, fault: Exception, code: str
) -> None:
    from salespipe.local.moto import bridge as moto_bridge

    def stumble(*_: object) -> None:
        raise fault

    monkeypatch.setattr(moto_bridge, "_handlers", lambda _: [(re.compile(".*"), stumble)])
    with pytest.raises(ClientError) as caught:
        bridge.client("logs").describe_log_groups()
    assert caught.value.response["Error"]["Code"] == code
