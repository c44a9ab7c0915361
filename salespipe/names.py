"""Every name, ARN and prefix of one pipeline: nothing is named anywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from salespipe.config import Config


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """Every name, ARN and prefix of one pipeline in one account and region."""

    config: Config
    account: str

    events_table = "order_events"
    products_table = "products"
    quarantine_table = "quarantine"
    orders_view = "orders"
    history_view = "order_history"
    inventory_view = "inventory"
    customers_view = "customers"
    events_prefix = "order_events/"
    products_prefix = "products/"
    errors_prefix = "errors/"
    results_prefix = "athena-results/"
    role_path = "/salespipe/"
    delivery_log_stream = "DestinationDelivery"
    alarm_purposes = (
        "stream-behind",
        "delivery-behind",
        "transform-failing",
        "transform-throttled",
        "generator-failing",
        "generator-throttled",
        "table-throttled",
        "stream-throttled",
        "pipe-failing",
        "dead-letters",
    )
    crawler_log_group = "/aws-glue/crawlers"

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn`` or ``aws-us-gov``, by the region's prefix."""
        return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self.config.region.rsplit("-", 2)[0], "aws")

    def arn(self, service: str, resource: str, *, region: str | None = None, account: str | None = None) -> str:
        """An ARN in this pipeline's partition; region and account default to the pipeline's own."""
        where = self.config.region if region is None else region
        who = self.account if account is None else account
        return f"arn:{self.partition}:{service}:{where}:{who}:{resource}"

    @property
    def bucket(self) -> str:
        """Bucket names are global: account and region make this one ours."""
        return f"{self.config.name}-{self.account}-{self.config.region}"

    @property
    def bucket_arn(self) -> str:
        """The bucket's ARN, which carries neither region nor account."""
        return self.arn("s3", self.bucket, region="", account="")

    @property
    def table(self) -> str:
        """The DynamoDB table."""
        return self.config.table.name

    @property
    def table_arn(self) -> str:
        """The table's ARN; its stream's ARN is only known once it exists."""
        return self.arn("dynamodb", f"table/{self.table}")

    @property
    def stream(self) -> str:
        """The Kinesis data stream."""
        return f"{self.config.name}-orders"

    @property
    def stream_arn(self) -> str:
        """The Kinesis data stream's ARN."""
        return self.arn("kinesis", f"stream/{self.stream}")

    @property
    def queue(self) -> str:
        """The SQS dead-letter queue of the pipe."""
        return f"{self.config.name}-pipe-dlq"

    @property
    def queue_arn(self) -> str:
        """The dead-letter queue's ARN."""
        return self.arn("sqs", self.queue)

    @property
    def pipe(self) -> str:
        """The EventBridge Pipe."""
        return f"{self.config.name}-orders"

    @property
    def pipe_log_group(self) -> str:
        """Where the pipe logs. Below this prefix a group needs no place in a resource policy, whose size is limited."""
        return f"/aws/vendedlogs/pipes/{self.pipe}"

    @property
    def delivery(self) -> str:
        """The Firehose delivery stream."""
        return f"{self.config.name}-orders"

    @property
    def delivery_log_group(self) -> str:
        """Where Firehose logs what it could not deliver."""
        return f"/aws/kinesisfirehose/{self.delivery}"

    def function(self, purpose: str) -> str:
        """A Lambda function, by purpose: ``transform`` or ``generator``."""
        return f"{self.config.name}-{purpose}"

    def function_arn(self, purpose: str) -> str:
        """A Lambda function's ARN, without a qualifier."""
        return self.arn("lambda", f"function:{self.function(purpose)}")

    def function_log_group(self, purpose: str) -> str:
        """A Lambda function's log group."""
        return f"/aws/lambda/{self.function(purpose)}"

    @property
    def log_group_arns(self) -> tuple[str, ...]:
        """The ARN of everything that is logged, as IAM wants it; all crawlers of an account share one group."""
        groups = (
            *(self.function_log_group("generator"), self.pipe_log_group, self.delivery_log_group),
            *(self.function_log_group("transform"), self.crawler_log_group),
        )
        return tuple(self.arn("logs", f"log-group:{group}:*") for group in groups)

    def role(self, purpose: str) -> str:
        """An IAM role, by purpose: ``generator``, ``transform``, ``pipe``, ``delivery`` or ``crawler``.

        IAM is global, so the region keeps two deployments of one name apart (RoleName allows 64 characters).
        """
        return f"{self.config.name}-{purpose}-{self.config.region}"

    def role_arn(self, purpose: str) -> str:
        """An IAM role's ARN, path included."""
        return self.arn("iam", f"role{self.role_path}{self.role(purpose)}", region="")

    @property
    def database(self) -> str:
        """The Glue database: lower case without hyphens, so that SQL needs no quotes."""
        return self.config.name.replace("-", "_")

    @property
    def classifier(self) -> str:
        """The custom JSON classifier."""
        return f"{self.config.name}-orders-json"

    @property
    def crawler(self) -> str:
        """The Glue crawler."""
        return f"{self.config.name}-lake"

    @property
    def workgroup(self) -> str:
        """The Athena workgroup."""
        return self.config.name

    @property
    def results_location(self) -> str:
        """Where Athena writes results: an S3 URI ending in a slash."""
        return f"s3://{self.bucket}/{self.results_prefix}"

    @property
    def rule(self) -> str:
        """The EventBridge rule that runs the generator."""
        return f"{self.config.name}-generator"

    @property
    def rule_arn(self) -> str:
        """The rule's ARN, on the default bus."""
        return self.arn("events", f"rule/{self.rule}")

    def alarm(self, purpose: str) -> str:
        """A CloudWatch alarm, by what it watches: one of ``alarm_purposes``."""
        return f"{self.config.name}-{purpose}"

    @property
    def dashboard(self) -> str:
        """The CloudWatch dashboard. Dashboards belong to the account, so the region keeps two of one name apart."""
        return f"{self.config.name}-{self.config.region}"

    @property
    def topic(self) -> str:
        """The SNS topic that mails alarms."""
        return f"{self.config.name}-alarms"

    @property
    def topic_arn(self) -> str:
        """The topic's ARN."""
        return self.arn("sns", self.topic)
