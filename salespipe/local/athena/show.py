"""SHOW and DESCRIBE: the Glue catalog as lines of text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from salespipe.local.athena import table_ddl, views
from salespipe.local.athena.catalog import Catalog, Table
from salespipe.local.athena.ddl_text import Cursor
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.results import ColumnInfo
from salespipe.local.athena.session import CATALOG, Session


@dataclass(frozen=True, slots=True)
class Lines:
    """A text result: one value a line, the columns of a line being separated by tabs."""

    columns: tuple[ColumnInfo, ...] = ()
    lines: Sequence[str] = ()


Run = Callable[[Cursor], Lines]


def failed(told: str) -> QueryError:
    """A failure in Hive's words."""
    return QueryError("", f"FAILED: {told}")


class Show:
    """Looks up names in a session's catalog, and lists what is there."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._catalog: Catalog = session.catalog
        self.handlers: Mapping[str, Run] = {
            "SHOW_DATABASES": self.show_databases,
            "SHOW_TABLES": self.show_tables,
            "SHOW_VIEWS": self.show_views,
            "SHOW_COLUMNS": self.show_columns,
            "SHOW_PARTITIONS": self.show_partitions,
            "SHOW_TBLPROPERTIES": self.show_tblproperties,
            "SHOW_CREATE_TABLE": self.show_create_table,
            "SHOW_CREATE_VIEW": self.show_create_view,
            "DESCRIBE_TABLE": self.describe_table,
        }

    def table(self, names: list[str]) -> Table:
        """The table or view of a dotted name.

        Raises ``QueryError`` in Hive's words when there is none.
        """
        database, name = self.qualified(names)
        table = self._catalog.table(database, name)
        if table is None:
            raise failed(f"SemanticException [Error 10001]: Table not found {database}.{name}")
        return table

    def qualified(self, names: list[str]) -> tuple[str, str]:
        """Database and table of a dotted name."""
        names = names[1:] if len(names) == 3 and names[0] == CATALOG else names
        database = names[0] if len(names) == 2 else self._session.database or "default"
        return database, names[-1]

    def _database(self, cursor: Cursor) -> str:
        if not (cursor.take("IN") or cursor.take("FROM")):
            return self._session.database or "default"
        name = cursor.dotted()[-1]
        if not self._catalog.has_database(name):
            raise failed(f"SemanticException [Error 10072]: Database does not exist: {name}")
        return name

    def _pattern(self, cursor: Cursor) -> re.Pattern[str]:
        cursor.take("LIKE")
        if cursor.ended:
            return re.compile(".*")
        written = cursor.string()
        parts = [re.escape(part).replace(r"\*", ".*").replace("%", ".*") for part in written.split("|")]
        return re.compile("|".join(parts), re.IGNORECASE)

    def show_databases(self, cursor: Cursor) -> Lines:
        """SHOW DATABASES."""
        cursor.need("SHOW")
        cursor.need(cursor.peek())
        pattern = self._pattern(cursor)
        return _listed("database_name", [name for name in self._catalog.databases() if pattern.fullmatch(name)])

    def show_tables(self, cursor: Cursor) -> Lines:
        """SHOW TABLES."""
        cursor.need("SHOW", "TABLES")
        database = self._database(cursor)
        pattern = self._pattern(cursor)
        tables = [table.name for table in self._catalog.tables(database) if pattern.fullmatch(table.name)]
        return _listed("tab_name", tables)

    def show_views(self, cursor: Cursor) -> Lines:
        """SHOW VIEWS."""
        cursor.need("SHOW", "VIEWS")
        database = self._database(cursor)
        pattern = self._pattern(cursor)
        found = [table for table in self._catalog.tables(database) if table.view_text]
        return _listed("views", [table.name for table in found if pattern.fullmatch(table.name)])

    def show_columns(self, cursor: Cursor) -> Lines:
        """SHOW COLUMNS."""
        cursor.need("SHOW", "COLUMNS")
        if not cursor.take("IN"):
            cursor.need("FROM")
        names = cursor.dotted()
        if cursor.take("IN") or cursor.take("FROM"):
            names = [cursor.name(), names[-1]]
        table = self.table(names)
        return _listed("field", [f"{column.name:<20}" for column in (*table.columns, *table.partition_keys)])

    def show_partitions(self, cursor: Cursor) -> Lines:
        """SHOW PARTITIONS."""
        cursor.need("SHOW", "PARTITIONS")
        table = self.table(cursor.dotted())
        if not table.partition_keys:
            raise failed(f"SemanticException [Error 10001]: Table {table.name} is not a partitioned table")
        found = [] if table.projected else self._catalog.partitions(table)
        keys = [key.name for key in table.partition_keys]
        lines = ["/".join(f"{k}={v}" for k, v in zip(keys, one.values, strict=True)) for one in found]
        return _listed("partition", sorted(lines))

    def show_tblproperties(self, cursor: Cursor) -> Lines:
        """SHOW TBLPROPERTIES."""
        cursor.need("SHOW", "TBLPROPERTIES")
        table = self.table(cursor.dotted())
        values = table.raw.get("Parameters") or {}
        if cursor.take("("):
            wanted = cursor.string()
            return _listed("prpt_name", [f"{wanted}\t{values.get(wanted, '')}"], "prpt_value")
        return _listed("prpt_name", [f"{key}\t{value}" for key, value in sorted(values.items())], "prpt_value")

    def show_create_table(self, cursor: Cursor) -> Lines:
        """SHOW CREATE TABLE."""
        cursor.need("SHOW", "CREATE", "TABLE")
        table = self.table(cursor.dotted())
        if table.view_text:
            raise failed(f"SemanticException {table.name} is a view, use SHOW CREATE VIEW")
        return _listed("createtab_stmt", table_ddl.shown(table))

    def show_create_view(self, cursor: Cursor) -> Lines:
        """SHOW CREATE VIEW."""
        cursor.need("SHOW", "CREATE", "VIEW")
        table = self.table(cursor.dotted())
        if not table.view_text:
            raise QueryError("NOT_SUPPORTED", f"Relation '{table.database}.{table.name}' is a table, not a view")
        view = views.decoded(table)
        return _listed("Create View", f"CREATE VIEW {table.database}.{table.name} AS\n{view.sql}".split("\n"))

    def describe_table(self, cursor: Cursor) -> Lines:
        """DESCRIBE."""
        if not cursor.take("DESCRIBE"):
            cursor.need("DESC")
        if not cursor.take("EXTENDED"):
            cursor.take("FORMATTED")
        table = self.table(cursor.dotted())
        lines = [_described(c.name, c.hive, c.comment) for c in (*table.columns, *table.partition_keys)]
        if table.partition_keys:
            lines += [
                "\t \t ",
                "# Partition Information\t \t ",
                _described("# col_name", "data_type", "comment"),
                "\t \t ",
            ]
            lines += [_described(key.name, key.hive, key.comment) for key in table.partition_keys]
        return Lines(tuple(ColumnInfo(name, "string") for name in ("col_name", "data_type", "comment")), lines)


def _listed(name: str, lines: Sequence[str], *more: str) -> Lines:
    return Lines(tuple(ColumnInfo(column, "string") for column in (name, *more)), lines)


def _described(name: str, kind: str, comment: str) -> str:
    return f"{name:<20}\t{kind:<20}\t{comment:<20}"
