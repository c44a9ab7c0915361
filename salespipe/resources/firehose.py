"""The Firehose delivery stream from Kinesis, through the transform, to S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from salespipe.resources.base import ABSENT, Drift, Observation, Remedy, State
from salespipe.resources.observing import Tolerating, differences, judge, look, made, pairs, unpaired

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

_STATES: Final = {"ACTIVE": State.READY, "CREATING_FAILED": State.FAILED, "DELETING_FAILED": State.FAILED}
# Parameters that DescribeDeliveryStream leaves out where they equal the service's defaults.
_PROCESSOR_DEFAULTS: Final = {"NumberOfRetries": "3", "BufferSizeInMBs": "1", "BufferIntervalInSeconds": "60"}


@dataclass(frozen=True, eq=False, kw_only=True)
class DeliveryStream:
    """Delivery from a Kinesis stream to an S3 bucket, each record passing through a Lambda function, gzipped.

    ``prefix`` and ``error_prefix`` are Firehose expressions; ``!{timestamp:...}`` in them is the arrival time of the
    oldest record of an object, UTC. It reads its source from LATEST on: whatever feeds the source must wait until it
    is ACTIVE.
    """

    kind: ClassVar[str] = "firehose stream"
    name: str
    role_arn: str
    source_arn: str
    bucket_arn: str
    function_arn: str
    log_group: str
    log_stream: str
    prefix: str
    error_prefix: str
    buffer_mb: int
    buffer_seconds: int
    transform_buffer_mb: float
    transform_buffer_seconds: int
    needs: tuple[Resource, ...] = ()

    @property
    def processor(self) -> dict[str, str]:
        """The transform's parameters: Firehose takes numbers as text, too."""
        return {
            "LambdaArn": f"{self.function_arn}:$LATEST",
            "NumberOfRetries": "3",
            "RoleArn": self.role_arn,
            "BufferSizeInMBs": f"{self.transform_buffer_mb:g}",
            "BufferIntervalInSeconds": str(self.transform_buffer_seconds),
        }

    @property
    def destination(self) -> dict[str, Any]:
        """Where to and how, in the words that create, update and describe have in common."""
        return {
            "RoleARN": self.role_arn,
            "BucketARN": self.bucket_arn,
            "Prefix": self.prefix,
            "ErrorOutputPrefix": self.error_prefix,
            "BufferingHints": {"SizeInMBs": self.buffer_mb, "IntervalInSeconds": self.buffer_seconds},
            "CompressionFormat": "GZIP",
            "CloudWatchLoggingOptions": {
                "Enabled": True,
                "LogGroupName": self.log_group,
                "LogStreamName": self.log_stream,
            },
        }

    @property
    def _processing(self) -> dict[str, Any]:
        parameters = [{"ParameterName": name, "ParameterValue": value} for name, value in self.processor.items()]
        return {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": parameters}]}

    def describe(self, aws: Aws) -> Observation:
        """DescribeDeliveryStream and ListTagsForDeliveryStream."""
        firehose = aws.client("firehose")
        answer = look(lambda: firehose.describe_delivery_stream(DeliveryStreamName=self.name))
        if answer is None:
            return ABSENT
        stream = answer["DeliveryStreamDescription"]
        status = stream["DeliveryStreamStatus"]
        tags = look(lambda: firehose.list_tags_for_delivery_stream(DeliveryStreamName=self.name))
        failure = stream.get("FailureDescription", {})
        return judge(
            aws,
            unpaired(tags["Tags"]) if tags else None,
            arn=stream["DeliveryStreamARN"],
            state=_STATES.get(status, State.PENDING),
            detail=f"{status}: {failure.get('Type')}: {failure.get('Details')}" if failure else status,
            drift=self._drift(stream),
            created=stream.get("CreateTimestamp"),
        )

    def _drift(self, stream: dict[str, Any]) -> tuple[Drift, ...]:
        source = stream.get("Source", {}).get("KinesisStreamSourceDescription", {})
        destinations = stream.get("Destinations") or [{}]
        actual = destinations[0].get("ExtendedS3DestinationDescription", {})
        processing = actual.get("ProcessingConfiguration", {})
        there: dict[str, str] = {}
        if processing.get("Enabled"):
            for processor in processing.get("Processors", ()):
                named = {each["ParameterName"]: each["ParameterValue"] for each in processor.get("Parameters", ())}
                there |= {name: _plain(value) for name, value in (_PROCESSOR_DEFAULTS | named).items()}
        return (
            *differences({"KinesisStreamARN": self.source_arn}, source, above="Source.", remedy=Remedy.REPLACE),
            *differences(self.destination, actual),
            *differences(self.processor, there, above="Transform."),
        )

    def create(self, aws: Aws) -> None:
        """CreateDeliveryStream: the role is assumed and the source looked at before it answers."""
        firehose = aws.client("firehose")
        made(
            lambda: aws.eventually(
                "firehose",
                lambda: firehose.create_delivery_stream(
                    DeliveryStreamName=self.name,
                    DeliveryStreamType="KinesisStreamAsSource",
                    KinesisStreamSourceConfiguration={"KinesisStreamARN": self.source_arn, "RoleARN": self.role_arn},
                    ExtendedS3DestinationConfiguration={
                        **self.destination,
                        "CustomTimeZone": "UTC",
                        "S3BackupMode": "Disabled",
                        "ProcessingConfiguration": self._processing,
                    },
                    Tags=pairs(aws.config.tags),
                ),
            ),
            "ResourceInUseException",
        )

    def update(self, aws: Aws, seen: Observation) -> None:
        """UpdateDestination, against the version that is there now, or the tags."""
        firehose = aws.client("firehose")
        if seen.differs("tags"):
            firehose.tag_delivery_stream(DeliveryStreamName=self.name, Tags=pairs(aws.config.tags))
        if not seen.differs("Transform", *self.destination):
            return
        stream = firehose.describe_delivery_stream(DeliveryStreamName=self.name)["DeliveryStreamDescription"]
        with Tolerating("ConcurrentModificationException", "ResourceInUseException"):
            aws.eventually(
                "firehose",
                lambda: firehose.update_destination(
                    DeliveryStreamName=self.name,
                    CurrentDeliveryStreamVersionId=stream["VersionId"],
                    DestinationId=stream["Destinations"][0]["DestinationId"],
                    ExtendedS3DestinationUpdate={**self.destination, "ProcessingConfiguration": self._processing},
                ),
            )

    def delete(self, aws: Aws) -> None:
        """DeleteDeliveryStream; forced where an attempt has failed, refused while it is being created."""
        firehose = aws.client("firehose")
        with Tolerating("ResourceInUseException"):
            seen = self.describe(aws)
            forced = {"AllowForceDelete": True} if seen.detail.startswith("DELETING_FAILED") else {}
            firehose.delete_delivery_stream(DeliveryStreamName=self.name, **forced)


def _plain(value: str) -> str:
    """A number as text without its idle decimals, "1.0" as "1"; any other text as it is."""
    try:
        return f"{float(value):g}"
    except ValueError:
        return value
