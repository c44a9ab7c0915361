"""Looks at a pipeline: what is asked of AWS, how often, and what happens where it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from salespipe.aws import Aws
from salespipe.cli.context import App
from salespipe.cli.looking import Looker
from salespipe.cli.main import run
from salespipe.cli.reaching import Reach
from salespipe.cost.estimate import idle
from salespipe.errors import Exit, SalespipeError
from salespipe.flow.snapshot import Verdict
from salespipe.lifecycle import up
from salespipe.pipeline import pipeline
from salespipe.resources.base import Unwanted
from salespipe.view import overview

Refuse = Callable[[str, str], None]


@pytest.fixture
def asked(aws: Aws) -> Iterator[list[str]]:
    """The names of the calls to CloudWatch for metrics, which it charges for."""
    names: list[str] = []

    def note(model: Any, **_: Any) -> None:
        if model.name.startswith("GetMetric"):
            names.append(model.name)

    events = aws.client("cloudwatch").meta.events
    events.register("before-call.cloudwatch", note)
    yield names
    events.unregister("before-call.cloudwatch", note)


@pytest.fixture
def refuse(aws: Aws) -> Iterator[Refuse]:
    """Makes an operation of a service be denied."""
    undo: list[Callable[[], None]] = []

    def deny(params: dict[str, Any], **_: Any) -> Any:
        error = {"Code": "AccessDeniedException", "Message": "User: you is not authorized"}
        return SimpleNamespace(status_code=400), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}

    def refuse(service: str, operation: str) -> None:
        events, name = aws.client(service).meta.events, f"before-call.{service}.{operation}"
        events.register(name, deny)
        undo.append(lambda: events.unregister(name, deny))

    yield refuse
    for each in undo:
        each()


@pytest.fixture
def looker(aws: Aws) -> Looker:
    return Looker(lambda _: aws)


def deploy(aws: Aws) -> None:
    for _ in up(aws, pipeline(aws)):
        pass


def test_nothing_deployed_costs_no_metrics(looker: Looker, asked: list[str]) -> None:
    look = looker.take()
    assert (look.exit_code, look.flow, look.bill, asked) == (Exit.NOT_DEPLOYED, None, None, [])


def test_one_look_asks_cloudwatch_once_for_the_flow_and_once_for_the_bill(
    aws: Aws, looker: Looker, asked: list[str]
) -> None:
    deploy(aws)
    look = looker.take()
    assert asked == ["GetMetricData", "GetMetricData"]
    assert look.exit_code is Exit.DONE
    assert look.flow is not None
    assert look.flow.problems == ()
    assert look.bill is not None
    assert look.since is not None
    assert not look.free


def test_metrics_of_aws_are_asked_once_a_minute_and_resources_each_time(
    aws: Aws, looker: Looker, asked: list[str]
) -> None:
    deploy(aws)
    now = datetime.now(UTC)
    first = looker.take(now)
    aws.client("sqs").delete_queue(QueueUrl=aws.client("sqs").get_queue_url(QueueName=aws.names.queue)["QueueUrl"])
    second = looker.take(now + timedelta(seconds=59))
    assert (first.exit_code, second.exit_code) == (Exit.DONE, Exit.PARTLY)
    assert second.flow is first.flow
    assert len(asked) == 2
    third = looker.take(now + timedelta(seconds=60))
    assert third.flow is not first.flow
    assert len(asked) == 4


def test_the_bill_grows_with_the_hours_that_the_stream_stands(aws: Aws, looker: Looker) -> None:
    deploy(aws)
    bill = looker.take(datetime.now(UTC) + timedelta(hours=10)).bill
    assert bill is not None
    [spent] = [line.usd for line in bill.lines if line.what == "on-demand stream"]
    [an_hour] = [line.usd for line in idle(aws.config).lines if line.what == "on-demand stream"]
    assert spent is not None
    assert an_hour is not None
    assert float(spent) == pytest.approx(10 * float(an_hour), rel=0.01)


def test_metrics_that_are_refused_leave_the_resources_to_be_seen(aws: Aws, looker: Looker, refuse: Refuse) -> None:
    deploy(aws)
    refuse("cloudwatch", "GetMetricData")
    look = looker.take()
    assert look.exit_code is Exit.DONE
    assert look.flow is not None
    assert look.flow.worst is Verdict.UNKNOWN
    assert look.flow.dead_letters == 0
    assert "AccessDenied" in look.flow.problems[0]
    assert look.bill is None


def test_a_resource_that_is_refused_leaves_the_others_to_be_seen(aws: Aws, looker: Looker, refuse: Refuse) -> None:
    deploy(aws)
    refuse("athena", "GetWorkGroup")
    look = looker.take()
    assert [(kind, name) for kind, name, _ in look.unseen] == [("athena workgroup", aws.names.workgroup)]
    wanted = [each for each in pipeline(aws) if not isinstance(each, Unwanted)]
    assert len(look.readings) == len(wanted) - 1
    assert look.exit_code is Exit.PARTLY


def test_after_a_look_that_failed_the_way_to_aws_is_found_anew(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy(aws)
    looker, ways = Looker(Reach(App(target="aws"))), list[Aws]()

    def renewed(_app: App) -> Aws:
        ways.append(aws)
        return aws

    monkeypatch.setattr(App, "aws", renewed)
    with monkeypatch.context() as expired:

        def refuse(*_: object) -> list[object]:
            return [SalespipeError("ExpiredToken", "The token has expired.")]

        expired.setattr("salespipe.lifecycle.survey", refuse)
        with pytest.raises(SalespipeError, match="expired"):
            looker.take()
    assert looker.take().exit_code is Exit.DONE
    assert looker.take().exit_code is Exit.DONE
    assert ways == [aws, aws]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SALESPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SALESPIPE_TARGET", raising=False)


def test_who_follows_waits_for_the_local_aws_and_never_starts_it(empty: None, tmp_path: Path) -> None:
    with pytest.raises(SalespipeError) as told:
        Looker(Reach(App())).take()
    assert told.value.code == "NotRunning"
    assert not (tmp_path / "home").exists()


def test_nothing_is_there(empty: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "NotDeployed"


@pytest.mark.parametrize("words", [["5"], ["--watch", "0"], ["--watch", "often"]])
def test_seconds_go_with_watch(empty: None, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert run(["status", *words]) == 2
    assert "SECONDS" in capsys.readouterr().err.upper()


def test_alarms_are_told_with_the_command_to_run(aws: Aws, looker: Looker) -> None:
    deploy(aws)
    rung = {"AlarmName": aws.names.alarm("dead-letters"), "StateValue": "ALARM", "StateReason": "Threshold Crossed: 1"}
    aws.client("cloudwatch").set_alarm_state(**rung)
    look = looker.take()

    told = overview.document(look)["alarms"]
    assert look.exit_code is Exit.DONE
    assert isinstance(told, tuple)
    assert (told[0].name, told[0].state, told[0].reason) == tuple(rung.values())
    assert told[0].says.endswith("Run: salespipe quarantine ls.")
    assert {alarm.state for alarm in told[1:]} == {"OK"}
    (reading,) = (each for each in look.readings if each.kind == "cloudwatch alarms")
    assert reading.seen.detail == "10 alarms: 1 ALARM, 9 OK"


def test_alarms_that_may_not_be_seen_leave_the_rest(aws: Aws, looker: Looker, refuse: Refuse) -> None:
    deploy(aws)
    refuse("cloudwatch", "DescribeAlarms")
    look = looker.take()

    assert look.alarms is None
    assert [kind for kind, _, _ in look.unseen] == ["cloudwatch alarms"]
