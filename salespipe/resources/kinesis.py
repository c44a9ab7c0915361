"""The Kinesis data stream between the pipe and Firehose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from salespipe.resources.base import ABSENT, Observation, State
from salespipe.resources.observing import Tolerating, differences, judge, look, made, unpaired

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

_STATES: Final = {"ACTIVE": State.READY}


@dataclass(frozen=True, eq=False, kw_only=True)
class Stream:
    """A data stream: on-demand, or with ``shards`` shards when ``mode`` is PROVISIONED. Retention is in hours."""

    kind: ClassVar[str] = "kinesis stream"
    name: str
    mode: str
    shards: int
    retention_hours: int
    needs: tuple[Resource, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """What can drift, in the words of DescribeStreamSummary."""
        shards = {"OpenShardCount": self.shards} if self.mode == "PROVISIONED" else {}
        return {
            "StreamModeDetails": {"StreamMode": self.mode},
            "RetentionPeriodHours": self.retention_hours,
            **shards,
        }

    def describe(self, aws: Aws) -> Observation:
        """DescribeStreamSummary and ListTagsForStream."""
        kinesis = aws.client("kinesis")
        answer = look(lambda: kinesis.describe_stream_summary(StreamName=self.name))
        if answer is None:
            return ABSENT
        stream = answer["StreamDescriptionSummary"]
        status = stream["StreamStatus"]
        tags = look(lambda: kinesis.list_tags_for_stream(StreamName=self.name))
        drift = differences(self.settings, stream, defaults={"StreamModeDetails.StreamMode": "PROVISIONED"})
        state = _STATES.get(status, State.PENDING)
        return judge(
            aws,
            unpaired(tags["Tags"]) if tags else None,
            arn=stream["StreamARN"],
            state=state,
            detail=status,
            drift=drift,
            created=stream.get("StreamCreationTimestamp"),
        )

    def create(self, aws: Aws) -> None:
        """CreateStream; another retention than 24 hours can only be set once it is ACTIVE, as an update."""
        size = {"ShardCount": self.shards} if self.mode == "PROVISIONED" else {}
        kinesis = aws.client("kinesis")
        made(
            lambda: kinesis.create_stream(
                StreamName=self.name, StreamModeDetails={"StreamMode": self.mode}, Tags=aws.config.tags, **size
            ),
            "ResourceInUseException",
        )

    def update(self, aws: Aws, seen: Observation) -> None:
        """Repair the tags and one setting: the stream is UPDATING after each, and the next look finds the next."""
        kinesis = aws.client("kinesis")
        if seen.differs("tags"):
            kinesis.add_tags_to_stream(StreamName=self.name, Tags=aws.config.tags)
        with Tolerating("ResourceInUseException"):
            if seen.differs("StreamModeDetails"):
                kinesis.update_stream_mode(StreamARN=seen.arn, StreamModeDetails={"StreamMode": self.mode})
            elif seen.differs("RetentionPeriodHours"):
                self._retain(aws, seen)
            elif seen.differs("OpenShardCount"):
                kinesis.update_shard_count(
                    StreamName=self.name, TargetShardCount=self.shards, ScalingType="UNIFORM_SCALING"
                )

    def _retain(self, aws: Aws, seen: Observation) -> None:
        actual = next(drift.actual for drift in seen.drift if drift.field == "RetentionPeriodHours")
        kinesis = aws.client("kinesis")
        longer = self.retention_hours > actual
        change = kinesis.increase_stream_retention_period if longer else kinesis.decrease_stream_retention_period
        change(StreamName=self.name, RetentionPeriodHours=self.retention_hours)

    def delete(self, aws: Aws) -> None:
        """DeleteStream with whatever consumers were registered."""
        with Tolerating("ResourceInUseException"):
            aws.client("kinesis").delete_stream(StreamName=self.name, EnforceConsumerDeletion=True)
