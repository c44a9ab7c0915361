"""The SQS queue for what the pipe gives up on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from salespipe.resources.base import ABSENT, Observation, State
from salespipe.resources.observing import Tolerating, judge, look, made

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

# 14 days, the longest that SQS keeps a message. SQS's own encryption needs no further right, a KMS key would.
_ATTRIBUTES: Final = {"MessageRetentionPeriod": "1209600", "SqsManagedSseEnabled": "true"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Queue:
    """A standard queue that keeps dead letters for 14 days. A name is free again 60 seconds after its deletion."""

    kind: ClassVar[str] = "sqs queue"
    name: str
    needs: tuple[Resource, ...] = ()

    def describe(self, aws: Aws) -> Observation:
        """GetQueueUrl and ListQueueTags."""
        sqs = aws.client("sqs")
        queue = look(lambda: sqs.get_queue_url(QueueName=self.name))
        if queue is None:
            return ABSENT
        answer = look(lambda: sqs.list_queue_tags(QueueUrl=queue["QueueUrl"]))
        if answer is None:
            return ABSENT  # deleted a moment ago: the URL is answered for up to a minute
        return judge(aws, answer.get("Tags", {}), arn=aws.names.arn("sqs", self.name))

    def create(self, aws: Aws) -> None:
        """CreateQueue, which would answer an existing queue as if it were new: only what is absent is asked for."""
        if self.describe(aws).state is not State.ABSENT:
            return
        sqs = aws.client("sqs")
        made(
            lambda: aws.eventually(
                "sqs", lambda: sqs.create_queue(QueueName=self.name, Attributes=_ATTRIBUTES, tags=aws.config.tags)
            ),
            "QueueNameExists",
            "QueueAlreadyExists",
        )

    def update(self, aws: Aws, seen: Observation) -> None:  # noqa: ARG002 - the tags are all that is watched
        """TagQueue."""
        sqs = aws.client("sqs")
        sqs.tag_queue(QueueUrl=sqs.get_queue_url(QueueName=self.name)["QueueUrl"], Tags=aws.config.tags)

    def delete(self, aws: Aws) -> None:
        """DeleteQueue."""
        sqs = aws.client("sqs")
        with Tolerating():
            sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=self.name)["QueueUrl"])
