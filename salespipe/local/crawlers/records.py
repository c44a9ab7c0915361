"""Crawlers as they are kept: the definition that the client gave, the state, and how the last crawl ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from salespipe.local.api import AwsError
from salespipe.local.crawlers.rules import rules_of
from salespipe.local.crawlers.run import CrawlOutcome
from salespipe.local.definitions import Definitions
from salespipe.local.schedules.expression import Cron, parse_expression

if TYPE_CHECKING:
    from salespipe.local.store import Store

_OWN: Final = frozenset({"Started", "MessagePrefix", "Runtimes", "Tables"})
"""Members of a record that GetCrawler does not tell."""
_DEFAULTS: Final = {
    "Classifiers": [],
    "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVERYTHING"},
    "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DEPRECATE_IN_DATABASE"},
    "LineageConfiguration": {"CrawlerLineageSettings": "DISABLE"},
    "LakeFormationConfiguration": {"UseLakeFormationCredentials": False, "AccountId": ""},
}
_TARGETS: Final = (
    "S3Targets",
    "JdbcTargets",
    "MongoDBTargets",
    "DynamoDBTargets",
    "CatalogTargets",
    "DeltaTargets",
    "IcebergTargets",
    "HudiTargets",
)


def new_record(given: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The record of a new crawler from CreateCrawler's input, ``now`` in Unix seconds.

    Raises ``AwsError`` InvalidInputException.
    """
    blank = {
        "State": "READY",
        "CreationTime": now,
        "Version": 0,
        "Runtimes": [],
        "Tables": CrawlOutcome().counts,
        **_DEFAULTS,
    }
    return updated_record(blank, given, now)


def updated_record(record: Mapping[str, Any], given: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The record with the members of an update in place. Raises ``AwsError`` InvalidInputException."""
    found = {**record, **given, "LastUpdated": now, "Version": record["Version"] + 1}
    if "Role" in given:
        # Glue answers with the role's path and name, whichever form it was given.
        found["Role"] = given["Role"].rpartition(":role/")[2]
    if "Targets" in given:
        found["Targets"] = {kind: (given["Targets"] or {}).get(kind) or [] for kind in _TARGETS}
    if "Schedule" in given:
        found["Schedule"] = _schedule(given["Schedule"])
    for member in ("SchemaChangePolicy", "RecrawlPolicy"):
        found[member] = {**_DEFAULTS[member], **(found.get(member) or {})}  # type: ignore[dict-item]
    rules_of(found)
    return found


def description(record: Mapping[str, Any], now: float) -> dict[str, Any]:
    """A crawler as GetCrawler tells it; the elapsed time is in milliseconds and zero unless it runs."""
    found = {name: value for name, value in record.items() if name not in _OWN and value not in (None, "")}
    found["CrawlElapsedTime"] = int((now - record["Started"]) * 1000) if "Started" in record else 0
    return found


def _schedule(text: str | None) -> dict[str, str] | None:
    if not text:
        return None
    try:
        expression = parse_expression(text)
    except ValueError as error:
        raise AwsError("InvalidInputException", f"Invalid schedule cron expression: {error}") from error
    if not isinstance(expression, Cron):
        raise AwsError("InvalidInputException", f"Invalid schedule cron expression: {text}.")
    return {"ScheduleExpression": text, "State": "SCHEDULED"}


class CrawlerRecords:
    """The records of every crawler, durable."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._definitions = Definitions(store, "crawler")

    def add(self, region: str, record: dict[str, Any]) -> None:
        """Keep a new record. Raises ``AwsError`` AlreadyExistsException."""
        with self._store.write():
            if self._definitions.get(region, record["Name"]) is not None:
                raise AwsError("AlreadyExistsException", f"Crawler with name {record['Name']} already exists.")
            self._definitions.put(region, record["Name"], record)

    def get(self, region: str, name: str) -> dict[str, Any]:
        """A copy of a record. Raises ``AwsError`` EntityNotFoundException."""
        record = self._definitions.get(region, name)
        if record is None:
            raise AwsError("EntityNotFoundException", f"Crawler entry with name {name} does not exist")
        return record

    @contextmanager
    def changing(self, region: str, name: str) -> Iterator[dict[str, Any]]:
        """A record to change in place; kept at the end of the block unless it raises."""
        with self._store.write():
            record = self.get(region, name)
            yield record
            self._definitions.put(region, name, record)

    def delete(self, region: str, name: str) -> None:
        """Forget a crawler."""
        self._definitions.delete(region, name)

    def names(self, region: str) -> list[str]:
        """The crawlers of a region, sorted."""
        return self._definitions.names(region)

    def everywhere(self) -> list[tuple[str, str]]:
        """Region and name of every crawler."""
        return self._definitions.everywhere()
