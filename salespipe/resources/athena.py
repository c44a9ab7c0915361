"""The Athena workgroup: where results go, and how much one query may scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from salespipe.aws import error_code, error_message
from salespipe.resources.base import ABSENT, Observation
from salespipe.resources.observing import Tolerating, differences, judge, look, pairs, unpaired

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource


@dataclass(frozen=True, eq=False, kw_only=True)
class WorkGroup:
    """A workgroup whose settings hold for every query in it. ``scan_limit_bytes`` is at least 10,000,000."""

    kind: ClassVar[str] = "athena workgroup"
    name: str
    results_location: str
    scan_limit_bytes: int
    needs: tuple[Resource, ...] = ()

    @property
    def results(self) -> dict[str, Any]:
        """Where results go: an S3 URI ending in a slash, encrypted by S3."""
        return {
            "OutputLocation": self.results_location,
            "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
        }

    @property
    def limits(self) -> dict[str, Any]:
        """What creation and update have in common beside the results."""
        return {
            "EnforceWorkGroupConfiguration": True,
            "PublishCloudWatchMetricsEnabled": True,
            "BytesScannedCutoffPerQuery": self.scan_limit_bytes,
        }

    def describe(self, aws: Aws) -> Observation:
        """GetWorkGroup and ListTagsForResource."""
        athena = aws.client("athena")
        group = (look(lambda: athena.get_work_group(WorkGroup=self.name)) or {}).get("WorkGroup")
        if not group:
            return ABSENT
        arn = aws.names.arn("athena", f"workgroup/{self.name}")
        tags = look(lambda: athena.list_tags_for_resource(ResourceARN=arn))
        configuration = group.get("Configuration", {})
        drift = differences({"State": "ENABLED"}, group, defaults={"State": "ENABLED"})
        drift += differences(self.limits, configuration)
        drift += differences(self.results, configuration.get("ResultConfiguration", {}), above="ResultConfiguration.")
        return judge(
            aws,
            unpaired(tags["Tags"]) if tags else None,
            arn=arn,
            detail=group.get("State", ""),
            drift=drift,
            created=group.get("CreationTime"),
        )

    def create(self, aws: Aws) -> None:
        """CreateWorkGroup. Athena has one error code for everything: that it exists is told by the message."""
        try:
            aws.client("athena").create_work_group(
                Name=self.name,
                Description="Queries of the sales pipeline, by salespipe.",
                Configuration={
                    "ResultConfiguration": {**self.results, "ExpectedBucketOwner": aws.account},
                    "EngineVersion": {"SelectedEngineVersion": "AUTO"},
                    "RequesterPaysEnabled": False,
                    **self.limits,
                },
                Tags=pairs(aws.config.tags),
            )
        except Exception as error:
            if not _says(error, "already created", "already exists"):
                raise

    def update(self, aws: Aws, seen: Observation) -> None:
        """UpdateWorkGroup, whose shape differs from creation's, or the tags."""
        athena = aws.client("athena")
        if seen.differs("tags"):
            athena.tag_resource(ResourceARN=seen.arn, Tags=pairs(aws.config.tags))
        if seen.differs("State", "ResultConfiguration", *self.limits):
            athena.update_work_group(
                WorkGroup=self.name,
                State="ENABLED",
                ConfigurationUpdates={
                    "ResultConfigurationUpdates": {**self.results, "ExpectedBucketOwner": aws.account},
                    **self.limits,
                },
            )

    def delete(self, aws: Aws) -> None:
        """Stop what still runs in it, then delete it with its named queries and its history."""
        athena = aws.client("athena")
        with Tolerating():
            recent = athena.list_query_executions(WorkGroup=self.name, MaxResults=50).get("QueryExecutionIds", [])
            if recent:
                answer = athena.batch_get_query_execution(QueryExecutionIds=recent)
                for query in answer.get("QueryExecutions", ()):
                    if query["Status"]["State"] in {"QUEUED", "RUNNING"}:
                        athena.stop_query_execution(QueryExecutionId=query["QueryExecutionId"])
            athena.delete_work_group(WorkGroup=self.name, RecursiveDeleteOption=True)


def _says(error: Exception, *fragments: str) -> bool:
    return error_code(error) == "InvalidRequestException" and any(each in error_message(error) for each in fragments)
