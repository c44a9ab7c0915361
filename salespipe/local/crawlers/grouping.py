"""Grouping: which folders are partitions of one table, what its partition keys are, and what it is called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from salespipe.local.crawlers.formats import NOTHING, Sample
from salespipe.local.crawlers.rules import CrawlRules
from salespipe.local.crawlers.sampling import FolderSample
from salespipe.local.crawlers.types import Columns, merge_columns

_SIMILAR: Final = 0.7
"""Part of the columns that two folders must share to be one table (AWS Glue developer guide, "How does a crawler
determine when to create partitions?")."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Partition:
    """A folder of a table: its values for the table's keys, and its sample."""

    values: Path
    sample: FolderSample


@dataclass(frozen=True, slots=True)
class TableFound:
    """A table as the objects say it should be. ``keys`` and ``partitions`` are empty for one without partitions."""

    bucket: str
    path: Path
    sample: Sample
    keys: Path
    partitions: tuple[Partition, ...]
    objects: int
    size: int
    records: int

    @property
    def location(self) -> str:
        """The folder's S3 URI, ending with a slash."""
        return location(self.bucket, self.path)

    @property
    def name(self) -> str:
        """The folder's name as a table's: lower case, with underscores for what Hive does not allow."""
        return re.sub(r"[^a-z0-9_]", "_", (self.path[-1] if self.path else self.bucket).lower())


def location(bucket: str, path: Path) -> str:
    """The S3 URI of a folder."""
    return f"s3://{bucket}/{''.join(f'{name}/' for name in path)}"


def tables_of(bucket: str, root: Path, found: Sequence[FolderSample], rules: CrawlRules) -> list[TableFound]:
    """The tables that the folders below the include path ``root`` make."""
    if not found:
        return []
    groups: dict[Path, list[FolderSample]] = {}
    if rules.level:
        depth = max(len(root), rules.level - 1)
        for each in found:
            groups.setdefault(each.folder.path[:depth], []).append(each)
    else:
        _split(root, list(found), rules, groups)
    return [_table(bucket, path, members) for path, members in sorted(groups.items())]


def _split(root: Path, members: list[FolderSample], rules: CrawlRules, groups: dict[Path, list[FolderSample]]) -> None:
    """One table if the folders are alike, or if they are Hive-style partitions; else one for each folder below."""
    below: dict[str, list[FolderSample]] = {}
    own = []
    for each in members:
        if len(each.folder.path) > len(root):
            below.setdefault(each.folder.path[len(root)], []).append(each)
        else:
            own.append(each)
    if not below or all("=" in name for name in below) or _alike(members, rules):
        groups[root] = members
        return
    if own:
        groups[root] = own
    for name, inside in below.items():
        _split((*root, name), inside, rules, groups)


def _alike(members: Sequence[FolderSample], rules: CrawlRules) -> bool:
    sampled = [each.sample for each in members if each.sample]
    if not sampled:
        return True
    first = sampled[0]
    return all(
        each.form == first.form and (rules.combine_compatible or _similar(each.columns, first.columns))
        for each in sampled
    )


def _similar(one: Columns, other: Columns) -> bool:
    return len(one.keys() & other.keys()) >= _SIMILAR * max(len(one), len(other))


def _table(bucket: str, path: Path, members: Sequence[FolderSample]) -> TableFound:
    depth = max(len(each.folder.path) for each in members) - len(path)
    keys = tuple(_key(level, [each.folder.path[len(path) :] for each in members]) for level in range(depth))
    # A partitioned table has no data beside its partitions: objects higher up cannot be read through it.
    counted = [each for each in members if len(each.folder.path) == len(path) + depth]
    partitions = [Partition(_values(each.folder.path[len(path) :], keys), each) for each in counted] if depth else []
    columns: Columns = {}
    for each in counted:
        columns = merge_columns(columns, each.columns)
    size = sum(one.size for each in counted for one in each.folder.objects)
    sampled = [each for each in counted if each.sample]
    records = sum(each.sample.records for each in sampled if each.sample)
    read = sum(each.sample.read for each in sampled if each.sample)
    stored = sum(each.stored for each in sampled)
    best = max((each.sample for each in sampled if each.sample), key=lambda sample: sample.records, default=None)
    form, compression = (best.form, best.compression) if best else (NOTHING, "none")
    return TableFound(
        bucket=bucket,
        path=path,
        # A column named as a partition key would be there twice, and Athena would refuse the table.
        sample=Sample(
            form, {name: kind for name, kind in columns.items() if name not in keys}, records, read, compression
        ),
        keys=keys,
        partitions=tuple(partitions),
        objects=sum(len(each.folder.objects) for each in counted),
        size=size,
        records=round(records * size / stored) if stored else 0,
    )


def _key(level: int, paths: Sequence[Path]) -> str:
    """The key of a level: Hive's ``key=value`` gives its name, anything else is ``partition_N``."""
    names = {path[level].partition("=")[0].lower() if "=" in path[level] else "" for path in paths if level < len(path)}
    return names.pop() if len(names) == 1 and "" not in names else f"partition_{level}"


def _values(path: Path, keys: Path) -> Path:
    return tuple(
        name if key.startswith("partition_") else unquote(name.partition("=")[2])
        for name, key in zip(path, keys, strict=True)
    )
