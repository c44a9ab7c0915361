"""The whole chain built by hand with the ``aws`` CLI alone: one story, each test going on where the last one ended."""

from __future__ import annotations

import gzip
import json
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Cli

pytestmark = pytest.mark.skipif(
    not Path(sys.executable).with_name("aws").exists(),
    reason="the aws CLI is not installed: pip install 'salespipe[clients]'",
)

TABLE, STREAM, PIPE, DELIVERY = "HandMade", "hand-made", "hand-made-pipe", "hand-made-delivery"
FUNCTION, BUCKET, DATABASE, CRAWLER = "hand-made-transform", "hand-made-lake", "hand_made", "hand-made-crawler"
QUEUE, WORKGROUP, CLASSIFIER, ROLE = "hand-made-dead-letters", "hand-made-group", "hand-made-json", "hand-made-role"
DELIVERY_LOGS = "/aws/kinesisfirehose/hand-made"

TRANSFORM = """
import base64
import json

def handler(event, context):
    answers = []
    for record in event["records"]:
        change = json.loads(base64.b64decode(record["data"]))
        image = change["dynamodb"].get("NewImage", {})
        row = {
            "sale": change["dynamodb"]["Keys"]["sale"]["S"],
            "event": change["eventName"],
            "cents": int(image["cents"]["N"]) if "cents" in image else None,
        }
        line = json.dumps(row) + "\\n"
        data = base64.b64encode(line.encode()).decode()
        answers.append({"recordId": record["recordId"], "result": "Ok", "data": data})
    print("transformed", len(answers))
    return {"records": answers}
"""


@pytest.fixture(scope="module")
def arns() -> dict[str, str]:
    """What the calls answered, for later calls."""
    return {}


def test_the_parts_are_made(aws: Cli, arns: dict[str, str]) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": [f"{name}.amazonaws.com" for name in ("lambda", "pipes", "firehose", "glue")]},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    arns["role"] = aws("iam", "create-role", role_name=ROLE, assume_role_policy_document=trust)["Role"]["Arn"]
    aws("iam", "put-role-policy", role_name=ROLE, policy_name="all", policy_document=allow)

    aws("s3", "mb", f"s3://{BUCKET}")
    aws(
        *("dynamodb", "create-table"),
        table_name=TABLE,
        attribute_definitions="AttributeName=sale,AttributeType=S",
        key_schema="AttributeName=sale,KeyType=HASH",
        billing_mode="PAY_PER_REQUEST",
        stream_specification="StreamEnabled=true,StreamViewType=NEW_IMAGE",
    )
    aws("dynamodb", "wait", "table-exists", table_name=TABLE)
    arns["table"] = aws("dynamodb", "describe-table", table_name=TABLE)["Table"]["LatestStreamArn"]

    aws("kinesis", "create-stream", stream_name=STREAM, shard_count="2")
    aws("kinesis", "wait", "stream-exists", stream_name=STREAM)
    described = aws("kinesis", "describe-stream-summary", stream_name=STREAM)["StreamDescriptionSummary"]
    assert (described["StreamStatus"], described["OpenShardCount"]) == ("ACTIVE", 2)
    arns["stream"] = described["StreamARN"]

    url = aws("sqs", "create-queue", queue_name=QUEUE)["QueueUrl"]
    attributes = aws("sqs", "get-queue-attributes", queue_url=url, attribute_names="QueueArn")["Attributes"]
    arns["queue"], arns["queue url"] = attributes["QueueArn"], url


def test_a_function_from_a_zip_of_the_users_own(aws: Cli, arns: dict[str, str]) -> None:
    with zipfile.ZipFile(aws.folder / "function.zip", "w") as bundle:
        bundle.writestr("transform.py", TRANSFORM)
    made = aws(
        *("lambda", "create-function"),
        function_name=FUNCTION,
        runtime="python3.13",
        handler="transform.handler",
        role=arns["role"],
        zip_file="fileb://function.zip",
        timeout="60",
        memory_size="256",
    )
    aws("lambda", "wait", "function-active-v2", function_name=FUNCTION)
    arns["function"] = made["FunctionArn"]
    answer = aws(
        *("lambda", "invoke", "answer.json"),
        function_name=FUNCTION,
        payload=json.dumps({"records": []}),
    )
    assert answer["StatusCode"] == 200
    assert json.loads((aws.folder / "answer.json").read_text(encoding="utf-8")) == {"records": []}


def test_the_parts_are_joined(aws: Cli, arns: dict[str, str]) -> None:
    aws("logs", "create-log-group", log_group_name=DELIVERY_LOGS)
    aws("logs", "create-log-stream", log_group_name=DELIVERY_LOGS, log_stream_name="S3")
    lambda_ = {"LambdaArn": arns["function"], "BufferIntervalInSeconds": "1", "BufferSizeInMBs": "1"}
    parameters = [{"ParameterName": name, "ParameterValue": value} for name, value in lambda_.items()]
    aws(
        *("firehose", "create-delivery-stream"),
        delivery_stream_name=DELIVERY,
        delivery_stream_type="KinesisStreamAsSource",
        kinesis_stream_source_configuration={"KinesisStreamARN": arns["stream"], "RoleARN": arns["role"]},
        extended_s3_destination_configuration={
            "RoleARN": arns["role"],
            "BucketARN": f"arn:aws:s3:::{BUCKET}",
            "Prefix": "sales/dt=!{timestamp:yyyy-MM-dd}/",
            "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 1},
            "CompressionFormat": "GZIP",
            "CloudWatchLoggingOptions": {"Enabled": True, "LogGroupName": DELIVERY_LOGS, "LogStreamName": "S3"},
            "ProcessingConfiguration": {
                "Enabled": True,
                "Processors": [{"Type": "Lambda", "Parameters": parameters}],
            },
        },
    )

    def active() -> bool:
        described = aws("firehose", "describe-delivery-stream", delivery_stream_name=DELIVERY)
        return bool(described["DeliveryStreamDescription"]["DeliveryStreamStatus"] == "ACTIVE")

    aws.until(active, "active delivery stream")
    aws(
        *("pipes", "create-pipe"),
        name=PIPE,
        role_arn=arns["role"],
        source=arns["table"],
        target=arns["stream"],
        source_parameters={
            "DynamoDBStreamParameters": {
                "StartingPosition": "TRIM_HORIZON",
                "BatchSize": 100,
                "MaximumRetryAttempts": 5,
                "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
                "DeadLetterConfig": {"Arn": arns["queue"]},
            }
        },
        target_parameters={"KinesisStreamParameters": {"PartitionKey": "$.dynamodb.Keys.sale.S"}},
    )
    aws.until(lambda: aws("pipes", "describe-pipe", name=PIPE)["CurrentState"] == "RUNNING", "running pipe")


def test_the_lake_is_described(aws: Cli, arns: dict[str, str]) -> None:
    aws("glue", "create-database", database_input={"Name": DATABASE})
    aws("glue", "create-classifier", json_classifier={"Name": CLASSIFIER, "JsonPath": "$"})
    aws(
        *("glue", "create-crawler"),
        name=CRAWLER,
        role=arns["role"],
        database_name=DATABASE,
        classifiers=CLASSIFIER,
        targets={"S3Targets": [{"Path": f"s3://{BUCKET}/sales/"}]},
    )
    aws(
        *("athena", "create-work-group"),
        name=WORKGROUP,
        configuration={"ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/results/"}},
    )


def test_items_become_rows(aws: Cli) -> None:
    for number in range(3):
        item = {"sale": {"S": f"s-{number}"}, "cents": {"N": str(100 * number)}}
        aws("dynamodb", "put-item", table_name=TABLE, item=item)
    aws.until(lambda: _delivered(aws) >= 3, "delivered lines")
    _crawl(aws)
    assert aws.query("SELECT sale, event, cents FROM hand_made.sales ORDER BY sale", WORKGROUP) == [
        ["sale", "event", "cents"],
        ["s-0", "INSERT", "0"],
        ["s-1", "INSERT", "100"],
        ["s-2", "INSERT", "200"],
    ]


def test_a_change_and_a_deletion_follow(aws: Cli) -> None:
    aws(
        *("dynamodb", "update-item"),
        table_name=TABLE,
        key={"sale": {"S": "s-1"}},
        update_expression="SET cents = cents + :more",
        expression_attribute_values={":more": {"N": "11"}},
    )
    aws("dynamodb", "delete-item", table_name=TABLE, key={"sale": {"S": "s-2"}})
    aws.until(lambda: _delivered(aws) >= 5, "delivered lines")
    _crawl(aws)
    assert aws.query(
        "SELECT sale, event, cents FROM hand_made.sales WHERE event <> 'INSERT' ORDER BY sale", WORKGROUP
    ) == [
        ["sale", "event", "cents"],
        ["s-1", "MODIFY", "111"],
        ["s-2", "REMOVE", None],
    ]
    assert aws.query("SELECT count(*) AS events, sum(cents) AS cents FROM hand_made.sales", WORKGROUP) == [
        ["events", "cents"],
        ["5", "411"],
    ]


def test_the_function_has_logged(aws: Cli) -> None:
    found = aws("logs", "filter-log-events", log_group_name=f"/aws/lambda/{FUNCTION}", filter_pattern="transformed")
    assert any(event["message"].startswith("transformed ") for event in found["events"])


def test_mistakes_are_answered_with_the_services_own_words(aws: Cli) -> None:
    assert "(ResourceNotFoundException)" in aws.refused("dynamodb", "describe-table", table_name="nope")
    assert "(EntityNotFoundException)" in aws.refused("glue", "get-table", database_name=DATABASE, name="nope")
    assert "(NotFoundException)" in aws.refused("pipes", "describe-pipe", name="nope")
    assert "(ResourceInUseException)" in aws.refused("kinesis", "create-stream", stream_name=STREAM, shard_count="1")
    assert "(BucketNotEmpty)" in aws.refused("s3api", "delete-bucket", bucket=BUCKET)
    assert "(InvalidRequestException)" in aws.refused("athena", "delete-work-group", work_group=WORKGROUP)


def test_everything_is_deleted(aws: Cli, arns: dict[str, str]) -> None:
    aws("pipes", "delete-pipe", name=PIPE)
    aws.until(lambda: aws("pipes", "list-pipes")["Pipes"] == [], "end of the pipe")
    aws("firehose", "delete-delivery-stream", delivery_stream_name=DELIVERY)
    aws.until(
        lambda: aws("firehose", "list-delivery-streams")["DeliveryStreamNames"] == [], "end of the delivery stream"
    )
    aws("lambda", "delete-function", function_name=FUNCTION)
    aws("kinesis", "delete-stream", stream_name=STREAM)
    aws("kinesis", "wait", "stream-not-exists", stream_name=STREAM)
    aws("dynamodb", "delete-table", table_name=TABLE)
    aws("dynamodb", "wait", "table-not-exists", table_name=TABLE)
    aws("sqs", "delete-queue", queue_url=arns["queue url"])
    aws("glue", "delete-crawler", name=CRAWLER)
    aws("glue", "delete-classifier", name=CLASSIFIER)
    aws("glue", "delete-database", name=DATABASE)
    aws("athena", "delete-work-group", work_group=WORKGROUP, recursive_delete_option=True)
    for group in (DELIVERY_LOGS, f"/aws/lambda/{FUNCTION}", "/aws-glue/crawlers"):
        aws("logs", "delete-log-group", log_group_name=group)
    aws("s3", "rb", f"s3://{BUCKET}", "--force")
    aws("iam", "delete-role-policy", role_name=ROLE, policy_name="all")
    aws("iam", "delete-role", role_name=ROLE)

    listings = (
        ("s3api", "list-buckets"),
        ("dynamodb", "list-tables"),
        ("kinesis", "list-streams"),
        ("sqs", "list-queues"),
        ("lambda", "list-functions"),
        ("firehose", "list-delivery-streams"),
        ("pipes", "list-pipes"),
        ("glue", "get-databases"),
        ("glue", "list-crawlers"),
        ("glue", "get-classifiers"),
        ("athena", "list-work-groups"),
        ("logs", "describe-log-groups"),
        ("iam", "list-roles"),
    )
    left = {words: json.dumps(aws(*words)).casefold() for words in listings}
    assert [
        words for words, text in left.items() if any(mark in text for mark in ("handmade", "hand-made", "hand_made"))
    ] == []


def _delivered(aws: Cli) -> int:
    """Lines in the lake. The CLI copies objects as they are: unpacking them is the user's business."""
    found = aws("s3api", "list-objects-v2", bucket=BUCKET, prefix="sales/").get("Contents", [])
    if found:
        aws("s3", "cp", f"s3://{BUCKET}/sales/", "lake", "--recursive", "--quiet")
    files = [aws.folder / "lake" / entry["Key"].removeprefix("sales/") for entry in found]
    return sum(gzip.decompress(file.read_bytes()).count(b"\n") for file in files)


def _crawl(aws: Cli) -> None:
    aws("glue", "start-crawler", name=CRAWLER)
    crawler = aws.until(lambda: _rested(aws), "end of the crawl")
    assert crawler["LastCrawl"]["Status"] == "SUCCEEDED", crawler["LastCrawl"]


def _rested(aws: Cli) -> dict[str, Any] | None:
    crawler: dict[str, Any] = aws("glue", "get-crawler", name=CRAWLER)["Crawler"]
    return crawler if crawler["State"] == "READY" and "LastCrawl" in crawler else None
