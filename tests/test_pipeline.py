from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.lifecycle import up
from salespipe.pipeline import pipeline
from salespipe.resources.base import Resource

Connect = Callable[[Config], Aws]


def below(resource: Resource) -> set[str]:
    """The kinds of all that must be ready before it."""
    return {kind for need in resource.needs for kind in (need.kind, *below(need))}


def by_kind(aws: Aws) -> dict[str, Resource]:
    return {resource.kind: resource for resource in pipeline(aws)}


def test_every_resource_is_declared_once_and_needs_only_declared_ones(aws: Aws) -> None:
    resources = pipeline(aws)
    keys = [(resource.kind, resource.name) for resource in resources]

    assert len(set(keys)) == len(keys) == 27
    assert all((need.kind, need.name) in keys for resource in resources for need in resource.needs)


def test_roles_need_nothing_so_that_they_come_first(aws: Aws) -> None:
    assert all(resource.needs == () for resource in pipeline(aws) if resource.kind == "iam role")


def test_firehose_is_active_before_the_pipe_puts_anything_into_kinesis(aws: Aws) -> None:
    assert "firehose stream" in below(by_kind(aws)["eventbridge pipe"])


def test_the_rule_comes_last_and_goes_first(aws: Aws) -> None:
    rule = by_kind(aws)["eventbridge rule"]

    assert {"lambda function", "eventbridge pipe", "firehose stream"} <= below(rule)
    assert not [resource for resource in pipeline(aws) if rule in resource.needs]


def test_the_bucket_outlives_all_that_write_to_it(aws: Aws) -> None:
    writers = [kind for kind, resource in by_kind(aws).items() if "s3 bucket" in below(resource)]

    assert {"firehose stream", "glue crawler", "athena workgroup", "eventbridge pipe"} <= set(writers)


def test_each_log_group_is_there_before_its_writer(aws: Aws) -> None:
    writers = {
        need.name: resource.kind for resource in pipeline(aws) for need in resource.needs if need.kind == "log group"
    }

    assert set(writers.values()) == {"lambda function", "firehose stream"}
    assert len(writers) == 3


def test_the_definitions_as_aws_gets_them(connect: Connect) -> None:
    """Read this beside the services' own documentation."""
    config = {
        "target": "aws",
        "name": "shop",
        "table": {"name": "Sales", "partition_key": "order_no"},
        "pipe": {"filters": ['{"eventName":["INSERT","MODIFY"]}']},
        "delivery": {"transform_buffer_seconds": 30},
    }
    aws = connect(msgspec.convert(config, Config))
    for _ in up(aws, pipeline(aws)):
        pass

    table = aws.client("dynamodb").describe_table(TableName="Sales")["Table"]
    assert table["KeySchema"] == [{"AttributeName": "order_no", "KeyType": "HASH"}]
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"

    pipe = aws.client("pipes").describe_pipe(Name="shop-orders")
    assert pipe["Source"] == table["LatestStreamArn"]
    assert pipe["TargetParameters"] == {"KinesisStreamParameters": {"PartitionKey": "$.dynamodb.Keys.order_no.S"}}
    assert pipe["SourceParameters"] == {
        "DynamoDBStreamParameters": {
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": 100,
            "MaximumBatchingWindowInSeconds": 1,
            "MaximumRecordAgeInSeconds": 72000,
            "MaximumRetryAttempts": 5,
            "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
            "ParallelizationFactor": 1,
            "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:shop-pipe-dlq"},
        },
        "FilterCriteria": {"Filters": [{"Pattern": '{"eventName":["INSERT","MODIFY"]}'}]},
    }

    destination = delivered(aws)
    assert destination["Prefix"] == "order_events/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
    assert destination["ErrorOutputPrefix"] == "errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"
    assert destination["BufferingHints"] == {"SizeInMBs": 5, "IntervalInSeconds": 60}
    assert destination["CompressionFormat"] == "GZIP"
    [processor] = destination["ProcessingConfiguration"]["Processors"]
    assert {each["ParameterName"]: each["ParameterValue"] for each in processor["Parameters"]} == {
        "LambdaArn": "arn:aws:lambda:us-east-1:123456789012:function:shop-transform:$LATEST",
        "NumberOfRetries": "3",
        "RoleArn": "arn:aws:iam::123456789012:role/salespipe/shop-delivery-us-east-1",
        "BufferSizeInMBs": "1",
        "BufferIntervalInSeconds": "30",
    }

    generator = aws.client("lambda").get_function(FunctionName="shop-generator")["Configuration"]
    assert generator["Environment"]["Variables"] == {"TABLE_NAME": "Sales", "TABLE_KEY": "order_no", "SHOP_ZIPF": "1"}

    rule = aws.client("events").describe_rule(Name="shop-generator")
    [target] = aws.client("events").list_targets_by_rule(Rule="shop-generator")["Targets"]
    assert (rule["State"], rule["ScheduleExpression"]) == ("DISABLED", "rate(1 minute)")
    assert (target["Arn"], target["Input"]) == (generator["FunctionArn"], '{"count": 60}')
    policy = aws.client("lambda").get_policy(FunctionName="shop-generator")["Policy"]
    assert "SourceAccount" not in policy

    crawler = aws.client("glue").get_crawler(Name="shop-lake")["Crawler"]
    assert [each["Path"] for each in crawler["Targets"]["S3Targets"]] == [
        "s3://shop-123456789012-us-east-1/order_events/",
        "s3://shop-123456789012-us-east-1/products/",
    ]
    assert crawler["DatabaseName"] == "shop"


def delivered(aws: Aws) -> dict[str, Any]:
    answer = aws.client("firehose").describe_delivery_stream(DeliveryStreamName="shop-orders")
    [destination] = answer["DeliveryStreamDescription"]["Destinations"]
    return dict(destination["ExtendedS3DestinationDescription"])


def test_everything_that_can_be_tagged_says_whose_it_is(aws: Aws) -> None:
    for _ in up(aws, pipeline(aws)):
        pass

    owners = {"project": "salespipe", "pipeline": "salespipe-dev", "environment": "dev"}
    table = aws.client("dynamodb").describe_table(TableName="OrdersRawTable")["Table"]["TableArn"]
    tags = aws.client("dynamodb").list_tags_of_resource(ResourceArn=table)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == owners
    assert aws.client("lambda").get_function(FunctionName=aws.names.function("transform"))["Tags"] == owners


def test_two_pipelines_live_side_by_side(connect: Connect) -> None:
    one = connect(Config(target="aws"))
    other = connect(msgspec.convert({"target": "aws", "name": "second", "table": {"name": "SecondTable"}}, Config))
    names = [{(resource.kind, resource.name) for resource in pipeline(aws)} for aws in (one, other)]

    assert not names[0] & names[1]


def test_outside_us_east_1_the_bucket_says_its_region(connect: Connect) -> None:
    aws = connect(Config(target="aws", region="eu-central-1"))
    [bucket] = [resource for resource in pipeline(aws) if resource.kind == "s3 bucket"]

    bucket.create(aws)

    location = aws.client("s3").get_bucket_location(Bucket=aws.names.bucket)
    assert location["LocationConstraint"] == "eu-central-1"
