"""Where Kinesis meets moto: moto keeps the streams' definitions and their shards, the record log keeps the records.

A moto ``Stream`` and its ``Shard`` objects get other classes when they are first used. moto 5.2.5 is what this was
written against; each point that is touched has a test in tests/local/test_kinesis_moto.py:

- ``Shard.put_record`` and ``to_json``, which ask for the first and last sequence number of ``records``;
- ``Stream.get_shard_for_key``, which would also choose shards that are closed, and never the last hash key of one;
- ``Stream.split_shard`` and ``merge_shards``, which move records from a shard's (here always empty) ``records``.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from hashlib import md5
from typing import Any, Final

from moto.kinesis.exceptions import InvalidArgumentError
from moto.kinesis.models import Shard, Stream, kinesis_backends

from salespipe.local.record_log import RecordLog

HASH_KEYS: Final = 2**128
_PREFIX: Final = "49"  # as AWS's sequence numbers begin: 56 digits, whose text sorts as the numbers do
_DIGITS: Final = 54


def sequence_number(sequence: int) -> str:
    """A log sequence as clients see it."""
    return f"{_PREFIX}{sequence:0{_DIGITS}d}"


def parse_sequence_number(text: object) -> int:
    """The log sequence that a client means. Raises ``ValueError`` for what is no sequence number of ours."""
    if not isinstance(text, str) or len(text) != len(_PREFIX) + _DIGITS or not text.startswith(_PREFIX):
        raise ValueError(f"No sequence number: {text}")
    return int(text[len(_PREFIX) :])


def hash_key(partition_key: str) -> int:
    """Where a partition key lies among the 2**128 hash keys (PutRecord's API reference: MD5)."""
    return int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


class LoggedShard(Shard):
    """moto's shard with its records in the log, under ``log_name``."""

    log: RecordLog
    log_name: str

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "log"}

    def put_record(self, partition_key: str, data: str, explicit_hash_key: str) -> str:  # noqa: ARG002 - moto's signature
        """Append a record; ``data`` is base64, as CloudWatch Logs' subscriptions hand it over."""
        return sequence_number(self.log.append(self.log_name, [(partition_key, base64.b64decode(data))])[0])

    def get_min_sequence_number(self) -> int:
        """Where the shard began, which trimming does not change."""
        return int(sequence_number(0))

    def get_max_sequence_number(self) -> int:
        """The last sequence number given."""
        return int(sequence_number(self.log.last(self.log_name)))


class LoggedStream(Stream):
    """moto's stream, routing to open shards only."""

    def get_shard_for_key(self, partition_key: str, explicit_hash_key: str) -> Shard | None:
        """The open shard that a record belongs to."""
        return self.route(int(explicit_hash_key) if explicit_hash_key else hash_key(partition_key))

    def route(self, key: int) -> LoggedShard:
        """The open shard whose range has the hash key. Open shards always cover all of them."""
        for shard in self.shards.values():
            if shard.is_open and shard.starting_hash <= key <= shard.ending_hash and isinstance(shard, LoggedShard):
                return shard
        raise InvalidArgumentError(f"No open shard has the hash key {key}")

    def merge_shards(self, shard_to_merge: str, adjacent_shard_to_merge: str) -> None:
        """Merge two adjacent open shards, in whichever order they are named."""
        first, second = self.shards[shard_to_merge], self.shards[adjacent_shard_to_merge]
        for shard in (first, second):
            if not shard.is_open:
                raise InvalidArgumentError(
                    f"Shard {shard.shard_id} in stream {self.stream_name} under account {self.account_id} has already"
                    " been merged or split, and thus is not eligible for merging or splitting."
                )
        if first.starting_hash > second.starting_hash:
            shard_to_merge, adjacent_shard_to_merge = adjacent_shard_to_merge, shard_to_merge
        super().merge_shards(shard_to_merge, adjacent_shard_to_merge)


class MotoStreams:
    """moto's Kinesis streams of one account, taken over when they are first asked for."""

    def __init__(self, account: str, log: RecordLog) -> None:
        self._account = account
        self._log = log

    def find(self, region: str, name: str) -> LoggedStream | None:
        """A stream by its name; None when there is none."""
        backend = kinesis_backends[self._account].get(region)
        stream = backend.streams.get(name) if backend else None
        return self._take_over(stream) if stream else None

    def by_arn(self, arn: str) -> LoggedStream | None:
        """A stream by its ARN; None when there is none, or the ARN is none."""
        parts = arn.split(":", 5)
        if len(parts) < 6 or parts[2] != "kinesis" or not parts[5].startswith("stream/"):
            return None
        return self.find(parts[3], parts[5].removeprefix("stream/").partition("/")[0])

    def all(self) -> Iterator[LoggedStream]:
        """Every stream of every region."""
        for backend in list(kinesis_backends[self._account].values()):
            for stream in list(backend.streams.values()):
                yield self._take_over(stream)

    def _take_over(self, stream: Any) -> LoggedStream:
        stream.__class__ = LoggedStream
        for shard in list(stream.shards.values()):
            if getattr(shard, "log", None) is not self._log:
                shard.__class__ = LoggedShard
                shard.log = self._log
                shard.log_name = f"{log_prefix(stream)}{shard.shard_id}"
        for consumer in stream.consumers:
            date(consumer)
        taken: LoggedStream = stream
        return taken


def date(consumer: Any) -> None:
    """Let a consumer's ARN end with when it was made, as on AWS. moto leaves that out, and saves it without."""
    if "/" in consumer.consumer_arn.rpartition(":")[2]:
        consumer.consumer_arn = f"{consumer.consumer_arn}:{int(consumer.created.timestamp())}"


def generation(stream: Stream) -> str:
    """What tells a stream from an earlier one of the same name."""
    return f"{stream.creation_datetime.timestamp():.6f}"


def log_prefix(stream: Stream) -> str:
    """What the names of a stream's shards in the record log start with."""
    return f"{stream.arn}@{generation(stream)}/"
