from datetime import UTC
from typing import Any

import pytest

from salespipe.local.api import AwsError
from salespipe.local.firehose.definition import settings
from salespipe.local.firehose.description import described, merged, new_definition

STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/orders"
ROLE = "arn:aws:iam::123456789012:role/delivery"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:transform:$LATEST"


def processing(**parameters: str) -> dict[str, Any]:
    given = {"LambdaArn": FUNCTION, "BufferIntervalInSeconds": "0", **parameters}
    entries = [{"ParameterName": name, "ParameterValue": value} for name, value in given.items()]
    return {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": entries}]}


def request(**changes: Any) -> dict[str, Any]:
    source = {"KinesisStreamARN": STREAM, "RoleARN": ROLE}
    return {
        "DeliveryStreamName": "mine",
        "DeliveryStreamType": "KinesisStreamAsSource",
        "KinesisStreamSourceConfiguration": source,
        "ExtendedS3DestinationConfiguration": {
            "RoleARN": ROLE,
            "BucketARN": "arn:aws:s3:::lake",
            "Prefix": "orders/",
            "ErrorOutputPrefix": "errors/",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
            "ProcessingConfiguration": processing(),
            **changes,
        },
    }


def partitioned(**changes: Any) -> dict[str, Any]:
    return {
        "DynamicPartitioningConfiguration": {"Enabled": True},
        "Prefix": "!{partitionKeyFromLambda:day}/",
        "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60},
        **changes,
    }


def converting(
    *,
    read: Any = None,
    write: Any = None,
    table: str | None = "orders",
    **changes: Any,
) -> dict[str, Any]:
    return {
        "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60},
        "DataFormatConversionConfiguration": {
            "SchemaConfiguration": {"RoleARN": ROLE, "DatabaseName": "lake", "TableName": table},
            "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}} if read is None else read},
            "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}} if write is None else write},
        },
        **changes,
    }


def test_what_conversion_asks_for() -> None:
    read = {"OpenXJsonSerDe": {"CaseInsensitive": False, "ColumnToJsonKeyMappings": {"at": "created_at"}}}
    write = {"ParquetSerDe": {"Compression": "GZIP"}}
    found = settings(new_definition(request(**converting(read=read, write=write)), "eu-west-1", "123456789012", 1.0))
    assert found.extension == ".parquet"
    assert found.conversion is not None
    assert (found.conversion.region, found.conversion.version, found.conversion.codec) == (
        "eu-west-1",
        "LATEST",
        "GZIP",
    )
    assert (found.conversion.lower, found.conversion.keys) == (False, {"at": "created_at"})
    off = converting()
    off["DataFormatConversionConfiguration"]["Enabled"] = False
    assert settings(new_definition(request(**off), "eu-west-1", "123456789012", 1.0)).conversion is None


def extraction(query: str, **parameters: str) -> dict[str, Any]:
    given = {"MetadataExtractionQuery": query, "JsonParsingEngine": "JQ-1.6", **parameters}
    entries = [{"ParameterName": name, "ParameterValue": value} for name, value in given.items()]
    return {"Enabled": True, "Processors": [{"Type": "MetadataExtraction", "Parameters": entries}]}


def test_dynamic_partitioning_gathers_more_by_default() -> None:
    definition = new_definition(request(**partitioned(BufferingHints=None)), "eu-west-1", "123456789012", 1.0)
    assert (settings(definition).size, settings(definition).interval) == (128 * 2**20, 300)


def test_defaults_are_those_of_firehose() -> None:
    given = request()
    given["ExtendedS3DestinationConfiguration"] = {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::lake"}
    definition = new_definition(given, "eu-west-1", "123456789012", 1.0)
    found = settings(definition)
    assert (found.size, found.interval, found.gzip, found.extension) == (5 * 2**20, 300, False, "")
    assert (found.bucket, found.zone, found.processor, found.log_group) == ("lake", UTC, None, "")
    (destination,) = described(definition)["Destinations"]
    assert destination["ExtendedS3DestinationDescription"]["CompressionFormat"] == "UNCOMPRESSED"


def test_the_processors_defaults_and_a_delimiter() -> None:
    given = {
        "Enabled": True,
        "Processors": [
            {"Type": "Lambda", "Parameters": [{"ParameterName": "LambdaArn", "ParameterValue": FUNCTION}]},
            {
                "Type": "AppendDelimiterToRecord",
                "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}],
            },
        ],
    }
    definition = new_definition(request(ProcessingConfiguration=given), "eu-west-1", "123456789012", 1.0)
    found = settings(definition)
    assert found.processor is not None
    assert (found.processor.retries, found.processor.size, found.processor.interval) == (3, 2**20, 60)
    assert found.delimiter == b"\n"


def test_a_plain_s3_destination_is_described_as_such() -> None:
    given = request()
    extended = given.pop("ExtendedS3DestinationConfiguration")
    given["S3DestinationConfiguration"] = {"RoleARN": ROLE, "BucketARN": extended["BucketARN"]}
    (destination,) = described(new_definition(given, "eu-west-1", "123456789012", 1.0))["Destinations"]
    assert set(destination) == {"DestinationId", "S3DestinationDescription"}


def test_dynamic_partitioning_cannot_come_later() -> None:
    with pytest.raises(AwsError, match="cannot be enabled after"):
        merged({}, {"DynamicPartitioningConfiguration": {"Enabled": True}})
    partitioned = {"DynamicPartitioningConfiguration": {"Enabled": True}}
    assert merged({"Prefix": "a", **partitioned}, {"Prefix": "b", **partitioned})["Prefix"] == "b"
    with pytest.raises(AwsError, match="cannot be disabled after"):
        merged(partitioned, {"DynamicPartitioningConfiguration": {"Enabled": False}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Prefix": "!{timestamp:yyyy}/", "ErrorOutputPrefix": None}, "ErrorOutputPrefix can't be null when Prefix"),
        ({"Prefix": "!{timestamp:jj}/"}, "Invalid timestamp expression"),
        ({"BufferingHints": {"SizeInMBs": 5}}, "must have both"),
        ({"BufferingHints": {"SizeInMBs": 129, "IntervalInSeconds": 60}}, "SizeInMBs must be a number from 1 to 128"),
        ({"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 901}}, "IntervalInSeconds must be a number from 0"),
        ({"CompressionFormat": "Snappy"}, "CompressionFormat Snappy is not supported"),
        ({"FileExtension": "json"}, "FileExtension"),
        ({"CustomTimeZone": "Mars/Olympus"}, "CustomTimeZone"),
        ({"BucketARN": "lake"}, "BucketARN"),
        ({"RoleARN": "me"}, "RoleARN"),
        (
            {"ProcessingConfiguration": processing(BufferSizeInMBs="4")},
            "BufferSizeInMBs must be a number from 0.2 to 3",
        ),
        ({"ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "Lambda"}]}}, "needs the parameter"),
        ({"CloudWatchLoggingOptions": {"Enabled": True}}, "LogGroupName and LogStreamName"),
        (
            {"DynamicPartitioningConfiguration": {"Enabled": True}},
            "BufferingHints.SizeInMBs must be at least 64 when Dynamic Partitioning is enabled.",
        ),
        (
            partitioned(BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 59}),
            "BufferingHints.IntervalInSeconds must be at least 60 seconds when Dynamic Partitioning is enabled.",
        ),
        (partitioned(Prefix="orders/"), "Prefix must use partition keys"),
        (partitioned(ErrorOutputPrefix=None), "ErrorOutputPrefix can't be null when Prefix"),
        (partitioned(ProcessingConfiguration=None), "only with an enabled Lambda processor"),
        (partitioned(Prefix="!{partitionKeyFromQuery:day}/"), "that no MetadataExtraction processor makes"),
        ({"Prefix": "!{partitionKeyFromLambda:day}/"}, "only when Dynamic Partitioning is enabled"),
        ({"ProcessingConfiguration": extraction("{day: .at | .[0:10]}")}, "is not supported by this local AWS"),
        ({"ProcessingConfiguration": extraction("{a: .a}", JsonParsingEngine="JQ-1.7")}, "must be JQ-1.6"),
        (
            converting(BufferingHints={"SizeInMBs": 63, "IntervalInSeconds": 60}),
            "BufferingHints.SizeInMBs must be at least 64 when data format conversion is enabled.",
        ),
        (converting(CompressionFormat="GZIP"), "CompressionFormat must be UNCOMPRESSED"),
        (converting(write={"OrcSerDe": {}}), "OrcSerDe is not supported by this local AWS, only ParquetSerDe."),
        (converting(write={"ParquetSerDe": {"Compression": "ZSTD"}}), "ParquetSerDe.Compression must be one of"),
        (converting(write={}), "must have a ParquetSerDe"),
        (converting(read={}), "must have an OpenXJsonSerDe or a HiveJsonSerDe"),
        (converting(read={"HiveJsonSerDe": {"TimestampFormats": ["millis"]}}), "TimestampFormats is not supported"),
        (converting(table=None), "SchemaConfiguration.TableName is required"),
        ({"S3BackupMode": "Enabled"}, "S3 backup is not supported"),
    ],
)
def test_definitions_that_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError) as caught:
        new_definition(request(**changes), "eu-west-1", "123456789012", 1.0)
    assert caught.value.code == "InvalidArgumentException"
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"KinesisStreamSourceConfiguration": {"KinesisStreamARN": "orders", "RoleARN": ROLE}}, "KinesisStreamARN"),
        ({"KinesisStreamSourceConfiguration": None}, "is required for KinesisStreamAsSource"),
        ({"DeliveryStreamType": "MSKAsSource"}, "MSKAsSource is not supported"),
        ({"DeliveryStreamType": "DirectPut"}, "only applicable for KinesisStreamAsSource"),
        ({"DeliveryStreamName": "a b"}, "DeliveryStreamName"),
        ({"S3DestinationConfiguration": {}}, "Exactly one destination"),
        ({"ExtendedS3DestinationConfiguration": None, "RedshiftDestinationConfiguration": {}}, "only S3"),
    ],
)
def test_requests_that_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError) as caught:
        new_definition({**request(), **params}, "eu-west-1", "123456789012", 1.0)
    assert caught.value.code == "InvalidArgumentException"
    assert message in caught.value.message
