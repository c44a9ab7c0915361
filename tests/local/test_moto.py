"""Every point of moto's inside that the bridge touches, and what survives a restart."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import moto.s3.models as s3_models
import pytest
from botocore.exceptions import ClientError
from moto.backends import get_backend
from moto.core.common_models import BaseModel

from salespipe.errors import SalespipeError
from salespipe.local.cloud import Clients
from salespipe.local.front.gateway import Gateway
from salespipe.local.moto import pickling as moto_pickle
from salespipe.local.moto.bridge import ACCOUNT, Moto
from salespipe.local.moto.objects import DurableKey
from salespipe.local.store import Store

if TYPE_CHECKING:
    from conftest import Bridge

REGION = "us-east-1"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def code(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


# --- the other services


def test_roles_and_their_policies_survive_in_a_small_state(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    moto_pickle._aws_policies.cache_clear()
    iam = bridge.client("iam")
    managed = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="r", PolicyArn=managed)
    own = iam.create_policy(
        PolicyName="own",
        PolicyDocument=TRUST.replace('"Principal": {"Service": "lambda.amazonaws.com"}', '"Resource": "*"'),
    )
    iam.attach_role_policy(RoleName="r", PolicyArn=own["Policy"]["Arn"])
    bridge.restart()
    iam = bridge.client("iam")
    attached = {policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"]}
    assert attached == {managed, own["Policy"]["Arn"]}
    assert iam.get_policy(PolicyArn=managed)["Policy"]["AttachmentCount"] == 1
    assert bridge.size("iam") < 20_000  # AWS's own policies are 4 MB
    iam.detach_role_policy(RoleName="r", PolicyArn=managed)
    assert iam.get_policy(PolicyArn=managed)["Policy"]["AttachmentCount"] == 0


def package() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("f.py", "def handler(event, context): return event")
    return buffer.getvalue()


def test_functions_survive_with_versions_aliases_and_the_live_logs(bridge: Bridge) -> None:
    role = bridge.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    functions = bridge.client("lambda")
    functions.create_function(
        FunctionName="f", Runtime="python3.13", Role=role, Handler="f.handler", Code={"ZipFile": package()}
    )
    functions.publish_version(FunctionName="f")
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    functions.add_permission(
        FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
    before = functions.get_function(FunctionName="f", Qualifier="live")["Configuration"]
    bridge.restart()
    functions = bridge.client("lambda")
    after = functions.get_function(FunctionName="f", Qualifier="live")["Configuration"]
    assert (after["CodeSha256"], after["Version"]) == (before["CodeSha256"], "1")
    assert "events.amazonaws.com" in functions.get_policy(FunctionName="f")["Policy"]
    functions.create_alias(FunctionName="f", Name="next", FunctionVersion="1")
    # A function refers to the backend of another service, which must be the one that is in use.
    (function,) = get_backend("lambda")[ACCOUNT][REGION].list_functions()
    assert function.logs_backend is get_backend("logs")[ACCOUNT][REGION]


def test_messages_survive_waiting_and_in_flight(bridge: Bridge) -> None:
    sqs = bridge.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    assert url == f"http://127.0.0.1:4566/{ACCOUNT}/q"
    sqs.send_message(QueueUrl=url, MessageBody="taken")
    (taken,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=300)["Messages"]
    sqs.send_message(QueueUrl=url, MessageBody="waiting")
    bridge.restart()
    sqs = bridge.client("sqs")
    (waiting,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert waiting["Body"] == "waiting"
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=taken["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert again["Body"] == "taken"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    bridge.restart()
    numbers = bridge.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert numbers["ApproximateNumberOfMessages"] == "0"
    assert numbers["ApproximateNumberOfMessagesNotVisible"] == "1"


def test_a_long_poll_lets_others_send_and_ends_with_the_message(bridge: Bridge) -> None:
    sqs = bridge.client("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"ReceiveMessageWaitTimeSeconds": "20"})["QueueUrl"]
    got: list[str] = []

    def wait() -> None:
        got.extend(message["Body"] for message in sqs.receive_message(QueueUrl=url)["Messages"])

    waiter = threading.Thread(target=wait)
    waiter.start()
    sqs.send_message(QueueUrl=url, MessageBody="m")
    waiter.join(15)
    assert got == ["m"]


def test_stop_ends_a_long_poll(bridge: Bridge) -> None:
    sqs = bridge.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    waiter = threading.Thread(target=lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20))
    waiter.start()
    bridge.moto.stop()
    waiter.join(15)
    assert not waiter.is_alive()


def test_definitions_of_every_service_survive_in_every_region(bridge: Bridge) -> None:
    for region in (REGION, "eu-central-1"):
        bridge.client("glue", region).create_database(DatabaseInput={"Name": f"d-{region}"})
        bridge.client("athena", region).create_work_group(Name="w")
        bridge.client("events", region).put_rule(Name="e", ScheduleExpression="rate(1 minute)")
        bridge.client("kinesis", region).create_stream(StreamName="k", ShardCount=2)
    bridge.restart()
    assert bridge.moto.regions("glue") == ["eu-central-1", REGION]
    for region in (REGION, "eu-central-1"):
        assert bridge.client("glue", region).get_databases()["DatabaseList"][0]["Name"] == f"d-{region}"
        assert "w" in {group["Name"] for group in bridge.client("athena", region).list_work_groups()["WorkGroups"]}
        assert bridge.client("events", region).list_rules()["Rules"][0]["Name"] == "e"
        assert bridge.client("kinesis", region).list_streams()["StreamNames"] == ["k"]


def test_logs_are_saved_when_they_are_due_and_at_the_end(tmp_path: Path, few_policies: None) -> None:
    now = [0.0]
    store = Store(tmp_path)
    moto = Moto(store, clock=lambda: now[0])
    logs = Clients(Gateway(moto, ACCOUNT), "http://127.0.0.1:1")("logs", REGION)
    saved = "SELECT count(*) FROM moto_state WHERE service = 'logs'"
    logs.create_log_group(logGroupName="/g")
    assert store.read().execute(saved).fetchone() == (0,)
    moto.flush()
    assert store.read().execute(saved).fetchone() == (1,)
    before = store.read().execute("SELECT data FROM moto_state").fetchone()
    logs.create_log_stream(logGroupName="/g", logStreamName="s")
    moto.flush()
    assert store.read().execute("SELECT data FROM moto_state").fetchone() == before  # not due yet
    now[0] += 60
    moto.flush()
    assert store.read().execute("SELECT data FROM moto_state").fetchone() != before
    logs.put_log_events(logGroupName="/g", logStreamName="s", logEvents=[{"timestamp": 1, "message": "m"}])
    moto.close()
    moto = Moto(store)
    logs = Clients(Gateway(moto, ACCOUNT), "http://127.0.0.1:1")("logs", REGION)
    streams = logs.describe_log_streams(logGroupName="/g")["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == ["s"]
    moto.close()
    store.close()


def test_what_did_not_change_is_not_written_again(bridge: Bridge) -> None:
    bridge.client("events").put_rule(Name="e", ScheduleExpression="rate(1 minute)")
    with bridge.store.write() as connection:
        connection.execute("UPDATE moto_state SET moto = 'mark' WHERE service = 'events'")
    bridge.client("events").put_rule(Name="e", ScheduleExpression="rate(1 minute)")
    bridge.client("events").describe_rule(Name="e")
    assert bridge.store.read().execute("SELECT moto FROM moto_state").fetchone() == ("mark",)
    bridge.client("events").disable_rule(Name="e")
    assert bridge.store.read().execute("SELECT moto FROM moto_state").fetchone() != ("mark",)


def test_a_call_that_failed_leaves_no_trace(bridge: Bridge) -> None:
    assert code(lambda: bridge.client("sqs").send_message(QueueUrl="http://x/1/none", MessageBody="m")).endswith(
        ("NonExistentQueue", "QueueDoesNotExist")
    )
    assert bridge.store.read().execute("SELECT count(*) FROM moto_state").fetchone() == (0,)


# --- a state that cannot be read


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("UPDATE moto_state SET format = 99", "StateFormat"),
        ("UPDATE moto_state SET data = x'00ff'", "StateUnreadable"),
    ],
)
def test_a_state_that_cannot_be_read_is_told_and_left_alone(bridge: Bridge, change: str, expected: str) -> None:
    bridge.client("events").put_rule(Name="e", ScheduleExpression="rate(1 minute)")
    bridge.close()
    store = Store(bridge.folder)
    with store.write() as connection:
        connection.execute(change)
    rows = store.read().execute("SELECT * FROM moto_state").fetchall()
    with pytest.raises(SalespipeError, match="events") as caught:
        Moto(store)
    assert caught.value.code == expected
    assert store.read().execute("SELECT * FROM moto_state").fetchall() == rows
    with store.write() as connection:
        connection.execute("DELETE FROM moto_state")
    store.close()
    bridge.open()


# --- the points of moto that are touched


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("s3", lambda client: client.list_buckets()),
        ("sqs", lambda client: client.list_queues()),
        ("iam", lambda client: client.list_roles()),
        ("sts", lambda client: client.get_caller_identity()),
        ("dynamodb", lambda client: client.list_tables()),
        ("dynamodbstreams", lambda client: client.list_streams()),
        ("kinesis", lambda client: client.list_streams()),
        ("firehose", lambda client: client.list_delivery_streams()),
        ("lambda", lambda client: client.list_functions()),
        ("pipes", lambda client: client.list_pipes()),
        ("scheduler", lambda client: client.list_schedules()),
        ("glue", lambda client: client.get_databases()),
        ("athena", lambda client: client.list_work_groups()),
        ("events", lambda client: client.list_rules()),
        ("logs", lambda client: client.describe_log_groups()),
        ("cloudwatch", lambda client: client.list_metrics()),
        ("resourcegroupstaggingapi", lambda client: client.get_resources()),
    ],
)
def test_moto_answers_for_each_service(bridge: Bridge, service: str, call: Callable[[Any], Any]) -> None:
    assert call(bridge.client(service))["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_metrics_go_through_the_binary_protocol(bridge: Bridge) -> None:
    metrics = bridge.client("cloudwatch")
    metrics.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.5}])
    bridge.restart(clean=True)
    assert [metric["MetricName"] for metric in bridge.client("cloudwatch").list_metrics()["Metrics"]] == ["m"]


def test_what_moto_does_not_implement_is_named(bridge: Bridge) -> None:
    with pytest.raises(ClientError, match="glue GetClassifiers is not part of this local AWS") as caught:
        bridge.client("glue").get_classifiers()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_a_service_that_moto_does_not_know_is_refused(bridge: Bridge) -> None:
    assert code(lambda: bridge.client("snowball").list_jobs()) == "UnknownOperationException"


def test_moto_is_left_as_it_was(tmp_path: Path, few_policies: None) -> None:
    names: Any = s3_models
    before = names.FakeKey, names._VersionedKeyStore, BaseModel.__new__
    with closing(Store(tmp_path)) as store, closing(Moto(store)) as moto:
        assert names.FakeKey is DurableKey
        Clients(Gateway(moto, ACCOUNT), "http://127.0.0.1:1")("s3", REGION).create_bucket(Bucket="lake")
    assert (names.FakeKey, names._VersionedKeyStore, BaseModel.__new__) == before
    assert import_module("moto.s3.responses").FakeKey is before[0]  # what it imported by name
    assert ACCOUNT not in s3_models.s3_backends
    assert not s3_models.s3_backends.bucket_accounts
