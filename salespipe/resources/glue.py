"""The Glue catalogue: a database, a classifier, and the crawler that fills the one by way of the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from salespipe.errors import SalespipeError
from salespipe.resources.base import ABSENT, Drift, Observation, State
from salespipe.resources.observing import Tolerating, differences, in_utc, judge, look, made

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

_DESCRIPTION: Final = "Made by salespipe."
# Why a table of a batch was not deleted, and may be at the next attempt: service model glue.BatchDeleteTable.
_PASSING_ERRORS: Final = frozenset(
    {
        "ConcurrentModificationException",
        "InternalServiceException",
        "OperationTimeoutException",
        "ResourceNotReadyException",
    }
)


def _tags(aws: Aws, arn: str) -> dict[str, str] | None:
    answer = look(lambda: aws.client("glue").get_tags(ResourceArn=arn))
    return None if answer is None else dict(answer.get("Tags", {}))


@dataclass(frozen=True, eq=False, kw_only=True)
class Database:
    """A database of the Data Catalog. Its tables, which crawlers and queries made, go with it."""

    kind: ClassVar[str] = "glue database"
    name: str
    needs: tuple[Resource, ...] = ()

    def describe(self, aws: Aws) -> Observation:
        """GetDatabase and GetTags."""
        answer = look(lambda: aws.client("glue").get_database(Name=self.name))
        if answer is None:
            return ABSENT
        arn = aws.names.arn("glue", f"database/{self.name}")
        return judge(aws, _tags(aws, arn), arn=arn, created=answer["Database"].get("CreateTime"))

    def create(self, aws: Aws) -> None:
        """CreateDatabase."""
        glue = aws.client("glue")
        made(
            lambda: aws.eventually(
                "glue",
                lambda: glue.create_database(
                    DatabaseInput={"Name": self.name, "Description": _DESCRIPTION}, Tags=aws.config.tags
                ),
            ),
            "AlreadyExistsException",
        )

    def update(self, aws: Aws, seen: Observation) -> None:
        """TagResource: the tags are all that can drift."""
        aws.client("glue").tag_resource(ResourceArn=seen.arn, TagsToAdd=aws.config.tags)

    def delete(self, aws: Aws) -> dict[str, int]:
        """Delete the tables, then the database: Glue would remove them at its own discretion."""
        glue, swept = aws.client("glue"), {"glue tables": 0}
        with Tolerating():
            # A hundred names are the most that one BatchDeleteTable takes, and the most that a page has.
            while tables := glue.get_tables(DatabaseName=self.name, MaxResults=100)["TableList"]:
                names = [table["Name"] for table in tables]
                answer = glue.batch_delete_table(DatabaseName=self.name, TablesToDelete=names)
                errors = answer.get("Errors", [])
                _refuse_errors(self.name, errors)
                swept["glue tables"] += len(names) - len(errors)
                if any(_error_code(each) in _PASSING_ERRORS for each in errors):
                    return swept  # still there at the next look, and asked for again
            glue.delete_database(Name=self.name)
        return swept


def _refuse_errors(database: str, errors: list[dict[str, Any]]) -> None:
    """BatchDeleteTable answers 200 and lists what it could not delete."""
    real = [each for each in errors if _error_code(each) not in {"EntityNotFoundException", *_PASSING_ERRORS}]
    if real:
        why = real[0].get("ErrorDetail", {})
        raise SalespipeError(
            "TablesNotDeleted",
            f"{len(real)} tables of database {database} were not deleted: {real[0].get('TableName')}: "
            f"{why.get('ErrorCode')}: {why.get('ErrorMessage')}",
        )


def _error_code(error: Mapping[str, Any]) -> str:
    return str(error.get("ErrorDetail", {}).get("ErrorCode", ""))


@dataclass(frozen=True, eq=False, kw_only=True)
class JsonClassifier:
    """A custom JSON classifier: ``json_path`` says which part of a document is a row.

    Classifiers cannot be tagged, so its name alone, which contains the pipeline's, makes it ours.
    """

    kind: ClassVar[str] = "glue classifier"
    name: str
    json_path: str
    needs: tuple[Resource, ...] = ()

    def describe(self, aws: Aws) -> Observation:
        """GetClassifier."""
        answer = look(lambda: aws.client("glue").get_classifier(Name=self.name))
        if answer is None:
            return ABSENT
        classifier = answer["Classifier"].get("JsonClassifier")
        if classifier is None:
            return Observation(State.FOREIGN, detail="exists, and is not a JSON classifier")
        drift = differences({"JsonPath": self.json_path}, classifier)
        created = in_utc(classifier.get("CreationTime"))
        return Observation(State.DRIFTED if drift else State.READY, drift=drift, created=created)

    def create(self, aws: Aws) -> None:
        """CreateClassifier."""
        glue = aws.client("glue")
        made(lambda: glue.create_classifier(JsonClassifier=self._definition), "AlreadyExistsException")

    def update(self, aws: Aws, seen: Observation) -> None:  # noqa: ARG002 - the path is all that can drift
        """UpdateClassifier. What was crawled before keeps its classification until its table is deleted."""
        aws.client("glue").update_classifier(JsonClassifier=self._definition)

    @property
    def _definition(self) -> dict[str, str]:
        return {"Name": self.name, "JsonPath": self.json_path}

    def delete(self, aws: Aws) -> None:
        """DeleteClassifier."""
        with Tolerating():
            aws.client("glue").delete_classifier(Name=self.name)


@dataclass(frozen=True, eq=False, kw_only=True)
class Crawler:
    """A crawler, run on demand, that makes one table of each of ``paths`` (S3 URIs ending in a slash)."""

    kind: ClassVar[str] = "glue crawler"
    name: str
    role_arn: str
    database: str
    classifiers: tuple[str, ...]
    paths: tuple[str, ...]
    needs: tuple[Resource, ...] = ()

    @property
    def output(self) -> dict[str, Any]:
        """The crawler's Configuration: new columns join the table, partitions have the table's types.

        TableThreshold makes a crawl fail that would break the lake into more tables than it has paths.
        TableLevelConfiguration 2 says that a table is a folder right below the bucket, which is level 1.
        """
        return {
            "Version": 1.0,
            "CrawlerOutput": {
                "Partitions": {"AddOrUpdateBehavior": "InheritFromTable"},
                "Tables": {"AddOrUpdateBehavior": "MergeNewColumns", "TableThreshold": len(self.paths)},
            },
            "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas", "TableLevelConfiguration": 2},
            # Partition indexes need rights of their own, and gain nothing where projection finds the partitions.
            "CreatePartitionIndex": False,
        }

    @property
    def settings(self) -> dict[str, Any]:
        """What CreateCrawler and UpdateCrawler have in common."""
        return {
            "Role": self.role_arn,
            "DatabaseName": self.database,
            "Description": _DESCRIPTION,
            "Targets": {"S3Targets": [{"Path": path} for path in self.paths]},
            "Classifiers": list(self.classifiers),
            "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "LOG"},
            "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVERYTHING"},
            "Configuration": json.dumps(self.output),
        }

    def describe(self, aws: Aws) -> Observation:
        """GetCrawler and GetTags. One that is running is ready, too."""
        answer = look(lambda: aws.client("glue").get_crawler(Name=self.name))
        if answer is None:
            return ABSENT
        crawler = answer["Crawler"]
        arn = aws.names.arn("glue", f"crawler/{self.name}")
        return judge(
            aws,
            _tags(aws, arn),
            arn=arn,
            detail=_last_crawl(crawler),
            drift=self._drift(crawler),
            created=crawler.get("CreationTime"),
        )

    def _drift(self, crawler: Mapping[str, Any]) -> tuple[Drift, ...]:
        wanted = self.settings | {
            "Role": _role_name(self.role_arn),
            "Targets": sorted(self.paths),
            "Configuration": self.output,
        }
        paths = [target["Path"] for target in crawler.get("Targets", {}).get("S3Targets", ())]
        actual = dict(crawler) | {
            "Role": _role_name(crawler.get("Role", "")),
            "Targets": sorted(paths),
            "Configuration": json.loads(crawler.get("Configuration") or "{}"),
        }
        del wanted["Description"]
        return differences(wanted, actual, defaults={"RecrawlPolicy.RecrawlBehavior": "CRAWL_EVERYTHING"})

    def create(self, aws: Aws) -> None:
        """CreateCrawler: the role is assumed before it answers."""
        glue = aws.client("glue")
        made(
            lambda: aws.eventually(
                "glue", lambda: glue.create_crawler(Name=self.name, Tags=aws.config.tags, **self.settings)
            ),
            "AlreadyExistsException",
        )

    def update(self, aws: Aws, seen: Observation) -> None:
        """UpdateCrawler, refused while it runs, or the tags."""
        glue = aws.client("glue")
        if seen.differs("tags"):
            glue.tag_resource(ResourceArn=seen.arn, TagsToAdd=aws.config.tags)
        if seen.differs(*self.settings):
            with Tolerating("CrawlerRunningException"):
                aws.eventually("glue", lambda: glue.update_crawler(Name=self.name, **self.settings))

    def delete(self, aws: Aws) -> None:
        """DeleteCrawler; one that runs is stopped instead, and can be deleted once it has stopped."""
        glue = aws.client("glue")
        with Tolerating("CrawlerRunningException", "SchedulerTransitioningException"):
            glue.delete_crawler(Name=self.name)
            return
        with Tolerating("CrawlerNotRunningException", "CrawlerStoppingException"):
            glue.stop_crawler(Name=self.name)


def _last_crawl(crawler: Mapping[str, Any]) -> str:
    """The crawler's state, and how its last crawl ended (GetCrawler: LastCrawl, which is absent before the first)."""
    last = crawler.get("LastCrawl") or {}
    why = f": {last['ErrorMessage']}" if last.get("ErrorMessage") else ""
    ended = f", last crawl {last['Status']}{why}" if last.get("Status") else ""
    return f"{crawler.get('State', '')}{ended}"


def _role_name(role: str) -> str:
    """A role's path and name: Glue is given an ARN, and answers with what comes after ``role/``."""
    return role.rpartition(":role/")[2]
