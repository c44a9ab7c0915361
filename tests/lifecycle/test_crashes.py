"""The whole pipeline under moto: every API call in turn is the last one, or the one whose answer is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import count, cycle
from typing import Any

import pytest

from salespipe import config, insights, monitoring
from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.errors import SalespipeError
from salespipe.lifecycle import Action, Step, down, plan, status, up
from salespipe.pipeline import pipeline
from salespipe.resources.base import Resource, State
from weather import Crash, Weather
from wire import Wire

pytestmark = pytest.mark.long

Connect = Callable[[Config], Aws]
Run = Callable[[Aws, Sequence[Resource]], Iterator[Step]]

WHOLE = {
    "iam role": 5,
    "log group": 3,
    "lambda function": 2,
    "s3 bucket": 1,
    "dynamodb table": 1,
    "kinesis stream": 1,
    "sqs queue": 1,
    "firehose stream": 1,
    "eventbridge pipe": 1,
    "eventbridge rule": 1,
    "glue database": 1,
    "glue classifier": 1,
    "glue crawler": 1,
    "athena workgroup": 1,
    "athena named queries": 1,
    "cloudwatch alarms": 1,
    "cloudwatch dashboard": 1,
}
UNWELCOME = {Action.LEFT, Action.FOREIGN, Action.FAILED, Action.KEPT}


class Account:
    """The default pipeline's, with all that a test of this file does to it."""

    def __init__(self, aws: Aws, wire: Wire, weather: Weather) -> None:
        self.aws, self.wire, self.weather = aws, wire, weather
        self.clients = aws._clients

    def run(self, run: Run) -> list[Step]:
        return list(run(self.aws, pipeline(self.aws)))

    def disturbed(self, run: Run, disturb: Callable[[], Any], *, survives: bool = False) -> bool:
        """Whether the disturbance came before the run's end, which comes by it unless the run ``survives`` it."""
        front = disturb()
        try:
            self.run(run)
        except (Crash, SalespipeError):
            assert front.met
            assert not survives
        self.weather.clear()
        return bool(front.met)

    def converges(self) -> None:
        """``up`` goes on from whatever there is, and all is there, once and as it should be."""
        self.run(up)
        assert self.wire.inventory() == WHOLE
        assert not [change for change in plan(self.aws, pipeline(self.aws)) if change.pending]

    def vanishes(self) -> None:
        """``down`` goes on from whatever there is, and nothing is left."""
        receipt = self.run(down)
        assert not [step for step in receipt if step.action in UNWELCOME]
        assert not self.wire.inventory()


@pytest.fixture
def account(patient: Aws, wire: Wire, weather: Weather, monkeypatch: pytest.MonkeyPatch) -> Account:
    # Two of the named queries, and of the alarms, stand for all: every call more is another up and another down.
    few, alarms = insights.shipped()[:2], monitoring.alarms
    monkeypatch.setattr(insights, "shipped", lambda: few)
    monkeypatch.setattr(monitoring, "alarms", lambda config, names: alarms(config, names)[:2])
    return Account(patient, wire, weather)


def test_whichever_call_is_the_last_both_go_on(account: Account) -> None:
    for number in count(1):
        crash = partial(account.weather.crash, number)
        crashed_up = account.disturbed(up, crash)
        if number % 10 == 0:
            account.vanishes()
        if crashed_up or number % 10 == 0:
            account.converges()
        crashed_down = account.disturbed(down, crash)
        if number % 10 == 1:
            account.converges()
        account.vanishes()
        if not (crashed_up or crashed_down):
            break

    assert number > 100


# Where botocore calls again, every call in turn; the caller's own way on is that of a crash, so every fifth will do.
@pytest.mark.parametrize(
    ("for_good", "step"), [(False, 1), (True, 5)], ids=["botocore calls again", "the caller has an error"]
)
def test_whichever_answer_is_lost_both_go_on(account: Account, for_good: bool, step: int) -> None:
    for number in count(1, step):
        lose = partial(account.weather.lose, number, for_good=for_good)
        lost_up = account.disturbed(up, lose, survives=not for_good)
        if for_good:
            account.run(up)
        assert account.wire.inventory() == WHOLE
        assert not [change for change in plan(account.aws, pipeline(account.aws)) if change.pending]
        lost_down = account.disturbed(down, lose, survives=not for_good)
        if for_good:
            account.vanishes()
        assert not account.wire.inventory()
        if not (lost_up or lost_down):
            break

    assert number > 100


# No tag among them: moto keeps both values of a DynamoDB tag that is set again, and pages through them for ever.
CHANGED = Config(
    target="aws",
    stream=config.Stream(retention_hours=48),
    pipe=config.Pipe(batch_size=50, filters=('{"eventName":["INSERT"]}',)),
    delivery=config.Delivery(buffer_mb=2),
    functions=config.Functions(memory_mb=512, log_retention_days=30),
    query=config.Query(scan_limit_mb=500),
)


def test_whichever_call_of_a_repair_is_the_last_it_goes_on(account: Account) -> None:
    account.run(up)
    settings = cycle([CHANGED, account.aws.config])
    for number in count(1, 3):
        account.aws = replace(account.aws, config=next(settings))
        account.aws._clients = account.clients
        crashed = account.disturbed(up, partial(account.weather.crash, number))
        account.converges()
        if not crashed:
            break

    assert number > 40


def states(aws: Aws) -> set[State]:
    return {reading.state for reading in status(aws, pipeline(aws))}


def test_up_and_down_and_up_again(aws: Aws) -> None:
    for _ in range(2):
        made = [step.action for step in up(aws, pipeline(aws)) if step.action.final]
        again = [step.action for step in up(aws, pipeline(aws))]
        gone = [step.action for step in down(aws, pipeline(aws)) if step.action.final]

        assert made == [Action.CREATED] * 25
        assert again == [Action.UNCHANGED] * 25
        assert gone == [Action.DELETED] * 25


def test_nothing_to_do_costs_at_most_two_calls_a_resource(aws: Aws, weather: Weather) -> None:
    resources = pipeline(aws)
    for _ in up(aws, resources):
        pass
    weather.clear()

    for _ in up(aws, resources):
        pass

    assert len(weather.calls) <= 2 * len(resources)
    assert all(call.reads for call in weather.calls)


def test_what_people_and_aws_put_there_goes_too(aws: Aws) -> None:
    resources, names = pipeline(aws), aws.names
    for _ in up(aws, resources):
        pass
    s3, glue = aws.client("s3"), aws.client("glue")
    s3.put_bucket_versioning(Bucket=names.bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket=names.bucket, Key="order_events/dt=2026-11-22/hour=07/a.gz", Body=body)
    s3.delete_object(Bucket=names.bucket, Key="order_events/dt=2026-11-22/hour=07/a.gz")
    s3.create_multipart_upload(Bucket=names.bucket, Key="order_events/half")
    for number in range(3):
        glue.create_table(DatabaseName=names.database, TableInput={"Name": f"table_{number}"})
    glue.start_crawler(Name=names.crawler)
    iam = aws.client("iam")
    extra = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
    iam.put_role_policy(RoleName=names.role("pipe"), PolicyName="by-hand", PolicyDocument=extra)

    for _ in down(aws, resources):
        pass

    assert states(aws) == {State.ABSENT}
    assert not glue.get_databases()["DatabaseList"]


def test_a_strangers_resources_survive_both(aws: Aws, connect: Connect) -> None:
    stranger = connect(Config(target="aws", name="stranger"))
    kinds = {"dynamodb table", "s3 bucket", "kinesis stream"}
    theirs = [resource for resource in pipeline(aws) if resource.kind in kinds]
    for resource in theirs:
        resource.create(stranger)
    before = [resource.describe(stranger) for resource in theirs]

    with pytest.raises(Exception, match="In the way"):
        list(up(aws, pipeline(aws)))
    receipt = [(step.kind, step.action) for step in down(aws, pipeline(aws)) if step.action is not Action.ABSENT]

    assert sorted(receipt) == [(kind, Action.FOREIGN) for kind in sorted(kinds)]
    assert [resource.describe(stranger) for resource in theirs] == before
    assert states(aws) == {State.ABSENT, State.FOREIGN}
