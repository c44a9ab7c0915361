"""SQS's messages in rows of their own: every point of moto that is touched, over a store that is opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from conftest import Bridge


def send(sqs: Any, url: str, *bodies: str) -> None:
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)


def received(sqs: Any, url: str, visibility: int = 30) -> dict[str, str]:
    """Receipt handles by body of all that is visible, in order."""
    found: dict[str, str] = {}
    while messages := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, VisibilityTimeout=visibility
    ).get("Messages"):
        found |= {message["Body"]: message["ReceiptHandle"] for message in messages}
    return found


def rows(bridge: Bridge) -> int:
    return int(bridge.store.read().execute("SELECT count(*) FROM moto_message").fetchone()[0])


def test_messages_come_back_in_order_with_what_happened_to_them(bridge: Bridge) -> None:
    sqs = bridge.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    other = bridge.client("sqs", "eu-west-1").create_queue(QueueName="q")["QueueUrl"]
    bridge.client("sqs", "eu-west-1").send_message(QueueUrl=other, MessageBody="elsewhere")
    send(sqs, url, *(f"{number}" for number in range(25)))
    first = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3, VisibilityTimeout=600)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first[0]["ReceiptHandle"])
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first[1]["ReceiptHandle"], VisibilityTimeout=0)
    assert rows(bridge) == 25
    bridge.restart()
    sqs = bridge.client("sqs")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first[0]["ReceiptHandle"])  # once more is no error
    assert list(received(sqs, url)) == ["1", *(f"{number}" for number in range(3, 25))]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first[2]["ReceiptHandle"])
    assert rows(bridge) == 24
    assert list(received(bridge.client("sqs", "eu-west-1"), other)) == ["elsewhere"]


def test_a_fifo_group_that_is_being_read_stays_closed(bridge: Bridge) -> None:
    sqs = bridge.client("sqs")
    url = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})[
        "QueueUrl"
    ]
    for body in ("a", "b"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    (a,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1, VisibilityTimeout=600)["Messages"]
    bridge.restart()
    sqs = bridge.client("sqs")
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=a["ReceiptHandle"])
    assert list(received(sqs, url)) == ["b"]


def test_messages_are_counted_by_what_they_wait_for(bridge: Bridge) -> None:
    sqs = bridge.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    send(sqs, url, *"abcdef")
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=600)
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2, VisibilityTimeout=600)
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert {name: count for name, count in counts.items() if "NumberOf" in name} == {
        "ApproximateNumberOfMessages": "4",
        "ApproximateNumberOfMessagesDelayed": "1",
        "ApproximateNumberOfMessagesNotVisible": "2",
    }


def test_purged_and_deleted_queues_leave_no_rows(bridge: Bridge) -> None:
    sqs = bridge.client("sqs")
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("purged", "deleted")]
    for url in urls:
        send(sqs, url, "a", "b")
    sqs.purge_queue(QueueUrl=urls[0])
    assert rows(bridge) == 2
    sqs.delete_queue(QueueUrl=urls[1])
    assert rows(bridge) == 0


def test_a_dead_letter_queue_takes_the_message_over(bridge: Bridge) -> None:
    sqs = bridge.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": "1"}}'
    url = sqs.create_queue(QueueName="q", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    send(sqs, url, "poison")
    assert sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0)
    bridge.restart()
    assert list(received(bridge.client("sqs"), dead)) == ["poison"]
    assert rows(bridge) == 1


def test_what_is_saved_with_a_call_does_not_grow_with_the_queue(bridge: Bridge) -> None:
    sqs = bridge.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    send(sqs, url, "x" * 1000)
    before = bridge.size("sqs")
    send(sqs, url, *["x" * 1000] * 50)
    assert bridge.size("sqs") == before


def test_only_the_last_deleted_handles_are_remembered(bridge: Bridge) -> None:
    from salespipe.local.moto.messages import RecentHandles

    handles = RecentHandles({"before"})
    handles.update(f"{number}" for number in range(1_200))
    assert "1199" in handles
    assert "200" in handles
    assert "199" not in handles
    assert "before" not in handles
    sqs = bridge.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=url, ReceiptHandle="never given")
