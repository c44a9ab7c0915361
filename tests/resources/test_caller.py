"""The caller's policies allow every call that salespipe makes, on that resource alone, and nothing that it does not."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest

from dead_letters import send_letter, table_records
from iam_story import Call, Need, allowing, needs, recorded
from salespipe import lifecycle
from salespipe.aws import Aws
from salespipe.cli.main import run
from salespipe.config import Config, Table
from salespipe.doctor import examine, probes
from salespipe.flow import snapshot
from salespipe.local import daemon
from salespipe.local.daemon import ACCOUNT
from salespipe.pipeline import pipeline
from salespipe.query.standing import standing
from salespipe.resources import bundle
from salespipe.resources.caller import caller_policy
from salespipe.trust.quarantine.failures import record_id

Connect = Callable[[Config], Aws]

# The local AWS's region: what both stories ask for is put together.
HERE = Config(target="aws")
CHANGED = """
target = "aws"
environment = "prod"
stream = { retention_hours = 48 }
pipe = { batch_size = 10 }
delivery = { buffer_mb = 9, buffer_seconds = 90 }
query = { scan_limit_mb = 50, results_days = 3 }
functions = { memory_mb = 512, log_retention_days = 30 }
generator = { orders_per_run = 5, schedule = "rate(5 minutes)" }
monitoring = { email = "before@example.com" }
"""
MAILED = """
target = "aws"
monitoring = { email = "shop@example.com" }
"""
PROVISIONED = """
target = "aws"
stream = { mode = "PROVISIONED", shards = 2 }
"""
ORDERS = "order_no,customer,cds,dollars\n1,7,2,29.33\n2,8,1,14.00\n"
MAP = "orderid=order_no,customer_id=customer,quantity=cds,amount=dollars"

# What no call of salespipe's shows, by statement: why it is granted nevertheless.
ATHENA = "Athena does so in the caller's name (Athena user guide, access to Amazon S3 and to the Data Catalog)"
UNSEEN = {
    ("SeeBucket", "s3:GetBucketLocation"): ATHENA,
    ("WriteResults", "s3:AbortMultipartUpload"): ATHENA,
    ("WriteResults", "s3:ListMultipartUploadParts"): ATHENA,
    ("WriteResults", "s3:PutObject"): ATHENA,
    ("KeepViews", "glue:BatchGetPartition"): ATHENA,
    ("KeepViews", "glue:GetPartition"): ATHENA,
    ("KeepViews", "glue:GetPartitions"): ATHENA,
    ("SeeDefaultDatabase", "glue:GetDatabases"): ATHENA,
    ("SimulateOneself", "iam:SimulatePrincipalPolicy"): "moto does not simulate; doctor does",
    ("SeeOwnRole", "iam:GetRole"): "doctor asks where the caller is a role",
    ("QueryLake", "athena:StopQueryExecution"): "Ctrl-C stops the query on the server",
    ("KeepCrawler", "glue:StopCrawler"): "a crawl under way is stopped before its crawler is deleted",
}


def exhaust(steps: Iterable[object]) -> None:
    for _ in steps:
        pass


@pytest.fixture(scope="module")
def told() -> dict[str, set[Need]]:
    """What the stories asked for, told once each."""
    return {}


@pytest.fixture
def on_aws(connect: Connect, told: dict[str, set[Need]]) -> set[Need]:
    """Under moto: up, a look, every setting changed and put back, damage by hand repaired, data in it, and down."""
    if "aws" not in told:
        aws = connect(HERE)
        with recorded() as calls:
            exhaust(lifecycle.up(aws, pipeline(aws)))
            examine(probes.on_aws(aws, time.time, lambda: standing(aws)))
            snapshot.read(aws)
            for config in (CHANGED, MAILED, PROVISIONED):
                other = connect(msgspec.toml.decode(config.encode(), type=Config))
                exhaust(lifecycle.up(other, pipeline(other)))
            exhaust(lifecycle.up(aws, pipeline(aws)))
        damage(aws)
        with recorded() as more:
            exhaust(lifecycle.up(aws, pipeline(aws)))
        fill(aws)
        with recorded() as last:
            interrupted(aws)
            exhaust(lifecycle.down(aws, pipeline(aws)))
        told["aws"] = needs([*calls, *more, *last], aws.names)
    return told["aws"]


def damage(aws: Aws) -> None:
    """What somebody's hand may have changed, beside the settings."""
    names = aws.names
    iam, role = aws.client("iam"), names.role("pipe")
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"][0]["Principal"] = {"Service": "glue.amazonaws.com"}
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
    aws.client("dynamodb").update_table(
        TableName=names.table,
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    code = bundle.pack({"handler.py": b"raise"})
    aws.client("lambda").update_function_code(FunctionName=names.function("transform"), ZipFile=code)
    glue = aws.client("glue")
    glue.update_classifier(JsonClassifier={"Name": names.classifier, "JsonPath": "$.other"})
    crawler = glue.get_crawler(Name=names.crawler)["Crawler"]
    glue.update_crawler(
        Name=names.crawler,
        Role=crawler["Role"],
        Targets={"S3Targets": [{"Path": "s3://elsewhere/"}]},
        Classifiers=[],
        Configuration=json.dumps({"Version": 1.0}),
    )


def fill(aws: Aws) -> None:
    """What use leaves in it, and hands: objects, an upload, a table, a crawl, a policy, a rule at work."""
    names = aws.names
    s3 = aws.client("s3")
    s3.put_object(Bucket=names.bucket, Key=f"{names.events_prefix}one.gz", Body=b"")
    s3.create_multipart_upload(Bucket=names.bucket, Key=f"{names.events_prefix}two.gz")
    glue = aws.client("glue")
    glue.create_table(DatabaseName=names.database, TableInput={"Name": names.events_table})
    glue.start_crawler(Name=names.crawler)
    iam = aws.client("iam")
    policy = iam.create_policy(PolicyName="extra", PolicyDocument=json.dumps(caller_policy(names)))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=names.role("crawler"), PolicyArn=policy)
    aws.client("events").enable_rule(Name=names.rule)


def interrupted(aws: Aws) -> None:
    """A down that is given up while it drains: the writers go on."""
    resources = pipeline(aws)
    with contextlib.suppress(KeyboardInterrupt), lifecycle.stopped(aws, resources, lifecycle.status(aws, resources)):
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def here(told: dict[str, set[Need]], tmp_path_factory: pytest.TempPathFactory) -> set[Need]:
    """On the local AWS, as typed: up, status, orders made and replayed, crawl, query, what failed replayed, down."""
    folder = tmp_path_factory.mktemp("caller")
    (folder / "orders.csv").write_text(ORDERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SALESPIPE_HOME", str(folder / "home"))
        patch.delenv("SALESPIPE_TARGET", raising=False)
        patch.chdir(folder)
        try:
            calls = type_all()
        finally:
            run(["local", "stop"])
    return needs(calls, Config().names(ACCOUNT))


def type_all() -> list[Call]:
    commands = (
        "up",
        "status",
        "generate --count 20 --rate 500",
        "generate --lambda --rate 1",
        "generate --lambda --stop",
        f"replay orders.csv --map {MAP}",
        "crawl",
        "verify",
        "watch --once",
        "watch --once --efo",
        "query SELECT+1",
        "trace --follow 1",
        "logs",
    )
    with recorded() as calls:
        type_each(commands)
    fail_some()
    with recorded() as more:
        type_each(
            (
                "quarantine ls",
                "quarantine replay --error RetryAttemptsExhausted",
                f"quarantine purge {record_id(b'one')} --yes",
                "quarantine purge --all --yes",
                "down --yes",
            )
        )
    return [*calls, *more]


def type_each(commands: Iterable[str]) -> None:
    for command in commands:
        words = [word.replace("+", " ") for word in command.split()]
        assert run([*words, "--json"]) == 0, command


def fail_some() -> None:
    """Two records that the transform refuses, in one object, and a dead letter of an event that was delivered."""
    server = daemon.find(daemon.default_data_dir())
    assert server
    aws = Aws(Config(), endpoint=server.endpoint)
    records = [{"Data": data, "PartitionKey": "same"} for data in (b"one", b"two")]
    aws.client("kinesis").put_records(StreamName=aws.names.stream, Records=records)
    send_letter(aws, *table_records(aws)[:1])
    while not aws.client("s3").list_objects_v2(Bucket=aws.names.bucket, Prefix="errors/").get("Contents"):
        time.sleep(0.1)


def refused(policy: dict[str, Any], wanted: Iterable[Need]) -> list[str]:
    return sorted(f"{each.call} needs {each.action} on {each.arn}" for each in wanted if not allowing(policy, each))


def meant(policy: dict[str, Any], need: Need) -> list[str]:
    """The Sids of the statements that name its very ARN, or else of those whose wildcards cover it."""
    sids = allowing(policy, need)
    exact = [each["Sid"] for each in policy["Statement"] if each["Sid"] in sids and need.arn in each["Resource"]]
    return exact or sids


def test_every_call_to_aws_is_allowed(on_aws: set[Need]) -> None:
    assert refused(caller_policy(HERE.names("123456789012")), on_aws) == []


def test_every_call_to_the_local_aws_is_allowed(here: set[Need]) -> None:
    assert refused(caller_policy(Config().names(ACCOUNT)), here) == []


def test_nothing_is_granted_that_nobody_needs(on_aws: set[Need], here: set[Need]) -> None:
    used = {
        (sid, need.action)
        for account, wanted in (("123456789012", on_aws), (ACCOUNT, here))
        for need in wanted
        for sid in meant(caller_policy(HERE.names(account)), need)
    }
    granted = {
        (statement["Sid"], action)
        for statement in caller_policy(HERE.names(ACCOUNT))["Statement"]
        for action in statement["Action"]
    }

    assert granted - used == UNSEEN.keys()


def test_without_any_statement_a_call_is_refused_by_its_name(on_aws: set[Need], here: set[Need]) -> None:
    unseen = {sid for sid, _ in UNSEEN}
    whole = caller_policy(HERE.names("123456789012"))
    local = caller_policy(HERE.names(ACCOUNT))
    for statement in whole["Statement"]:
        sid = statement["Sid"]

        def without(policy: dict[str, Any], sid: str = sid) -> dict[str, Any]:
            return {**policy, "Statement": [each for each in policy["Statement"] if each["Sid"] != sid]}

        told = refused(without(whole), on_aws) + refused(without(local), here)

        assert told or sid in unseen, sid
        assert all(any(f"needs {action} on " in line for action in statement["Action"]) for line in told)


@pytest.mark.parametrize("change", [("salespipe-dev", "salespipe-dev-2"), ("salespipe_dev", "salespipe_dev_2")])
def test_another_pipeline_is_out_of_reach(on_aws: set[Need], change: tuple[str, str]) -> None:
    policy = caller_policy(HERE.names("123456789012"))
    others = {need._replace(arn=need.arn.replace(*change)) for need in on_aws if change[0] in need.arn}
    allowed = {(sid, need.action) for need in others for sid in allowing(policy, need)}

    assert others
    assert allowed - {("SeeOwnRole", "iam:GetRole")} == set()


def test_another_region_is_out_of_reach(on_aws: set[Need]) -> None:
    policy = caller_policy(HERE.names("123456789012"))
    elsewhere = {
        need._replace(arn=need.arn.replace("us-east-1", "eu-west-3"), context=(("aws:RequestedRegion", "eu-west-3"),))
        for need in on_aws
    }
    allowed = {(sid, need.action) for need in elsewhere for sid in allowing(policy, need)}

    assert {sid for sid, _ in allowed} == {"SeeOwnRole"}


def test_a_role_is_only_handed_to_its_own_service(on_aws: set[Need]) -> None:
    policy = caller_policy(HERE.names("123456789012"))
    passed = {need for need in on_aws if need.action == "iam:PassRole"}
    services = {value for need in passed for key, value in need.context if key == "iam:PassedToService"}
    allowed = {
        (need.arn.rpartition("/")[2].split("-")[2], service.partition(".")[0])
        for need in passed
        for service in (*services, "ec2.amazonaws.com")
        if allowing(policy, need._replace(context=(("iam:PassedToService", service),)))
    }

    assert allowed == {
        ("generator", "lambda"),
        ("transform", "lambda"),
        ("pipe", "pipes"),
        ("delivery", "firehose"),
        ("crawler", "glue"),
    }


def test_a_table_of_the_users_own_can_be_used_and_not_deleted(connect: Connect) -> None:
    aws = connect(Config(target="aws", table=Table(existing=True)))
    aws.client("dynamodb").create_table(
        TableName=aws.names.table,
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with recorded() as calls:
        exhaust(lifecycle.up(aws, pipeline(aws)))
        exhaust(lifecycle.down(aws, pipeline(aws)))
    policy = caller_policy(aws.names)

    assert "dynamodb:UpdateTable" in {need.action for need in needs(calls, aws.names)}
    assert refused(policy, needs(calls, aws.names)) == []
    granted = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert granted & {"dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:TagResource"} == set()
