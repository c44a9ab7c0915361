"""The pipe's dead letters: looked at without using them up, resolved while they can be, and replayed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dead_letters import send, send_letter, table_records
from salespipe.errors import Exit
from salespipe.flow import hops
from salespipe.trust.quarantine import letters, showing
from salespipe.trust.quarantine.chosen import find
from salespipe.trust.quarantine.failures import record_id
from salespipe.trust.quarantine.fixing import load
from salespipe.trust.quarantine.index import DEAD_LETTER

Make = Callable[..., bytes]


@pytest.fixture
def written(pipe: Any, request: pytest.FixtureRequest) -> list[str]:
    """Three orders of this test, which were delivered once."""
    orders = [f"{request.node.name}-{number}" for number in range(3)]
    pipe.write(*orders)
    while set(orders) - set(pipe.delivered()):
        time.sleep(0.05)
    return orders


def test_looking_uses_up_no_message(pipe: Any, written: list[str]) -> None:
    records = table_records(pipe.aws)
    for each in records[-3:] * 5:
        send_letter(pipe.aws, each)
    first = pipe.records()
    assert len(first) == 15
    assert first == pipe.records() == pipe.records()
    assert {(each.type, each.code) for each in first.values()} == {(DEAD_LETTER, "RetryAttemptsExhausted")}


def test_a_pipe_whose_target_fails_gives_up_and_all_is_replayed(pipe: Any) -> None:
    """The pipe's target gone, as far as the pipe can tell: a partition key that no event has."""
    pipes, names = pipe.aws.client("pipes"), pipe.aws.names
    described = pipes.describe_pipe(Name=names.pipe)
    source = dict(described["SourceParameters"]["DynamoDBStreamParameters"])
    source.pop("StartingPosition")
    source |= {"MaximumRetryAttempts": 0}
    change = {"Name": names.pipe, "RoleArn": described["RoleArn"]}
    pipes.update_pipe(
        **change,
        SourceParameters={"DynamoDBStreamParameters": source},
        TargetParameters={"KinesisStreamParameters": {"PartitionKey": "$.dynamodb.Keys.nothing.S"}},
    )
    orders = [f"given-up-{number}" for number in range(3)]
    time.sleep(0.5)
    pipe.write(*orders)
    while sum(each.events for each in pipe.records().values()) < 3:
        time.sleep(0.1)
    assert not {order for order in pipe.delivered() if order.startswith("given-up")}
    pipe.heal()

    result = pipe.replay()

    assert result.left == 0
    assert result.delivered == result.chosen
    assert pipe.records() == {}
    assert pipe.in_view("given-up-%") == orders


def test_a_message_with_several_events_is_one_record(pipe: Any, written: list[str]) -> None:
    records = table_records(pipe.aws)[-3:]
    send_letter(pipe.aws, records[0], records[2], size=3)
    (record,) = pipe.records().values()
    assert record.events == 3
    with pipe.opened() as found:
        shown = showing.show(pipe.aws, found, find(found.index, record.id))
    assert [each.event["dynamodb"]["Keys"]["orderid"]["S"] for each in shown.payloads or ()] == written
    assert [each.refusal for each in shown.payloads or ()] == ["", "", ""]
    assert shown.deadline == record.deadline
    result = pipe.replay()
    assert (result.chosen, result.put, result.delivered) == (1, 3, 1)
    assert sorted(order for order in pipe.delivered() if order in written) == sorted(written * 2)


def test_an_expired_message_is_told_and_stays_until_it_is_purged(pipe: Any, written: list[str]) -> None:
    record = table_records(pipe.aws)[-1]
    gone = {"dynamodb": {"SequenceNumber": "000000000000000000000"}}
    day = datetime.now(UTC) - timedelta(hours=25)
    send_letter(pipe.aws, gone, arrived=day)
    send_letter(pipe.aws, record)
    (expired,) = [each for each in pipe.records().values() if each.deadline and each.deadline < datetime.now(UTC)]
    with pipe.opened() as found:
        shown = showing.show(pipe.aws, found, find(found.index, expired.id))
    assert (shown.payloads, shown.deadline) == (None, expired.deadline)
    assert shown.expiry.startswith("the table's stream has forgotten its events, since ")
    result = pipe.replay()
    assert (result.chosen, result.delivered, result.expired, result.exit_code) == (2, 1, 1, Exit.PARTLY)
    ((identity, problem),) = result.problems
    assert identity == expired.id
    assert problem.startswith("the table's stream has forgotten its events, since ")
    assert pipe.records().keys() == {expired.id}


def test_messages_of_others_are_told_and_left(pipe: Any, written: list[str]) -> None:
    send(pipe.aws, "hello")
    send(pipe.aws, '{"context": {"condition": "x"}}')
    send_letter(pipe.aws, table_records(pipe.aws)[-1])
    with pipe.opened() as found:
        assert found.foreign == [f"{pipe.aws.names.queue}: 2 messages are none of the pipe's"]
    assert pipe.replay().delivered == 1
    assert pipe.letters() == 2


def test_only_the_chosen_message_is_taken(pipe: Any, written: list[str]) -> None:
    for each in table_records(pipe.aws)[-2:]:
        send_letter(pipe.aws, each)
    first, second = pipe.records()
    assert pipe.replay(first).delivered == 1
    assert pipe.records().keys() == {second}


def test_what_fails_in_the_transform_now_becomes_a_record_of_its_own(pipe: Any, written: list[str]) -> None:
    pipe.broken("refuse")
    send_letter(pipe.aws, table_records(pipe.aws)[-1])
    (letter,) = pipe.records()
    result = pipe.replay()
    pipe.heal()
    assert result.failed == 1
    assert result.problems == [(letter, "1 of its 1 events failed in the transform: they are records of their own now")]
    (record,) = pipe.records().values()
    assert record.type == "processing-failed"
    assert pipe.letters() == 0
    assert pipe.replay().delivered == 1


def test_a_repaired_event_that_fails_leaves_the_message(pipe: Any, written: list[str], tmp_path: Any) -> None:
    script = tmp_path / "fix.py"
    script.write_text("def fix(event):\n    return event | {'eventName': 'WORSE'}\n")
    send_letter(pipe.aws, table_records(pipe.aws)[-1])
    before = pipe.records()
    result = pipe.replay(fix=load(script), script=script)
    assert (result.failed, result.exit_code) == (1, Exit.FAILED)
    assert pipe.records() == before
    assert pipe.error_objects() == []


def test_an_event_that_the_script_leaves_out_keeps_the_message(pipe: Any, written: list[str], tmp_path: Any) -> None:
    script = tmp_path / "fix.py"
    script.write_text(
        f"def fix(event):\n    return None if event['dynamodb']['Keys']['orderid']['S'] == {written[1]!r} else event\n"
    )
    records = table_records(pipe.aws)[-3:]
    send_letter(pipe.aws, records[0], records[2], size=3)
    result = pipe.replay(fix=load(script), script=script)
    assert (result.put, result.delivered, result.skipped) == (2, 0, 1)
    assert len(pipe.records()) == 1


def test_a_message_that_is_held_is_told(pipe: Any, written: list[str]) -> None:
    send_letter(pipe.aws, table_records(pipe.aws)[-1])
    with pipe.opened(hold=True), pipe.opened() as second:
        assert (second.held, second.index.count()) == (1, 0)
    assert len(pipe.records()) == 1


def test_a_pointer_is_resolved_to_what_the_pipe_sends(pipe: Any, written: list[str]) -> None:
    kinesis, name = pipe.aws.client("kinesis"), pipe.aws.names.stream
    came = set()
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        where = {"StreamName": name, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(**where)["ShardIterator"]
        came |= {record_id(each["Data"]) for each in kinesis.get_records(ShardIterator=iterator)["Records"]}
    send_letter(pipe.aws, table_records(pipe.aws)[-1])
    with pipe.opened() as found:
        ((_, _, body),) = found.index.letters(chosen=False)
    events = letters.resolve(pipe.aws, letters.letter(body).pointer)
    assert events
    assert {record_id(each) for each in events} <= came


def test_what_filters_would_drop_is_put_and_said(
    pipe: Any, written: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message of two events, between which another lies: which two, it does not tell."""
    monkeypatch.setattr(hops, "pipe", lambda _: hops.Pipe("RUNNING", "", filters=True))
    records = table_records(pipe.aws)[-3:]
    send_letter(pipe.aws, records[0], records[2], size=2)
    result = pipe.replay()
    assert (result.put, result.delivered) == (3, 1)
    (remark,) = result.remarks
    assert remark.startswith("The pipe has filters")
