"""Enhanced fan-out: Kinesis pushes the records, and what Firehose reads is not shared.

A consumer is registered, subscribes to each shard for five minutes at a time, and is deregistered at the end (API
reference, RegisterStreamConsumer and SubscribeToShard). While it is registered it is paid for.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

import msgspec

from salespipe.aws import error_code
from salespipe.watch.model import Reading
from salespipe.watch.reader import THROTTLED, Pace, Reader, Shard

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.flow.delays import AwsTime

# USD, list prices in us-east-1 (Kinesis Data Streams pricing page): by the shard and hour, and by the GB.
PRICES: Final = {"PROVISIONED": (0.015, 0.013), "ON_DEMAND": (0.0, 0.05)}
# The same consumer may not subscribe to the same shard again within five seconds.
_AGAIN_SECONDS: Final = 5.5
_LOOK_SECONDS: Final = 0.1
_ASK_SECONDS: Final = 1.0
# Events of a shard that wait to be taken; then Kinesis waits, too.
_AHEAD: Final = 16
_END_SECONDS: Final = 2.0
_POSITION: Final = {"StartingSequenceNumber": "SequenceNumber", "Timestamp": "Timestamp"}


def price(mode: str) -> str:
    """What it costs on AWS, by the mode of the stream."""
    hourly, by_the_gb = PRICES[mode]
    an_hour = f"{hourly} USD an hour for each shard, and " if hourly else ""
    return f"{an_hour}{by_the_gb} USD for each GB that is read"


class FanOut(Reader):
    """A ``Reader`` to which the shards are pushed. ``close`` deregisters its consumer."""

    def __init__(self, aws: Aws, since: datetime, time: AwsTime, pace: Pace) -> None:
        super().__init__(aws, since, time, pace)
        self._name = f"{aws.config.name}-watch-{secrets.token_hex(4)}"
        self._consumer = ""
        self._active = False
        self._ask_at = 0.0
        self._subscriptions: dict[str, Subscription] = {}

    def open(self, aws: Aws) -> None:
        """Find the shards, and register; or go on where reading had stopped. Raises ``ClientError``."""
        self._end_subscriptions()
        super().open(aws)
        self._active = False
        kinesis, stream = aws.client("kinesis"), aws.names.stream_arn
        try:
            made = kinesis.register_stream_consumer(StreamARN=stream, ConsumerName=self._name)["Consumer"]
        except Exception as error:
            if error_code(error) != "ResourceInUseException":
                raise
            told = kinesis.describe_stream_consumer(StreamARN=stream, ConsumerName=self._name)
            made = told["ConsumerDescription"]
        self._consumer = made["ConsumerARN"]

    def read(self) -> Iterator[list[bytes]]:
        """What was pushed, an event of a shard at a time."""
        if not self._is_active():
            return
        for shard in list(self.shards.values()):
            if not self.readable(shard):
                continue
            subscription = self._subscriptions.get(shard.name)
            if subscription is None:
                subscription = self._subscriptions[shard.name] = self._subscribe(shard)
            for answer in subscription.taken():
                yield self.take(shard, answer)
            if subscription.over:
                self._end(shard, subscription)

    def pause(self) -> float:
        """Seconds until it is worth to look again."""
        return _LOOK_SECONDS

    def reading(self) -> Reading:
        """How it is getting on."""
        return msgspec.structs.replace(super().reading(), enhanced=True)

    def close(self) -> None:
        """End the subscriptions, and deregister the consumer."""
        for subscription in self._subscriptions.values():
            subscription.ending.set()
        if self._consumer:
            with suppress(Exception):  # a stream that is gone has no consumers, and the process has to end
                self._aws.client("kinesis").deregister_stream_consumer(ConsumerARN=self._consumer)
            self._consumer = ""
        self._end_subscriptions()

    def _is_active(self) -> bool:
        """Whether the consumer can subscribe: it takes a few seconds on AWS."""
        if not self._active and self._pace.clock() >= self._ask_at:
            self._ask_at = self._pace.clock() + _ASK_SECONDS
            told = self._aws.client("kinesis").describe_stream_consumer(ConsumerARN=self._consumer)
            self._active = told["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE"
        return self._active

    def _subscribe(self, shard: Shard) -> Subscription:
        where = self.position(shard)
        wanted = {
            "Type": where["ShardIteratorType"],
            **{key: where[name] for name, key in _POSITION.items() if name in where},
        }
        asked = {"ConsumerARN": self._consumer, "ShardId": shard.name, "StartingPosition": wanted}
        return Subscription(self._aws.client("kinesis"), asked, self._pace.wait(shard.name))

    def _end(self, shard: Shard, subscription: Subscription) -> None:
        """One that was given ends after five minutes, or breaks off: another follows. Raises why none was given."""
        del self._subscriptions[shard.name]
        error = subscription.error
        if subscription.given or (error is not None and error_code(error) == "ResourceInUseException"):
            self._pace.later(shard.name, _AGAIN_SECONDS)
        elif error is not None and error_code(error) in THROTTLED:
            self._pace.refused(shard.name)
        elif error is not None:
            raise error

    def _end_subscriptions(self) -> None:
        for subscription in self._subscriptions.values():
            subscription.end()
        self._subscriptions.clear()


class Subscription:
    """One call of SubscribeToShard, after ``wait`` seconds: a thread takes the events as they come.

    ``given`` says that it succeeded, ``error`` why it did not, or why it has ended.
    """

    def __init__(self, kinesis: Any, asked: dict[str, Any], wait: float) -> None:
        self.given = False
        self.error: Exception | None = None
        self.ending = Event()
        self._kinesis = kinesis
        self._asked = asked
        self._wait = wait
        self._events: Queue[dict[str, Any]] = Queue(_AHEAD)
        self._thread = Thread(target=self._run, name="watch-fan-out", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether nothing more comes."""
        return not self._thread.is_alive() and self._events.empty()

    def taken(self) -> Iterator[dict[str, Any]]:
        """The events that have come, as answers of GetRecords."""
        with suppress(Empty):
            for _ in range(_AHEAD):
                event = self._events.get_nowait()
                children = event.get("ChildShards")
                yield event | ({} if children else {"NextShardIterator": event["ContinuationSequenceNumber"]})

    def end(self) -> None:
        """Take no more; the thread ends with the next event at the latest."""
        self.ending.set()
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        if self.ending.wait(self._wait):
            return
        try:
            stream = self._kinesis.subscribe_to_shard(**self._asked)["EventStream"]
            self.given = True
            with closing(stream):
                for event in stream:
                    if not self._put(event["SubscribeToShardEvent"]):
                        return
        except Exception as error:  # noqa: BLE001 - it is told by the thread that asks for the events
            self.error = error

    def _put(self, event: dict[str, Any]) -> bool:
        """Hand an event over, once there is room; whether anybody still wants it."""
        while not self.ending.is_set():
            with suppress(Full):
                self._events.put(event, timeout=_LOOK_SECONDS)
                return True
        return False
