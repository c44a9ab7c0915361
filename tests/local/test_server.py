"""The whole, over the wire: a real child process, boto3, raw sockets, the ``aws`` command."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from salespipe.local import daemon

if TYPE_CHECKING:
    from conftest import Here

    from salespipe.local.server import LocalAws

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "pipes.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)

SIGNED = "Authorization: AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, Signature=0"


def until(true: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - one of our own
        body: bytes = answer.read()
    return body


def make_table(here: Here, name: str, region: str = "us-east-1") -> dict[str, Any]:
    described: dict[str, Any] = here.client("dynamodb", region).create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    return described


@contextlib.contextmanager
def connected(here: Here) -> Iterator[Wire]:
    wire = Wire(here)
    try:
        yield wire
    finally:
        wire.file.close()
        wire.socket.close()


class Wire:
    """One connection, spoken to in bytes."""

    def __init__(self, here: Here) -> None:
        self.port = int(here.endpoint.rpartition(":")[2])
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.file = self.socket.makefile("rb")

    def send(self, line: str, *headers: str, host: str = "", body: bytes = b"") -> None:
        head = [line, f"Host: {host or f'127.0.0.1:{self.port}'}", SIGNED, *headers]
        self.socket.sendall("\r\n".join([*head, "", ""]).encode() + body)

    def receive(self, *, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
        status = int(self.file.readline().split()[1])
        headers: dict[str, str] = {}
        while line := self.file.readline().strip().decode():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = 0 if head_only else int(headers.get("content-length", "0"))
        return status, headers, self.file.read(length)

    def ask(self, line: str, *headers: str, host: str = "", body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        self.send(line, *headers, host=host, body=body)
        return self.receive(head_only=line.startswith("HEAD"))


def test_health(aws_here: Here) -> None:
    health = json.loads(fetch(f"{aws_here.endpoint}/_salespipe/health"))
    assert health["status"] == "running"
    assert health["pid"] == aws_here.server.pid
    assert {"dynamodb", "kinesis", "lambda", "firehose", "pipes", "glue", "athena", "events"} <= set(health["services"])


def test_regions_are_apart(aws_here: Here) -> None:
    make_table(aws_here, "apart", "eu-west-3")
    assert "apart" in aws_here.client("dynamodb", "eu-west-3").list_tables()["TableNames"]
    assert "apart" not in aws_here.client("dynamodb", "us-west-2").list_tables()["TableNames"]
    assert aws_here.client("sts", "eu-west-3").get_caller_identity()["Account"] == "123456789012"


def test_a_new_bucket_has_the_tags_that_it_was_created_with(aws_here: Here) -> None:
    s3 = aws_here.client("s3")
    tags = [{"Key": "project", "Value": "a & b"}]
    s3.create_bucket(Bucket="tagged", CreateBucketConfiguration={"Tags": tags})
    assert s3.get_bucket_tagging(Bucket="tagged")["TagSet"] == tags


def test_large_objects_and_ranges(aws_here: Here) -> None:
    s3 = aws_here.client("s3")
    s3.create_bucket(Bucket="large")
    body = os.urandom(12 * 2**20)
    s3.upload_fileobj(io.BytesIO(body), "large", "in/parts")
    s3.put_object(Bucket="large", Key="at/once", Body=body)
    for key in ("in/parts", "at/once"):
        assert s3.get_object(Bucket="large", Key=key)["Body"].read() == body
    part = s3.get_object(Bucket="large", Key="at/once", Range="bytes=10-19")
    assert (part["Body"].read(), part["ContentRange"]) == (body[10:20], f"bytes 10-19/{len(body)}")
    assert s3.head_object(Bucket="large", Key="at/once")["ContentLength"] == len(body)


def test_a_presigned_url_works(aws_here: Here) -> None:
    s3 = aws_here.client("s3")
    s3.create_bucket(Bucket="signed")
    s3.put_object(Bucket="signed", Key="a b", Body=b"hello")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "signed", "Key": "a b"})
    assert fetch(url) == b"hello"


def test_buckets_may_be_in_the_host_name(aws_here: Here) -> None:
    aws_here.client("s3").create_bucket(Bucket="virtual")
    with connected(aws_here) as wire:
        host = f"virtual.localhost:{wire.port}"
        assert wire.ask("PUT /k HTTP/1.1", "Content-Length: 2", host=host, body=b"hi")[0] == 200
        assert wire.ask("GET /k HTTP/1.1", host=host)[2] == b"hi"


@pytest.mark.parametrize(
    "headers",
    [("Host: evil.example",), ("Host: 127.0.0.1",), ("Host: 127.0.0.1.evil.example:{port}",), ("X: no host",)],
)
def test_another_host_name_is_refused(aws_here: Here, headers: tuple[str, ...]) -> None:
    with connected(aws_here) as wire:
        lines = ["GET / HTTP/1.1", *(header.format(port=wire.port) for header in headers), "", ""]
        wire.socket.sendall("\r\n".join(lines).encode())
        assert wire.receive()[0] == 403


def test_a_page_of_another_origin_is_refused_and_never_permitted(aws_here: Here) -> None:
    form = "Content-Type: application/x-www-form-urlencoded"
    with connected(aws_here) as wire:
        assert wire.ask("POST / HTTP/1.1", form, "Origin: http://evil.example", "Content-Length: 0")[0] == 403
        assert wire.ask("POST / HTTP/1.1", form, "Origin: null", "Content-Length: 0")[0] == 403
        _, headers, _ = wire.ask("OPTIONS / HTTP/1.1", f"Origin: http://localhost:{wire.port}", "Content-Length: 0")
        assert not [name for name in headers if name.startswith("access-control")]


def test_one_connection_carries_many_requests_of_every_shape(aws_here: Here) -> None:
    aws_here.client("s3").create_bucket(Bucket="shapes")
    with connected(aws_here) as wire:
        wire.send("PUT /shapes/c HTTP/1.1", "Transfer-Encoding: chunked", body=b"5;x=y\r\nhello\r\n")
        wire.socket.sendall(b"6\r\n world\r\n0\r\nTrailer: x\r\n\r\n")
        assert wire.receive()[0] == 200
        wire.send("PUT /shapes/e HTTP/1.1", "Expect: 100-continue", "Content-Length: 3")
        assert wire.receive()[0] == 100
        wire.socket.sendall(b"abc")
        assert wire.receive()[0] == 200
        status, headers, body = wire.ask("HEAD /shapes/c HTTP/1.1")
        assert (status, headers["content-length"], body) == (200, "11", b"")
        assert wire.ask("GET /shapes/c HTTP/1.1")[2] == b"hello world"
        wire.send("GET /shapes/e HTTP/1.1")
        wire.send("GET /shapes/c HTTP/1.1", "Connection: close")
        assert [wire.receive()[2], wire.receive()[2]] == [b"abc", b"hello world"]
        assert wire.file.read() == b""


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"PUT /b/k HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"PUT /b/k HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnumber\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000, 431),
    ],
)
def test_what_is_not_http_is_refused_and_the_line_is_cut(aws_here: Here, sent: bytes, status: int) -> None:
    with connected(aws_here) as wire:
        wire.socket.sendall(sent)
        assert wire.receive()[0] == status
        assert wire.file.read() == b""


def test_bad_json_gets_the_error_of_aws(aws_here: Here) -> None:
    with connected(aws_here) as wire:
        headers = ("X-Amz-Target: DynamoDB_20120810.PutItem", "Content-Length: 2")
        status, headers_back, body = wire.ask("POST / HTTP/1.1", *headers, body=b"{,")
        assert (status, headers_back["x-amzn-errortype"]) == (400, "SerializationException")
        assert json.loads(body)["__type"] == "SerializationException"


def test_errors_become_the_client_s_exceptions(aws_here: Here) -> None:
    with pytest.raises(ClientError, match="Member must not be null"):
        _call_without_checks(aws_here, "athena", "StartQueryExecution", {})
    s3 = aws_here.client("s3")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.list_objects_v2(Bucket="there-is-none")
    iam = aws_here.client("iam")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="there-is-none")


def _call_without_checks(here: Here, service: str, operation: str, body: dict[str, Any]) -> None:
    import boto3
    from botocore.config import Config

    client = boto3.session.Session().client(
        service,
        region_name="us-east-1",
        endpoint_url=here.endpoint,
        aws_access_key_id="x",
        aws_secret_access_key="y",
        config=Config(parameter_validation=False),
    )
    try:
        client._make_api_call(operation, body)
    finally:
        client.close()


def test_the_aws_command_is_served(aws_here: Here) -> None:
    command = shutil.which("aws")
    if command is None or subprocess.run([command, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("there is no aws command here")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(aws_here.data_dir),
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": aws_here.endpoint,
    }

    def aws(*arguments: str) -> Any:
        ran = subprocess.run(
            [command, "--output", "json", *arguments], env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout) if ran.stdout.startswith("{") else ran.stdout

    assert aws("sts", "get-caller-identity")["Account"] == "123456789012"
    s3 = aws_here.client("s3")
    s3.create_bucket(Bucket="by-the-command")
    (aws_here.data_dir / "file.txt").write_text("hello")
    aws("s3", "cp", str(aws_here.data_dir / "file.txt"), "s3://by-the-command/a/file.txt")
    assert s3.get_object(Bucket="by-the-command", Key="a/file.txt")["Body"].read() == b"hello"


def test_kill_9_under_load_loses_nothing_that_was_acknowledged(own_aws: Here) -> None:
    arn = make_table(own_aws, "orders")["LatestStreamArn"]
    s3, sqs = own_aws.client("s3"), own_aws.client("sqs")
    dynamodb, pipes = own_aws.client("dynamodb"), own_aws.client("pipes")
    s3.create_bucket(Bucket="lake")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    role = own_aws.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    acknowledged: dict[str, list[str]] = {"items": [], "objects": [], "messages": [], "pipes": []}

    def pipe(name: str) -> None:
        pipes.create_pipe(
            Name=name,
            RoleArn=role,
            Source=arn,
            Target=queue,
            DesiredState="STOPPED",
            SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}},
        )

    writers: dict[str, Callable[[str], Any]] = {
        "items": lambda name: dynamodb.put_item(TableName="orders", Item={"id": {"S": name}}),
        "objects": lambda name: s3.put_object(Bucket="lake", Key=name, Body=name.encode()),
        "messages": lambda name: sqs.send_message(QueueUrl=url, MessageBody=name),
        "pipes": pipe,
    }

    def load(kind: str) -> None:
        number = 0
        while True:
            name = f"{kind}-{number}"
            try:
                writers[kind](name)
            except Exception:  # noqa: BLE001 - the server is gone, in one way or another
                return
            acknowledged[kind].append(name)
            number += 1

    with ThreadPoolExecutor(len(writers)) as pool:
        loads = [pool.submit(load, kind) for kind in writers]
        until(lambda: all(len(names) >= 20 for names in acknowledged.values()))
        os.kill(own_aws.server.pid, signal.SIGKILL)
        for running in loads:
            running.result(timeout=30)
    until(lambda: daemon.find(own_aws.data_dir) is None)
    own_aws.restart()
    items = {item["id"]["S"] for item in dynamodb.scan(TableName="orders")["Items"]}
    assert set(acknowledged["items"]) <= items
    for name in acknowledged["objects"]:
        assert s3.get_object(Bucket="lake", Key=name)["Body"].read() == name.encode()
    bodies: set[str] = set()
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies |= {message["Body"] for message in found}
    assert set(acknowledged["messages"]) <= bodies
    names = {found["Name"] for page in pipes.get_paginator("list_pipes").paginate() for found in page["Pipes"]}
    assert set(acknowledged["pipes"]) <= names
    assert own_aws.client("iam").get_role(RoleName="r")["Role"]["Arn"] == role


def test_sigterm_ends_requests_that_wait(own_aws: Here) -> None:
    sqs = own_aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    ended = threading.Event()

    def wait() -> None:
        with contextlib.suppress(Exception):  # cut off or answered, both are an end
            sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
        ended.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    time.sleep(0.3)
    assert daemon.stop(own_aws.data_dir)
    waiter.join(10)
    assert ended.is_set()
    assert "Traceback" not in "\n".join(daemon.logs(own_aws.data_dir, lines=500))


def test_functions_run_and_clients_inside_reach_the_same_state(aws_inside: LocalAws) -> None:
    clients = aws_inside.clients
    role = clients("iam", "us-east-1").create_role(
        RoleName="r", AssumeRolePolicyDocument=TRUST.replace("pipes.", "lambda.")
    )["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as file:
        file.writestr("f.py", "def handler(event, context):\n    return {'doubled': event['n'] * 2}\n")
    clients("lambda", "us-east-1").create_function(
        FunctionName="f", Runtime="python3.13", Role=role, Handler="f.handler", Code={"ZipFile": code.getvalue()}
    )
    answer = clients("lambda", "us-east-1").invoke(FunctionName="f", Payload=b'{"n": 21}')
    assert json.load(answer["Payload"]) == {"doubled": 42}
    assert json.loads(fetch(f"{aws_inside.endpoint}/_salespipe/health"))["pid"] == os.getpid()
