"""Between Firehose's requests, the definition that is kept, and what DescribeDeliveryStream shows of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from salespipe.local.firehose.definition import check_name, destination, is_partitioned, refused

_STREAM: Final = re.compile(r"arn:[^:]*:kinesis:[a-zA-Z0-9-]+:\d{12}:stream/[a-zA-Z0-9_.-]+")
_S3_ONLY: Final = (
    "RoleARN",
    "BucketARN",
    "Prefix",
    "ErrorOutputPrefix",
    "BufferingHints",
    "CompressionFormat",
    "EncryptionConfiguration",
    "CloudWatchLoggingOptions",
)
_DESCRIBED: Final = (
    "DeliveryStreamName",
    "DeliveryStreamARN",
    "DeliveryStreamStatus",
    "DeliveryStreamType",
    "VersionId",
    "CreateTimestamp",
    "LastUpdateTimestamp",
)


def new_definition(given: Mapping[str, Any], region: str, account: str, now: float) -> dict[str, Any]:
    """The definition that a CreateDeliveryStream request makes; ``now`` in Unix seconds. Raises ``AwsError``."""
    name = given.get("DeliveryStreamName")
    check_name(name)
    source = new_source(given)
    extended, configuration = s3_configuration(given, "Configuration")
    return {
        "DeliveryStreamName": name,
        "DeliveryStreamARN": f"arn:aws:firehose:{region}:{account}:deliverystream/{name}",
        "DeliveryStreamStatus": "CREATING",
        "DeliveryStreamType": "KinesisStreamAsSource" if source else "DirectPut",
        "VersionId": "1",
        "CreateTimestamp": now,
        "Source": source,
        "Destination": destination(configuration),
        "Extended": extended,
        "Tags": tags_of(given.get("Tags")),
    }


def tags_of(given: Any) -> dict[str, str]:
    """A list of Key and Value as a map."""
    return {tag["Key"]: tag.get("Value", "") for tag in given or []}


def new_source(given: Mapping[str, Any]) -> dict[str, Any]:
    """The Kinesis source of a CreateDeliveryStream request, empty for direct puts. Raises ``AwsError``."""
    kind = given.get("DeliveryStreamType") or "DirectPut"
    configuration = given.get("KinesisStreamSourceConfiguration")
    for other in ("MSKSourceConfiguration", "DatabaseSourceConfiguration"):
        if given.get(other):
            raise refused(f"{other} is not supported by this local AWS.")
    if kind == "DirectPut":
        if configuration:
            raise refused("KinesisSourceStreamConfig is only applicable for KinesisStreamAsSource stream type")
        return {}
    if kind != "KinesisStreamAsSource":
        raise refused(f"DeliveryStreamType {kind} is not supported by this local AWS.")
    if not configuration:
        raise refused("KinesisStreamSourceConfiguration is required for KinesisStreamAsSource stream type")
    if given.get("DeliveryStreamEncryptionConfigurationInput"):
        raise refused("Server-side encryption is for delivery streams of type DirectPut only.")
    if not _STREAM.fullmatch(str(configuration.get("KinesisStreamARN"))):
        raise refused(f"KinesisStreamARN is not the ARN of a stream: {configuration.get('KinesisStreamARN')}")
    return {name: configuration.get(name) for name in ("KinesisStreamARN", "RoleARN")}


def s3_configuration(given: Mapping[str, Any], suffix: str) -> tuple[bool, Mapping[str, Any]]:
    """Whether the destination is an extended S3 one, and its configuration. Raises ``AwsError``.

    ``suffix`` is "Configuration" in CreateDeliveryStream and "Update" in UpdateDestination.
    """
    destinations = [
        name for name, value in given.items() if name.endswith(f"Destination{suffix}") and value is not None
    ]
    if len(destinations) != 1:
        raise refused("Exactly one destination configuration is supported for a Firehose")
    name = destinations[0].removesuffix(f"Destination{suffix}")
    if name not in {"S3", "ExtendedS3"}:
        raise refused(f"A destination of type {name} is not supported by this local AWS, only S3.")
    configuration: Mapping[str, Any] = given[destinations[0]]
    return name == "ExtendedS3", configuration


def merged(current: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A destination as UpdateDestination leaves it: what is not given stays. Raises ``AwsError``."""
    result = {**current, **change}
    if is_partitioned(result) and not is_partitioned(current):
        raise refused("Dynamic Partitioning cannot be enabled after the delivery stream was created.")
    if is_partitioned(current) and not is_partitioned(result):
        raise refused("Dynamic Partitioning cannot be disabled after the delivery stream was created.")
    return result


def described(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A DeliveryStreamDescription."""
    destination = definition["Destination"]
    shown: dict[str, Any] = {
        "DestinationId": "destinationId-000000000001",
        "S3DestinationDescription": {name: destination[name] for name in _S3_ONLY if name in destination},
    }
    if definition["Extended"]:
        shown["ExtendedS3DestinationDescription"] = destination
    result = {name: definition[name] for name in _DESCRIBED if name in definition}
    result |= {"Destinations": [shown], "HasMoreDestinations": False}
    if definition["Source"]:
        result["Source"] = {"KinesisStreamSourceDescription": definition["Source"]}
    else:
        result["DeliveryStreamEncryptionConfiguration"] = definition.get("Encryption") or {"Status": "DISABLED"}
    return result
