"""What a pipe delivers to. A target takes a batch and says which of its events failed; when it raises, all did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

import msgspec

from salespipe.local.api import Cloud
from salespipe.local.json_path import MISSING, JsonPath
from salespipe.local.record_log import Record

_SQS_ENTRIES: Final = 10


class Event(msgspec.Struct, gc=False):
    """A source record on its way: what the target gets, and the source event decoded where anything needs that."""

    record: Record
    body: bytes
    document: Any = None


class Target(Protocol):
    """Where events go. ``needs_document``: it evaluates paths on the source event.

    ``transactional``: delivery is a write to our own store, so that it can share a transaction with the checkpoint,
    and a batch may be as large as it likes.
    """

    needs_document: bool
    transactional: bool

    def deliver(self, events: Sequence[Event]) -> list[int]:
        """Hand over a batch in order; the indexes of the events that failed."""
        ...

    def missing(self) -> str:
        """Why the target cannot be used, empty when it can."""
        ...


class Value:
    """A target parameter: fixed text, or a ``$.path`` that is evaluated on the source event."""

    def __init__(self, text: str) -> None:
        self.path = JsonPath(text) if text.startswith("$") else None
        self._text = text

    def of(self, document: Any) -> str:
        """The value for an event, empty when the path leads to nothing that is text or a number."""
        if self.path is None:
            return self._text
        found = self.path.find(document)
        if isinstance(found, str):
            return found
        if found is MISSING or isinstance(found, bool) or not isinstance(found, int | float):
            return ""
        return str(found)


class KinesisPut(Protocol):
    """What is needed of our Kinesis."""

    def put(self, stream_arn: str, entries: Sequence[tuple[str, bytes]]) -> list[tuple[str, str]]:
        """Append (partition key, data) pairs; (shard, sequence number) of each, empty where the shard is full."""
        ...

    def shards(self, stream_arn: str) -> list[str]:
        """The stream's shards, none when it does not exist."""
        ...


class KinesisTarget:
    """A data stream: one record for each event.

    An event whose partition key is empty or too long fails alone, and so does one for which its shard has no room.
    """

    transactional = True

    def __init__(self, kinesis: KinesisPut, arn: str, partition_key: str) -> None:
        self._kinesis = kinesis
        self._arn = arn
        self._key = Value(partition_key)
        self.needs_document = self._key.path is not None

    def deliver(self, events: Sequence[Event]) -> list[int]:
        """Append to the stream whatever has a partition key."""
        keys = [self._key.of(event.document) for event in events]
        good = [index for index, key in enumerate(keys) if 0 < len(key) <= 256]
        put = self._kinesis.put(self._arn, [(keys[index], events[index].body) for index in good]) if good else []
        taken = {index for index, (_, number) in zip(good, put, strict=True) if number}
        return [index for index in range(len(events)) if index not in taken]

    def missing(self) -> str:
        """Whether the stream exists."""
        return "" if self._kinesis.shards(self._arn) else f"Cannot access stream {self._arn}."


class SqsTarget:
    """A queue: one message for each event."""

    transactional = False

    def __init__(self, cloud: Cloud, arn: str, parameters: Mapping[str, Any]) -> None:
        self._client = cloud.client("sqs", arn.split(":")[3])
        self._arn = arn
        self._options = {name: Value(text) for name, text in parameters.items() if text}
        self.needs_document = any(option.path for option in self._options.values())

    def deliver(self, events: Sequence[Event]) -> list[int]:
        """SendMessageBatch, ten at a time."""
        url = queue_url(self._client, self._arn)
        failed: list[int] = []
        for start in range(0, len(events), _SQS_ENTRIES):
            entries = [
                {
                    "Id": str(start + offset),
                    "MessageBody": event.body.decode(),
                    **{name: option.of(event.document) for name, option in self._options.items()},
                }
                for offset, event in enumerate(events[start : start + _SQS_ENTRIES])
            ]
            answer = self._client.send_message_batch(QueueUrl=url, Entries=entries)
            failed += [int(failure["Id"]) for failure in answer.get("Failed", [])]
        return sorted(failed)

    def missing(self) -> str:
        """Whether the queue exists."""
        return api_trouble(lambda: queue_url(self._client, self._arn))


class LambdaTarget:
    """A function: invoked with the batch as a JSON array.

    It may answer ``{"batchItemFailures": [{"itemIdentifier": eventID or sequence number}]}``: then the first of these
    and all that follow it failed, as streams are in order.
    """

    needs_document = True
    transactional = False

    def __init__(self, cloud: Cloud, arn: str, parameters: Mapping[str, Any]) -> None:
        self._client = cloud.client("lambda", arn.split(":")[3])
        self._arn = arn
        self._asynchronous = parameters.get("InvocationType") == "FIRE_AND_FORGET"

    def deliver(self, events: Sequence[Event]) -> list[int]:
        """Invoke; a function error fails the batch."""
        payload = b"[" + b",".join(event.body for event in events) + b"]"
        answer = self._client.invoke(
            FunctionName=self._arn,
            InvocationType="Event" if self._asynchronous else "RequestResponse",
            Payload=payload,
        )
        result = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise RuntimeError(f"The function failed: {result[:1000]!r}")
        if self._asynchronous:
            return []
        return self._failures(result, events)

    def _failures(self, result: bytes, events: Sequence[Event]) -> list[int]:
        named: set[str] = set()
        with suppress(msgspec.DecodeError, AttributeError, KeyError, TypeError):
            named = {str(item["itemIdentifier"]) for item in msgspec.json.decode(result).get("batchItemFailures") or []}
        if not named:
            return []
        for index, event in enumerate(events):
            document = event.document
            numbers = {document.get("sequenceNumber"), (document.get("dynamodb") or {}).get("SequenceNumber")}
            if named & {document.get("eventID"), *numbers}:
                return list(range(index, len(events)))
        return list(range(len(events)))

    def missing(self) -> str:
        """Whether the function exists."""
        return api_trouble(lambda: self._client.get_function(FunctionName=self._arn))


class LogsTarget:
    """A CloudWatch log group: one log event for each event, in the stream that the pipe names, or in its own."""

    transactional = False

    def __init__(self, cloud: Cloud, arn: str, parameters: Mapping[str, Any], pipe: str) -> None:
        self._client = cloud.client("logs", arn.split(":")[3])
        self._group = arn.removesuffix(":*").split(":log-group:")[-1]
        self._stream = Value(parameters.get("LogStreamName") or pipe)
        self._clock = cloud.clock
        self.needs_document = self._stream.path is not None

    def deliver(self, events: Sequence[Event]) -> list[int]:
        """PutLogEvents, into log streams that are created as needed."""
        streams: dict[str, list[dict[str, Any]]] = {}
        now = int(self._clock() * 1000)
        for event in events:
            messages = streams.setdefault(self._stream.of(event.document), [])
            messages.append({"timestamp": now, "message": event.body.decode()})
        for stream, messages in streams.items():
            with suppress(self._client.exceptions.ResourceAlreadyExistsException):
                self._client.create_log_stream(logGroupName=self._group, logStreamName=stream)
            self._client.put_log_events(logGroupName=self._group, logStreamName=stream, logEvents=messages)
        return []

    def missing(self) -> str:
        """Whether the log group exists."""
        groups = self._client.describe_log_groups(logGroupNamePrefix=self._group)["logGroups"]
        if any(group["logGroupName"] == self._group for group in groups):
            return ""
        return f"Cannot access log group {self._group}."


def queue_url(client: Any, arn: str) -> str:
    """The URL of a queue by its ARN. Raises botocore's ClientError when there is none."""
    return str(client.get_queue_url(QueueName=arn.rsplit(":", maxsplit=1)[-1])["QueueUrl"])


def api_trouble(probe: Callable[[], Any]) -> str:
    """What the API says against using something, empty when nothing."""
    from botocore.exceptions import ClientError

    try:
        probe()
    except ClientError as error:
        return str(error)
    return ""
