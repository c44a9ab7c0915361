"""AWS's weather over a whole pipeline: what passes is waited out, what was refused in part is asked for again."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from clock import Clock
from salespipe.aws import Aws
from salespipe.errors import SalespipeError
from salespipe.lifecycle import Action, Step, down, plan, up
from salespipe.pipeline import pipeline
from salespipe.resources import pipes
from salespipe.resources.base import Resource, State
from weather import Weather
from wire import Wire

PIPE = "eventbridge pipe"
PASSING = [
    "Input parameter is invalid from the request due to : Cannot access stream arn:aws:dynamodb:x.",
    "Please ensure the customer role can perform actions on source stream",
    "Input parameter is invalid from the request due to : Error occurred while sending message to SQS queue: arn:x",
    "The provided customer role does not have permissions to call ReceiveMessage on SQS",
    "EventBridge Pipes is unable to assume the role",
    "The role cannot be assumed",
]


def endings(steps: Iterable[Step]) -> dict[str, Action]:
    return {step.kind: step.action for step in steps if step.action.final}


def of_kind(aws: Aws, kind: str) -> list[Resource]:
    return [resource for resource in pipeline(aws) if resource.kind == kind]


def table_and_pipe(aws: Aws) -> list[Resource]:
    return [resource for resource in pipeline(aws) if resource.kind in {"dynamodb table", PIPE}]


@pytest.mark.parametrize("reason", PASSING)
def test_a_pipe_that_fails_on_a_fresh_stream_is_made_again(patient: Aws, weather: Weather, reason: str) -> None:
    weather.slow("pipes", coming=40, going=15)
    weather.failing_pipes(reason, times=3)

    steps = list(up(patient, table_and_pipe(patient)))

    assert endings(steps)[PIPE] is Action.REPLACED
    assert f"CREATE_FAILED: {reason}" in {step.detail for step in steps}
    assert of_kind(patient, PIPE)[0].describe(patient).state is State.READY


@pytest.mark.parametrize("row", pipes._PASSING_REASONS)
def test_without_its_row_a_reason_ends_the_run(
    patient: Aws, weather: Weather, monkeypatch: pytest.MonkeyPatch, row: str
) -> None:
    monkeypatch.setattr(pipes, "_PASSING_REASONS", tuple(each for each in pipes._PASSING_REASONS if each != row))
    codes = set()
    for reason in PASSING:
        weather.failing_pipes(reason, times=1)
        try:
            list(up(patient, table_and_pipe(patient)))
        except SalespipeError as error:
            codes.add(error.code)
        weather.clear()
        list(down(patient, table_and_pipe(patient)))

    assert codes == {"ResourceFailed"}


def test_a_pipe_that_fails_for_good_ends_the_run(patient: Aws, weather: Weather) -> None:
    weather.failing_pipes("The filter is not valid")

    with pytest.raises(SalespipeError, match="The filter is not valid") as failure:
        list(up(patient, pipeline(patient)))

    assert failure.value.code == "ResourceFailed"


def test_a_reason_that_never_passes_ends_after_minutes_with_the_last_state(
    patient: Aws, weather: Weather, clock: Clock
) -> None:
    weather.slow("pipes", coming=40, going=15)
    weather.failing_pipes(PASSING[0])

    with pytest.raises(SalespipeError) as failure:
        list(up(patient, table_and_pipe(patient)))

    assert failure.value.code == "Overdue"
    assert "last seen:" in failure.value.message
    assert 300 < clock() < 900


@pytest.mark.parametrize("storm", ["throttle", "fail 500", "fail 503"])
def test_throttles_and_errors_of_the_servers_change_nothing(
    patient: Aws, weather: Weather, wire: Wire, storm: str
) -> None:
    def begin() -> None:
        if storm == "throttle":
            weather.throttle(every=3)
        else:
            weather.fail(every=4, status=int(storm[-3:]))

    begin()
    list(up(patient, pipeline(patient)))
    weather.clear()

    assert not [change for change in plan(patient, pipeline(patient)) if change.pending]
    begin()
    receipt = endings(down(patient, pipeline(patient)))

    assert set(receipt.values()) <= {Action.DELETED, Action.ABSENT}
    assert not wire.inventory()


@pytest.mark.parametrize("seconds", [1, 3, 6])
def test_reads_that_lag_make_nothing_twice_and_leave_nothing(
    patient: Aws, weather: Weather, wire: Wire, seconds: float
) -> None:
    weather.lag(seconds)

    made = endings(up(patient, pipeline(patient)))
    patient.sleep(seconds)

    assert set(made.values()) == {Action.CREATED}
    assert not [change for change in plan(patient, pipeline(patient)) if change.pending]
    patient.sleep(seconds)
    list(down(patient, pipeline(patient)))
    assert not wire.inventory()


def test_tags_that_are_seen_late_do_not_make_it_foreign(patient: Aws, weather: Weather) -> None:
    weather.say("dynamodb", "ListTagsOfResource", {"Tags": []}, times=3)

    assert endings(up(patient, of_kind(patient, "dynamodb table"))) == {"dynamodb table": Action.CREATED}


BUSY = [
    ("dynamodb", "DeleteTable", "ResourceInUseException"),
    ("kinesis", "DeleteStream", "ResourceInUseException"),
    ("firehose", "DeleteDeliveryStream", "ResourceInUseException"),
    ("pipes", "DeletePipe", "ConflictException"),
    ("glue", "DeleteCrawler", "CrawlerRunningException"),
    ("s3", "DeleteBucket", "BucketNotEmpty"),
    ("lambda", "DeleteFunction", "ResourceConflictException"),
    ("logs", "DeleteLogGroup", "OperationAbortedException"),
]
PARTLY = [
    (
        "s3",
        "DeleteObjects",
        "<DeleteResult><Error><Key>a.gz</Key><Code>InternalError</Code><Message>Oh</Message></Error></DeleteResult>",
    ),
    (
        "glue",
        "BatchDeleteTable",
        {"Errors": [{"TableName": "a", "ErrorDetail": {"ErrorCode": "OperationTimeoutException"}}]},
    ),
    (
        "events",
        "RemoveTargets",
        {"FailedEntryCount": 1, "FailedEntries": [{"TargetId": "x", "ErrorCode": "ConcurrentModificationException"}]},
    ),
]


def test_what_is_busy_is_deleted_later(patient: Aws, weather: Weather) -> None:
    list(up(patient, pipeline(patient)))
    fronts = [weather.refuse(*each, "It is busy", times=2) for each in BUSY]

    steps = list(down(patient, pipeline(patient)))

    assert all(front.met > 2 for front in fronts)
    assert set(endings(steps).values()) == {Action.DELETED}


def test_what_a_batch_did_not_delete_is_asked_for_again(patient: Aws, weather: Weather, wire: Wire) -> None:
    list(up(patient, pipeline(patient)))
    patient.client("s3").put_object(Bucket=patient.names.bucket, Key="order_events/a.gz", Body=b"a")
    patient.client("glue").create_table(DatabaseName=patient.names.database, TableInput={"Name": "a"})
    fronts = [weather.say(*each, times=2) for each in PARTLY]

    steps = list(down(patient, pipeline(patient)))

    assert all(front.met > 2 for front in fronts)
    assert set(endings(steps).values()) == {Action.DELETED}
    assert not wire.inventory()


def test_what_a_batch_may_not_delete_is_told(patient: Aws, weather: Weather) -> None:
    list(up(patient, pipeline(patient)))
    patient.client("s3").put_object(Bucket=patient.names.bucket, Key="order_events/a.gz", Body=b"a")
    weather.say("s3", "DeleteObjects", str(PARTLY[0][2]).replace("InternalError", "AccessDenied"), times=99)

    left = [step for step in down(patient, pipeline(patient)) if step.action is Action.LEFT]

    assert [step.kind for step in left] == ["s3 bucket"]
    assert "1 objects of bucket" in left[0].detail


def test_a_target_that_was_refused_in_a_crowd_is_put_again(patient: Aws, weather: Weather) -> None:
    entry = {"TargetId": "generator", "ErrorCode": "ConcurrentModificationException", "ErrorMessage": "Try again"}
    crowd = weather.say("events", "PutTargets", {"FailedEntryCount": 1, "FailedEntries": [entry]}, times=2)

    list(up(patient, pipeline(patient)))

    assert crowd.met == 3
    assert not [change for change in plan(patient, pipeline(patient)) if change.pending]


def test_a_bucket_of_another_account_is_foreign(patient: Aws, weather: Weather) -> None:
    [bucket] = of_kind(patient, "s3 bucket")
    weather.refuse("s3", "GetBucketTagging", "AccessDenied", "Access Denied")

    assert bucket.describe(patient).state is State.FOREIGN
