"""CloudWatch log groups, made before those who write to them, so that they have a retention and can be deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from salespipe.resources.base import ABSENT, Drift, Observation
from salespipe.resources.observing import Tolerating, differences, judge, look, made

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource


@dataclass(frozen=True, eq=False, kw_only=True)
class LogGroup:
    """A log group with a retention, and with ``log_stream`` in it for a service that does not create its own."""

    kind: ClassVar[str] = "log group"
    name: str
    retention_days: int
    log_stream: str = ""
    needs: tuple[Resource, ...] = ()

    def describe(self, aws: Aws) -> Observation:
        """DescribeLogGroups, ListTagsForResource, and DescribeLogStreams where a stream is wanted."""
        logs = aws.client("logs")
        # The prefix search answers in the order of names, so the group itself comes before what it is a prefix of.
        found = logs.describe_log_groups(logGroupNamePrefix=self.name)["logGroups"]
        group = next((group for group in found if group["logGroupName"] == self.name), None)
        if group is None:
            return ABSENT
        arn = group["arn"].removesuffix(":*")
        tags = look(lambda: logs.list_tags_for_resource(resourceArn=arn))
        drift = differences({"retentionInDays": self.retention_days}, group)
        if self.log_stream and not self._has_stream(aws):
            drift += (Drift("logStream", self.log_stream, None),)
        created = datetime.fromtimestamp(group["creationTime"] / 1000, UTC) if "creationTime" in group else None
        return judge(aws, tags["tags"] if tags else None, arn=arn, drift=drift, created=created)

    def _has_stream(self, aws: Aws) -> bool:
        answer = look(
            lambda: aws.client("logs").describe_log_streams(logGroupName=self.name, logStreamNamePrefix=self.log_stream)
        )
        return any(stream["logStreamName"] == self.log_stream for stream in (answer or {}).get("logStreams", ()))

    def create(self, aws: Aws) -> None:
        """CreateLogGroup, PutRetentionPolicy, CreateLogStream."""
        logs = aws.client("logs")
        if made(
            lambda: logs.create_log_group(logGroupName=self.name, tags=aws.config.tags),
            "ResourceAlreadyExistsException",
        ):
            self._retain(aws)
            if self.log_stream:
                self._open(aws)

    def update(self, aws: Aws, seen: Observation) -> None:
        """Put back the retention, the stream or the tags."""
        if seen.differs("retentionInDays"):
            self._retain(aws)
        if seen.differs("logStream"):
            self._open(aws)
        if seen.differs("tags"):
            aws.client("logs").tag_resource(resourceArn=seen.arn, tags=aws.config.tags)

    def _retain(self, aws: Aws) -> None:
        aws.client("logs").put_retention_policy(logGroupName=self.name, retentionInDays=self.retention_days)

    def _open(self, aws: Aws) -> None:
        logs = aws.client("logs")
        made(
            lambda: logs.create_log_stream(logGroupName=self.name, logStreamName=self.log_stream),
            "ResourceAlreadyExistsException",
        )

    def delete(self, aws: Aws) -> None:
        """DeleteLogGroup, with everything in it."""
        with Tolerating("OperationAbortedException"):
            aws.client("logs").delete_log_group(logGroupName=self.name)
