"""What the table's own stream holds that the pipe has not passed on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from salespipe.aws import error_code
from salespipe.flow.arrivals import Arrival, of_table
from salespipe.resources.dynamodb import stream_arn

if TYPE_CHECKING:
    from salespipe.aws import Aws

# The pipe reads each shard four times a second, and five are allowed.
_PACE_SECONDS: Final = {"local": 0.0, "aws": 1.0}
_READS_A_LOOK: Final = 4
# An answer without records does not mean that there are none further on; many in a row do.
_EMPTY_READS: Final = {"local": 1, "aws": 5}


class TableStream:
    """The table's stream beyond what is known to have left it; ``look`` again tells what has come since.

    A shard that cannot be read from there is ``blind``: nothing is known of it. On AWS sequence numbers of shards that
    exist at the same time need not follow one another, so that a record found here may have been passed on already, and
    none found is no proof.
    """

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._shards: list[_Shard] = []
        self._last_look: float | None = None
        self.blind = False

    def open(self, passed: int | None) -> None:
        """Find where to read from: after the sequence number ``passed``, or from the beginning where that is None."""
        try:
            arn = stream_arn(self._aws, self._aws.names.table)
            if arn is not None:
                self._shards = [_Shard(arn, shard, position) for shard, position in self._positions(arn, passed)]
        except Exception as error:  # noqa: BLE001 - raised again unless AWS said it
            self._blinded_by(error)

    def look(self) -> None:
        """Read on in each shard, a bounded number of records."""
        pause = _PACE_SECONDS[self._aws.config.target]
        if self._last_look is not None and self._aws.clock() - self._last_look < pause:
            return
        self._last_look = self._aws.clock()
        for shard in self._shards:
            try:
                self._read(shard)
            except Exception as error:  # noqa: BLE001 - raised again unless AWS said it
                self._blinded_by(error)
                shard.position = None

    @property
    def at_end(self) -> bool:
        """Whether nothing more is to be read, as far as can be told."""
        needed = _EMPTY_READS[self._aws.config.target]
        return all(shard.position is None or shard.empty >= needed for shard in self._shards)

    def newest(self) -> tuple[Arrival, ...]:
        """The newest record of each shard that has one."""
        return tuple(shard.newest for shard in self._shards if shard.newest)

    def _blinded_by(self, error: Exception) -> None:
        if error_code(error) == "ResourceNotFoundException":
            return  # deleted: nothing is left to be passed on
        if not error_code(error):
            raise error
        self.blind = True

    def _positions(self, arn: str, passed: int | None) -> list[tuple[str, dict[str, str]]]:
        streams, asked = self._aws.client("dynamodbstreams"), {"StreamArn": arn}
        found = []
        while True:
            stream = streams.describe_stream(**asked)["StreamDescription"]
            for shard in stream["Shards"]:
                numbers = shard["SequenceNumberRange"]
                if passed is not None and int(numbers.get("EndingSequenceNumber", passed + 1)) <= passed:
                    continue
                if passed is None or int(numbers.get("StartingSequenceNumber", 0)) > passed:
                    position = {"ShardIteratorType": "TRIM_HORIZON"}
                else:
                    position = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": str(passed)}
                found.append((shard["ShardId"], position))
            if "LastEvaluatedShardId" not in stream:
                return found
            asked["ExclusiveStartShardId"] = stream["LastEvaluatedShardId"]

    def _read(self, shard: _Shard) -> None:
        streams = self._aws.client("dynamodbstreams")
        for _ in range(_READS_A_LOOK):
            if shard.position is None:
                return
            if shard.iterator is None:
                asked = {"StreamArn": shard.arn, "ShardId": shard.shard_id, **shard.position}
                shard.iterator = streams.get_shard_iterator(**asked)["ShardIterator"]
            try:
                answer = streams.get_records(ShardIterator=shard.iterator)
            except Exception as error:
                if error_code(error) != "ExpiredIteratorException":
                    raise
                shard.iterator = None
                continue
            shard.take(answer)
            if not answer["Records"]:
                return


@dataclass(slots=True)
class _Shard:
    """Where reading is in one shard; ``position`` is None once there is nothing more to come."""

    arn: str
    shard_id: str
    position: dict[str, str] | None
    iterator: str | None = None
    newest: Arrival | None = None
    empty: int = 0

    def take(self, answer: dict[str, Any]) -> None:
        if records := answer["Records"]:
            self.newest = of_table(f"table/{self.shard_id}", records[-1])
            self.position = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self.newest.sequence}
            self.empty = 0
        else:
            self.empty += 1
        self.iterator = answer.get("NextShardIterator")
        if self.iterator is None:
            self.position = None
