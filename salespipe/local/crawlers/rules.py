"""What a crawler's definition asks for: its targets, its policies and its ``Configuration``, checked and parsed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from salespipe.local.api import AwsError
from salespipe.local.crawlers.listing import place_of

_OTHER_TARGETS: Final = (
    "JdbcTargets",
    "MongoDBTargets",
    "DynamoDBTargets",
    "CatalogTargets",
    "DeltaTargets",
    "IcebergTargets",
    "HudiTargets",
)


@dataclass(frozen=True)
class CrawlRules:
    """The policies of one crawler. The defaults are those of the Glue service model and developer guide.

    ``level`` is the depth of a table's folder, the bucket being 1, or 0 where it is found out; ``threshold`` the most
    tables that a crawl may find, or 0.
    """

    update: str = "UPDATE_IN_DATABASE"
    delete: str = "DEPRECATE_IN_DATABASE"
    new_folders_only: bool = False
    merge_new_columns: bool = False
    inherit_from_table: bool = False
    combine_compatible: bool = False
    level: int = 0
    threshold: int = 0


def rules_of(definition: Mapping[str, Any]) -> CrawlRules:
    """The rules of a crawler's definition (CreateCrawler's members).

    Raises ``AwsError`` InvalidInputException for what Glue refuses, and for targets other than S3.
    """
    targets = definition.get("Targets") or {}
    if any(targets.get(kind) for kind in _OTHER_TARGETS):
        raise AwsError("InvalidInputException", "Only S3 targets can be crawled by this Glue.")
    if not targets.get("S3Targets"):
        raise AwsError("InvalidInputException", "Crawler targets cannot be empty.")
    for target in targets["S3Targets"]:
        try:
            place_of(target.get("Path", ""))
        except ValueError as error:
            raise AwsError("InvalidInputException", f"The S3 target path is invalid. {error}") from error
    policy = definition.get("SchemaChangePolicy") or {}
    recrawl = (definition.get("RecrawlPolicy") or {}).get("RecrawlBehavior", "CRAWL_EVERYTHING")
    new_only = recrawl == "CRAWL_NEW_FOLDERS_ONLY"
    if new_only and (policy.get("UpdateBehavior"), policy.get("DeleteBehavior")) != ("LOG", "LOG"):
        raise AwsError(
            "InvalidInputException",
            "The SchemaChangePolicy for 'Crawl new folders only' Amazon S3 target can have only "
            "LOG DeleteBehavior value and LOG UpdateBehavior value.",
        )
    output, grouping = _configuration(definition.get("Configuration") or "{}")
    tables = output.get("Tables") or {}
    return CrawlRules(
        update=policy.get("UpdateBehavior", CrawlRules.update),
        delete=policy.get("DeleteBehavior", CrawlRules.delete),
        new_folders_only=new_only,
        merge_new_columns=tables.get("AddOrUpdateBehavior") == "MergeNewColumns",
        inherit_from_table=(output.get("Partitions") or {}).get("AddOrUpdateBehavior") == "InheritFromTable",
        combine_compatible=grouping.get("TableGroupingPolicy") == "CombineCompatibleSchemas",
        level=_count(grouping, "TableLevelConfiguration"),
        threshold=_count(tables, "TableThreshold"),
    )


def _configuration(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """``CrawlerOutput`` and ``Grouping`` of the JSON text that is the crawler's Configuration."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise AwsError("InvalidInputException", f"Crawler configuration is not valid JSON: {error}") from error
    if not isinstance(found, dict) or (found and found.get("Version") != 1.0):
        raise AwsError("InvalidInputException", "Crawler configuration has an invalid version, expected 1.0.")
    output, grouping = found.get("CrawlerOutput") or {}, found.get("Grouping") or {}
    if not isinstance(output, dict) or not isinstance(grouping, dict):
        raise AwsError("InvalidInputException", "CrawlerOutput and Grouping are objects in a crawler configuration.")
    return output, grouping


def _count(settings: Mapping[str, Any], name: str) -> int:
    value = settings.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise AwsError("InvalidInputException", f"{name} is a positive number in a crawler configuration.")
    return value
