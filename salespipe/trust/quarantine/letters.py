"""The pipe's dead-letter queue: messages that point to what the pipe gave up, read without using them up.

The form of a message is not in the documentation of Pipes; it is that of Lambda's stream event sources (Lambda
developer guide, "Retaining discarded batches"), with a ``context`` of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from salespipe.answers import error_code, is_not_found
from salespipe.trust.proof.answers import ask
from salespipe.trust.quarantine.failures import record_id
from salespipe.trust.quarantine.index import DEAD_LETTER, KEPT, Index

if TYPE_CHECKING:
    from salespipe.aws import Aws

HOLD_SECONDS: Final = 120
"""How long a message is nobody else's after it was read; should this process die, it is back after that."""

_PAGE: Final = 1000
_BATCH: Final = 10
_WAIT_SECONDS: Final = {"local": 0, "aws": 2}
# An answer without records does not mean that there are none further on; many in a row do.
_EMPTY_READS: Final = {"local": 1, "aws": 20}
# The change, its shard, or the whole stream is not there any more; or there is another stream, with fewer changes.
_GONE: Final = frozenset({"TrimmedDataAccessException", "ResourceNotFoundException", "ValidationException"})


class Pointer(msgspec.Struct, frozen=True, rename="camel"):
    """Which events were given up: those from the one sequence number to the other, as many as ``batch_size``."""

    shard_id: str
    start_sequence_number: str
    end_sequence_number: str
    stream_arn: str
    approximate_arrival_of_first_record: datetime
    batch_size: int = 1

    @property
    def deadline(self) -> datetime:
        """When the stream has forgotten the first of them."""
        return self.approximate_arrival_of_first_record + KEPT

    def expiry(self, now: datetime) -> str:
        """What to say of a pointer that leads nowhere."""
        if now < self.deadline:
            return f"the stream {self.stream_arn} does not hold its events: the table was made anew, or its stream was"
        return f"the table's stream has forgotten its events, since {self.deadline:%Y-%m-%d %H:%M} UTC"


class _Context(msgspec.Struct):
    condition: str = "RetryAttemptsExhausted"


class Letter(msgspec.Struct, frozen=True):
    """A message of the pipe's; ``at`` is when it gave up."""

    pointer: Pointer = msgspec.field(name="DDBStreamBatchInfo")
    context: _Context
    at: datetime = msgspec.field(name="timestamp")


class _Raw(msgspec.Struct, rename="pascal"):
    records: list[msgspec.Raw] = msgspec.field(default_factory=list)
    next_shard_iterator: str | None = None


class _Sequence(msgspec.Struct):
    class Change(msgspec.Struct):
        number: str = msgspec.field(name="SequenceNumber")

    dynamodb: Change


letter: Final = msgspec.json.Decoder(Letter).decode
_sequence: Final = msgspec.json.Decoder(_Sequence).decode


class Queue:
    """The queue; ``url`` is empty where there is none."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._sqs = aws.client("sqs")
        self.url = ""
        try:
            self.url = str(self._sqs.get_queue_url(QueueName=aws.names.queue)["QueueUrl"])
        except Exception as error:
            if not is_not_found(error):
                raise

    def read(self, index: Index, progress: Callable[[str], None]) -> int:
        """Put every message into the index, and hold it; how many are none of the pipe's. To be ``release``d."""
        foreign, known = 0, 0
        while self.url:
            answer = self._sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=_BATCH,
                VisibilityTimeout=HOLD_SECONDS,
                WaitTimeSeconds=_WAIT_SECONDS[self._aws.config.target],
            )
            new = 0
            for message in answer.get("Messages", []):
                record = record_id(message["MessageId"].encode())
                if index.add_letter(record, message["ReceiptHandle"], message["Body"]):
                    new += 1
                    foreign += not _add(index, record, message["Body"])
            if not new:
                break
            known += new
            progress(f"{known:,} messages")
        return foreign

    def waiting(self) -> int:
        """About how many messages somebody else holds at the moment."""
        if not self.url:
            return 0
        name = "ApproximateNumberOfMessagesNotVisible"
        answer = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])
        return int(answer["Attributes"].get(name, 0))

    def hold(self, receipts: Sequence[str]) -> None:
        """Hold messages for longer, from now on."""
        self._see_again_after(receipts, HOLD_SECONDS)

    def give_back(self, receipts: Sequence[str]) -> None:
        """Let everybody read messages again. One that was deleted is left out."""
        self._see_again_after(receipts, 0)

    def _see_again_after(self, receipts: Sequence[str], seconds: int) -> None:
        for batch in _batches(receipts):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
                for number, receipt in enumerate(batch)
            ]
            # What fails is back by itself after a while.
            self._sqs.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)

    def delete(self, receipts: Sequence[str]) -> int:
        """Delete messages; how many could not be, since somebody else has read them meanwhile."""
        failed = 0
        for batch in _batches(receipts):
            entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(batch)]
            answer = self._sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
            failed += len(answer.get("Failed", []))
        return failed


def _add(index: Index, record: str, body: str) -> bool:
    try:
        found = letter(body)
    except msgspec.MsgspecError:
        return False
    pointer = found.pointer
    arrived, ended = (int(each.timestamp() * 1000) for each in (pointer.approximate_arrival_of_first_record, found.at))
    row = (record, DEAD_LETTER, found.context.condition, None, arrived, ended, None, False, pointer.batch_size)
    index.add([row])
    return True


def _batches(receipts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (receipts[start : start + _BATCH] for start in range(0, len(receipts), _BATCH))


def resolve(aws: Aws, pointer: Pointer) -> list[bytes] | None:
    """The events that a message points to, as the pipe would have put them; None where the stream has forgotten any.

    All that lie between the first and the last are there, also those that the pipe's filters would have dropped, and
    those of the batch that were delivered: to deliver them again does no harm. Raises ``ClientError``.
    """
    client, arn, found = aws.client("dynamodbstreams"), pointer.stream_arn, list[bytes]()
    last, empty = int(pointer.end_sequence_number), 0
    where = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": pointer.start_sequence_number}
    try:
        answer = client.get_shard_iterator(StreamArn=arn, ShardId=pointer.shard_id, **where)
        iterator: str | None = answer["ShardIterator"]
        while iterator:
            page = ask(client, "get_records", _Raw, ShardIterator=iterator, Limit=_PAGE)
            for record in page.records:
                if int(_sequence(record).dynamodb.number) > last:
                    return found
                found.append(_event(record, arn))
                if int(_sequence(record).dynamodb.number) == last:
                    return found
            iterator, empty = page.next_shard_iterator, 0 if page.records else empty + 1
            if empty == _EMPTY_READS[aws.config.target]:
                break
    except Exception as error:
        if error_code(error) in _GONE:
            return None
        raise
    return None  # the last of them is not there any more, or never was


def _event(record: bytes, arn: str) -> bytes:
    """A record of the table's stream as Pipes sends it: with the ARN of the stream."""
    told: dict[str, Any] = msgspec.json.decode(record)
    return msgspec.json.encode(told | {"eventSourceARN": arn})
