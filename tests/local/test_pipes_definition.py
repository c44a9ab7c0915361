import json
from typing import Any

import pytest

from salespipe.local.api import AwsError
from salespipe.local.pipes.definition import checked, patterns, updated

REGION = "eu-west-1"
ACCOUNT = "123456789012"
STREAM = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders/stream/2026-01-01T00:00:00.000"
KINESIS = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/orders"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipe"


def definition(**parameters: Any) -> dict[str, Any]:
    return {
        "Name": "mine",
        "Source": STREAM,
        "Target": KINESIS,
        "RoleArn": ROLE,
        "SourceParameters": {"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON", **parameters}},
        "TargetParameters": {"KinesisStreamParameters": {"PartitionKey": "$.dynamodb.Keys.orderid.S"}},
    }


def test_defaults() -> None:
    parameters = checked(definition())["SourceParameters"]["DynamoDBStreamParameters"]
    assert parameters == {
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 0,
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
        "ParallelizationFactor": 1,
        "StartingPosition": "TRIM_HORIZON",
    }


def test_a_queue_takes_ten_at_most() -> None:
    queue = {"Target": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q", "TargetParameters": {}}
    parameters = checked({**definition(), **queue})["SourceParameters"]["DynamoDBStreamParameters"]
    assert parameters["BatchSize"] == 10
    with pytest.raises(AwsError, match="at most 10 for a sqs target"):
        checked({**definition(BatchSize=11), **queue})


def test_an_update_replaces_a_services_parameters_and_keeps_the_rest() -> None:
    filters = {"Filters": [{"Pattern": json.dumps({"eventName": ["INSERT"]})}]}
    before = checked({**definition(BatchSize=7, MaximumRetryAttempts=2), "Description": "mine"})
    before["SourceParameters"]["FilterCriteria"] = filters
    after = updated(before, {"SourceParameters": {"DynamoDBStreamParameters": {"BatchSize": 9}}})
    parameters = after["SourceParameters"]["DynamoDBStreamParameters"]
    assert (parameters["BatchSize"], parameters["MaximumRetryAttempts"]) == (9, -1)
    assert (parameters["StartingPosition"], after["Description"]) == ("TRIM_HORIZON", "mine")
    assert len(patterns(after)) == 1
    assert patterns(updated(after, {"SourceParameters": {"FilterCriteria": {"Filters": []}}})) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"Name": "a b"}, "Name"),
        ({"DesiredState": "RESTING"}, "DesiredState"),
        ({"RoleArn": "nobody"}, "RoleArn"),
        ({"Source": "stream"}, "Source"),
        ({"Source": STREAM.split("/stream/", maxsplit=1)[0]}, "Source"),
        ({"Source": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"}, "Source"),
        ({"Target": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m"}, "Target"),
        ({"Enrichment": "arn:aws:lambda:eu-west-1:123456789012:function:f"}, "Enrichment"),
        ({"SourceParameters": {}}, "SourceParameters.DynamoDBStreamParameters.StartingPosition"),
        (definition(StartingPosition="AT_TIMESTAMP"), "SourceParameters.DynamoDBStreamParameters.StartingPosition"),
        (definition(BatchSize=501), "SourceParameters.DynamoDBStreamParameters.BatchSize"),
        (definition(BatchSize="5"), "SourceParameters.DynamoDBStreamParameters.BatchSize"),
        (
            definition(MaximumRecordAgeInSeconds=59),
            "SourceParameters.DynamoDBStreamParameters.MaximumRecordAgeInSeconds",
        ),
        ({"TargetParameters": {}}, "TargetParameters.KinesisStreamParameters.PartitionKey"),
        (
            {"TargetParameters": {"KinesisStreamParameters": {"PartitionKey": "$.a b"}}},
            "TargetParameters.KinesisStreamParameters.PartitionKey",
        ),
        ({"TargetParameters": {"SqsQueueParameters": {"MessageGroupId": "g"}}}, "TargetParameters.SqsQueueParameters"),
        (
            {
                "SourceParameters": {
                    **definition()["SourceParameters"],
                    "FilterCriteria": {"Filters": [{"Pattern": "{"}]},
                }
            },
            "SourceParameters.FilterCriteria",
        ),
        (
            {"TargetParameters": {**definition()["TargetParameters"], "InputTemplate": '{"a": <$.b>'}},
            "TargetParameters.InputTemplate",
        ),
        ({"LogConfiguration": {"Level": "ALL"}}, "LogConfiguration.Level"),
        ({"LogConfiguration": {"Level": "ERROR"}}, "LogConfiguration"),
        (
            {"LogConfiguration": {"Level": "OFF", "CloudwatchLogsLogDestination": {"LogGroupArn": KINESIS}}},
            "LogConfiguration.CloudwatchLogsLogDestination.LogGroupArn",
        ),
        (
            {"LogConfiguration": {"Level": "OFF", "IncludeExecutionData": ["ALL"]}},
            "LogConfiguration.IncludeExecutionData",
        ),
    ],
)
def test_what_is_refused_at_once(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(AwsError) as caught:
        checked({**definition(), **changes})
    assert caught.value.code == "ValidationException"
    assert [entry["name"] for entry in caught.value.fields["fieldList"]] == [field]
