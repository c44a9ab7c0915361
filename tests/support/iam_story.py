"""What IAM would ask for each API call that a story makes, and whether a policy allows it.

Of the actions and ARNs the service authorization reference is the source, and where a call asks for more than its own
action, the API reference of that call.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock

from arn_patterns import covers
from salespipe.aws import Aws
from salespipe.names import Names

# Actions that are not named after the operation, and operations that need several.
_ACTIONS: dict[str, tuple[str, ...]] = {
    "s3:DeleteObjects": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "s3:GetBucketLifecycleConfiguration": ("s3:GetLifecycleConfiguration",),
    "s3:GetPublicAccessBlock": ("s3:GetBucketPublicAccessBlock",),
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:ListMultipartUploads": ("s3:ListBucketMultipartUploads",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:PutBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3:PutBucketLifecycleConfiguration": ("s3:PutLifecycleConfiguration",),
    "s3:PutPublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
    "sqs:ChangeMessageVisibilityBatch": ("sqs:ChangeMessageVisibility",),
    "sqs:DeleteMessageBatch": ("sqs:DeleteMessage",),
    "sts:GetCallerIdentity": (),  # "no permissions are required"
}
# What a call asks for beside its own action when it carries tags.
_TAGGING = {
    "athena:CreateWorkGroup": "athena:TagResource",
    "cloudwatch:PutMetricAlarm": "cloudwatch:TagResource",
    "dynamodb:CreateTable": "dynamodb:TagResource",
    "events:PutRule": "events:TagResource",
    "firehose:CreateDeliveryStream": "firehose:TagDeliveryStream",
    "glue:CreateCrawler": "glue:TagResource",
    "glue:CreateDatabase": "glue:TagResource",
    "iam:CreateRole": "iam:TagRole",
    "kinesis:CreateStream": "kinesis:AddTagsToStream",
    "lambda:CreateFunction": "lambda:TagResource",
    "logs:CreateLogGroup": "logs:TagResource",
    "pipes:CreatePipe": "pipes:TagResource",
    "s3:CreateBucket": "s3:TagResource",
    "sns:CreateTopic": "sns:TagResource",
    "sqs:CreateQueue": "sqs:TagQueue",
}
_PASSED_TO = {"lambda", "pipes", "firehose", "glue"}
_OBJECTS = {"AbortMultipartUpload", "DeleteObject", "DeleteObjects", "GetObject", "PutObject"}
_WITHOUT_RESOURCE = {
    "cloudwatch:GetMetricData",
    "glue:CreateClassifier",
    "glue:CreateCrawler",
    "glue:DeleteClassifier",
    "glue:GetClassifier",
    "glue:UpdateClassifier",
    "kinesis:DescribeLimits",
    "kinesis:UpdateShardCount",
    "kinesis:UpdateStreamMode",
    "lakeformation:GetDataLakeSettings",
    "lambda:GetAccountSettings",
    "logs:DescribeLogGroups",
    "pipes:ListPipes",
}


class Call(NamedTuple):
    """An API call: the service, the operation and its parameters as the caller gave them."""

    service: str
    operation: str
    params: Mapping[str, Any]

    @property
    def name(self) -> str:
        service = "dynamodb" if self.service == "dynamodbstreams" else self.service
        return f"{service}:{self.operation}"


class Need(NamedTuple):
    """An action on a resource, with the keys of the request that a condition may ask for."""

    call: str
    action: str
    arn: str
    context: tuple[tuple[str, str], ...]


@contextmanager
def recorded() -> Iterator[list[Call]]:
    """Every API call that any Aws makes within the block."""
    calls: list[Call] = []
    clients: dict[int, Any] = {}
    make, lock = Aws.client, threading.Lock()

    def note(params: Mapping[str, Any], model: Any, **_: Any) -> None:
        calls.append(Call(str(model.service_model.service_name), str(model.name), dict(params)))

    def client(aws: Aws, service: str) -> Any:
        made = make(aws, service)
        with lock:
            if id(made) not in clients:
                clients[id(made)] = made
                made.meta.events.register("before-parameter-build", note, unique_id="story")
        return made

    with mock.patch.object(Aws, "client", client):
        try:
            yield calls
        finally:
            for each in clients.values():
                each.meta.events.unregister("before-parameter-build", unique_id="story")


def needs(calls: Iterable[Call], names: Names) -> set[Need]:
    """Everything that IAM would ask for these calls."""
    return {need for call in calls for need in _needs(call, names)}


def _needs(call: Call, names: Names) -> Iterator[Need]:
    context = {"aws:RequestedRegion": names.config.region}

    def need(action: str, arn: str, **more: str) -> Need:
        keys = context | {key.replace("__", ":"): value for key, value in more.items()}
        return Need(call.name, action, arn, tuple(keys.items()))

    arns = list(_resources(call, names))
    for action in _ACTIONS.get(call.name, (call.name,)):
        yield from (need(action, arn) for arn in arns)
    if call.name in _TAGGING and _tags(call):
        for arn in _tagged(call, names) or arns:
            yield need(_TAGGING[call.name], arn)
    if call.service in _PASSED_TO:
        for role in {each for each in _texts(call.params) if ":role/" in each}:
            yield need("iam:PassRole", role, iam__PassedToService=f"{call.service}.amazonaws.com")


def _tags(call: Call) -> Any:
    params = call.params
    return params.get("Tags") or params.get("tags") or params.get("CreateBucketConfiguration", {}).get("Tags")


def _tagged(call: Call, names: Names) -> list[str]:
    """What is tagged, where that is not all that the call itself asks for."""
    params = call.params
    if call.name == "glue:CreateCrawler":
        return [names.arn("glue", f"crawler/{params['Name']}")]
    if call.name == "glue:CreateDatabase":
        return [names.arn("glue", f"database/{params['DatabaseInput']['Name']}")]
    if call.name == "logs:CreateLogGroup":  # which of the two it asks for is not documented
        group = names.arn("logs", f"log-group:{params['logGroupName']}")
        return [group, f"{group}:*"]
    return []


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _resources(call: Call, names: Names) -> Iterator[str]:
    """The ARNs that the action is asked for, from the call's own parameters."""
    if call.name in _WITHOUT_RESOURCE:
        yield "*"
        return
    params = call.params
    given = [params[key] for key in ("ResourceArn", "ResourceARN", "resourceArn", "StreamArn") if key in params]
    if call.service == "lambda" and "Resource" in params:
        given.append(params["Resource"])
    if given:
        yield from given
        return
    yield from _BY_SERVICE[call.service](call, names)


def _s3(call: Call, names: Names) -> Iterator[str]:
    bucket = names.arn("s3", call.params["Bucket"], region="", account="")
    if call.operation not in _OBJECTS:
        yield bucket
        return
    keys = [each["Key"] for each in call.params.get("Delete", {}).get("Objects", ())] or [call.params["Key"]]
    yield from (f"{bucket}/{key}" for key in keys)


def _dynamodb(call: Call, names: Names) -> Iterator[str]:
    tables = call.params["RequestItems"] if "RequestItems" in call.params else [call.params["TableName"]]
    yield from (names.arn("dynamodb", f"table/{table}") for table in tables)


def _dynamodb_streams(call: Call, names: Names) -> Iterator[str]:
    # An iterator says of which stream it is to nobody but DynamoDB.
    yield f"{names.arn('dynamodb', f'table/{names.table}')}/stream/2026-01-01T00:00:00.000"


def _kinesis(call: Call, names: Names) -> Iterator[str]:
    if "ConsumerARN" in call.params:
        yield call.params["ConsumerARN"]
        return
    yield call.params.get("StreamARN") or names.arn("kinesis", f"stream/{call.params.get('StreamName', names.stream)}")


def _sqs(call: Call, names: Names) -> Iterator[str]:
    yield names.arn("sqs", call.params.get("QueueName") or call.params["QueueUrl"].rpartition("/")[2])


def _iam(call: Call, names: Names) -> Iterator[str]:
    params = call.params
    yield params.get("PolicySourceArn") or names.arn("iam", f"role{names.role_path}{params['RoleName']}", region="")


def _lambda(call: Call, names: Names) -> Iterator[str]:
    yield names.arn("lambda", f"function:{call.params['FunctionName']}")


def _events(call: Call, names: Names) -> Iterator[str]:
    yield names.arn("events", f"rule/{call.params.get('Rule') or call.params['Name']}")


def _pipes(call: Call, names: Names) -> Iterator[str]:
    yield names.arn("pipes", f"pipe/{call.params['Name']}")


def _firehose(call: Call, names: Names) -> Iterator[str]:
    yield names.arn("firehose", f"deliverystream/{call.params['DeliveryStreamName']}")


def _logs(call: Call, names: Names) -> Iterator[str]:
    yield names.arn("logs", f"log-group:{call.params['logGroupName']}:*")


def _glue(call: Call, names: Names) -> Iterator[str]:
    params = call.params
    if "Crawler" in call.operation:
        yield names.arn("glue", f"crawler/{params['Name']}")
        return
    database = params.get("DatabaseName") or params.get("DatabaseInput", params)["Name"]
    yield names.arn("glue", "catalog")
    yield names.arn("glue", f"database/{database}")
    if call.operation == "DeleteDatabase":
        yield names.arn("glue", f"table/{database}/anything")
        yield names.arn("glue", f"userDefinedFunction/{database}/anything")
    elif "DatabaseName" in params:
        named = [params.get("Name") or params.get("TableInput", {}).get("Name", "anything")]
        yield from (names.arn("glue", f"table/{database}/{table}") for table in params.get("TablesToDelete", named))


def _cloudwatch(call: Call, names: Names) -> Iterator[str]:
    params = call.params
    dashboards = params.get("DashboardNames") or [params[each] for each in ("DashboardName",) if each in params]
    yield from (names.arn("cloudwatch", f"dashboard/{each}", region="") for each in dashboards)
    alarms = params.get("AlarmNames") or [params[each] for each in ("AlarmName",) if each in params]
    alarms = ["*"] if "AlarmNamePrefix" in params else alarms
    yield from (names.arn("cloudwatch", f"alarm:{each}") for each in alarms)


def _sns(call: Call, names: Names) -> Iterator[str]:
    # Topics are SNS's only resources: a subscription's ARN is its topic's, and an id.
    params = call.params
    subscribed = params.get("SubscriptionArn", "").rpartition(":")[0]
    yield params.get("TopicArn") or subscribed or names.arn("sns", params["Name"])


def _athena(call: Call, names: Names) -> Iterator[str]:
    of_query = "NamedQuer" in call.operation
    named = call.params.get("WorkGroup") or (not of_query and call.params.get("Name")) or names.workgroup
    yield names.arn("athena", f"workgroup/{named}")


_BY_SERVICE = {
    "athena": _athena,
    "cloudwatch": _cloudwatch,
    "dynamodb": _dynamodb,
    "dynamodbstreams": _dynamodb_streams,
    "events": _events,
    "firehose": _firehose,
    "glue": _glue,
    "iam": _iam,
    "kinesis": _kinesis,
    "lambda": _lambda,
    "logs": _logs,
    "pipes": _pipes,
    "s3": _s3,
    "sns": _sns,
    "sqs": _sqs,
    "sts": lambda _call, _names: iter(()),
}


def allowing(policy: Mapping[str, Any], need: Need) -> list[str]:
    """The Sids of the statements that allow it."""
    context = dict(need.context)
    return [
        statement["Sid"]
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow"
        and need.action in statement["Action"]
        and any(covers(arn, need.arn) for arn in statement["Resource"])
        and _met(statement.get("Condition", {}), context)
    ]


def _met(condition: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    assert condition.keys() <= {"StringEquals"}, "a condition that this evaluator does not know"
    return all(context.get(key) == value for key, value in condition.get("StringEquals", {}).items())
