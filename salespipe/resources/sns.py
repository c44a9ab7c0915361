"""The SNS topic that mails what the alarms say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from salespipe.resources.base import ABSENT, Drift, Observation, State
from salespipe.resources.observing import Tolerating, judge, look, pairs, unpaired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

PENDING: Final = "PendingConfirmation"  # SNS API reference, Subscribe: "pending confirmation" until it is confirmed


@dataclass(frozen=True, eq=False, kw_only=True)
class Topic:
    """A standard topic with one e-mail subscription, which AWS keeps pending until its reader agrees.

    Its e-mail subscriptions are what the configuration says; those of other protocols are the user's business.
    """

    kind: ClassVar[str] = "sns topic"
    name: str
    email: str
    needs: tuple[Resource, ...] = ()

    def describe(self, aws: Aws) -> Observation:
        """ListTagsForResource and ListSubscriptionsByTopic."""
        sns, arn = aws.client("sns"), self._arn(aws)
        tags = look(lambda: sns.list_tags_for_resource(ResourceArn=arn))
        if tags is None:
            return ABSENT
        mailed = {each["Endpoint"]: each["SubscriptionArn"] for each in self._mailed(aws)}
        # One that waits for its reader cannot be ended: it lapses by itself.
        there = sorted(each for each, subscription in mailed.items() if each == self.email or ":" in subscription)
        wanted = [self.email] if self.email else []
        drift = (Drift("Subscriptions.email", wanted, there),) if there != wanted else ()
        confirmed = ":" in mailed.get(self.email, PENDING)
        detail = f"mails {self.email}" if confirmed else f"waits for {self.email} to confirm the mail from AWS"
        return judge(aws, unpaired(tags["Tags"]), arn=arn, detail=detail if wanted else "", drift=drift)

    def create(self, aws: Aws) -> None:
        """CreateTopic, which would answer an existing topic as if it were new; then Subscribe."""
        if self.describe(aws).state is State.ABSENT:
            aws.client("sns").create_topic(Name=self.name, Tags=pairs(aws.config.tags))
            self._subscribe(aws)

    def update(self, aws: Aws, seen: Observation) -> None:
        """Subscribe, Unsubscribe, TagResource."""
        sns = aws.client("sns")
        if seen.differs("Subscriptions"):
            there = list(self._mailed(aws))
            for each in there:
                if each["Endpoint"] != self.email and ":" in each["SubscriptionArn"]:
                    with Tolerating():
                        sns.unsubscribe(SubscriptionArn=each["SubscriptionArn"])
            if all(each["Endpoint"] != self.email for each in there):
                self._subscribe(aws)
        if seen.differs("tags"):
            sns.tag_resource(ResourceArn=seen.arn, Tags=pairs(aws.config.tags))

    def delete(self, aws: Aws) -> None:
        """DeleteTopic, with its subscriptions."""
        with Tolerating():
            aws.client("sns").delete_topic(TopicArn=self._arn(aws))

    def _subscribe(self, aws: Aws) -> None:
        aws.client("sns").subscribe(TopicArn=self._arn(aws), Protocol="email", Endpoint=self.email)

    def _mailed(self, aws: Aws) -> Iterator[dict[str, Any]]:
        """The topic's e-mail subscriptions. An ARN is told of those that were confirmed only."""
        pages = aws.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._arn(aws))
        for page in look(lambda: list(pages)) or ():
            yield from (each for each in page["Subscriptions"] if each["Protocol"] == "email")

    def _arn(self, aws: Aws) -> str:
        return aws.names.arn("sns", self.name)
