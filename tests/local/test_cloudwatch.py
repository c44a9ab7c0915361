"""The metrics that the services publish, as a client of CloudWatch reads them over HTTP."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from salespipe.local.cloudwatch import CloudWatch
from salespipe.local.metrics import INVOCATIONS, STREAM_RECORDS, Metrics

if TYPE_CHECKING:
    from salespipe.local.server import LocalAws

REGION = "eu-central-1"
ROLE = "arn:aws:iam::123456789012:role/anyone"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
UPPER = """
import base64
def handler(event, context):
    return {"records": [
        {"recordId": r["recordId"], "result": "Ok",
         "data": base64.b64encode(base64.b64decode(r["data"]).upper() + b"\\n").decode()}
        for r in event["records"]]}
"""
BROKEN = "def handler(event, context):\n    raise ValueError(event)\n"


def test_values_are_kept_as_statistics_until_they_are_taken() -> None:
    metrics = Metrics()
    report = metrics.of(REGION, "orders")
    for value in (5, 1, 3):
        report(STREAM_RECORDS, value)
    metrics.add("us-east-1", "orders", STREAM_RECORDS, 7)
    assert metrics.wanted.is_set()
    taken = metrics.take()
    seen = taken[REGION, "orders", STREAM_RECORDS]
    assert (seen.count, seen.total, seen.least, seen.most) == (3, 9, 1, 5)
    assert taken["us-east-1", "orders", STREAM_RECORDS].total == 7
    assert not metrics.wanted.is_set()
    assert metrics.take() == {}


def test_no_value_is_lost_between_many_threads() -> None:
    metrics, sums = Metrics(), []

    def add() -> None:
        for _ in range(2_000):
            metrics.add(REGION, "f", INVOCATIONS, 1)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        sums += [seen.total for seen in metrics.take().values()]
    sums += [seen.total for seen in metrics.take().values()]
    assert sum(sums) == 8_000


@pytest.fixture
def client(aws_inside: LocalAws) -> Iterator[Callable[[str], Any]]:
    """Clients as anybody makes them, over HTTP."""
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = boto3.client(
                service,
                REGION,
                endpoint_url=aws_inside.endpoint,
                aws_access_key_id="anyone",
                aws_secret_access_key="anything",
                config=Config(retries={"total_max_attempts": 1}),
            )
        return made[service]

    client("iam").create_role(RoleName="anyone", AssumeRolePolicyDocument=json.dumps(TRUST))
    yield client
    for each in made.values():
        each.close()


def publish(aws: LocalAws) -> None:
    (service,) = (service for service in aws.services if isinstance(service, CloudWatch))
    service.publish()


def statistics(cloudwatch: Any, namespace: str, name: str, **dimension: str) -> dict[str, float]:
    """Sum, maximum and the number of values of the last minutes."""
    now = datetime.now(UTC)
    found = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimension.items()],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(seconds=1),
        Period=300,
        Statistics=["Sum", "Maximum", "SampleCount"],
    )["Datapoints"]
    return {key: found[0][key] for key in ("Sum", "Maximum", "SampleCount")} if found else {}


def until(check: Callable[[], Any], limit: float = 60) -> None:
    deadline = time.monotonic() + limit
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def function(lambda_: Any, name: str, code: str) -> str:
    with closing(io.BytesIO()) as packed:
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("code.py", code)
        made = lambda_.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="code.handler",
            Role=ROLE,
            Code={"ZipFile": packed.getvalue()},
        )
    return str(made["FunctionArn"])


def deliver(client: Callable[[str], Any], arn: str) -> None:
    """A bucket and a delivery stream from a new Kinesis stream, which transforms and delivers at once."""
    client("s3").create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": REGION})
    client("kinesis").create_stream(StreamName="orders", ShardCount=1)
    stream = client("kinesis").describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]["StreamARN"]
    parameters = {"LambdaArn": arn, "BufferIntervalInSeconds": "0"}
    processor = {
        "Type": "Lambda",
        "Parameters": [{"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()],
    }
    firehose = client("firehose")
    firehose.create_delivery_stream(
        DeliveryStreamName="delivery",
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": stream, "RoleARN": ROLE},
        ExtendedS3DestinationConfiguration={
            "RoleARN": ROLE,
            "BucketARN": "arn:aws:s3:::lake",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
            "ProcessingConfiguration": {"Enabled": True, "Processors": [processor]},
        },
    )
    until(
        lambda: (
            firehose.describe_delivery_stream(DeliveryStreamName="delivery")["DeliveryStreamDescription"][
                "DeliveryStreamStatus"
            ]
            == "ACTIVE"
        )
    )


def test_the_way_from_kinesis_through_a_transform_to_s3_is_measured(
    aws_inside: LocalAws, client: Callable[[str], Any]
) -> None:
    deliver(client, function(client("lambda"), "upper", UPPER))
    records = [{"Data": b"mug", "PartitionKey": str(number)} for number in range(20)]
    client("kinesis").put_records(StreamName="orders", Records=records)

    def objects() -> list[bytes]:
        keys = [entry["Key"] for entry in client("s3").list_objects_v2(Bucket="lake").get("Contents", [])]
        return [client("s3").get_object(Bucket="lake", Key=key)["Body"].read() for key in keys]

    until(lambda: len(b"".join(objects()).split()) == 20)
    cloudwatch = client("cloudwatch")

    def delivered() -> bool:
        publish(aws_inside)
        return bool(statistics(cloudwatch, "AWS/Firehose", "DeliveryToS3.Success", DeliveryStreamName="delivery"))

    until(delivered)

    def stream(name: str) -> dict[str, float]:
        return statistics(cloudwatch, "AWS/Kinesis", name, StreamName="orders")

    def delivery(name: str) -> dict[str, float]:
        return statistics(cloudwatch, "AWS/Firehose", name, DeliveryStreamName="delivery")

    assert stream("IncomingRecords") == {"Sum": 20, "Maximum": 20, "SampleCount": 1}
    assert stream("IncomingBytes")["Sum"] == 60
    assert 0 <= stream("GetRecords.IteratorAgeMilliseconds")["Maximum"] < 60_000
    assert delivery("DataReadFromKinesisStream.Records")["Sum"] == 20
    assert delivery("KinesisMillisBehindLatest")["Maximum"] < 60_000
    assert delivery("ExecuteProcessing.Success")["Sum"] == delivery("ExecuteProcessing.Success")["SampleCount"]
    assert delivery("ExecuteProcessing.Duration")["Maximum"] > 0
    assert delivery("SucceedProcessing.Records")["Sum"] == 20
    assert delivery("DeliveryToS3.Records")["Sum"] == 20
    assert delivery("DeliveryToS3.Bytes")["Sum"] == 80
    assert delivery("DeliveryToS3.ObjectCount")["Sum"] == len(objects())
    assert 0 <= delivery("DeliveryToS3.DataFreshness")["Maximum"] < 60

    # The same by GetMetricData, and in the list of what there is.
    now = datetime.now(UTC)
    metric = {
        "Namespace": "AWS/Firehose",
        "MetricName": "DeliveryToS3.Records",
        "Dimensions": [{"Name": "DeliveryStreamName", "Value": "delivery"}],
    }
    (found,) = cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "records", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(seconds=1),
    )["MetricDataResults"]
    assert sum(found["Values"]) == 20
    listed = cloudwatch.list_metrics(Namespace="AWS/Firehose", MetricName="DeliveryToS3.Records")["Metrics"]
    assert listed == [metric]


def test_a_delivery_that_s3_refuses_shows(aws_inside: LocalAws, client: Callable[[str], Any]) -> None:
    deliver(client, function(client("lambda"), "broken", BROKEN))
    client("s3").delete_bucket(Bucket="lake")
    client("kinesis").put_record(StreamName="orders", Data=b"mug", PartitionKey="k")
    cloudwatch = client("cloudwatch")

    def refused() -> dict[str, float]:
        publish(aws_inside)
        return statistics(cloudwatch, "AWS/Firehose", "DeliveryToS3.Success", DeliveryStreamName="delivery")

    until(refused)
    assert refused()["Sum"] == 0
    failed = statistics(cloudwatch, "AWS/Firehose", "ExecuteProcessing.Success", DeliveryStreamName="delivery")
    assert (failed["Sum"], failed["SampleCount"]) == (0, 4)  # with the default of 3 retries
    assert statistics(cloudwatch, "AWS/Lambda", "Errors", FunctionName="broken")["Sum"] == 4


def test_a_function_and_a_pipe_and_a_queue_are_measured(aws_inside: LocalAws, client: Callable[[str], Any]) -> None:
    lambda_, sqs, kinesis = client("lambda"), client("sqs"), client("kinesis")
    function(lambda_, "broken", BROKEN)
    lambda_.invoke(FunctionName="broken", Payload=b"{}")
    queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
    kinesis.create_stream(StreamName="raw", ShardCount=1)
    stream = kinesis.describe_stream_summary(StreamName="raw")["StreamDescriptionSummary"]["StreamARN"]
    client("pipes").create_pipe(
        Name="to-queue",
        RoleArn=ROLE,
        Source=stream,
        SourceParameters={"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON"}},
        Target=f"arn:aws:sqs:{REGION}:123456789012:orders",
    )
    kinesis.put_record(StreamName="raw", Data=json.dumps({"n": 1}).encode(), PartitionKey="k")
    cloudwatch = client("cloudwatch")

    def depth() -> dict[str, float]:
        publish(aws_inside)
        return statistics(cloudwatch, "AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName="orders")

    until(lambda: depth().get("Maximum") == 1)

    def function_has(name: str) -> dict[str, float]:
        return statistics(cloudwatch, "AWS/Lambda", name, FunctionName="broken")

    assert function_has("Invocations")["Sum"] == 1
    assert function_has("Errors")["Sum"] == 1
    assert function_has("Duration")["Maximum"] > 0
    lambda_.put_function_concurrency(FunctionName="broken", ReservedConcurrentExecutions=0)
    with pytest.raises(lambda_.exceptions.TooManyRequestsException):
        lambda_.invoke(FunctionName="broken", Payload=b"{}")

    def pipe_has(name: str) -> dict[str, float]:
        publish(aws_inside)
        return statistics(cloudwatch, "AWS/EventBridge/Pipes", name, PipeName="to-queue")

    until(lambda: pipe_has("ExecutionPartiallyFailed"))
    assert function_has("Throttles")["Sum"] == 1
    assert pipe_has("EventCount")["Sum"] == 1
    assert pipe_has("ExecutionFailed")["Sum"] == 0
    sqs.purge_queue(QueueUrl=queue)
    seen = depth()["SampleCount"]
    publish(aws_inside)
    assert depth()["SampleCount"] == seen  # an empty queue that nobody uses is not looked at


def test_writes_to_a_table_are_measured_in_units(aws_inside: LocalAws, client: Callable[[str], Any]) -> None:
    dynamodb, cloudwatch = client("dynamodb"), client("cloudwatch")
    dynamodb.create_table(
        TableName="orders",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    mug, poster = {"id": {"S": "mug"}}, {"id": {"S": "poster"}, "note": {"S": "x" * 2500}}
    requests = [{"PutRequest": {"Item": item}} for item in (mug, poster)]
    dynamodb.batch_write_item(RequestItems={"orders": requests})  # 1 and 3 units of 1 KB
    dynamodb.update_item(
        TableName="orders",
        Key=mug,
        UpdateExpression="SET price = :price",
        ExpressionAttributeValues={":price": {"N": "5"}},
    )
    dynamodb.delete_item(TableName="orders", Key={"id": {"S": "poster"}})  # counts as what it was
    publish(aws_inside)
    assert statistics(cloudwatch, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", TableName="orders")["Sum"] == 8
