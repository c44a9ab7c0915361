"""The EventBridge Pipe from the table's stream to Kinesis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from salespipe.errors import SalespipeError
from salespipe.resources.base import ABSENT, Drift, Observation, Remedy, State
from salespipe.resources.dynamodb import stream_arn
from salespipe.resources.observing import Tolerating, differences, judge, look, made

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

# STOPPED is somebody's doing and mended by an update: DesiredState drifts with it. Service model pipes.PipeState.
_STATES: Final = {"RUNNING": State.READY, "STOPPED": State.READY}
# The pipe checks its source, target and queue only after CreatePipe has answered, with a role and a stream that may be
# seconds old. With one of these reasons, in lower case, the same call succeeds a minute or two later.
_PASSING_REASONS: Final = (
    "cannot access stream",
    "please ensure the customer role can perform actions",
    "does not have permissions to call",
    "error occurred while sending message to sqs queue",
    "unable to assume",
    "cannot be assumed",
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Pipe:
    """A pipe from the stream of ``table`` to a Kinesis stream, bounded so that a bad record cannot block it.

    AWS's default is to retry for ever. ``filters`` are event patterns as JSON text, of which any may match; without
    one every event passes. ``partition_key`` is a path into the event that exists on REMOVE too. What ``log_level``
    says is logged to ``log_group_arn``; with OFF the group need not be there.
    """

    kind: ClassVar[str] = "eventbridge pipe"
    name: str
    role_arn: str
    table: str
    target_arn: str
    queue_arn: str
    partition_key: str
    batch_size: int
    batch_window_seconds: int
    max_retries: int
    max_age_seconds: int
    filters: tuple[str, ...] = ()
    log_level: str = "OFF"
    log_group_arn: str = ""
    needs: tuple[Resource, ...] = ()

    @property
    def reading(self) -> dict[str, Any]:
        """How the stream is read: what CreatePipe and UpdatePipe have in common."""
        return {
            "BatchSize": self.batch_size,
            "MaximumBatchingWindowInSeconds": self.batch_window_seconds,
            "MaximumRecordAgeInSeconds": self.max_age_seconds,
            "MaximumRetryAttempts": self.max_retries,
            "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
            "ParallelizationFactor": 1,
            "DeadLetterConfig": {"Arn": self.queue_arn},
        }

    @property
    def _filters(self) -> dict[str, Any]:
        return {"Filters": [{"Pattern": pattern} for pattern in self.filters]}

    @property
    def _target(self) -> dict[str, Any]:
        return {"KinesisStreamParameters": {"PartitionKey": self.partition_key}}

    @property
    def _logging(self) -> dict[str, Any]:
        if self.log_level == "OFF":
            return {"Level": "OFF"}
        return {"Level": self.log_level, "CloudwatchLogsLogDestination": {"LogGroupArn": self.log_group_arn}}

    def describe(self, aws: Aws) -> Observation:
        """DescribePipe, which carries the tags, and the ARN that the table's stream has now."""
        answer = look(lambda: aws.client("pipes").describe_pipe(Name=self.name))
        if answer is None:
            return ABSENT
        status = answer["CurrentState"]
        reason = answer.get("StateReason", "")
        state = _STATES.get(status, State.FAILED if status.endswith("_FAILED") else State.PENDING)
        drift = self._drift(answer)
        source = stream_arn(aws, self.table)
        if answer["Source"] != source:
            # The table was made anew, and a pipe's source cannot be changed: this one reads a stream that is dead.
            drift += (Drift("Source", source, answer["Source"], Remedy.REPLACE),)
        return judge(
            aws,
            answer.get("Tags", {}),
            arn=answer["Arn"],
            state=state,
            detail=f"{status}: {reason}" if reason else status,
            drift=drift,
            transient=any(passing in reason.lower() for passing in _PASSING_REASONS),
            created=answer.get("CreationTime"),
        )

    def _drift(self, pipe: dict[str, Any]) -> tuple[Drift, ...]:
        source = pipe.get("SourceParameters", {})
        wanted = {
            "DesiredState": "RUNNING",
            "RoleArn": self.role_arn,
            "Target": self.target_arn,
            "TargetParameters": self._target,
            "Filters": list(self.filters),
            "DynamoDBStreamParameters": self.reading,
            "LogConfiguration": self._logging,
        }
        patterns = [each["Pattern"] for each in source.get("FilterCriteria", {}).get("Filters", ())]
        defaults = {
            "DynamoDBStreamParameters.ParallelizationFactor": 1,
            "DynamoDBStreamParameters.MaximumBatchingWindowInSeconds": 0,
            "LogConfiguration.Level": "OFF",
        }
        told = {"Filters": patterns, "LogConfiguration": _without_stars(pipe.get("LogConfiguration") or {})}
        return differences(wanted, pipe | source | told, defaults=defaults)

    def create(self, aws: Aws) -> None:
        """CreatePipe from the beginning of the stream, so that what was written before it is not missed."""
        source = stream_arn(aws, self.table)
        if source is None:
            raise SalespipeError(
                "NoTableStream",
                f"Table {self.table} has no stream for pipe {self.name} to read.",
                hint="salespipe up",
            )
        pipes = aws.client("pipes")
        parameters: dict[str, Any] = {
            "DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON", **self.reading},
        }
        if self.filters:
            parameters["FilterCriteria"] = self._filters
        logging = {} if self.log_level == "OFF" else {"LogConfiguration": self._logging}
        made(
            lambda: aws.eventually(
                "pipes",
                lambda: pipes.create_pipe(
                    Name=self.name,
                    Description="Order events to Kinesis, by salespipe.",
                    DesiredState="RUNNING",
                    RoleArn=self.role_arn,
                    Source=source,
                    SourceParameters=parameters,
                    Target=self.target_arn,
                    TargetParameters=self._target,
                    Tags=aws.config.tags,
                    **logging,
                ),
            ),
            "ConflictException",
        )

    def update(self, aws: Aws, seen: Observation) -> None:
        """UpdatePipe, given whole: what it omits goes back to its default, and only an empty list clears filters."""
        pipes = aws.client("pipes")
        if seen.differs("tags"):
            pipes.tag_resource(resourceArn=seen.arn, tags=aws.config.tags)
        if all(drift.field.startswith("tags.") for drift in seen.drift):
            return
        with Tolerating("ConflictException"):
            aws.eventually(
                "pipes",
                lambda: pipes.update_pipe(
                    Name=self.name,
                    Description="Order events to Kinesis, by salespipe.",
                    DesiredState="RUNNING",
                    RoleArn=self.role_arn,
                    SourceParameters={"FilterCriteria": self._filters, "DynamoDBStreamParameters": self.reading},
                    Target=self.target_arn,
                    TargetParameters=self._target,
                    LogConfiguration=self._logging,
                ),
            )

    def delete(self, aws: Aws) -> None:
        """DeletePipe; refused while it is being created or updated."""
        with Tolerating("ConflictException"):
            aws.client("pipes").delete_pipe(Name=self.name)


def _without_stars(logging: dict[str, Any]) -> dict[str, Any]:
    """The pipe's LogConfiguration with its group's ARN as it was given; CloudWatch Logs itself writes ``:*`` behind."""
    group = (logging.get("CloudwatchLogsLogDestination") or {}).get("LogGroupArn")
    if not group:
        return logging
    return logging | {"CloudwatchLogsLogDestination": {"LogGroupArn": group.removesuffix(":*")}}
