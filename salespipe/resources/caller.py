"""What the person, or the CI role, who runs salespipe may do: exact ARNs, and why where an ARN is not exact.

``use`` is enough to look (``plan``, ``status``, ``doctor``), to write orders and to question the lake; ``deploy`` and
``roles`` add what ``up`` and ``down`` change, so that whoever deploys has all three. Together they are too long for an
inline policy (IAM quotas: 10,240 characters for a role, 2,048 for a user): they are made for managed policies, of which
a user or a role can have ten.

Whoever deploys also writes the policies of this pipeline's five roles and hands each to its service, and so may do
through them what he may not do himself. No list of actions prevents that; a permissions boundary or a service control
policy of the account does.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from salespipe.resources.caller_arns import Arns
from salespipe.resources.iam import document
from salespipe.resources.policies import allow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from salespipe.names import Names
    from salespipe.resources.iam import Statement

# Service authorization reference: none of these has a resource type, so that no ARN can be given. They are held to the
# pipeline's region instead.
WITHOUT_RESOURCE: Final[Mapping[str, str]] = {
    "cloudwatch:GetMetricData": "status reads the metrics of every part in one call",
    "glue:CreateClassifier": "classifiers have no ARN",
    "glue:CreateCrawler": "a crawler's ARN is not asked for until it exists",
    "glue:DeleteClassifier": "classifiers have no ARN",
    "glue:GetClassifier": "classifiers have no ARN",
    "glue:UpdateClassifier": "classifiers have no ARN",
    "kinesis:DescribeLimits": "doctor reads the account's limits",
    "kinesis:UpdateShardCount": "repairs the number of shards of a provisioned stream",
    "kinesis:UpdateStreamMode": "repairs the mode of the stream",
    "lakeformation:GetDataLakeSettings": "doctor reads the account's mode",
    "lambda:GetAccountSettings": "doctor reads the account's concurrency",
    "logs:DescribeLogGroups": "lists by prefix, over the account",
    "pipes:ListPipes": "doctor counts the account's pipes",
}

# A pipe's logs are delivered by CloudWatch Logs' own infrastructure, for which whoever sets it up has to be allowed all
# this (CloudWatch Logs user guide, "Logging that requires additional permissions [V1]"). None has a resource type.
LOG_DELIVERY: Final = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)

_TABLE_OF_OURS: Final = "CreateTable DeleteTable TagResource UpdateTable"
_TABLE_OF_YOURS: Final = "UpdateTable"  # its stream is switched on, and nothing else is done to it

# IAM quotas; white space does not count.
_MANAGED_POLICY: Final = 6144


def caller_policy(names: Names) -> dict[str, Any]:
    """The whole as one document, longer than any single policy may be: for reading and for simulating."""
    return document(*(statement for statements in _GROUPS.values() for statement in statements(names)))


def caller_policies(names: Names) -> dict[str, dict[str, Any]]:
    """The same as documents that each fit into a managed policy, by a name for it: ``salespipe-dev-use`` and so on.

    Where the names of a pipeline are so long that one does not fit, what is left is in ``-use-2``.
    """
    return {
        name: policy
        for group, statements in _GROUPS.items()
        for name, policy in _fitted(f"{names.config.name}-{group}", statements(names))
    }


def granting(names: Names, action: str, arn: str = "") -> Statement | None:
    """The statement that allows the caller ``action`` (``s3:PutObject``) on ``arn``, cut down to it; None if none does.

    Without an ARN, since AWS does not always name it (S3's "Access Denied", Athena's "on the resource"), on all that
    the caller needs it on; of several statements, those whose condition is that of the first.
    """
    found = [
        each
        for each in caller_policy(names)["Statement"]
        if action in each["Action"] and (not arn or arn in each["Resource"])
    ]
    if not found:
        return None
    alike = [each for each in found if each.get("Condition") == found[0].get("Condition")]
    resources = [arn] if arn else list(dict.fromkeys(every for each in alike for every in each["Resource"]))
    return allow(found[0]["Sid"], [action], resources, found[0].get("Condition"))


def _fitted(name: str, statements: tuple[Statement, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    number, held = 1, document()
    for statement in statements:
        longer = document(*held["Statement"], statement)
        if len(json.dumps(longer, separators=(",", ":"))) > _MANAGED_POLICY:
            yield _numbered(name, number), held
            number, longer = number + 1, document(statement)
        held = longer
    yield _numbered(name, number), held


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def _on(sid: str, service: str, actions: str, *arns: str, condition: Statement | None = None) -> Statement:
    return allow(sid, [f"{service}:{action}" for action in actions.split()], list(arns), condition)


def _everywhere(names: Names, sid: str, *actions: str) -> Statement:
    """Actions on no resource of their own. ``aws:RequestedRegion`` is part of every request (IAM user guide)."""
    return allow(sid, list(actions), ["*"], {"StringEquals": {"aws:RequestedRegion": names.config.region}})


def _pass(names: Names, service: str, *purposes: str) -> Statement:
    """Each role may be handed to its own service only."""
    condition = {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}
    return _on(f"PassTo{service.capitalize()}", "iam", "PassRole", *map(names.role_arn, purposes), condition=condition)


def _use(names: Names) -> tuple[Statement, ...]:
    arns = Arns(names)
    return (
        _on("SeeRoles", "iam", "GetRole GetRolePolicy", *arns.roles),
        # doctor asks IAM whether the caller may do all this; a session does not name its role's path, which it needs.
        _on("SeeOwnRole", "iam", "GetRole", arns.any_role),
        _on("SimulateOneself", "iam", "SimulatePrincipalPolicy", *arns.oneself),
        _on("WriteOrders", "dynamodb", "BatchWriteItem DescribeTable GetItem ListTagsOfResource Scan", names.table_arn),
        # A table stream's ARN ends in the time at which it was switched on.
        _on(
            *("ReadTableStream", "dynamodb"),
            "DescribeStream GetRecords GetShardIterator",
            f"{names.table_arn}/stream/*",
        ),
        _on("SeePipe", "pipes", "DescribePipe", arns.pipe),
        _on("SeeDeadLetters", "sqs", "GetQueueAttributes GetQueueUrl ListQueueTags", names.queue_arn),
        # What could not be delivered is put on its way again, and then taken out of where it lay.
        _on("TakeDeadLetters", "sqs", "ChangeMessageVisibility DeleteMessage ReceiveMessage", names.queue_arn),
        _on("ReplayEvents", "kinesis", "PutRecords", names.stream_arn),
        _on(
            *("ReadStream", "kinesis"),
            "DescribeStreamSummary GetRecords GetShardIterator ListShards ListTagsForStream RegisterStreamConsumer",
            names.stream_arn,
        ),
        # A consumer's ARN ends in its name and the time at which it was registered.
        _on(
            *("ReadPushed", "kinesis"),
            "DeregisterStreamConsumer DescribeStreamConsumer SubscribeToShard",
            f"{names.stream_arn}/consumer/*",
        ),
        _on("SeeDelivery", "firehose", "DescribeDeliveryStream ListTagsForDeliveryStream", arns.delivery),
        _on("SeeFunctions", "lambda", "GetFunction GetFunctionEventInvokeConfig GetPolicy", *arns.functions),
        _on("SeeSchedule", "events", "DescribeRule ListTagsForResource ListTargetsByRule", names.rule_arn),
        # Orders that the generator Lambda writes by itself are orders, too.
        _on("RunSchedule", "events", "DisableRule EnableRule PutTargets", names.rule_arn),
        _on("SeeLogs", "logs", "DescribeLogStreams", *arns.logs),
        _on("SeeLogTags", "logs", "ListTagsForResource", *arns.log_tags),
        # The pipe's also while it is not to log: what it logged before is there.
        _on("ReadLogs", "logs", "FilterLogEvents", *names.log_group_arns),
        _on(
            *("SeeBucket", "s3"),
            "GetBucketLocation GetBucketPublicAccessBlock GetBucketTagging GetLifecycleConfiguration ListBucket "
            "ListBucketMultipartUploads",
            names.bucket_arn,
        ),
        # Athena reads the lake and writes results in the caller's name.
        _on("ReadLake", "s3", "GetObject", *arns.read),
        _on("WriteProducts", "s3", "PutObject", f"{names.bucket_arn}/{names.products_prefix}*"),
        _on("WriteResults", "s3", "AbortMultipartUpload ListMultipartUploadParts PutObject", arns.results),
        _on("TakeFailures", "s3", "DeleteObject PutObject", f"{names.bucket_arn}/{names.errors_prefix}*"),
        _on(
            *("QueryLake", "athena"),
            "BatchGetNamedQuery GetQueryExecution GetQueryResults GetWorkGroup ListNamedQueries ListTagsForResource "
            "StartQueryExecution StopQueryExecution",
            arns.workgroup,
        ),
        _on(
            *("KeepViews", "glue"),
            "BatchGetPartition CreateTable GetDatabase GetPartition GetPartitions GetTable GetTables UpdateTable",
            *arns.tables,
        ),
        # Athena looks for the database named default, whichever a query names: "must be present" (Athena user guide,
        # configure access to databases and tables in the Data Catalog).
        _on(
            *("SeeDefaultDatabase", "glue"),
            "CreateDatabase GetDatabase GetDatabases",
            *(arns.catalog, arns.default_database),
        ),
        # Alarms are listed by the beginning of their names, which IAM does not see.
        _on("SeeAlarms", "cloudwatch", "DescribeAlarms", names.arn("cloudwatch", "alarm:*")),
        _on("SeeDashboard", "cloudwatch", "GetDashboard", arns.dashboard),
        _on("SeeTopic", "sns", "ListSubscriptionsByTopic ListTagsForResource", names.topic_arn),
        _on("Crawl", "glue", "GetCrawler StartCrawler", arns.crawler),
        _on("SeeGlueTags", "glue", "GetTags", arns.crawler, arns.database),
        _everywhere(
            names,
            "SeeAccount",
            "cloudwatch:GetMetricData",
            "glue:GetClassifier",
            "kinesis:DescribeLimits",
            "lakeformation:GetDataLakeSettings",
            "lambda:GetAccountSettings",
            "logs:DescribeLogGroups",
            "pipes:ListPipes",
        ),
    )


def _deploy(names: Names) -> tuple[Statement, ...]:
    arns, lent = Arns(names), names.config.table.existing
    return (
        _on("KeepTable", "dynamodb", _TABLE_OF_YOURS if lent else _TABLE_OF_OURS, names.table_arn),
        _on("KeepPipe", "pipes", "CreatePipe DeletePipe TagResource UpdatePipe", arns.pipe),
        _on("KeepDeadLetters", "sqs", "CreateQueue DeleteQueue TagQueue", names.queue_arn),
        # Tags given to CreateStream ask for AddTagsToStream; TagResource does not do (service model, CreateStream).
        _on(
            *("KeepStream", "kinesis"),
            "AddTagsToStream CreateStream DecreaseStreamRetentionPeriod DeleteStream IncreaseStreamRetentionPeriod",
            names.stream_arn,
        ),
        _on(
            *("KeepDelivery", "firehose"),
            "CreateDeliveryStream DeleteDeliveryStream TagDeliveryStream UpdateDestination",
            arns.delivery,
        ),
        _on(
            *("KeepFunctions", "lambda"),
            "AddPermission CreateFunction DeleteFunction PutFunctionEventInvokeConfig RemovePermission TagResource "
            "UpdateFunctionCode UpdateFunctionConfiguration",
            *arns.functions,
        ),
        _on(
            *("KeepSchedule", "events"),
            "DeleteRule PutRule RemoveTargets TagResource",
            names.rule_arn,
        ),
        _on("KeepLogs", "logs", "CreateLogGroup CreateLogStream DeleteLogGroup PutRetentionPolicy", *arns.logs),
        _on("TagLogs", "logs", "TagResource", *arns.log_tags, *arns.logs),
        *(() if names.config.pipe_log_level == "OFF" else (_everywhere(names, "DeliverPipeLogs", *LOG_DELIVERY),)),
        # Tags given to CreateBucket ask for TagResource (API reference, CreateBucketConfiguration).
        _on(
            *("KeepBucket", "s3"),
            "CreateBucket DeleteBucket ListBucketVersions PutBucketPublicAccessBlock PutBucketTagging "
            "PutEncryptionConfiguration PutLifecycleConfiguration TagResource",
            names.bucket_arn,
        ),
        _on("EmptyBucket", "s3", "AbortMultipartUpload DeleteObject DeleteObjectVersion", f"{names.bucket_arn}/*"),
        _on("KeepDatabase", "glue", "BatchDeleteTable CreateDatabase DeleteDatabase", *arns.contents),
        _on("KeepCrawler", "glue", "DeleteCrawler StopCrawler UpdateCrawler", arns.crawler),
        _on("TagGlue", "glue", "TagResource", arns.crawler, arns.database),
        _on(
            *("KeepWorkGroup", "athena"),
            "BatchGetQueryExecution CreateNamedQuery CreateWorkGroup DeleteNamedQuery DeleteWorkGroup "
            "ListQueryExecutions TagResource UpdateNamedQuery UpdateWorkGroup",
            arns.workgroup,
        ),
        _on("KeepAlarms", "cloudwatch", "DeleteAlarms PutMetricAlarm TagResource", *arns.alarms),
        _on("KeepDashboard", "cloudwatch", "DeleteDashboards PutDashboard", arns.dashboard),
        # Whoever may publish to a topic through an alarm is for the topic's own policy.
        _on("KeepTopic", "sns", "CreateTopic DeleteTopic Subscribe TagResource Unsubscribe", names.topic_arn),
        _everywhere(
            names,
            "KeepWhatHasNoArn",
            "glue:CreateClassifier",
            "glue:CreateCrawler",
            "glue:DeleteClassifier",
            "glue:UpdateClassifier",
            "kinesis:UpdateShardCount",
            "kinesis:UpdateStreamMode",
        ),
    )


def _roles(names: Names) -> tuple[Statement, ...]:
    arns = Arns(names)
    return (
        _on(
            *("KeepRoles", "iam"),
            "CreateRole DeleteRole DeleteRolePolicy DetachRolePolicy ListAttachedRolePolicies ListRolePolicies "
            "PutRolePolicy TagRole UpdateAssumeRolePolicy",
            *arns.roles,
        ),
        _pass(names, "lambda", "generator", "transform"),
        _pass(names, "pipes", "pipe"),
        _pass(names, "firehose", "delivery"),
        _pass(names, "glue", "crawler"),
    )


_GROUPS: Final[Mapping[str, Callable[[Names], tuple[Statement, ...]]]] = {
    "use": _use,
    "deploy": _deploy,
    "roles": _roles,
}
