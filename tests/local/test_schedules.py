"""Scheduled rules: when the clock says so, targets get their event."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from moto_clients import Clients
from salespipe.local.api import Answer, AwsError, Call, Cloud, NotMine
from salespipe.local.record_log import RecordLog
from salespipe.local.schedules.service import Schedules
from salespipe.local.schedules.targets import may_invoke, target_input
from salespipe.local.store import Store

REGION = "eu-west-1"
ACCOUNT = "123456789012"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/tick"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:generator"
NOON = 1_795_348_800.0  # 2026-11-22T12:00:00Z


@pytest.fixture(scope="module")
def clients() -> Clients:
    return Clients()


class Invoked:
    """Stands for the Lambda service: notes what it is asked to invoke."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def invoke_async(self, function: str, payload: bytes, *, region: str) -> None:
        assert region == REGION
        if "missing" in function:
            raise AwsError("ResourceNotFoundException", "Function not found", 404)
        self.events.append((function, json.loads(payload)))


class World:
    """A cloud whose clock the test moves."""

    def __init__(self, store: Store, clients: Clients) -> None:
        self.now = NOON
        self.lambda_ = Invoked()
        self.cloud = Cloud(store, RecordLog(store, self.clock), clients, "", ACCOUNT, self.clock)
        self.events = clients("events", REGION)
        self.schedules = self.begin()

    def clock(self) -> float:
        return self.now

    def begin(self) -> Schedules:
        self.schedules = Schedules(self.cloud, self.lambda_)  # type: ignore[arg-type]
        self.schedules.start()
        return self.schedules

    def tell(self, operation: str, **params: Any) -> Any:
        """A call as it comes through the gateway: ours first, then moto, then we are told."""
        call = Call("events", operation, REGION, ACCOUNT, params=params)
        if operation in self.schedules.handlers:
            with pytest.raises(NotMine):
                self.schedules.handlers[operation](call)
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")
        answer = getattr(self.events, name)(**params)
        self.schedules.observe(call, Answer(200))
        self.settle()
        return answer

    def settle(self) -> None:
        """Wait until the timetable has followed every change, and run what is due."""
        table = self.schedules._timetable
        self.eventually(lambda: table._followed == table._changes)

    def rule(self, expression: str = "rate(5 minutes)", arn: str = FUNCTION, **target: Any) -> None:
        self.tell("PutRule", Name="tick", ScheduleExpression=expression)
        self.tell("PutTargets", Rule="tick", Targets=[{"Id": "t", "Arn": arn, **target}])

    def allow(self, **permission: str) -> None:
        lambda_ = self.cloud.client("lambda", REGION)
        given = {
            "Action": "lambda:InvokeFunction",
            "Principal": "events.amazonaws.com",
            "SourceArn": RULE,
            **permission,
        }
        lambda_.add_permission(FunctionName="generator", StatementId="s", **given)

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.schedules._timetable.change()

    def eventually(self, check: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 20
        while not check():
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.005)


@pytest.fixture
def world(tmp_path: Path, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "false")  # a thousand policies, for each test anew
    store = Store(tmp_path)
    with mock_aws():
        role = clients("iam", REGION).create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        clients("lambda", REGION).create_function(
            FunctionName="generator", Runtime="python3.13", Handler="a.b", Role=role, Code={"ZipFile": b"x"}
        )
        world = World(store, clients)
        yield world
        world.schedules.stop()
    store.close()


def test_a_rate_fires_again_and_again(world: World) -> None:
    world.allow()
    world.rule()
    world.passes(300)
    world.eventually(lambda: len(world.lambda_.events) == 1)
    world.passes(300)
    world.eventually(lambda: len(world.lambda_.events) == 2)
    function, event = world.lambda_.events[0]
    assert function == FUNCTION
    assert (event["detail-type"], event["source"], event["detail"]) == ("Scheduled Event", "aws.events", {})
    assert (event["time"], event["resources"], event["region"]) == ("2026-11-22T12:05:00Z", [RULE], REGION)
    assert (event["account"], event["version"]) == (ACCOUNT, "0")


def test_a_constant_input_is_the_event(world: World) -> None:
    world.allow()
    world.rule("cron(30 12 * * ? *)", Input='{"count": 10}')
    world.passes(1799)
    world.passes(1)
    world.eventually(lambda: world.lambda_.events)
    assert world.lambda_.events == [(FUNCTION, {"count": 10})]


def test_a_disabled_rule_is_quiet_and_an_enabled_one_counts_anew(world: World) -> None:
    world.allow()
    world.rule()
    world.tell("DisableRule", Name="tick")
    world.passes(10_000)
    world.settle()
    assert world.schedules._timetable._due == {}
    world.tell("EnableRule", Name="tick")
    world.passes(299)
    world.settle()
    assert world.lambda_.events == []
    world.passes(1)
    world.eventually(lambda: world.lambda_.events)


def test_a_rule_outlives_a_restart_and_what_passed_is_not_made_up_for(world: World) -> None:
    world.allow()
    world.rule()
    world.schedules.stop()
    world.now += 3700
    world.begin()
    world.settle()
    world.passes(199)
    world.settle()
    assert world.lambda_.events == []
    world.passes(1)
    world.eventually(lambda: world.lambda_.events)
    assert [event["time"] for _, event in world.lambda_.events] == ["2026-11-22T13:05:00Z"]


def test_a_deleted_rule_is_forgotten(world: World) -> None:
    world.rule()
    world.tell("RemoveTargets", Rule="tick", Ids=["t"])
    world.tell("DeleteRule", Name="tick")
    world.eventually(lambda: world.schedules._timetable._due == {})
    rows = world.cloud.store.read().execute("SELECT count(*) FROM schedule_rule").fetchone()
    assert rows == (0,)


@pytest.mark.parametrize(
    "permission",
    [
        None,
        {"Principal": "s3.amazonaws.com"},
        {"SourceArn": RULE + "-other"},
        {"Action": "lambda:GetFunction"},
        {"SourceAccount": ACCOUNT},
    ],
)
def test_a_function_that_does_not_let_the_rule_in_is_not_invoked(
    world: World, permission: dict[str, str] | None, caplog: pytest.LogCaptureFixture
) -> None:
    if permission is not None:
        world.allow(**permission)
    world.rule()
    with caplog.at_level(logging.WARNING):
        world.passes(300)
        world.eventually(lambda: "may not invoke" in caplog.text)
    assert world.lambda_.events == []


def test_a_queue_gets_a_message_and_one_bad_target_does_not_stop_the_others(world: World) -> None:
    sqs = world.cloud.client("sqs", REGION)
    queue = sqs.create_queue(QueueName="ticks")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:ticks"
    world.rule(arn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:nowhere")
    world.tell("PutTargets", Rule="tick", Targets=[{"Id": "u", "Arn": arn, "InputPath": "$.resources"}])
    world.passes(300)
    found: list[str] = []

    def received() -> list[str]:
        found.extend(each["Body"] for each in sqs.receive_message(QueueUrl=queue).get("Messages", []))
        return found

    world.eventually(received)
    assert json.loads(found[0]) == [RULE]


@pytest.mark.parametrize("expression", ["rate(1 minutes)", "cron(0 10 * * * *)", "cron(61 * * * ? *)", "at(now)"])
def test_a_schedule_that_would_never_run_is_refused(world: World, expression: str) -> None:
    call = Call("events", "PutRule", REGION, ACCOUNT, params={"Name": "x", "ScheduleExpression": expression})
    with pytest.raises(AwsError, match=r"Parameter ScheduleExpression is not valid\.") as raised:
        world.schedules.handlers["PutRule"](call)
    assert raised.value.code == "ValidationException"


EVENT = {"time": "2026-11-22T12:00:00Z", "detail": {"n": 1, "who": 'a "b"'}, "resources": [RULE]}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{"n": <n>, "text": "<who> at <time>"}', '{"n": 1, "text": "a \\"b\\" at 2026-11-22T12:00:00Z"}'),
        ('{"who": <who>, "none": <none>}', '{"who": "a \\"b\\"", "none": null}'),
        ('"<aws.events.rule-name>"', '"tick"'),
        ("plain <who> of <aws.events.rule-arn>", f'plain a "b" of {RULE}'),
        ('{"all": <aws.events.event.json>}', '{"all": ' + json.dumps(EVENT) + "}"),
    ],
)
def test_input_transformers(template: str, expected: str) -> None:
    paths = {"n": "$.detail.n", "who": "$.detail.who", "time": "$.time", "none": "$.detail.none"}
    target = {"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}
    assert target_input(target, EVENT, {"Arn": RULE, "Name": "tick"}) == expected


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ({"Principal": {"Service": "events.amazonaws.com"}, "Action": "lambda:InvokeFunction"}, True),
        ({"Principal": "*", "Action": ["lambda:*"]}, True),
        ({"Principal": "*", "Action": "lambda:*", "Condition": {"StringEquals": {"aws:SourceArn": [RULE]}}}, True),
        ({"Principal": "*", "Action": "*", "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:events:*"}}}, True),
        ({"Principal": "*", "Action": "*", "Condition": {"StringEquals": {"aws:SourceArn": "arn:*"}}}, False),
        ({"Principal": {"AWS": "arn:aws:iam::1:root"}, "Action": "*"}, False),
        ({"Effect": "Deny", "Principal": "*", "Action": "*"}, False),
    ],
)
def test_resource_policies(statement: dict[str, Any], allowed: bool) -> None:
    policy = json.dumps({"Statement": [{"Effect": "Allow", **statement}]})
    assert may_invoke(policy, RULE) is allowed
