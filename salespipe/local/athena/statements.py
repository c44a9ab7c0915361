"""What is not a query: SHOW, DESCRIBE, CREATE, DROP, ALTER, MSCK, all of it on the Glue catalog."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from salespipe.local.athena import partition_ddl, table_ddl, views
from salespipe.local.athena.catalog import Catalog, Table
from salespipe.local.athena.ddl_text import Cursor
from salespipe.local.athena.engine import compiled
from salespipe.local.athena.errors import QueryFailed
from salespipe.local.athena.results import ColumnInfo
from salespipe.local.athena.session import CATALOG, Session

_NOTHING: Final[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True)
class Lines:
    """A text result: one value a line, the columns of a line being separated by tabs."""

    columns: tuple[ColumnInfo, ...] = ()
    lines: Sequence[str] = _NOTHING


@dataclass(frozen=True, slots=True)
class Kind:
    """Athena's StatementType and SubstatementType."""

    type: str
    sub: str


_KINDS: Final = (
    (r"(SELECT|WITH|VALUES|TABLE|\()", Kind("DML", "SELECT")),
    (r"INSERT\b", Kind("DML", "INSERT")),
    (r"UNLOAD\b", Kind("DML", "UNLOAD")),
    (r"EXECUTE\b", Kind("DML", "EXECUTE")),
    (r"PREPARE\b", Kind("UTILITY", "PREPARE")),
    (r"DEALLOCATE\b", Kind("UTILITY", "DEALLOCATE_PREPARE")),
    (r"EXPLAIN\b", Kind("UTILITY", "EXPLAIN")),
    (r"CREATE\s+(OR\s+REPLACE\s+)?VIEW\b", Kind("DDL", "CREATE_VIEW")),
    (r"CREATE\s+(DATABASE|SCHEMA)\b", Kind("DDL", "CREATE_DATABASE")),
    (r"CREATE\s+EXTERNAL\s+TABLE\b", Kind("DDL", "CREATE_TABLE")),
    (r"CREATE\s+TABLE\b", Kind("DDL", "CREATE_TABLE_AS_SELECT")),
    (r"DROP\s+(DATABASE|SCHEMA)\b", Kind("DDL", "DROP_DATABASE")),
    (r"DROP\s+VIEW\b", Kind("DDL", "DROP_VIEW")),
    (r"DROP\s+TABLE\b", Kind("DDL", "DROP_TABLE")),
    (r"ALTER\s+TABLE\b", Kind("DDL", "ALTER_TABLE")),
    (r"MSCK\b", Kind("DDL", "MSCK_REPAIR_TABLE")),
    (r"(DESCRIBE|DESC)\b", Kind("UTILITY", "DESCRIBE_TABLE")),
    (r"SHOW\s+(DATABASES|SCHEMAS)\b", Kind("UTILITY", "SHOW_DATABASES")),
    (r"SHOW\s+TABLES\b", Kind("UTILITY", "SHOW_TABLES")),
    (r"SHOW\s+VIEWS\b", Kind("UTILITY", "SHOW_VIEWS")),
    (r"SHOW\s+COLUMNS\b", Kind("UTILITY", "SHOW_COLUMNS")),
    (r"SHOW\s+PARTITIONS\b", Kind("UTILITY", "SHOW_PARTITIONS")),
    (r"SHOW\s+TBLPROPERTIES\b", Kind("UTILITY", "SHOW_TBLPROPERTIES")),
    (r"SHOW\s+CREATE\s+TABLE\b", Kind("UTILITY", "SHOW_CREATE_TABLE")),
    (r"SHOW\s+CREATE\s+VIEW\b", Kind("UTILITY", "SHOW_CREATE_VIEW")),
)
_COMMENTS: Final = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)


def kind(text: str) -> Kind | None:
    """What sort of statement a text is; ``None`` when it begins like none."""
    bare = text[_COMMENTS.match(text).end() :]  # type: ignore[union-attr] - it matches the empty text too
    return next((of for pattern, of in _KINDS if re.match(pattern, bare, re.IGNORECASE)), None)


def failed(told: str) -> QueryFailed:
    """A failure in Hive's words."""
    return QueryFailed("", f"FAILED: {told}")


class Statements:
    """Runs the statements of one execution.

    ``ours`` is Glue's client; what it refuses becomes the execution's failure.
    """

    def __init__(self, session: Session, s3: Any) -> None:
        self._session = session
        self._catalog: Catalog = session.catalog
        self._glue = session.catalog.glue
        self._s3 = s3

    def run(self, text: str, of: Kind) -> Lines:
        """Run ``text``, a statement of kind ``of``.

        Raises ``QueryFailed`` or ``SyntaxProblem``.
        """
        method: Callable[[Cursor], Lines] | None = getattr(self, f"_{of.sub.lower()}", None)
        if method is None:
            raise QueryFailed("NOT_SUPPORTED", f"{of.sub.replace('_', ' ')} is not supported locally")
        try:
            return method(Cursor(text))
        except ClientError as error:
            told = error.response.get("Error", {})
            raise failed(f"Execution Error, return code 1: {told.get('Message')}") from error

    def _table(self, names: list[str]) -> Table:
        database, name = self._qualified(names)
        table = self._catalog.table(database, name)
        if table is None:
            raise failed(f"SemanticException [Error 10001]: Table not found {database}.{name}")
        return table

    def _qualified(self, names: list[str]) -> tuple[str, str]:
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

    def _show_databases(self, cursor: Cursor) -> Lines:
        cursor.need("SHOW")
        cursor.need(cursor.peek())
        pattern = self._pattern(cursor)
        return _listed("database_name", [name for name in self._catalog.databases() if pattern.fullmatch(name)])

    def _show_tables(self, cursor: Cursor) -> Lines:
        cursor.need("SHOW", "TABLES")
        database = self._database(cursor)
        pattern = self._pattern(cursor)
        tables = [table.name for table in self._catalog.tables(database) if pattern.fullmatch(table.name)]
        return _listed("tab_name", tables)

    def _show_views(self, cursor: Cursor) -> Lines:
        cursor.need("SHOW", "VIEWS")
        database = self._database(cursor)
        pattern = self._pattern(cursor)
        found = [table for table in self._catalog.tables(database) if table.view_text]
        return _listed("views", [table.name for table in found if pattern.fullmatch(table.name)])

    def _show_columns(self, cursor: Cursor) -> Lines:
        cursor.need("SHOW", "COLUMNS")
        if not cursor.take("IN"):
            cursor.need("FROM")
        names = cursor.dotted()
        if cursor.take("IN") or cursor.take("FROM"):
            names = [cursor.name(), names[-1]]
        table = self._table(names)
        return _listed("field", [f"{column.name:<20}" for column in (*table.columns, *table.partition_keys)])

    def _show_partitions(self, cursor: Cursor) -> Lines:
        cursor.need("SHOW", "PARTITIONS")
        table = self._table(cursor.dotted())
        if not table.partition_keys:
            raise failed(f"SemanticException [Error 10001]: Table {table.name} is not a partitioned table")
        found = [] if table.projected else self._catalog.partitions(table)
        keys = [key.name for key in table.partition_keys]
        lines = ["/".join(f"{k}={v}" for k, v in zip(keys, one.values, strict=True)) for one in found]
        return _listed("partition", sorted(lines))

    def _show_tblproperties(self, cursor: Cursor) -> Lines:
        cursor.need("SHOW", "TBLPROPERTIES")
        table = self._table(cursor.dotted())
        values = table.raw.get("Parameters") or {}
        if cursor.take("("):
            wanted = cursor.string()
            return _listed("prpt_name", [f"{wanted}\t{values.get(wanted, '')}"], "prpt_value")
        return _listed("prpt_name", [f"{key}\t{value}" for key, value in sorted(values.items())], "prpt_value")

    def _show_create_table(self, cursor: Cursor) -> Lines:
        cursor.need("SHOW", "CREATE", "TABLE")
        table = self._table(cursor.dotted())
        if table.view_text:
            raise failed(f"SemanticException {table.name} is a view, use SHOW CREATE VIEW")
        return _listed("createtab_stmt", table_ddl.shown(table))

    def _show_create_view(self, cursor: Cursor) -> Lines:
        cursor.need("SHOW", "CREATE", "VIEW")
        table = self._table(cursor.dotted())
        if not table.view_text:
            raise QueryFailed("NOT_SUPPORTED", f"Relation '{table.database}.{table.name}' is a table, not a view")
        view = views.decoded(table)
        return _listed("Create View", f"CREATE VIEW {table.database}.{table.name} AS\n{view.sql}".split("\n"))

    def _describe_table(self, cursor: Cursor) -> Lines:
        if not cursor.take("DESCRIBE"):
            cursor.need("DESC")
        if not cursor.take("EXTENDED"):
            cursor.take("FORMATTED")
        table = self._table(cursor.dotted())
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

    def _create_database(self, cursor: Cursor) -> Lines:
        cursor.need("CREATE")
        cursor.need(cursor.peek())
        lenient = cursor.take("IF", "NOT", "EXISTS")
        name = cursor.dotted()[-1]
        wanted: dict[str, Any] = {"Name": name}
        while not cursor.ended:
            if cursor.take("COMMENT"):
                wanted["Description"] = cursor.string()
            elif cursor.take("LOCATION"):
                wanted["LocationUri"] = cursor.string()
            else:
                cursor.need("WITH", "DBPROPERTIES")
                wanted["Parameters"] = cursor.pairs()
        if name in self._catalog.databases():
            if lenient:
                return Lines()
            raise failed(
                f"Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. Database {name} already exists"
            )
        self._glue.create_database(DatabaseInput=wanted)
        return Lines()

    def _drop_database(self, cursor: Cursor) -> Lines:
        cursor.need("DROP")
        cursor.need(cursor.peek())
        lenient = cursor.take("IF", "EXISTS")
        name = cursor.dotted()[-1]
        cascade = cursor.take("CASCADE")
        if not cascade:
            cursor.take("RESTRICT")
        cursor.done()
        if name not in self._catalog.databases():
            if lenient:
                return Lines()
            raise failed(f"SemanticException [Error 10072]: Database does not exist: {name}")
        tables = self._catalog.tables(name)
        if tables and not cascade:
            raise failed(
                "Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. InvalidOperationException"
                f"(message:Database {name} is not empty. One or more tables exist.)"
            )
        for table in tables:
            self._glue.delete_table(DatabaseName=name, Name=table.name)
        self._glue.delete_database(Name=name)
        return Lines()

    def _create_table(self, cursor: Cursor) -> Lines:
        cursor.need("CREATE", "EXTERNAL", "TABLE")
        lenient = cursor.take("IF", "NOT", "EXISTS")
        database, name = self._qualified(cursor.dotted())
        wanted = table_ddl.table_input(cursor, name)
        if not self._catalog.has_database(database):
            raise failed(f"SemanticException [Error 10072]: Database does not exist: {database}")
        if self._catalog.table(database, name) is None:
            self._glue.create_table(DatabaseName=database, TableInput=wanted)
        elif not lenient:
            raise failed(
                "Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
                f"AlreadyExistsException(message:Table {name} already exists)"
            )
        return Lines()

    def _drop_table(self, cursor: Cursor) -> Lines:
        return self._drop(cursor, "TABLE")

    def _drop_view(self, cursor: Cursor) -> Lines:
        return self._drop(cursor, "VIEW")

    def _drop(self, cursor: Cursor, word: str) -> Lines:
        cursor.need("DROP", word)
        lenient = cursor.take("IF", "EXISTS")
        database, name = self._qualified(cursor.dotted())
        cursor.take("PURGE")
        cursor.done()
        table = self._catalog.table(database, name)
        if table is None:
            if lenient:
                return Lines()
            if word == "VIEW":
                raise QueryFailed("TABLE_NOT_FOUND", f"line 1:1: View '{CATALOG}.{database}.{name}' does not exist")
            raise failed(f"SemanticException [Error 10001]: Table not found {name}")
        if word == "VIEW" and not table.view_text:
            raise QueryFailed(
                "TABLE_NOT_FOUND",
                f"line 1:1: View '{CATALOG}.{database}.{name}' does not exist, but a table with that name exists",
            )
        if word == "TABLE" and table.view_text:
            raise failed("SemanticException Cannot drop a view with DROP TABLE")
        self._glue.delete_table(DatabaseName=database, Name=name)
        return Lines()

    def _create_view(self, cursor: Cursor) -> Lines:
        cursor.need("CREATE")
        replace = cursor.take("OR", "REPLACE")
        cursor.need("VIEW")
        database, name = self._qualified(cursor.dotted())
        cursor.need("AS")
        sql = cursor.rest().strip()
        if not self._catalog.has_database(database):
            raise QueryFailed("SCHEMA_NOT_FOUND", f"line 1:1: Schema '{database}' does not exist")
        query, _ = compiled(sql, self._session)
        wanted = views.table_input(name, sql, self._session.database or database, query.outputs)
        known = self._catalog.table(database, name)
        if known is None:
            self._glue.create_table(DatabaseName=database, TableInput=wanted)
        elif not known.view_text:
            raise QueryFailed("TABLE_ALREADY_EXISTS", f"line 1:1: Table already exists: '{CATALOG}.{database}.{name}'")
        elif not replace:
            raise QueryFailed("TABLE_ALREADY_EXISTS", f"line 1:1: View already exists: '{CATALOG}.{database}.{name}'")
        else:
            self._glue.update_table(DatabaseName=database, TableInput=wanted)
        return Lines()

    def _alter_table(self, cursor: Cursor) -> Lines:
        cursor.need("ALTER", "TABLE")
        table = self._table(cursor.dotted())
        partition_ddl.alter(cursor, table, self._glue)
        return Lines()

    def _msck_repair_table(self, cursor: Cursor) -> Lines:
        cursor.need("MSCK", "REPAIR", "TABLE")
        table = self._table(cursor.dotted())
        return Lines(lines=partition_ddl.repair(table, self._catalog, self._s3))


def _listed(name: str, lines: Sequence[str], *more: str) -> Lines:
    return Lines(tuple(ColumnInfo(column, "string") for column in (name, *more)), lines)


def _described(name: str, kind: str, comment: str) -> str:
    return f"{name:<20}\t{kind:<20}\t{comment:<20}"
