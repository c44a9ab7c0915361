"""The whole lifecycle against MiniStack: a second AWS, by people who never saw this program.

What it does not do as AWS does is listed in ``tests/support/ministack_server.py``. The list is held to be exact: a gap
that it does not name fails a test, and so does one that has been closed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from graphlib import TopologicalSorter
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError

import ministack_server
from salespipe.aws import Aws, error_code
from salespipe.cli.main import run
from salespipe.config import Config, Monitoring
from salespipe.errors import Exit, SalespipeError
from salespipe.lifecycle import Action, Step, down, plan, status, up
from salespipe.lifecycle.model import Intent
from salespipe.pipeline import pipeline
from salespipe.resources.base import Observation, Resource, State, Unwanted

pytestmark = pytest.mark.skipif(
    ministack_server.PROGRAM is None,
    reason="ministack is not on PATH, and MINISTACK does not name it: .ci/run installs it in a virtual environment of "
    f"its own, since it pins a botocore: pip install ministack=={ministack_server.VERSION}",
)

DEFAULT = Config(target="aws", monitoring=Monitoring(email="shop@example.com"))
BEFORE = 'target = "aws"\nstream.mode = "PROVISIONED"\nmonitoring.email = "shop@example.com"'
AFTER = """
target = "aws"
environment = "prod"
stream = { mode = "PROVISIONED", shards = 2, retention_hours = 48 }
pipe = { batch_size = 10, filters = ['{"eventName":["INSERT"]}'] }
delivery = { buffer_mb = 9, transform_buffer_mb = 0.5 }
query = { scan_limit_mb = 50, results_days = 3 }
functions = { memory_mb = 512, log_retention_days = 30 }
generator = { orders_per_run = 5, schedule = "rate(5 minutes)" }
monitoring = { email = "shop@example.com" }
"""

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
THEIRS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}

Connect = Callable[..., Aws]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ministack_server.running(tmp_path_factory.mktemp("ministack")) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def accounts() -> Iterator[str]:
    """MiniStack takes an access key of twelve digits for an account: each test has one of its own."""
    return (str(number) for number in range(111_111_111_111, 999_999_999_999))


@pytest.fixture(autouse=True)
def user(accounts: Iterator[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user exports, and nothing of the account that this machine may have."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL", "SALESPIPE_TARGET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", next(accounts))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("SALESPIPE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def bare(endpoint: str) -> Aws:
    """MiniStack as it is."""
    return Aws(DEFAULT, endpoint=endpoint)


@pytest.fixture
def connect(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Connects to MiniStack with its known gaps filled; so does the command line within the test."""
    make = Aws._make
    monkeypatch.setattr(Aws, "_make", lambda aws, service: ministack_server.fill_gaps(service, make(aws, service)))
    return lambda config=DEFAULT: Aws(config, endpoint=endpoint)


def exhaust(steps: Iterable[Step]) -> list[Step]:
    return list(steps)


def last_actions(steps: Iterable[Step]) -> dict[str, Action]:
    return {f"{step.kind} {step.name}": step.action for step in steps if step.action.final}


def wanted_by(aws: Aws) -> list[Resource]:
    return [each for each in pipeline(aws) if not isinstance(each, Unwanted)]


def there(aws: Aws) -> dict[str, State]:
    """What exists, by kind and name."""
    readings = status(aws, pipeline(aws))
    return {f"{each.kind} {each.name}": each.state for each in readings if each.state is not State.ABSENT}


def needs_any_of(resource: Resource, others: list[Resource]) -> bool:
    return any(need in others or needs_any_of(need, others) for need in resource.needs)


def settled(aws: Aws, resource: Resource) -> Observation:
    for _ in range(200):
        seen = resource.describe(aws)
        if seen.state is not State.PENDING:
            return seen
        aws.sleep(0.02)
    return seen


def test_the_known_gaps_are_all_that_there_are(bare: Aws) -> None:
    symptoms: dict[str, set[str]] = {}
    resources = wanted_by(bare)
    before = list(TopologicalSorter({each: each.needs for each in resources}).static_order())

    def expect(resource: Resource, wanted: State, when: str) -> None:
        try:
            seen = settled(bare, resource)
        except ClientError as error:
            symptoms.setdefault(resource.kind, set()).add(f"{error_code(error)}: {when}")
        else:
            if seen.state is not wanted:
                symptoms.setdefault(resource.kind, set()).update(
                    [str(seen.state), *(drift.field for drift in seen.drift)]
                )

    for resource in before:
        expect(resource, State.ABSENT, "before")
    for resource in before:
        resource.create(bare)
        resource.create(bare)
        expect(resource, State.READY, "created")
    for resource in reversed(before):
        resource.delete(bare)
        resource.delete(bare)
        expect(resource, State.ABSENT, "deleted")

    assert symptoms == {gap.kind: set(gap.shows) for gap in ministack_server.GAPS}


@pytest.mark.parametrize("missing", ministack_server.MISSING, ids=lambda missing: missing.operation)
def test_an_operation_that_is_missing_is_still_missing(bare: Aws, missing: ministack_server.Missing) -> None:
    with pytest.raises(ClientError) as refusal:
        getattr(bare.client(missing.service), missing.operation)(**missing.arguments)
    assert error_code(refusal.value) == missing.code


def test_up_status_plan_up_again_and_down(connect: Connect) -> None:
    aws = connect()
    resources = wanted_by(aws)
    everything = {f"{each.kind} {each.name}" for each in resources}

    assert there(aws) == {}
    assert {change.intent for change in plan(aws, resources)} == {Intent.CREATE}

    assert last_actions(up(aws, resources)) == dict.fromkeys(everything, Action.CREATED)
    assert [(each.name, each.state, each.seen.drift) for each in status(aws, resources)] == [
        (each.name, State.READY, ()) for each in resources
    ]
    assert not [change for change in plan(aws, resources) if change.pending]
    assert last_actions(up(aws, resources)) == dict.fromkeys(everything, Action.UNCHANGED)

    assert last_actions(down(aws, resources)) == dict.fromkeys(everything, Action.DELETED)
    assert there(aws) == {}
    assert last_actions(down(aws, resources)) == dict.fromkeys(everything, Action.ABSENT)


def test_the_command_line_all_the_way(connect: Connect, endpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    connect()  # so that the command line finds the gaps filled

    def salespipe(*words: str) -> tuple[int, dict[str, Any]]:
        done = run([*words, "--json", "--endpoint-url", endpoint])
        return done, json.loads(capsys.readouterr().out)

    assert salespipe("status")[0] == Exit.NOT_DEPLOYED
    assert salespipe("doctor")[0] == Exit.DONE
    assert salespipe("plan")[0] == Exit.PENDING
    assert salespipe("up")[0] == Exit.DONE
    assert salespipe("plan")[0] == Exit.DONE
    assert salespipe("status")[0] == Exit.DONE
    # Nothing flows here, since the pipe delivers nothing to Kinesis: there is nothing to wait for.
    done, told = salespipe("down", "--yes", "--no-drain")
    assert (done, told["left"], told["foreign"], told["kept"]) == (Exit.DONE, [], [], [])
    assert salespipe("status")[0] == Exit.NOT_DEPLOYED


def test_what_the_configuration_changes_is_found_and_put_right(connect: Connect) -> None:
    aws = connect(msgspec.toml.decode(BEFORE.encode(), type=Config))
    changed = connect(msgspec.toml.decode(AFTER.encode(), type=Config))
    exhaust(up(aws, pipeline(aws)))

    found = {change.kind for change in plan(changed, pipeline(changed)) if change.intent is Intent.UPDATE}
    repaired = exhaust(up(changed, pipeline(changed)))

    unchanged = {"glue classifier", "lambda permission", "athena named queries"}
    assert found == {resource.kind for resource in pipeline(aws)} - unchanged
    assert {step.kind for step in repaired if step.action is Action.UPDATED} == found
    assert not [change for change in plan(changed, pipeline(changed)) if change.pending]
    exhaust(down(changed, pipeline(changed)))
    assert there(changed) == {}


def test_what_somebody_else_made_survives_up_and_down(connect: Connect) -> None:
    aws = connect()
    names, resources = aws.names, pipeline(aws)
    s3, dynamodb, kinesis, iam = (aws.client(each) for each in ("s3", "dynamodb", "kinesis", "iam"))

    def make() -> None:
        s3.create_bucket(Bucket=names.bucket)
        s3.put_object(Bucket=names.bucket, Key="theirs.txt", Body=b"theirs")
        dynamodb.create_table(
            TableName=names.table,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        kinesis.create_stream(StreamName=names.stream, ShardCount=1, Tags={"project": "other"})
        iam.create_role(RoleName=names.role("pipe"), AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName=names.role("pipe"), PolicyName="theirs", PolicyDocument=json.dumps(THEIRS))

    def look() -> list[Any]:
        bucket = {"Bucket": names.bucket}
        return [
            s3.get_object(**bucket, Key="theirs.txt")["Body"].read(),
            [each["Key"] for each in s3.list_objects_v2(**bucket)["Contents"]],
            dynamodb.describe_table(TableName=names.table)["Table"],
            kinesis.describe_stream_summary(StreamName=names.stream)["StreamDescriptionSummary"],
            kinesis.list_tags_for_stream(StreamName=names.stream)["Tags"],
            iam.get_role(RoleName=names.role("pipe"))["Role"],
            iam.list_role_policies(RoleName=names.role("pipe"))["PolicyNames"],
        ]

    make()
    theirs = {
        f"s3 bucket {names.bucket}",
        f"dynamodb table {names.table}",
        f"kinesis stream {names.stream}",
        f"iam role {names.role('pipe')}",
    }
    foreign = [each for each in resources if f"{each.kind} {each.name}" in theirs]
    before = look()

    with pytest.raises(SalespipeError) as refusal:
        exhaust(up(aws, resources))
    assert refusal.value.code == "Foreign"
    assert all(what in refusal.value.message for what in theirs)
    assert there(aws) == dict.fromkeys(theirs, State.FOREIGN)

    exhaust(up(aws, [each for each in resources if each not in foreign and not needs_any_of(each, foreign)]))
    assert State.READY in there(aws).values()
    receipt = {f"{step.kind} {step.name}" for step in down(aws, resources) if step.action is Action.FOREIGN}

    assert receipt == theirs
    assert there(aws) == dict.fromkeys(theirs, State.FOREIGN)
    assert look() == before
