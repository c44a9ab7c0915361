"""Athena's own view of the catalog: ListDatabases, GetDatabase, ListTableMetadata, GetTableMetadata, from Glue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from salespipe.local.api import AwsError, Call, Cloud, Handler
from salespipe.local.athena.catalog import Catalog, Column, Table
from salespipe.local.athena.paging import page

_DATABASES_A_PAGE = 50
_TABLES_A_PAGE = 50


class MetadataApi:
    """The handlers of Athena's metadata operations and of its data catalogs."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.handlers: Mapping[str, Handler] = {
            "ListDatabases": self.list_databases,
            "GetDatabase": self.get_database,
            "ListTableMetadata": self.list_table_metadata,
            "GetTableMetadata": self.get_table_metadata,
            "ListDataCatalogs": self.list_data_catalogs,
            "GetDataCatalog": self.get_data_catalog,
        }

    def _catalog(self, call: Call) -> Catalog:
        name = str(call.params.get("CatalogName") or "")
        if name.lower() != "awsdatacatalog":
            raise AwsError("MetadataException", f"Catalog {name} was not found")
        return Catalog(self._cloud.client("glue", call.region))

    def list_data_catalogs(self, call: Call) -> dict[str, Any]:
        """ListDataCatalogs: Glue's is the only one."""
        one = {"CatalogName": "AwsDataCatalog", "Type": "GLUE"}
        return page([one], call.params, 50, "DataCatalogsSummary")

    def get_data_catalog(self, call: Call) -> dict[str, Any]:
        """GetDataCatalog."""
        name = str(call.params.get("Name") or "")
        if name.lower() != "awsdatacatalog":
            raise AwsError("InvalidRequestException", f"DataCatalog {name} was not found")
        return {"DataCatalog": {"Name": "AwsDataCatalog", "Type": "GLUE", "Parameters": {}}}

    def list_databases(self, call: Call) -> dict[str, Any]:
        """ListDatabases."""
        catalog = self._catalog(call)
        return page([{"Name": name} for name in catalog.databases()], call.params, _DATABASES_A_PAGE, "DatabaseList")

    def get_database(self, call: Call) -> dict[str, Any]:
        """GetDatabase."""
        catalog = self._catalog(call)
        name = str(call.params.get("DatabaseName") or "").lower()
        try:
            found = catalog.glue.get_database(Name=name)["Database"]
        except ClientError as error:
            if name == "default":
                return {"Database": {"Name": name}}
            raise _not_found(f"Database {name} not found.") from error
        told: dict[str, Any] = {"Name": found["Name"], "Parameters": found.get("Parameters") or {}}
        if found.get("Description"):
            told["Description"] = found["Description"]
        return {"Database": told}

    def list_table_metadata(self, call: Call) -> dict[str, Any]:
        """ListTableMetadata; Expression is a regular expression on names."""
        catalog = self._catalog(call)
        name = str(call.params.get("DatabaseName") or "").lower()
        if not catalog.has_database(name):
            raise _not_found(f"Database {name} not found.")
        pattern = re.compile(str(call.params.get("Expression") or ".*").replace("*", ".*").replace("..*", ".*"))
        tables = [_described(table) for table in catalog.tables(name) if pattern.fullmatch(table.name)]
        return page(tables, call.params, _TABLES_A_PAGE, "TableMetadataList")

    def get_table_metadata(self, call: Call) -> dict[str, Any]:
        """GetTableMetadata."""
        catalog = self._catalog(call)
        database = str(call.params.get("DatabaseName") or "").lower()
        name = str(call.params.get("TableName") or "").lower()
        table = catalog.table(database, name)
        if table is None:
            raise _not_found(f"Table {name} not found.")
        return {"TableMetadata": _described(table)}


def _not_found(told: str) -> AwsError:
    return AwsError("MetadataException", f"EntityNotFoundException: {told}")


def _described(table: Table) -> dict[str, Any]:
    storage = table.raw.get("StorageDescriptor") or {}
    parameters = {
        **(table.raw.get("Parameters") or {}),
        "location": table.location,
        "inputformat": table.input_format,
        "outputformat": str(storage.get("OutputFormat") or ""),
        "serde.serialization.lib": table.serde,
        **{f"serde.param.{key}": value for key, value in table.serde_parameters.items()},
    }
    told: dict[str, Any] = {
        "Name": table.name,
        "TableType": str(table.raw.get("TableType") or "EXTERNAL_TABLE"),
        "Columns": [_column(column) for column in table.columns],
        "PartitionKeys": [_column(key) for key in table.partition_keys],
        "Parameters": parameters,
    }
    created = table.raw.get("CreateTime")
    if created is not None:
        told["CreateTime"] = created.timestamp()
    return told


def _column(column: Column) -> dict[str, str]:
    told = {"Name": column.name, "Type": column.hive}
    return {**told, "Comment": column.comment} if column.comment else told
