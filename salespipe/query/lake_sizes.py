"""How many bytes lie in the partitions that a scan may read, by listing no more of S3 than is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from salespipe.query.partition_truth import possible
from salespipe.query.partition_values import UNKNOWN, typed

if TYPE_CHECKING:
    from sqlglot import exp

    from salespipe.aws import Aws
    from salespipe.query.catalogue import Table
    from salespipe.query.scans import Scan

_PLACE: Final = re.compile(r"\$\{([^}]*)\}")


class EnoughError(Exception):
    """The limit of bytes is passed, or as many pages were listed as may be: the rest is not counted."""


class Sizes:
    """Adds up the stored bytes of scans, at the moment ``now`` (aware).

    ``total`` grows until it passes ``limit`` or ``pages`` answers of S3 and Glue were read; then ``EnoughError`` is
    raised. Nothing is left out that Athena may read: names that it skips are counted too.
    """

    def __init__(self, aws: Aws, now: datetime, *, limit: int, pages: int) -> None:
        self.total = 0
        self._aws = aws
        self._now = now
        self._limit = limit
        self._pages = pages
        self._known: dict[str, int] = {}

    def add(self, scan: Scan) -> None:
        """Count what ``scan`` may read."""
        table = scan.table
        if not table.location or not table.keys:
            self._below(table.location)
        elif table.projected:
            template = table.parameters.get("storage.location.template") or (
                table.location + "".join(f"{key.name}=${{{key.name}}}/" for key in table.keys)
            )
            self._walk(scan, template if template.endswith("/") else f"{template}/", {})
        else:
            self._catalogued(scan)

    def _walk(self, scan: Scan, template: str, bound: Mapping[str, Any]) -> None:
        """Go down the folders of projected partitions, one column at a time, past those that a condition rules out."""
        place = _PLACE.search(template)
        ahead = {name.lower() for name in _PLACE.findall(template)}
        if place is None or not any(_names(one) & ahead for one in scan.conditions):
            self._below(template[: place.start()] if place else template)
            return
        folder, _, literal = template[: place.start()].rpartition("/")
        ending = template[place.end() :].partition("/")[0]
        key = place[1].lower()
        kind = next((field.type for field in scan.table.keys if field.name == key), "")
        slashes = "/" in scan.table.parameters.get(f"projection.{key}.format", "")
        if ending or slashes or key in _names_of(template[place.end() :]):
            self._below(template[: place.start()])  # not a folder for each value: everything counts
            return
        for name in self._folders(f"{folder}/{literal}"):
            value = typed(name.removeprefix(literal), kind)
            known = {**bound, key: value}
            if possible(scan.conditions, known, self._now):
                self._walk(scan, f"{folder}/{name}/{template[place.end() :].partition('/')[2]}", known)

    def _catalogued(self, scan: Scan) -> None:
        """Partitions that Glue knows, wherever each lies; all those in the table's folder are one listing."""
        table = scan.table
        inside = False
        for values, location in self._partitions(table):
            bound = {
                key.name: typed(value, key.type) if value is not None else UNKNOWN
                for key, value in zip(table.keys, values, strict=False)
            }
            if not possible(scan.conditions, bound, self._now):
                continue
            if not scan.conditions and location.startswith(table.location):
                inside = True
            else:
                self._below(location)
        if inside:
            self._below(table.location)

    def _partitions(self, table: Table) -> Iterator[tuple[list[str], str]]:
        pages = self._aws.client("glue").get_paginator("get_partitions")
        for page in pages.paginate(DatabaseName=table.database, TableName=table.name, ExcludeColumnSchema=True):
            self._turn()
            for one in page["Partitions"]:
                location = str(one.get("StorageDescriptor", {}).get("Location") or table.location)
                yield one["Values"], location if location.endswith("/") else f"{location}/"

    def _folders(self, location: str) -> list[str]:
        """Names of the folders that begin with ``location``."""
        bucket, prefix = _split(location)
        pages = self._aws.client("s3").get_paginator("list_objects_v2")
        found = []
        for page in pages.paginate(Bucket=bucket, Prefix=prefix, Delimiter="/"):
            self._turn()
            found += [str(each["Prefix"]).rstrip("/").rpartition("/")[2] for each in page.get("CommonPrefixes", ())]
        return found

    def _below(self, location: str) -> None:
        """Count every object whose address begins with ``location``, which is listed once."""
        if location in self._known:
            self._count(self._known[location])
            return
        bucket, prefix = _split(location)
        if not bucket:
            return
        before = self.total
        for page in self._aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            self._count(sum(int(one["Size"]) for one in page.get("Contents", ())))
            self._turn()
        self._known[location] = self.total - before

    def _count(self, size: int) -> None:
        self.total += size
        if self.total > self._limit:
            raise EnoughError

    def _turn(self) -> None:
        self._pages -= 1
        if self._pages < 0:
            raise EnoughError


def _names(condition: exp.Expr) -> set[str]:
    from sqlglot import exp

    return {column.name for column in condition.find_all(exp.Column)}


def _names_of(template: str) -> set[str]:
    return {name.lower() for name in _PLACE.findall(template)}


def _split(location: str) -> tuple[str, str]:
    """Bucket and prefix of ``s3://bucket/prefix``, as Hive may write it: s3a, s3n."""
    bucket, _, prefix = location.partition("://")[2].partition("/")
    return bucket, prefix
