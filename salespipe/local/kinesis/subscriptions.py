"""Enhanced fan-out: what comes into a shard is pushed to a registered consumer.

Source: API reference, SubscribeToShard. Consumers are moto's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from salespipe.local.api import Answer, AwsError, Call, Cloud
from salespipe.local.event_stream import CONTENT_TYPE, message
from salespipe.local.kinesis.moto_shards import LoggedShard, LoggedStream, date, generation

if TYPE_CHECKING:
    from salespipe.local.kinesis.service import Kinesis

# A subscription ends after five minutes. Within five seconds of a successful call another is refused, later it takes
# over.
_LONGEST: Final = 300.0
_ALONE: Final = 5.0
# Where nothing comes in, an event without records says how far behind the consumer is.
_QUIET: Final = 5.0
_LOOK: Final = 1.0
_AT_ONCE: Final = 1_000
_BYTES: Final = 2**20
_encode: Final = msgspec.json.Encoder().encode


class Subscriptions:
    """Answers SubscribeToShard for ``kinesis``."""

    def __init__(self, cloud: Cloud, kinesis: Kinesis) -> None:
        self._cloud = cloud
        self._kinesis = kinesis
        self._lock = threading.Lock()
        self._newest: dict[tuple[str, str], float] = {}
        self._stopped = False

    def stop(self) -> None:
        """End all of them."""
        self._stopped = True
        self._cloud.log.wake()

    def subscribe(self, call: Call) -> Answer:
        """SubscribeToShard."""
        arn, wanted = str(call.params["ConsumerARN"]), call.params["StartingPosition"]
        stream = self._kinesis.consumed(arn)
        shard = self._kinesis.shard_of(stream, call.params["ShardId"])
        after = self._kinesis.position(
            *(stream, shard, wanted.get("Type"), wanted.get("SequenceNumber"), wanted.get("Timestamp"))
        )
        key, now = (arn, shard.shard_id), self._cloud.clock()
        with self._lock:
            if now - self._newest.get(key, 0.0) < _ALONE:
                raise AwsError(
                    "ResourceInUseException",
                    f"Another active subscription exists for this consumer: {arn} and shard {shard.shard_id}.",
                )
            self._newest[key] = now
        events = self._events(stream, shard, after, lambda: self._over(key, now, stream, arn))
        return Answer(200, b"", {"content-type": CONTENT_TYPE}, events)

    def _over(self, key: tuple[str, str], began: float, stream: LoggedStream, arn: str) -> bool:
        return (
            self._stopped
            or self._newest.get(key) != began
            or self._cloud.clock() - began > _LONGEST
            or not self._kinesis.stands(stream)
            or not any(consumer.consumer_arn == arn for consumer in stream.consumers)
        )

    def _events(
        self, stream: LoggedStream, shard: LoggedShard, after: int, over: Callable[[], bool]
    ) -> Iterator[bytes]:
        yield message("initial-response", b"{}")
        log, told = self._cloud.log, float("-inf")
        while not over():
            records = log.read(shard.log_name, after, _AT_ONCE, _BYTES)
            after = records[-1].sequence if records else after
            ended = not shard.is_open and after >= log.last(shard.log_name)
            now = self._cloud.clock()
            if records or ended or now - told >= _QUIET:
                told = now
                event = self._kinesis.told(stream, shard, after, records)
                yield message("SubscribeToShardEvent", _encode(event))
            if ended:
                return
            if not records:
                log.wait({shard.log_name: after}, _LOOK)


def require_free(stream: LoggedStream, name: str) -> None:
    """Refuse a consumer whose name another one of the stream has, as AWS does and moto does not."""
    if any(consumer.consumer_name == name for consumer in stream.consumers):
        raise AwsError("ResourceInUseException", f"Consumer {name} of stream {stream.arn} already exists.")


def named(stream: LoggedStream, answer: Answer) -> Answer:
    """What moto answers to RegisterStreamConsumer, with the ARN that the consumer has."""
    told = msgspec.json.decode(answer.body)
    made = next(each for each in stream.consumers if each.consumer_name == told["Consumer"]["ConsumerName"])
    date(made)
    told["Consumer"]["ConsumerARN"] = made.consumer_arn
    return replace(answer, body=_encode(told))


def named_consumer(stream: LoggedStream | None, arn: str) -> LoggedStream:
    """The stream that a consumer is registered with. Raises ``AwsError`` where there is none."""
    if stream is None or not any(consumer.consumer_arn == arn for consumer in stream.consumers):
        raise AwsError("ResourceNotFoundException", f"Consumer {arn} not found.")
    return stream


def same(stream: LoggedStream | None, other: LoggedStream) -> bool:
    """Whether a stream is still the one that it was."""
    return stream is not None and generation(stream) == generation(other)


def event(records: list[dict[str, Any]], after: str, behind: int, children: list[dict[str, Any]]) -> dict[str, Any]:
    """A SubscribeToShardEvent; ``children`` are told where the shard has ended."""
    told: dict[str, Any] = {
        "Records": records,
        "ContinuationSequenceNumber": after,
        "MillisBehindLatest": behind,
    }
    return told | {"ChildShards": children} if children else told
