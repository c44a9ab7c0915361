"""Alarms, the dashboard and the topic: what is somebody else's, what changes by hand, and what CloudWatch says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from salespipe.aws import Aws
from salespipe.config import Config, Monitoring
from salespipe.errors import SalespipeError
from salespipe.flow.alarms import read
from salespipe.lifecycle import Action, Intent, down, plan, up
from salespipe.pipeline import pipeline
from salespipe.resources.base import Resource, State, Unwanted
from weather import Weather

Connect = Callable[[Config], Aws]
MINE = "arn:aws:sns:us-east-1:123456789012:mine"


def exhaust(steps: Iterable[object]) -> None:
    for _ in steps:
        pass


def watched(aws: Aws) -> list[Resource]:
    return [each for each in pipeline(aws) if each.kind.startswith(("cloudwatch", "sns"))]


def one(aws: Aws, kind: str) -> Resource:
    (found,) = (each for each in watched(aws) if each.kind == kind)
    return found


def alarms(aws: Aws) -> dict[str, dict[str, Any]]:
    return {each["AlarmName"]: each for each in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]}


@pytest.fixture
def mailed(connect: Connect) -> Aws:
    return connect(Config(target="aws", monitoring=Monitoring(topic=MINE, email="shop@example.com")))


def test_an_alarm_as_cloudwatch_gets_it(mailed: Aws) -> None:
    exhaust(up(mailed, watched(mailed)))
    alarm = alarms(mailed)["salespipe-dev-delivery-behind"]

    actions = [MINE, "arn:aws:sns:us-east-1:123456789012:salespipe-dev-alarms"]
    assert (alarm["AlarmActions"], alarm["OKActions"]) == (actions, actions)
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (60, 5, 3)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 300)
    assert alarm["TreatMissingData"] == "notBreaching"
    assert "Run: salespipe logs firehose." in alarm["AlarmDescription"]
    tags = mailed.client("cloudwatch").list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
    assert {"Key": "project", "Value": "salespipe"} in tags


def test_strangers_alarms_and_dashboards_are_told_and_kept(aws: Aws) -> None:
    cloudwatch, names = aws.client("cloudwatch"), aws.names
    body = json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "theirs"}}]})
    cloudwatch.put_dashboard(DashboardName=names.dashboard, DashboardBody=body)
    theirs = {
        "AlarmName": names.alarm("dead-letters"),
        "Namespace": "theirs",
        "MetricName": "theirs",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    cloudwatch.put_metric_alarm(**theirs)

    assert {change.intent for change in plan(aws, watched(aws))} == {Intent.FOREIGN}
    with pytest.raises(SalespipeError, match="In the way") as refusal:
        exhaust(up(aws, watched(aws)))
    for each in watched(aws):  # as in a race: the look beforehand found nothing
        each.create(aws)
    receipt = {step.kind: step.action for step in down(aws, watched(aws)) if step.action.final}

    assert "salespipe-dev-dead-letters" in refusal.value.message
    assert receipt == {"cloudwatch alarms": Action.FOREIGN, "cloudwatch dashboard": Action.FOREIGN}
    assert cloudwatch.get_dashboard(DashboardName=names.dashboard)["DashboardBody"] == body
    assert alarms(aws)[names.alarm("dead-letters")]["Namespace"] == "theirs"


@pytest.mark.parametrize("body", ["[]", '{"widgets": 7}', '{"widgets": [7]}', '{"start": "-PT3H"}'])
def test_a_dashboard_of_another_form_is_somebody_elses(aws: Aws, body: str) -> None:
    aws.client("cloudwatch").put_dashboard(DashboardName=aws.names.dashboard, DashboardBody=body)

    assert one(aws, "cloudwatch dashboard").describe(aws).state is State.FOREIGN


def test_a_pipeline_whose_name_begins_alike_is_another(aws: Aws, connect: Connect) -> None:
    other = connect(Config(target="aws", name="salespipe-dev-2"))
    exhaust(up(aws, watched(aws)))
    exhaust(up(other, watched(other)))
    assert len(alarms(aws)) == 20

    assert not [change for change in plan(aws, watched(aws)) if change.pending]
    exhaust(down(aws, watched(aws)))

    assert {name.removeprefix("salespipe-dev-2-") for name in alarms(aws)} == set(aws.names.alarm_purposes)
    assert {alarm.name for alarm in read(other)} == set(alarms(aws))
    assert read(aws) == ()


def test_what_was_changed_by_hand_is_told_by_name_and_put_back(aws: Aws) -> None:
    exhaust(up(aws, watched(aws)))
    cloudwatch, resource = aws.client("cloudwatch"), one(aws, "cloudwatch alarms")
    there = alarms(aws)["salespipe-dev-pipe-failing"]
    kept = {key: there[key] for key in ("AlarmName", "AlarmDescription", "Namespace", "MetricName", "Dimensions")}
    cloudwatch.put_metric_alarm(
        **kept,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=7.0,
        ComparisonOperator="GreaterThanThreshold",
        ActionsEnabled=False,
    )
    cloudwatch.delete_alarms(AlarmNames=["salespipe-dev-dead-letters"])
    old = kept | {"AlarmName": "salespipe-dev-of-another-version"}
    cloudwatch.put_metric_alarm(
        **old, Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1.0, ComparisonOperator="LessThanThreshold"
    )

    drift = {each.field: (each.wanted, each.actual) for each in resource.describe(aws).drift}
    exhaust(up(aws, [resource]))

    assert drift["salespipe-dev-pipe-failing.Threshold"] == (0.0, 7.0)
    assert drift["salespipe-dev-dead-letters"] == ("there", None)
    assert drift["salespipe-dev-of-another-version"] == (None, "there")
    assert resource.describe(aws).state is State.READY
    assert alarms(aws)["salespipe-dev-pipe-failing"]["ActionsEnabled"] is False  # that is the user's business


def test_what_all_alarms_differ_in_is_told_once(aws: Aws, mailed: Aws) -> None:
    exhaust(up(aws, watched(aws)))

    fields = [each.field for each in one(mailed, "cloudwatch alarms").describe(mailed).drift]

    assert fields == ["AlarmActions of 10 alarms", "OKActions of 10 alarms"]


def test_a_widget_changed_by_hand_is_told_by_its_title(aws: Aws) -> None:
    exhaust(up(aws, watched(aws)))
    cloudwatch, resource = aws.client("cloudwatch"), one(aws, "cloudwatch dashboard")
    body = json.loads(cloudwatch.get_dashboard(DashboardName=resource.name)["DashboardBody"])
    changed = next(each for each in body["widgets"] if each["properties"].get("title") == "pipe: what passes")
    changed["width"] = 3
    cloudwatch.put_dashboard(DashboardName=resource.name, DashboardBody=json.dumps(body))

    assert [each.field for each in resource.describe(aws).drift] == ["DashboardBody.pipe: what passes"]
    exhaust(up(aws, [resource]))
    assert resource.describe(aws).state is State.READY


def test_what_cloudwatch_finds_wrong_with_a_dashboard_is_told(aws: Aws, weather: Weather) -> None:
    fault = {"DataPath": "/widgets/1/properties", "Message": "Should have required property 'region'"}
    weather.say("cloudwatch", "PutDashboard", {"DashboardValidationMessages": [fault]})

    with pytest.raises(SalespipeError, match="/widgets/1/properties Should have required") as told:
        exhaust(up(aws, [one(aws, "cloudwatch dashboard")]))
    assert told.value.code == "DashboardInvalid"


def test_what_cloudwatch_refuses_as_a_dashboard_is_told(aws: Aws, weather: Weather) -> None:
    weather.refuse("cloudwatch", "PutDashboard", "InvalidParameterInput", "The field widgets is required")

    with pytest.raises(SalespipeError, match="The field widgets is required") as told:
        exhaust(up(aws, [one(aws, "cloudwatch dashboard")]))
    assert told.value.code == "DashboardInvalid"


def test_an_address_is_subscribed_and_another_takes_its_place(mailed: Aws, connect: Connect) -> None:
    exhaust(up(mailed, watched(mailed)))
    sns, arn = mailed.client("sns"), mailed.names.topic_arn
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:theirs")
    moved = connect(Config(target="aws", monitoring=Monitoring(topic=MINE, email="other@example.com")))

    [drift] = one(moved, "sns topic").describe(moved).drift
    exhaust(up(moved, watched(moved)))

    assert (drift.wanted, drift.actual) == (["other@example.com"], ["shop@example.com"])
    subscribed = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert sorted((each["Protocol"], each["Endpoint"]) for each in subscribed) == [
        ("email", "other@example.com"),
        ("sqs", "arn:aws:sqs:us-east-1:123456789012:theirs"),
    ]


def test_an_address_that_has_not_agreed_yet_is_waited_for_and_told(mailed: Aws, weather: Weather) -> None:
    exhaust(up(mailed, watched(mailed)))
    endpoint = "<Protocol>email</Protocol><Endpoint>shop@example.com</Endpoint>"
    member = f"<member><SubscriptionArn>PendingConfirmation</SubscriptionArn>{endpoint}</member>"
    result = f"<Subscriptions>{member}</Subscriptions>"
    answer = f"<R><ListSubscriptionsByTopicResult>{result}</ListSubscriptionsByTopicResult></R>"
    weather.say("sns", "ListSubscriptionsByTopic", answer, times=9)

    seen = one(mailed, "sns topic").describe(mailed)

    assert (seen.state, seen.detail) == (State.READY, "waits for shop@example.com to confirm the mail from AWS")


OFF = Config(target="aws", monitoring=Monitoring(enabled=False))


def test_what_is_switched_off_is_planned_deleted_and_then_not_mentioned(mailed: Aws, connect: Connect) -> None:
    exhaust(up(mailed, pipeline(mailed)))
    off = connect(OFF)
    kinds = ["cloudwatch alarms", "cloudwatch dashboard", "sns topic"]

    pending = [change for change in plan(off, pipeline(off)) if change.pending]
    steps = {step.kind: step.action for step in up(off, pipeline(off)) if step.action.final}

    assert [(change.kind, change.intent, change.drift) for change in pending] == [
        (kind, Intent.DELETE, ()) for kind in kinds
    ]
    assert {kind: steps[kind] for kind in kinds} == dict.fromkeys(kinds, Action.DELETED)
    assert not [change for change in plan(off, pipeline(off)) if change.kind in kinds or change.pending]
    assert not [step for step in up(off, pipeline(off)) if step.kind in kinds]
    assert not [step for step in down(off, pipeline(off)) if step.kind in kinds]


def test_a_topic_goes_once_no_alarm_names_it(mailed: Aws, aws: Aws) -> None:
    exhaust(up(mailed, watched(mailed)))

    ended = [(step.kind, step.action) for step in up(aws, watched(aws)) if step.action.final]

    assert ended.index(("cloudwatch alarms", Action.UPDATED)) < ended.index(("sns topic", Action.DELETED))
    assert alarms(aws)["salespipe-dev-dead-letters"]["AlarmActions"] == []


def test_down_takes_what_was_switched_off_and_not_yet_deleted(mailed: Aws, connect: Connect) -> None:
    exhaust(up(mailed, watched(mailed)))
    off = connect(OFF)

    receipt = {step.kind: step.action for step in down(off, watched(off)) if step.action.final}

    assert set(receipt.values()) == {Action.DELETED}
    assert alarms(off) == {}


def test_a_strangers_that_stands_where_ours_is_not_wanted_is_no_matter(aws: Aws, connect: Connect) -> None:
    cloudwatch, off = aws.client("cloudwatch"), connect(OFF)
    cloudwatch.put_dashboard(DashboardName=aws.names.dashboard, DashboardBody='{"widgets": []}')

    assert plan(off, watched(off)) == []
    assert list(up(off, watched(off))) == []
    assert list(down(off, watched(off))) == []
    assert cloudwatch.get_dashboard(DashboardName=aws.names.dashboard)["DashboardBody"] == '{"widgets": []}'


def test_an_unwanted_resource_is_never_made(connect: Connect) -> None:
    off = connect(OFF)
    for each in watched(off):
        assert isinstance(each, Unwanted)
        each.create(off)
        each.update(off, each.describe(off))
        assert each.describe(off).state is State.ABSENT


def test_a_look_at_all_alarms_is_one_call(aws: Aws, weather: Weather) -> None:
    exhaust(up(aws, watched(aws)))
    weather.clear()
    one(aws, "cloudwatch alarms").describe(aws)

    assert [call.operation for call in weather.calls] == ["DescribeAlarms"]
