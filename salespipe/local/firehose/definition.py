"""What a delivery stream's definition may say, checked as Firehose does, and what a worker needs to know of it.

Source: service model of firehose, 2015-08-04; developer guide, "Buffering hints", "Data transformation" and "Custom
Prefixes for Amazon S3 Objects".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from salespipe.local.api import AwsError
from salespipe.local.firehose.conversion import Conversion, conversion_of
from salespipe.local.firehose.partitioning import Partitioning, parse_query
from salespipe.local.firehose.prefixes import Prefix, PrefixError, prefixes
from salespipe.local.json_path import JsonPath

MEBIBYTE: Final = 2**20
_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_BUCKET: Final = re.compile(r"arn:[^:]*:s3:::[\w.\-]{1,255}")
_ROLE: Final = re.compile(r"arn:[^:]*:iam::\d{12}:role/[a-zA-Z_0-9+=,.@\-_/]+")
_EXTENSION: Final = re.compile(r"|\.[0-9a-z!\-_.*'()]{1,127}")
_ZONE: Final = re.compile(r"|[a-zA-Z/_]{1,50}")
_FORMATS: Final = {"UNCOMPRESSED": "", "GZIP": ".gz"}
_PROCESSORS: Final = frozenset({"Lambda", "AppendDelimiterToRecord", "MetadataExtraction"})
_GATHERED_FIRST: Final = {"SizeInMBs": 128, "IntervalInSeconds": 300}  # the default with partitioning or conversion
_DEFAULTS: Final[dict[str, Any]] = {
    "Prefix": "",
    "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
    "CompressionFormat": "UNCOMPRESSED",
    "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
    "CloudWatchLoggingOptions": {"Enabled": False},
    "ProcessingConfiguration": {"Enabled": False, "Processors": []},
    "S3BackupMode": "Disabled",
}


@dataclass(frozen=True)
class Processor:
    """The transform: its function's ARN, retries after a failure, and its own buffer in bytes and seconds."""

    function: str
    retries: int
    size: int
    interval: float


@dataclass(frozen=True)
class Processing:
    """What is done to records on their way. ``queries`` are those of dynamic partitioning, by key."""

    processor: Processor | None = None
    delimiter: bytes = b""
    queries: Mapping[str, JsonPath] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """A delivery stream's definition in a worker's terms: sizes in bytes, times in seconds."""

    name: str
    arn: str
    version: str
    bucket: str
    prefix: Prefix
    error_prefix: Prefix
    zone: tzinfo
    size: int
    interval: float
    gzip: bool
    extension: str
    delimiter: bytes
    processor: Processor | None
    log_group: str
    log_stream: str
    partitioning: Partitioning | None = None
    conversion: Conversion | None = None


def refused(message: str) -> AwsError:
    """An InvalidArgumentException."""
    return AwsError("InvalidArgumentException", message)


def check_name(name: Any) -> None:
    """Raise ``AwsError`` unless ``name`` can name a delivery stream."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise refused("DeliveryStreamName must have 1 to 64 characters and match [a-zA-Z0-9_.-]+.")


def destination(given: Mapping[str, Any]) -> dict[str, Any]:
    """An S3 destination with its defaults filled in, as DescribeDeliveryStream shows it.

    ``given`` is an S3 or extended S3 destination configuration. Raises ``AwsError`` InvalidArgumentException.
    """
    result = {**_DEFAULTS, **{name: value for name, value in given.items() if value is not None}}
    partitioned = is_partitioned(result)
    if (partitioned or result.get("DataFormatConversionConfiguration")) and not given.get("BufferingHints"):
        result["BufferingHints"] = _GATHERED_FIRST
    if not _ROLE.fullmatch(str(result.get("RoleARN"))):
        raise refused(f"RoleARN is not the ARN of an IAM role: {result.get('RoleARN')}")
    if not _BUCKET.fullmatch(str(result.get("BucketARN"))):
        raise refused(f"BucketARN is not the ARN of an S3 bucket: {result.get('BucketARN')}")
    _check_buffering(result["BufferingHints"])
    if result["CompressionFormat"] not in _FORMATS:
        raise refused(
            f"CompressionFormat {result['CompressionFormat']} is not supported here, only UNCOMPRESSED, GZIP."
        )
    if not _EXTENSION.fullmatch(result.get("FileExtension", "")):
        raise refused(f"FileExtension is not valid: {result['FileExtension']}")
    _zone(result.get("CustomTimeZone", ""))
    _check_unsupported(result)
    logging = result["CloudWatchLoggingOptions"]
    if logging.get("Enabled") and not (logging.get("LogGroupName") and logging.get("LogStreamName")):
        raise refused("LogGroupName and LogStreamName are required when CloudWatch logging is enabled.")
    processing = _processing(result["ProcessingConfiguration"])
    try:
        prefix, _ = prefixes(result["Prefix"], result.get("ErrorOutputPrefix", ""), partitioned=partitioned)
    except PrefixError as error:
        raise refused(str(error)) from None
    _check_keys(prefix, processing)
    conversion_of(result, region="")
    return result


def is_partitioned(given: Mapping[str, Any]) -> bool:
    """Whether a destination asks for dynamic partitioning."""
    return bool((given.get("DynamicPartitioningConfiguration") or {}).get("Enabled"))


def _check_keys(prefix: Prefix, processing: Processing) -> None:
    """Refuse a prefix whose partition keys nothing makes."""
    if "partitionKeyFromLambda" in prefix.namespaces and processing.processor is None:
        raise refused("Prefix can use partitionKeyFromLambda only with an enabled Lambda processor.")
    if "partitionKeyFromQuery" in prefix.namespaces and not prefix.queried <= processing.queries.keys():
        raise refused("Prefix uses partitionKeyFromQuery with a key that no MetadataExtraction processor makes.")


def _check_buffering(hints: Mapping[str, Any]) -> None:
    if set(hints) != {"SizeInMBs", "IntervalInSeconds"}:
        raise refused("BufferingHints must have both SizeInMBs and IntervalInSeconds.")
    for name, low, high in (("SizeInMBs", 1, 128), ("IntervalInSeconds", 0, 900)):
        value = hints[name]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise refused(f"BufferingHints.{name} must be a number from {low} to {high}, not {value}.")


def _check_unsupported(given: Mapping[str, Any]) -> None:
    if is_partitioned(given):
        hints = given["BufferingHints"]
        if hints["SizeInMBs"] < 64:
            raise refused("BufferingHints.SizeInMBs must be at least 64 when Dynamic Partitioning is enabled.")
        if hints["IntervalInSeconds"] < 60:
            raise refused(
                "BufferingHints.IntervalInSeconds must be at least 60 seconds when Dynamic Partitioning is enabled."
            )
    if given["S3BackupMode"] != "Disabled":
        raise refused("S3 backup is not supported by this local AWS.")


def _processing(configuration: Mapping[str, Any]) -> Processing:
    """What the enabled processors do."""
    processor: Processor | None = None
    delimiter = b""
    queries: dict[str, JsonPath] = {}
    for given in configuration.get("Processors") or []:
        kind = given.get("Type")
        if kind not in _PROCESSORS:
            raise refused(f"Processor type {kind} is not supported here, only {', '.join(sorted(_PROCESSORS))}.")
        parameters = {entry["ParameterName"]: entry["ParameterValue"] for entry in given.get("Parameters") or []}
        if kind == "AppendDelimiterToRecord":
            delimiter = parameters.get("Delimiter", "\\n").replace("\\n", "\n").encode()
        elif kind == "MetadataExtraction":
            queries = _queries(parameters)
        elif processor is not None:
            raise refused("Only one Lambda processor is allowed.")
        else:
            processor = _lambda(parameters)
    return Processing(processor, delimiter, queries) if configuration.get("Enabled") else Processing()


def _queries(parameters: Mapping[str, str]) -> dict[str, JsonPath]:
    engine = parameters.get("JsonParsingEngine", "JQ-1.6")
    if engine != "JQ-1.6":
        raise refused(f"JsonParsingEngine must be JQ-1.6, not {engine}.")
    query = parameters.get("MetadataExtractionQuery", "")
    try:
        return parse_query(query)
    except ValueError:
        raise refused(
            f"The MetadataExtractionQuery {query} is not supported by this local AWS, only names with paths: "
            "{name: .a.b[0]}"
        ) from None


def _lambda(parameters: Mapping[str, str]) -> Processor:
    if not parameters.get("LambdaArn"):
        raise refused("A Lambda processor needs the parameter LambdaArn.")
    return Processor(
        function=parameters["LambdaArn"],
        retries=int(_number(parameters, "NumberOfRetries", 3, 0, 300)),
        size=int(_number(parameters, "BufferSizeInMBs", 1, 0.2, 3) * MEBIBYTE),
        interval=_number(parameters, "BufferIntervalInSeconds", 60, 0, 900),
    )


def _number(parameters: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    try:
        value = float(parameters.get(name, default))
    except ValueError:
        value = -1.0
    if not low <= value <= high:
        raise refused(f"Lambda processor parameter {name} must be a number from {low} to {high}.")
    return value


def _zone(name: str) -> tzinfo:
    if name in {"", "UTC"}:
        return UTC
    try:
        if _ZONE.fullmatch(name):
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise refused(f"CustomTimeZone is not a known time zone: {name}")


def settings(definition: Mapping[str, Any]) -> Settings:
    """What a worker needs to know of a checked definition."""
    given = definition["Destination"]
    partitioned = is_partitioned(given)
    prefix, error_prefix = prefixes(given["Prefix"], given.get("ErrorOutputPrefix", ""), partitioned=partitioned)
    processing = _processing(given["ProcessingConfiguration"])
    conversion = conversion_of(given, definition["DeliveryStreamARN"].split(":")[3])
    logging = given["CloudWatchLoggingOptions"]
    hints = given["BufferingHints"]
    return Settings(
        name=definition["DeliveryStreamName"],
        arn=definition["DeliveryStreamARN"],
        version=definition["VersionId"],
        bucket=given["BucketARN"].rpartition(":")[2],
        prefix=prefix,
        error_prefix=error_prefix,
        zone=_zone(given.get("CustomTimeZone", "")),
        size=hints["SizeInMBs"] * MEBIBYTE,
        interval=hints["IntervalInSeconds"],
        gzip=given["CompressionFormat"] == "GZIP",
        extension=given.get("FileExtension") or (".parquet" if conversion else _FORMATS[given["CompressionFormat"]]),
        delimiter=processing.delimiter,
        processor=processing.processor,
        log_group=logging.get("LogGroupName", "") if logging.get("Enabled") else "",
        log_stream=logging.get("LogStreamName", ""),
        partitioning=Partitioning(prefix.partition_keys, processing.queries) if partitioned else None,
        conversion=conversion,
    )
