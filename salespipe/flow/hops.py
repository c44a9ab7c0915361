"""The stages between the table and the bucket as AWS describes them now, and which of them is stuck."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from salespipe.resources.observing import look

if TYPE_CHECKING:
    from salespipe.aws import Aws

# Service model pipes.PipeState: in these a pipe moves events, or will in a moment.
_MOVING: Final = frozenset({"RUNNING", "CREATING", "UPDATING", "STARTING"})


@dataclass(frozen=True, slots=True)
class Pipe:
    """A pipe's state, AWS's reason for it, and whether it passes on only some events."""

    state: str
    reason: str
    filters: bool

    @property
    def moving(self) -> bool:
        """Whether events go through it, or will in a moment."""
        return self.state in _MOVING


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery stream's state, and since when it reads the Kinesis stream: nothing older is ever delivered."""

    state: str
    since: datetime | None

    @property
    def reading(self) -> bool:
        """Whether it ever read anything, and is not about to be gone."""
        return self.state == "ACTIVE"


def pipe(aws: Aws) -> Pipe | None:
    """DescribePipe; None where there is none, or it is being deleted."""
    answer = look(lambda: aws.client("pipes").describe_pipe(Name=aws.names.pipe))
    if answer is None or answer["CurrentState"] == "DELETING":
        return None
    filters = answer.get("SourceParameters", {}).get("FilterCriteria", {}).get("Filters", [])
    return Pipe(answer["CurrentState"], answer.get("StateReason", ""), bool(filters))


def delivery(aws: Aws) -> Delivery | None:
    """DescribeDeliveryStream; None where there is none."""
    firehose = aws.client("firehose")
    answer = look(lambda: firehose.describe_delivery_stream(DeliveryStreamName=aws.names.delivery))
    if answer is None:
        return None
    described = answer["DeliveryStreamDescription"]
    source = described.get("Source", {}).get("KinesisStreamSourceDescription", {})
    return Delivery(described["DeliveryStreamStatus"], source.get("DeliveryStartTimestamp"))


def has_bucket(aws: Aws) -> bool:
    """Whether the bucket exists."""
    return look(lambda: aws.client("s3").head_bucket(Bucket=aws.names.bucket)) is not None


def dead_letters(aws: Aws) -> int:
    """About how many messages the pipe's dead-letter queue holds; 0 where there is no queue, or it may not be asked."""
    from botocore.exceptions import ClientError

    sqs = aws.client("sqs")
    try:
        url = sqs.get_queue_url(QueueName=aws.names.queue)["QueueUrl"]
        asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    except ClientError:
        return 0
    return int(asked["Attributes"]["ApproximateNumberOfMessages"])


def why_pipe(aws: Aws, written: datetime) -> str:
    """What to say of a pipe that does not pass on what was written then."""
    found = pipe(aws)
    if found is None:
        return f"the pipe {aws.names.pipe} is gone, and what was written at {written:%H:%M:%S} UTC never left the table"
    state = f"{found.state} ({found.reason})" if found.reason else found.state
    letters = dead_letters(aws)
    queue = f"; its dead-letter queue holds {letters}" if letters else ""
    return (
        f"the pipe {aws.names.pipe} is {state} and has not passed on what was written at {written:%H:%M:%S} UTC{queue}"
    )


def why_delivery(aws: Aws, arrived: datetime) -> str:
    """What to say of a Firehose that does not deliver what arrived then, with what it may be waiting for."""
    found = delivery(aws)
    state = found.state if found else "gone"
    said = f"Firehose {aws.names.delivery} is {state} and has not delivered what arrived at {arrived:%H:%M:%S} UTC"
    trouble = transform_trouble(aws)
    return f"{said}; {trouble}" if trouble else f"{said} (log group {aws.names.delivery_log_group} may say why)"


def transform_trouble(aws: Aws) -> str:
    """What keeps the transform from running, or an empty string: service model lambda, GetFunction."""
    from botocore.exceptions import ClientError

    name = aws.names.function("transform")
    try:
        function: dict[str, Any] | None = look(lambda: aws.client("lambda").get_function(FunctionName=name))
    except ClientError:
        return ""  # who may not ask is told of Firehose alone
    if function is None:
        return f"its transform {name} is gone"
    state = function["Configuration"].get("State", "Active")
    # An idle function is Inactive and wakes up by itself.
    if state not in {"Active", "Inactive"}:
        return f"its transform {name} is {state}"
    if function.get("Concurrency", {}).get("ReservedConcurrentExecutions") == 0:
        return f"its transform {name} may not run: its reserved concurrency is 0"
    return ""
