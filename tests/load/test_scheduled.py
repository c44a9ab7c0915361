"""The generator Lambda's schedule: on at a rate, off, told; and no drift of the pipeline."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from salespipe.aws import Aws
from salespipe.config import Config, Functions, Generator
from salespipe.errors import Exit, SalespipeError
from salespipe.lifecycle import plan, up
from salespipe.load import scheduled
from salespipe.local import daemon
from salespipe.pipeline import pipeline

Connect = Callable[[Config], Aws]


@pytest.fixture
def aws(connect: Connect) -> Aws:
    aws = connect(Config(target="aws"))
    for _ in up(aws, pipeline(aws)):
        pass
    return aws


def rule(aws: Aws) -> tuple[str, int]:
    events, name = aws.client("events"), aws.names.rule
    (target,) = events.list_targets_by_rule(Rule=name)["Targets"]
    return events.describe_rule(Name=name)["State"], json.loads(target["Input"])["count"]


def test_on_at_a_rate_told_and_off(aws: Aws) -> None:
    assert scheduled.look(aws) == scheduled.Scheduled(aws.names.rule, False, "rate(1 minute)", 60, 1.0)
    on = scheduled.switch_on(aws, 5)
    assert (on.on, on.count, on.rate) == (True, 300, 5.0)
    assert rule(aws) == ("ENABLED", 300)
    assert scheduled.look(aws) == on
    assert scheduled.switch_on(aws, 2.5).count == 150
    off = scheduled.switch_off(aws)
    assert (off.on, off.count) == (False, 150)
    assert rule(aws) == ("DISABLED", 150)


def test_what_it_is_set_to_is_no_drift(aws: Aws) -> None:
    scheduled.switch_on(aws, 5)
    assert not [change for change in plan(aws, pipeline(aws)) if change.pending]
    for _ in up(aws, pipeline(aws)):
        pass
    assert rule(aws) == ("ENABLED", 300)


@pytest.mark.parametrize(("rate", "count"), [(1 / 60, 1), (0.001, 1), (0.51, 31), (166, 9960)])
def test_a_rate_is_so_many_writes_a_run(rate: float, count: int) -> None:
    assert scheduled.count_of(Config(), rate) == count


def test_runs_that_are_further_apart_write_more_each() -> None:
    assert scheduled.count_of(Config(generator=Generator(schedule="rate(5 minutes)")), 2) == 600


@pytest.mark.parametrize(
    ("config", "rate", "told"),
    [
        (Config(), 5000, "up to 10,000 orders a run, one run each 60 s, which is 167 a second"),
        (Config(functions=Functions(timeout_seconds=2)), 10, "up to 500 orders a run"),
        (Config(), 0, "greater than zero"),
        (Config(), float("nan"), "greater than zero"),
        (Config(generator=Generator(schedule="cron(0 8 * * ? *)")), 1, "not evenly spaced"),
    ],
)
def test_what_it_cannot_write_is_refused(config: Config, rate: float, told: str) -> None:
    with pytest.raises(SalespipeError, match=told) as caught:
        scheduled.count_of(config, rate)
    assert caught.value.exit_code is Exit.USAGE


def test_nothing_deployed_says_so(connect: Connect) -> None:
    for act in (scheduled.look, scheduled.switch_off, lambda aws: scheduled.switch_on(aws, 1)):
        with pytest.raises(SalespipeError) as caught:
            act(connect(Config(target="aws")))
        assert (caught.value.code, caught.value.hint) == ("NotDeployed", "salespipe up")


def test_a_rule_of_somebody_else_is_left_alone(connect: Connect) -> None:
    aws = connect(Config(target="aws"))
    events, name = aws.client("events"), aws.names.rule
    events.put_rule(Name=name, ScheduleExpression="rate(1 minute)", State="ENABLED")
    with pytest.raises(SalespipeError, match="not this pipeline's"):
        scheduled.switch_off(aws)
    assert events.describe_rule(Name=name)["State"] == "ENABLED"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Aws]:
    """The pipeline on the local AWS, in a process of its own."""
    aws = Aws(Config(), endpoint=daemon.start(tmp_path, 0).endpoint)
    for _ in up(aws, pipeline(aws)):
        pass
    yield aws
    daemon.stop(tmp_path)


def test_what_the_rule_hands_over_makes_the_lambda_write_so_many(here: Aws) -> None:
    scheduled.switch_on(here, 2)
    events, name = here.client("events"), here.names.rule
    assert events.describe_rule(Name=name)["State"] == "ENABLED"
    (target,) = events.list_targets_by_rule(Rule=name)["Targets"]
    answer = here.client("lambda").invoke(FunctionName=target["Arn"], Payload=target["Input"].encode())
    assert json.loads(answer["Payload"].read()) == {"written": 120}
    assert scheduled.switch_off(here).on is False
    assert events.describe_rule(Name=name)["State"] == "DISABLED"
