"""One crawl: list, sample, classify, group, and write what was found to the Data Catalog."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from salespipe.local.crawlers.catalog import CrawlCatalog
from salespipe.local.crawlers.formats import Classifier
from salespipe.local.crawlers.grouping import TableFound, tables_of
from salespipe.local.crawlers.listing import Place, folders_of, list_objects, place_of
from salespipe.local.crawlers.rules import CrawlRules, rules_of
from salespipe.local.crawlers.sampling import Sampler


class CrawlFailed(Exception):  # noqa: N818 - the crawl's outcome, in Glue's word for it
    """The crawl cannot go on; the message becomes ``LastCrawl.ErrorMessage``."""


@dataclass(frozen=True, slots=True)
class CrawlOutcome:
    """How many tables a crawl created, updated and deleted."""

    created: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """In GetCrawlerMetrics' words."""
        return {"TablesCreated": self.created, "TablesUpdated": self.updated, "TablesDeleted": self.deleted}


@dataclass(frozen=True, slots=True)
class Crawl:
    """A crawl of the crawler ``name``.

    ``check`` is called often and raises when the crawl is to end; ``log`` takes a line of its log.
    """

    s3: Any
    glue: Any
    name: str
    definition: Mapping[str, Any]
    classifiers: Sequence[Classifier]
    check: Callable[[], None]
    log: Callable[[str], None]

    def run(self) -> CrawlOutcome:
        """Do it. Raises ``CrawlFailed``, and whatever ``check`` raises; the catalog is written to at the end only."""
        rules = rules_of(self.definition)
        catalog = CrawlCatalog(self.glue, self.name, self.definition, rules)
        try:
            catalog.load()
            found = [
                table
                for target in self.definition["Targets"]["S3Targets"]
                for table in self._read(target, catalog, rules)
            ]
            if rules.threshold and len(found) > rules.threshold:
                raise CrawlFailed(
                    f"The number of tables detected by crawler: {len(found)} is greater than the table threshold "
                    f"value provided: {rules.threshold}."
                )
            self.log(
                f"BENCHMARK : Classification complete, writing results to database {self.definition['DatabaseName']}"
            )
            for table in found:
                self.check()
                catalog.write(table, self.log)
            places = [_folder(place_of(target["Path"])).uri for target in self.definition["Targets"]["S3Targets"]]
            catalog.give_up(places, found, self.log)
        except ClientError as error:
            said = error.response["Error"]
            raise CrawlFailed(
                f"{said['Message']} (Service: {error.operation_name}; Error Code: {said['Code']})"
            ) from error
        self.log("BENCHMARK : Finished writing to Catalog")
        return CrawlOutcome(catalog.created, catalog.updated, catalog.deleted)

    def _read(self, target: Mapping[str, Any], catalog: CrawlCatalog, rules: CrawlRules) -> list[TableFound]:
        place = place_of(target["Path"])
        folders = folders_of(list_objects(self.s3, place), place, list(target.get("Exclusions") or ()))
        self.check()
        known = catalog.known_folders(place.bucket)
        if rules.new_folders_only:
            folders = [folder for folder in folders if folder.path not in known]
        sampler = Sampler(self.s3, place.bucket, self.classifiers, self.check, size=target.get("SampleSize") or 0)
        root = _folder(place).prefix.split("/")[:-1]
        return tables_of(place.bucket, tuple(root), sampler.sample(folders, known), rules)


def _folder(place: Place) -> Place:
    """The include path as a folder."""
    return Place(place.bucket, place.prefix.rstrip("/") + "/" if place.prefix.rstrip("/") else "")
