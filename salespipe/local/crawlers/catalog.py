"""What a crawl writes to the Data Catalog: tables and partitions, created, updated or given up as the policies say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from salespipe.local.crawlers.grouping import Partition, TableFound, location
from salespipe.local.crawlers.rules import CrawlRules
from salespipe.local.crawlers.types import STRING, Columns

_CREATE_BATCH: Final = 100  # BatchCreatePartition and BatchUpdatePartition, service model
_DELETE_BATCH: Final = 25  # BatchDeletePartition
_TABLE_INPUT: Final = (  # members of a Table that a TableInput has, too
    "Name",
    "Description",
    "Owner",
    "LastAccessTime",
    "LastAnalyzedTime",
    "Retention",
    "StorageDescriptor",
    "PartitionKeys",
    "ViewOriginalText",
    "ViewExpandedText",
    "TableType",
    "Parameters",
    "TargetTable",
)

GlueColumn = dict[str, Any]


class CrawlCatalog:
    """The tables of one database, as one crawler sees and changes them; ``glue`` is a boto3 client.

    ``created``, ``updated`` and ``deleted`` count tables. ``log`` is told what was done.
    """

    def __init__(self, glue: Any, crawler: str, definition: Mapping[str, Any], rules: CrawlRules) -> None:
        self._glue = glue
        self._crawler = crawler
        self._database = str(definition.get("DatabaseName", "")).lower()
        self._prefix = str(definition.get("TablePrefix") or "").lower()
        self._rules = rules
        self._tables: dict[str, dict[str, Any]] = {}
        self._partitions: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {}
        self.created = self.updated = self.deleted = 0

    def load(self) -> None:
        """Read the database's tables. Raises botocore's ``ClientError`` when there is no such database."""
        pages = self._glue.get_paginator("get_tables").paginate(DatabaseName=self._database)
        self._tables = {table["Name"]: table for page in pages for table in page["TableList"]}

    def known_folders(self, bucket: str) -> set[tuple[str, ...]]:
        """The folders in ``bucket`` that are partitions already, or tables without any, made by this crawler."""
        root = f"s3://{bucket}/"
        found = set()
        for table in self._mine():
            places = [_location(partition) for partition in self._existing(table["Name"]).values()]
            for place in places or ([] if table.get("PartitionKeys") else [_location(table)]):
                if place.startswith(root):
                    found.add(tuple(place[len(root) :].rstrip("/").split("/")))
        return found

    def write(self, found: TableFound, log: Callable[[str], None]) -> None:
        """Create the table, or bring it up to date, and add its new partitions."""
        name = self._name(found)
        existing = self._tables.get(name)
        if existing is None:
            columns = _glue_columns(found.sample.columns)
            table = self._table_input(name, found, columns)
            self._glue.create_table(DatabaseName=self._database, TableInput=table)
            self.created += 1
            log(f"INFO : Created table {name} in database {self._database}")
        else:
            table = self._update(existing, found, log)
        self._tables[name] = table
        self._write_partitions(name, table, found, log)

    def give_up(self, places: Sequence[str], found: Sequence[TableFound], log: Callable[[str], None]) -> None:
        """Deal with this crawler's tables and partitions below ``places`` that have no objects any more."""
        if self._rules.delete == "LOG":
            return
        current = {table.location for table in found}
        for table in list(self._mine()):
            name, place = table["Name"], _location(table)
            if place in current or not place.startswith(tuple(places)):
                continue
            if self._rules.delete == "DELETE_FROM_DATABASE":
                self._glue.delete_table(DatabaseName=self._database, Name=name)
                self.deleted += 1
                log(f"INFO : Deleted table {name} from database {self._database}")
            elif "DEPRECATED_BY_CRAWLER" not in table.get("Parameters", {}):
                table["Parameters"] = {**table.get("Parameters", {}), "DEPRECATED_BY_CRAWLER": self._crawler}
                self._put(table)
                log(f"INFO : Deprecated table {name} in database {self._database}")

    def _mine(self) -> Iterator[dict[str, Any]]:
        for table in self._tables.values():
            if table.get("Parameters", {}).get("UPDATED_BY_CRAWLER") == self._crawler:
                yield table

    def _name(self, found: TableFound) -> str:
        """The folder's name, or with a hash where a table elsewhere has that name."""
        name = self._prefix + found.name
        other = self._tables.get(name)
        if other is None or _location(other).rstrip("/") == found.location.rstrip("/"):
            return name
        return f"{name}_{hashlib.md5(found.location.encode(), usedforsecurity=False).hexdigest()}"

    def _update(self, existing: dict[str, Any], found: TableFound, log: Callable[[str], None]) -> dict[str, Any]:
        """The table as it is after the crawl; what others set (projection, descriptions) stays."""
        if self._rules.update == "LOG" or not found.sample.columns:
            return existing
        old = existing.get("StorageDescriptor", {})
        columns = self._merged(old.get("Columns", []), _glue_columns(found.sample.columns))
        wanted = self._table_input(existing["Name"], found, columns)
        descriptor = {**old, **wanted["StorageDescriptor"]}
        descriptor["SerdeInfo"]["Parameters"] = {
            **old.get("SerdeInfo", {}).get("Parameters", {}),
            **descriptor["SerdeInfo"]["Parameters"],
        }
        descriptor["Parameters"] = {**old.get("Parameters", {}), **descriptor["Parameters"]}
        parameters = {**existing.get("Parameters", {}), **wanted["Parameters"]}
        parameters.pop("DEPRECATED_BY_CRAWLER", None)
        table = {
            **existing,
            "StorageDescriptor": descriptor,
            "Parameters": parameters,
            "PartitionKeys": wanted["PartitionKeys"],
        }
        if table["PartitionKeys"] != existing.get("PartitionKeys", []):
            self._delete_partitions(existing["Name"], list(self._existing(existing["Name"])))
        if table != existing:
            self._put(table)
            self.updated += 1
            log(f"INFO : Updated table {existing['Name']} in database {self._database}")
        return table

    def _merged(self, old: list[GlueColumn], new: list[GlueColumn]) -> list[GlueColumn]:
        if not self._rules.merge_new_columns:
            return new
        names = {column["Name"] for column in old}
        return [*old, *(column for column in new if column["Name"] not in names)]

    def _table_input(self, name: str, found: TableFound, columns: list[GlueColumn]) -> dict[str, Any]:
        sample = found.sample
        parameters = {
            "CrawlerSchemaDeserializerVersion": "1.0",
            "CrawlerSchemaSerializerVersion": "1.0",
            "UPDATED_BY_CRAWLER": self._crawler,
            "averageRecordSize": str(round(sample.read / sample.records) if sample.records else 0),
            "classification": sample.form.classification,
            "compressionType": sample.compression,
            "objectCount": str(found.objects),
            "recordCount": str(found.records),
            "sizeKey": str(found.size),
            "typeOfData": "file",
            **sample.form.parameters,
        }
        return {
            "Name": name,
            "Owner": "owner",
            "Retention": 0,
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [{"Name": key, "Type": STRING} for key in found.keys],
            "Parameters": parameters,
            "StorageDescriptor": _descriptor(found, columns, found.location) | {"Parameters": dict(parameters)},
        }

    def _put(self, table: dict[str, Any]) -> None:
        table_input = {member: table[member] for member in _TABLE_INPUT if member in table}
        self._glue.update_table(DatabaseName=self._database, TableInput=table_input)

    def _existing(self, name: str) -> dict[tuple[str, ...], dict[str, Any]]:
        """A table's partitions by their values, read once a crawl."""
        if name not in self._partitions:
            pages = self._glue.get_paginator("get_partitions").paginate(DatabaseName=self._database, TableName=name)
            self._partitions[name] = {tuple(each["Values"]): each for page in pages for each in page["Partitions"]}
        return self._partitions[name]

    def _write_partitions(
        self, name: str, table: dict[str, Any], found: TableFound, log: Callable[[str], None]
    ) -> None:
        if not found.partitions:
            return
        existing = self._existing(name)
        new, changed = [], []
        for partition in found.partitions:
            wanted = self._partition_input(table, found, partition)
            old = existing.get(partition.values)
            if old is None:
                new.append(wanted)
            elif self._outdated(old, wanted, partition):
                changed.append({"PartitionValueList": list(partition.values), "PartitionInput": wanted})
        where = {"DatabaseName": self._database, "TableName": name}
        for start in range(0, len(new), _CREATE_BATCH):
            self._glue.batch_create_partition(**where, PartitionInputList=new[start : start + _CREATE_BATCH])
        for start in range(0, len(changed), _CREATE_BATCH):
            self._glue.batch_update_partition(**where, Entries=changed[start : start + _CREATE_BATCH])
        if new or changed:
            log(f"INFO : Created {len(new)} and updated {len(changed)} partitions of table {name}")
        if self._rules.delete == "DELETE_FROM_DATABASE":
            current = {partition.values for partition in found.partitions}
            self._delete_partitions(name, [values for values in existing if values not in current])

    def _outdated(self, old: Mapping[str, Any], wanted: Mapping[str, Any], partition: Partition) -> bool:
        if self._rules.update == "LOG" or not (self._rules.inherit_from_table or partition.sample.sample):
            return False
        return bool(_columns(old) != _columns(wanted))

    def _partition_input(self, table: Mapping[str, Any], found: TableFound, partition: Partition) -> dict[str, Any]:
        place = location(found.bucket, partition.sample.folder.path)
        own = {name: kind for name, kind in partition.sample.columns.items() if name not in found.keys}
        if self._rules.inherit_from_table or not own:
            descriptor = {**table["StorageDescriptor"], "Location": place}
        else:
            descriptor = _descriptor(found, _glue_columns(own), place)
        parameters = {
            name: table.get("Parameters", {}).get(name, value)
            for name, value in {"classification": found.sample.form.classification, "typeOfData": "file"}.items()
        }
        return {
            "Values": list(partition.values),
            "StorageDescriptor": descriptor,
            "Parameters": {**parameters, "compressionType": found.sample.compression},
        }

    def _delete_partitions(self, name: str, gone: list[tuple[str, ...]]) -> None:
        for start in range(0, len(gone), _DELETE_BATCH):
            self._glue.batch_delete_partition(
                DatabaseName=self._database,
                TableName=name,
                PartitionsToDelete=[{"Values": list(values)} for values in gone[start : start + _DELETE_BATCH]],
            )
        for values in gone:
            self._existing(name).pop(values, None)


def _descriptor(found: TableFound, columns: list[GlueColumn], place: str) -> dict[str, Any]:
    form = found.sample.form
    serde: dict[str, Any] = {"SerializationLibrary": form.serde, "Parameters": dict(form.serde_parameters)}
    if form.classification == "json":
        serde["Parameters"]["paths"] = ",".join(column["Name"] for column in columns)
    return {
        "Columns": columns,
        "Location": place,
        "InputFormat": form.input_format,
        "OutputFormat": form.output_format,
        "Compressed": found.sample.compression != "none",
        "NumberOfBuckets": -1,
        "SerdeInfo": serde,
        "BucketColumns": [],
        "SortColumns": [],
        "StoredAsSubDirectories": False,
    }


def _glue_columns(columns: Columns) -> list[GlueColumn]:
    return [{"Name": name, "Type": str(kind or STRING)} for name, kind in columns.items()]


def _columns(holder: Mapping[str, Any]) -> Any:
    return holder.get("StorageDescriptor", {}).get("Columns", [])


def _location(holder: Mapping[str, Any]) -> str:
    return str(holder.get("StorageDescriptor", {}).get("Location") or "")
