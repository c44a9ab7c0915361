"""Alarms: evaluated by CloudWatch's rules, as any client sees them, and told to SNS topics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from salespipe.local.alarms import ALARM, INSUFFICIENT, OK, Datum, Rule, evaluate
from salespipe.local.cloudwatch import CloudWatch
from salespipe.local.server import LocalAws

NOW = 1_800_000_030.0  # half a minute into a minute
REGION = "eu-central-1"


def rule(periods: int = 3, breaching: int = 3, missing: str = "missing", **rest: Any) -> Rule:
    settings = {"statistic": "Sum", "period": 60, "threshold": 0.0, "comparison": "GreaterThanThreshold", **rest}
    return Rule(periods=periods, breaching=breaching, missing=missing, **settings)


def minutes(drawn: str) -> list[Datum]:
    """Whole minutes, the newest at the right: X is breaching, 0 is not, - has no data."""
    end = NOW // 60 * 60
    return [
        Datum(end - 60 * (len(drawn) - place), 1, value, value, value)
        for place, kind in enumerate(drawn)
        if kind != "-" and (value := float(kind == "X")) is not None
    ]


TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


# The CloudWatch user guide's table, "How alarm state is evaluated when data is missing"; KEPT is the state before.
@pytest.mark.parametrize(
    ("drawn", "states"),
    [
        ("0-X-X", (OK, OK, OK, OK)),
        ("----0", (OK, OK, OK, OK)),
        ("-----", (INSUFFICIENT, "KEPT", ALARM, OK)),
        ("0XX-X", (ALARM, ALARM, ALARM, ALARM)),
        ("--X--", (ALARM, "KEPT", ALARM, OK)),
    ],
)
def test_missing_data_are_treated_as_the_user_guide_has_it(drawn: str, states: tuple[str, ...]) -> None:
    for treatment, expected in zip(TREATMENTS, states, strict=True):
        for before in (OK, ALARM):
            wanted = before if expected == "KEPT" else expected
            assert evaluate(rule(missing=treatment), minutes(drawn), before, NOW).state == wanted, (treatment, before)


@pytest.mark.parametrize(
    ("drawn", "state"), [("X0X", ALARM), ("X00", OK), ("XX0", ALARM), ("000", OK), ("X-X", ALARM), ("X--", OK)]
)
def test_two_of_three(drawn: str, state: str) -> None:
    assert evaluate(rule(3, 2, "notBreaching"), minutes(drawn), OK, NOW).state == state


def test_a_minute_that_is_not_over_does_not_count() -> None:
    growing = [Datum(NOW // 60 * 60, 1, 5, 5, 5)]
    assert evaluate(rule(1, 1, "notBreaching"), growing, OK, NOW).state == OK
    assert evaluate(rule(1, 1, "notBreaching"), growing, OK, NOW + 60).state == ALARM


@pytest.mark.parametrize(
    ("statistic", "comparison", "threshold", "state"),
    [
        ("Sum", "GreaterThanThreshold", 9, ALARM),
        ("Sum", "GreaterThanThreshold", 10, OK),
        ("Sum", "GreaterThanOrEqualToThreshold", 10, ALARM),
        ("Average", "LessThanThreshold", 2.5, OK),
        ("Average", "LessThanOrEqualToThreshold", 2.5, ALARM),
        ("Minimum", "LessThanThreshold", 2, ALARM),
        ("Maximum", "GreaterThanThreshold", 3, ALARM),
        ("SampleCount", "GreaterThanThreshold", 3, ALARM),
    ],
)
def test_statistics_and_comparisons(statistic: str, comparison: str, threshold: float, state: str) -> None:
    start = NOW // 60 * 60 - 60
    data = [Datum(start, 1, 4, 4, 4), Datum(start + 9, 3, 6, 1, 3)]
    one = rule(1, 1, statistic=statistic, comparison=comparison, threshold=threshold)
    assert evaluate(one, data, OK, NOW).state == state


def test_reasons_in_the_words_of_cloudwatch() -> None:
    breached = evaluate(rule(1, 1), [Datum(NOW // 60 * 60 - 60, 1, 2, 2, 2)], OK, NOW)
    assert breached.reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [2.0 (15/01/27 07:59:00)] was greater than the threshold "
        "(0.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    silent = evaluate(rule(3, 3, "notBreaching"), [], ALARM, NOW)
    assert silent.reason == (
        "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as "
        "[NonBreaching]."
    )
    assert evaluate(rule(2, 2), [], OK, NOW).reason == "Insufficient Data: 2 datapoints were unknown."
    data = json.loads(breached.data)
    assert (data["recentDatapoints"], data["startDate"]) == ([2.0], "2027-01-15T07:59:00.000+0000")


class Sky:
    """A local AWS in this process, with the clock of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now = folder, datetime.now(UTC).timestamp() // 60 * 60 + 30
        self.open()

    def open(self) -> None:
        self.aws = LocalAws(self.folder, clock=lambda: self.now)
        self.aws.start()

    def restart(self, *, killed: bool = False) -> None:
        if killed:
            self.aws._moto._state._dirty.clear()
        self.aws.stop()
        self.open()

    def client(self, service: str, region: str = REGION) -> Any:
        return self.aws.clients(service, region)

    def put(self, **settings: Any) -> None:
        told = {
            "AlarmName": "letters",
            "Namespace": "Shop",
            "MetricName": "Failed",
            "Dimensions": [{"Name": "Queue", "Value": "orders"}],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 0.0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }
        self.client("cloudwatch").put_metric_alarm(**told | settings)

    def count(self, value: float, queue: str = "orders") -> None:
        """Publish a value for the minute before this one."""
        datum = {
            "MetricName": "Failed",
            "Dimensions": [{"Name": "Queue", "Value": queue}],
            "Timestamp": datetime.fromtimestamp(self.now - 60, UTC),
            "Value": value,
        }
        self.client("cloudwatch").put_metric_data(Namespace="Shop", MetricData=[datum])

    def alarm(self) -> dict[str, Any]:
        (alarm,) = self.client("cloudwatch").describe_alarms()["MetricAlarms"]
        return dict(alarm)

    def notify(self) -> None:
        (service,) = (each for each in self.aws.services if isinstance(each, CloudWatch))
        service.notify()


@pytest.fixture
def sky(tmp_path: Path, few_policies: None) -> Iterator[Sky]:
    sky = Sky(tmp_path / "aws")
    yield sky
    sky.aws.stop()


def test_an_alarm_goes_off_and_is_over(sky: Sky) -> None:
    sky.put()
    assert sky.alarm()["StateValue"] == "OK"
    sky.count(2, "another")
    assert sky.alarm()["StateValue"] == "OK"
    sky.count(1)

    rung = sky.alarm()

    assert rung["StateValue"] == "ALARM"
    assert rung["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [1.0 (")
    since = datetime.fromtimestamp(sky.now, UTC)
    assert rung["StateUpdatedTimestamp"] == rung["StateTransitionedTimestamp"] == since
    sky.now += 240
    assert sky.alarm()["StateValue"] == "OK"


def test_a_new_alarm_knows_nothing_and_one_put_again_keeps_its_state(sky: Sky) -> None:
    sky.put(TreatMissingData="missing")
    assert (sky.alarm()["StateValue"], sky.alarm()["StateReason"]) == (
        "INSUFFICIENT_DATA",
        "Unchecked: Initial alarm creation",
    )
    sky.count(1)
    before = sky.alarm()
    sky.put(TreatMissingData="ignore", AlarmDescription="changed")
    after = sky.alarm()

    assert after["AlarmDescription"] == "changed"
    for key in ("StateValue", "StateReason", "StateUpdatedTimestamp", "StateTransitionedTimestamp"):
        assert after[key] == before[key]


def test_what_was_defined_survives_a_kill_and_states_a_restart(sky: Sky) -> None:
    cloudwatch = sky.client("cloudwatch")
    sky.put()
    cloudwatch.put_dashboard(DashboardName="shop", DashboardBody='{"widgets":[]}')
    sky.restart(killed=True)
    assert sky.alarm()["AlarmName"] == "letters"
    assert sky.client("cloudwatch").list_dashboards()["DashboardEntries"][0]["DashboardName"] == "shop"
    sky.count(1)
    rung = sky.alarm()
    sky.restart()
    assert sky.alarm() | {"ResponseMetadata": None} == rung | {"ResponseMetadata": None}


def test_alarms_are_a_regions_and_dashboards_the_accounts(sky: Sky) -> None:
    sky.put()
    sky.client("cloudwatch").put_dashboard(DashboardName="shop", DashboardBody='{"widgets":[]}')
    elsewhere = sky.client("cloudwatch", "us-west-2")

    assert elsewhere.describe_alarms()["MetricAlarms"] == []
    assert json.loads(elsewhere.get_dashboard(DashboardName="shop")["DashboardBody"]) == {"widgets": []}
    elsewhere.delete_dashboards(DashboardNames=["shop"])
    assert sky.client("cloudwatch").list_dashboards()["DashboardEntries"] == []


def test_a_topic_hears_of_it_and_its_queue_too(sky: Sky) -> None:
    sqs, sns = sky.client("sqs"), sky.client("sns")
    queue = sqs.create_queue(QueueName="heard")["QueueUrl"]
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:heard")
    sky.put(AlarmActions=[topic], OKActions=[topic, "arn:aws:lambda:eu-central-1:123456789012:function:not-here"])
    sky.notify()
    sky.count(1)
    sky.notify()
    sky.client("cloudwatch").set_alarm_state(AlarmName="letters", StateValue="OK", StateReason="I say so")
    sky.notify()

    heard = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            heard.append(json.loads(message["Body"]))
    told = [json.loads(each["Message"]) for each in heard]
    changes = {(each["OldStateValue"], each["NewStateValue"]) for each in told}
    assert {("INSUFFICIENT_DATA", "OK"), ("OK", "ALARM"), ("ALARM", "OK")} <= changes
    assert {'ALARM: "letters" in eu-central-1', 'OK: "letters" in eu-central-1'} == {each["Subject"] for each in heard}
    assert told[0]["Trigger"]["MetricName"] == "Failed"


def test_who_disabled_the_actions_hears_nothing(sky: Sky) -> None:
    sqs, sns = sky.client("sqs"), sky.client("sns")
    queue = sqs.create_queue(QueueName="heard")["QueueUrl"]
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:heard")
    sky.put(AlarmActions=[topic], ActionsEnabled=False)
    sky.count(1)
    sky.notify()

    assert sky.alarm()["StateValue"] == "ALARM"
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_alarms_on_expressions_are_kept_and_not_evaluated(sky: Sky) -> None:
    sky.client("cloudwatch").put_metric_alarm(
        AlarmName="share",
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
        Metrics=[{"Id": "e", "Expression": "1 + 1", "Label": "e", "ReturnData": True}],
    )
    assert sky.alarm()["StateValue"] == "INSUFFICIENT_DATA"
    assert sky.now - sky.alarm()["StateUpdatedTimestamp"].timestamp() < timedelta(minutes=1).total_seconds()


def test_nobody_has_agreed_to_be_mailed(sky: Sky) -> None:
    sns = sky.client("sns")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    queue = "arn:aws:sqs:eu-central-1:123456789012:heard"
    asked = [
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)["SubscriptionArn"]
        for protocol, endpoint in (("email", "a@example.com"), ("email", "b@example.com"), ("sqs", queue))
    ]
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]

    assert asked[:2] == ["pending confirmation"] * 2
    assert {each["Endpoint"]: each["SubscriptionArn"] for each in listed} == {
        "a@example.com": "PendingConfirmation",
        "b@example.com": "PendingConfirmation",
        queue: asked[2],
    }


def test_metric_data_survive_a_restart_beside_the_alarms(sky: Sky) -> None:
    sky.put()
    sky.count(1)
    sky.restart()

    assert sky.alarm()["StateValue"] == "ALARM"
    assert [each["MetricName"] for each in sky.client("cloudwatch").list_metrics()["Metrics"]] == ["Failed"]
