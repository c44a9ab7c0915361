"""What each role may do: exact ARNs, and why where an ARN is not exact.

Who may assume a role is told by its service, and where the service is known to send it, by a key of our account: Pipes
sends ``aws:SourceAccount``, Firehose the account as ``sts:ExternalId`` (Firehose developer guide, controlling access).
``aws:SourceArn`` would be narrower still; neither page nor example says that either of them sends it, and a condition
that is never met looks like a role that is never ready. Lambda sends neither when it assumes a function's role, and of
Glue's crawlers nothing is known; who may use those two roles is limited by who may pass them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salespipe.names import Names
    from salespipe.resources.iam import Statement


def allow(sid: str, actions: list[str], resources: list[str], condition: Statement | None = None) -> Statement:
    """A statement that allows ``actions`` on ``resources`` (ARNs), under ``condition`` if there is one."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}
    return statement | {"Condition": condition} if condition else statement


def _own_bucket(names: Names) -> Statement:
    """Bucket names are free for everyone once a bucket is deleted: not one of the same name in another account.

    S3 itself knows whose a bucket is, whichever service asks (S3 user guide, s3:ResourceAccount).
    """
    return {"StringEquals": {"s3:ResourceAccount": names.account}}


def _own_logs(names: Names, purpose: str) -> Statement:
    # The group is made beforehand, with a retention: without CreateLogGroup it cannot come back after its deletion.
    group = names.arn("logs", f"log-group:{names.function_log_group(purpose)}:*")
    return allow("WriteOwnLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [group])


def generator(names: Names) -> tuple[Statement, ...]:
    """The generator Lambda writes orders in batches and carries them along their life, and never reads them."""
    return (allow("WriteOrders", ["dynamodb:BatchWriteItem"], [names.table_arn]), _own_logs(names, "generator"))


def transform(names: Names) -> tuple[Statement, ...]:
    """The transform Lambda needs nothing but its logs: Firehose hands it the records."""
    return (_own_logs(names, "transform"),)


def pipe(names: Names) -> tuple[Statement, ...]:
    """The pipe reads the table's stream and writes to Kinesis and, for what it gives up on, the dead-letter queue.

    CDK's own construct for a pipe lets its role write to its log, too (aws-pipes-alpha, CloudwatchLogsLogDestination).
    """
    group = names.arn("logs", f"log-group:{names.pipe_log_group}:*")
    logs = allow("WriteOwnLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [group])
    return (
        # A stream's ARN ends in the time at which it was switched on, so it cannot be known beforehand.
        allow(
            "ReadTableStream",
            ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
            [f"{names.table_arn}/stream/*"],
        ),
        # ListStreams cannot be narrowed to a table.
        allow("ListTableStreams", ["dynamodb:ListStreams"], ["*"]),
        allow("WriteToKinesis", ["kinesis:PutRecord", "kinesis:PutRecords"], [names.stream_arn]),
        allow("WriteDeadLetters", ["sqs:SendMessage"], [names.queue_arn]),
        *(() if names.config.pipe_log_level == "OFF" else (logs,)),
    )


def delivery(names: Names) -> tuple[Statement, ...]:
    """Firehose reads Kinesis, invokes the transform, writes to its two prefixes of the bucket, and logs."""
    transform_arn = names.function_arn("transform")
    log_stream = f"log-group:{names.delivery_log_group}:log-stream:{names.delivery_log_stream}"
    return (
        allow(
            "ReadKinesis",
            [
                "kinesis:DescribeStream",
                "kinesis:DescribeStreamSummary",
                "kinesis:GetShardIterator",
                "kinesis:GetRecords",
                "kinesis:ListShards",
            ],
            [names.stream_arn],
        ),
        # Firehose invokes the qualified name that it is configured with.
        allow(
            "InvokeTransform",
            ["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"],
            [transform_arn, f"{transform_arn}:$LATEST"],
        ),
        allow(
            "SeeBucket",
            ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
            [names.bucket_arn],
            _own_bucket(names),
        ),
        allow(
            "WriteLake",
            ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            [f"{names.bucket_arn}/{names.events_prefix}*", f"{names.bucket_arn}/{names.errors_prefix}*"],
            _own_bucket(names),
        ),
        allow("WriteLogs", ["logs:PutLogEvents"], [names.arn("logs", log_stream)]),
    )


def crawler(names: Names) -> tuple[Statement, ...]:
    """The crawler reads the lake's two table prefixes and keeps the tables of one database."""
    return (
        allow(
            "KeepCatalog",
            [
                "glue:BatchCreatePartition",
                "glue:BatchDeletePartition",
                "glue:BatchDeleteTable",
                "glue:BatchDeleteTableVersion",
                "glue:BatchGetPartition",
                "glue:BatchUpdatePartition",
                "glue:CreatePartition",
                "glue:CreateTable",
                "glue:DeletePartition",
                "glue:DeleteTable",
                "glue:GetDatabase",
                "glue:GetDatabases",
                "glue:GetPartition",
                "glue:GetPartitions",
                "glue:GetTable",
                "glue:GetTables",
                "glue:UpdateDatabase",
                "glue:UpdatePartition",
                "glue:UpdateTable",
            ],
            [
                names.arn("glue", "catalog"),
                names.arn("glue", f"database/{names.database}"),
                names.arn("glue", f"table/{names.database}/*"),
            ],
        ),
        allow(
            "ReadLake",
            ["s3:GetObject"],
            [f"{names.bucket_arn}/{names.events_prefix}*", f"{names.bucket_arn}/{names.products_prefix}*"],
            _own_bucket(names),
        ),
        allow("ListLake", ["s3:GetBucketLocation", "s3:ListBucket"], [names.bucket_arn], _own_bucket(names)),
        # Every crawler of an account logs to this one group, which the first of them creates; with a security
        # configuration to one whose name goes on.
        allow(
            "WriteLogs",
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            [names.arn("logs", "log-group:/aws-glue/crawlers*")],
        ),
    )
