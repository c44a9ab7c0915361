"""The whole, over the wire: a real child process, boto3, raw sockets, the ``aws`` command."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
import zipfile
from collections.abc import Callable
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
