"""Every call passes what AWS's service models, as botocore carries them, say of its parameters.

botocore itself checks names, types and minima; patterns, enumerations and maxima are checked here. They are an oracle
that nobody here wrote, and that moto does not ask.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import msgspec
import pytest
from botocore import xform_name
from botocore.awsrequest import AWSResponse

import salespipe.resources
import service_models
from clock import Clock
from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.lifecycle import down, plan, status, up
from salespipe.pipeline import pipeline
from salespipe.resources import bundle
from salespipe.resources.base import State
from salespipe.resources.observing import pairs
from wire import Call, Wire, answer, refusal

Connect = Callable[[Config], Aws]

# The configuration's own bounds, and names as long as it allows.
LEAST = """
name = "a"
table = { name = "abc", partition_key = "k" }
stream = { mode = "PROVISIONED", shards = 1, retention_hours = 24 }
pipe = { batch_size = 1, batch_window_seconds = 0, max_retries = 0, max_age_seconds = 60 }
delivery = { buffer_mb = 1, buffer_seconds = 0, transform_buffer_mb = 0.2, transform_buffer_seconds = 0 }
functions = { memory_mb = 128, timeout_seconds = 1, log_retention_days = 1 }
generator.orders_per_run = 1
query = { scan_limit_mb = 10, results_days = 1 }
"""
FILTERS = "filters = " + json.dumps([json.dumps({"eventName": ["INSERT"], "eventID": ["x" * 4050]})] * 5)
MOST = f"""
name = "a{"-9" * 14}z"
environment = "{"é" * 256}"
region = "ap-southeast-1"
table = {{ name = "{"t" * 255}", partition_key = "{"k" * 238}" }}
stream = {{ mode = "PROVISIONED", shards = 500, retention_hours = 8760 }}
pipe = {{ batch_size = 500, batch_window_seconds = 300, max_retries = 10000, max_age_seconds = 86400, {FILTERS} }}
delivery = {{ buffer_mb = 128, buffer_seconds = 900, transform_buffer_mb = 3, transform_buffer_seconds = 900 }}
functions = {{ memory_mb = 10240, timeout_seconds = 300, log_retention_days = 365 }}
generator = {{ orders_per_run = 10000, schedule = "cron(0 12 * * ? *)" }}
query = {{ scan_limit_mb = 1000000, results_days = 3650 }}
"""
MAILED = 'monitoring.email = "shop@example.com"'
CONFIGURATIONS = {
    "default": "",
    "another region": 'region = "eu-central-1"',
    "china": 'region = "cn-north-1"',
    "filters": """
        table.partition_key = "order-id_1"
        pipe.filters = ['{"eventName":["INSERT"]}', '{"dynamodb":{"NewImage":{"region":{"S":["EU"]}}}}']
    """,
    "least": LEAST,
    "most": MOST,
    "mailed": MAILED,
}
SERVICES = (
    "athena",
    "cloudwatch",
    "dynamodb",
    "events",
    "firehose",
    "glue",
    "iam",
    "kinesis",
    "lambda",
    "logs",
    "pipes",
    "s3",
    "sns",
    "sqs",
)
PIPE = "arn:aws:pipes:eu-west-1:123456789012:pipe/p"
# Glue's transaction ids, which no call here carries, are of a class that Python does not know.
UNREAD = {r"[\p{L}\p{N}\p{P}]*"}
# Of other settings: whatever can be updated has to be.
OTHERWISE = """
environment = "before"
stream.retention_hours = 100
pipe = { batch_size = 7, filters = ['{"eventName":["REMOVE"]}'] }
delivery = { buffer_mb = 9, buffer_seconds = 90, transform_buffer_mb = 0.5 }
query = { scan_limit_mb = 50, results_days = 3 }
functions = { memory_mb = 512, log_retention_days = 30 }
generator = { orders_per_run = 5, schedule = "rate(5 minutes)" }
monitoring.email = "before@example.com"
"""


class Busy:
    """An account whose crawler and queries still run when they are to go, and a list of what is called."""

    def __init__(self, wire: Wire) -> None:
        self.called: set[str] = set()
        self._wire = wire
        self._refusals = 1
        wire.weather = self._send

    def aside(self, do: Callable[[Aws], object], aws: Aws) -> None:
        """Calls that the test itself makes do not count."""
        self._wire.weather = self._wire.deliver
        do(aws)
        self._wire.weather = self._send

    def _send(self, call: Call) -> AWSResponse:
        self.called.add(call.operation)
        match call.operation:
            case "BatchGetQueryExecution":  # moto has none
                asked = call.body["QueryExecutionIds"]
                running = [{"QueryExecutionId": each, "Status": {"State": "RUNNING"}} for each in asked]
                return answer(call, json.dumps({"QueryExecutions": running}))
            case "DeleteCrawler" if self._refusals:  # moto deletes one that runs, too
                self._refusals -= 1
                return refusal(call, "CrawlerRunningException")
        return self._wire.deliver(call)


def configured(*texts: str) -> Config:
    keys: dict[str, Any] = {"target": "aws"}
    for text in texts:
        for key, value in msgspec.toml.decode(text.encode()).items():
            keys[key] = {**keys.get(key, {}), **value} if isinstance(value, dict) else value
    return msgspec.convert(keys, Config)


def exhaust(steps: Iterable[object]) -> None:
    for _ in steps:
        pass


TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
RIGHT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}
SHARDS = 'stream = {{ mode = "PROVISIONED", shards = {} }}'


def begin(aws: Aws) -> None:
    """A table of ours without its stream, as somebody may have switched it off."""
    aws.client("dynamodb").create_table(
        TableName=aws.names.table,
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=pairs(aws.config.tags),
    )


def disturb(aws: Aws) -> None:
    """Changes by hand, which no configuration would make."""
    names = aws.names
    [crawler] = [each for each in pipeline(aws) if each.kind == "glue crawler"]
    glue, iam, s3, functions = (aws.client(each) for each in ("glue", "iam", "s3", "lambda"))
    glue.update_classifier(JsonClassifier={"Name": names.classifier, "JsonPath": "$[*]"})
    glue.update_crawler(Name=names.crawler, **crawler.settings | {"Configuration": '{"Version": 1.0}'})
    iam.update_assume_role_policy(RoleName=names.role("pipe"), PolicyDocument=json.dumps(TRUST))
    iam.delete_role_policy(RoleName=names.role("crawler"), PolicyName="salespipe")
    s3.delete_public_access_block(Bucket=names.bucket)
    functions.update_function_code(FunctionName=names.function("transform"), ZipFile=bundle.generator())


def litter(aws: Aws) -> None:
    """What a used pipeline leaves behind, so that deleting it has everything to do."""
    names, prefix = aws.names, aws.names.results_prefix
    s3, glue, athena, iam = (aws.client(each) for each in ("s3", "glue", "athena", "iam"))
    s3.put_object(Bucket=names.bucket, Key=f"{prefix}1.csv", Body=b"1")
    s3.create_multipart_upload(Bucket=names.bucket, Key=f"{prefix}2.csv")
    glue.create_table(DatabaseName=names.database, TableInput={"Name": "order_events"})
    policy = iam.create_policy(PolicyName="theirs", PolicyDocument=json.dumps(RIGHT))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=names.role("pipe"), PolicyArn=policy)
    glue.start_crawler(Name=names.crawler)
    athena.start_query_execution(QueryString="SELECT 1", WorkGroup=names.workgroup)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_call_keeps_to_the_models(connect: Connect, name: str) -> None:
    """Each client that the tests make refuses what the models do not allow."""
    aws, otherwise = connect(configured(CONFIGURATIONS[name])), connect(configured(CONFIGURATIONS[name], OTHERWISE))

    exhaust(up(otherwise, pipeline(otherwise)))
    exhaust(up(aws, pipeline(aws)))
    assert not [change for change in plan(aws, pipeline(aws)) if change.pending]
    exhaust(down(aws, pipeline(aws)))
    assert {reading.state for reading in status(aws, pipeline(aws))} == {State.ABSENT}


@cache
def written_down() -> set[str]:
    """The operations that the resources call, by the names of their methods and of their paginators."""
    session, methods, found = botocore.session.get_session(), {}, set()
    for service in SERVICES:
        for operation in session.get_service_model(service).operation_names:
            methods.setdefault(xform_name(operation), set()).add(operation)
    for file in Path(salespipe.resources.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="get_paginator"), args=[ast.Constant(value=str(name))]):
                    found |= methods[name]
                case ast.Call(func=ast.Attribute(attr=name)) if name in methods:
                    found |= methods[name]
    return found


def test_no_call_is_left_unchecked(connect: Connect, wire: Wire, clock: Clock) -> None:
    def on_the_clock(*texts: str) -> Aws:
        aws = connect(configured(*texts))
        aws.clock, aws.sleep = clock, clock.sleep
        return aws

    aws, one_shard, mailed = on_the_clock(), on_the_clock(SHARDS.format(1), MAILED), on_the_clock(MAILED)
    otherwise, busy = on_the_clock(OTHERWISE, SHARDS.format(2)), Busy(wire)

    busy.aside(begin, otherwise)
    exhaust(up(otherwise, pipeline(otherwise)))
    busy.aside(disturb, otherwise)
    exhaust(up(one_shard, pipeline(one_shard)))
    exhaust(up(mailed, pipeline(mailed)))
    exhaust(up(aws, pipeline(aws)))
    busy.aside(litter, aws)
    exhaust(down(aws, pipeline(aws)))
    exhaust(up(aws, [each for each in pipeline(aws) if each.kind == "dynamodb table"]))

    assert written_down() - busy.called == set()


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "wrong"),
    [
        ("glue", "delete_crawler", {"Name": ""}, "valid min length: 1"),
        ("glue", "delete_crawler", {"Name": "c" * 256}, "characters: 256 is above 255"),
        ("pipes", "delete_pipe", {"Name": "my pipe"}, "does not match"),
        ("kinesis", "update_stream_mode", {"StreamARN": "arn", "StreamModeDetails": {"StreamMode": "x"}}, "is none of"),
        ("firehose", "list_delivery_streams", {"Limit": 10001}, "10001 is above 10000"),
        ("events", "remove_targets", {"Rule": "r", "Ids": ["1"] * 101}, "items: 101 is above 100"),
        (
            "pipes",
            "tag_resource",
            {"resourceArn": "arn:aws:pipes:eu-west-1:123456789012:pipe/p", "tags": {}},
            "entries",
        ),
        ("sqs", "tag_queue", {"QueueUrl": "url"}, "Missing required parameter"),
    ],
)
def test_a_call_that_breaks_a_model_is_refused(
    aws: Aws, service: str, operation: str, parameters: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(AssertionError, match=wrong):
        getattr(aws.client(service), operation)(**parameters)


def test_the_patterns_that_are_not_asked_are_known() -> None:
    session, unread = botocore.session.get_session(), set()
    for service in SERVICES:
        model, seen = session.get_service_model(service), set()
        for operation in written_down().intersection(model.operation_names):
            unread |= service_models.unread(model.operation_model(operation).input_shape, seen)
    assert unread == UNREAD
