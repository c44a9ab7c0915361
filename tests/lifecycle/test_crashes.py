"""The whole pipeline under moto, ended at every change that it makes to the account, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.lifecycle import Action, Step, down, plan, status, up
from salespipe.pipeline import pipeline
from salespipe.resources.base import State

Connect = Callable[[Config], Aws]

READS = ("Describe", "Get", "List", "Head")


class Crash(BaseException):
    """The process ends here."""


@contextmanager
def listening(aws: Aws, event: str, handler: Callable[..., Any]) -> Iterator[None]:
    events = [client.meta.events for client in aws._clients.values()]
    for each in events:
        each.register_last(event, handler)
    try:
        yield
    finally:
        for each in events:
            each.unregister(event, handler)


def crash_after_a_change(model: Any, **_: Any) -> None:
    """AWS has done it, and nobody lives to hear of it."""
    if not model.name.startswith(READS):
        raise Crash


def runs_until_done(aws: Aws, run: Callable[[], Iterable[Step]]) -> int:
    for attempt in range(100):
        try:
            with listening(aws, "after-call", crash_after_a_change):
                for _ in run():
                    pass
        except Crash:
            continue
        return attempt
    raise AssertionError("no progress")


def states(aws: Aws) -> set[State]:
    return {reading.state for reading in status(aws, pipeline(aws))}


def test_whatever_change_is_the_last_the_next_run_goes_on(aws: Aws) -> None:
    resources = pipeline(aws)

    crashes = runs_until_done(aws, lambda: up(aws, resources))

    assert crashes > 5
    assert states(aws) == {State.READY}
    assert not [change for change in plan(aws, resources) if change.pending]

    crashes = runs_until_done(aws, lambda: down(aws, resources))

    assert crashes > 5
    assert states(aws) == {State.ABSENT}


def test_half_of_it_is_taken_down_too(aws: Aws) -> None:
    resources = pipeline(aws)
    for _ in range(3):
        with pytest.raises(Crash), listening(aws, "after-call", crash_after_a_change):
            for _ in up(aws, resources):
                pass
    assert len(states(aws)) > 1

    receipt = [step for step in down(aws, resources) if step.action in {Action.LEFT, Action.FOREIGN, Action.FAILED}]

    assert receipt == []
    assert states(aws) == {State.ABSENT}


def test_up_and_down_and_up_again(aws: Aws) -> None:
    for _ in range(2):
        made = [step.action for step in up(aws, pipeline(aws)) if step.action.final]
        again = [step.action for step in up(aws, pipeline(aws))]
        gone = [step.action for step in down(aws, pipeline(aws)) if step.action.final]

        assert made == [Action.CREATED] * 22
        assert again == [Action.UNCHANGED] * 22
        assert gone == [Action.DELETED] * 22


def test_nothing_to_do_costs_at_most_two_calls_a_resource(aws: Aws) -> None:
    resources = pipeline(aws)
    for _ in up(aws, resources):
        pass
    calls: list[str] = []

    with listening(aws, "before-call", lambda model, **_: calls.append(model.name)):
        for _ in up(aws, resources):
            pass

    assert len(calls) <= 2 * len(resources)
    assert all(call.startswith(READS) for call in calls)


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
