"""What is not a query: SHOW, DESCRIBE, CREATE, DROP, ALTER, MSCK, all of it on the Glue catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from salespipe.local.athena import partition_ddl, table_ddl, views
from salespipe.local.athena.catalog import Catalog
from salespipe.local.athena.ddl_text import Cursor
from salespipe.local.athena.engine import compiled
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.kinds import Kind
from salespipe.local.athena.parameters import Preparation
from salespipe.local.athena.session import CATALOG, Session
from salespipe.local.athena.show import Lines, Run, Show, failed


class Statements:
    """Runs the statements of one execution; what Glue refuses becomes the execution's failure."""

    def __init__(self, session: Session, s3: Any, preparation: Preparation) -> None:
        self._session = session
        self._catalog: Catalog = session.catalog
        self._glue = session.catalog.glue
        self._s3 = s3
        self._show = Show(session)
        self._handlers: Mapping[str, Run] = {
            **self._show.handlers,
            "CREATE_DATABASE": self._create_database,
            "DROP_DATABASE": self._drop_database,
            "CREATE_TABLE": self._create_table,
            "DROP_TABLE": self._drop_table,
            "DROP_VIEW": self._drop_view,
            "CREATE_VIEW": self._create_view,
            "ALTER_TABLE": self._alter_table,
            "MSCK_REPAIR_TABLE": self._msck_repair_table,
            "PREPARE": preparation.prepare,
            "DEALLOCATE_PREPARE": preparation.deallocate,
        }

    def run(self, text: str, of: Kind) -> Lines:
        """Run ``text``, a statement of kind ``of``.

        Raises ``QueryError`` or ``QuerySyntaxError``.
        """
        method = self._handlers.get(of.sub)
        if method is None:
            raise QueryError("NOT_SUPPORTED", f"{of.sub.replace('_', ' ')} is not supported locally")
        try:
            return method(Cursor(text, escapes=of.sub != "PREPARE"))
        except ClientError as error:
            told = error.response.get("Error", {})
            raise failed(f"Execution Error, return code 1: {told.get('Message')}") from error

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
                "Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
                f"Database {name} already exists"
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
        database, name = self._show.qualified(cursor.dotted())
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
        database, name = self._show.qualified(cursor.dotted())
        cursor.take("PURGE")
        cursor.done()
        table = self._catalog.table(database, name)
        if table is None:
            if lenient:
                return Lines()
            if word == "VIEW":
                raise QueryError("TABLE_NOT_FOUND", f"line 1:1: View '{CATALOG}.{database}.{name}' does not exist")
            raise failed(f"SemanticException [Error 10001]: Table not found {name}")
        if word == "VIEW" and not table.view_text:
            raise QueryError(
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
        database, name = self._show.qualified(cursor.dotted())
        cursor.need("AS")
        sql = cursor.rest().strip()
        if not self._catalog.has_database(database):
            raise QueryError("SCHEMA_NOT_FOUND", f"line 1:1: Schema '{database}' does not exist")
        query, _ = compiled(sql, self._session)
        wanted = views.table_input(name, sql, self._session.database or database, query.outputs)
        known = self._catalog.table(database, name)
        if known is None:
            self._glue.create_table(DatabaseName=database, TableInput=wanted)
        elif not known.view_text:
            raise QueryError("TABLE_ALREADY_EXISTS", f"line 1:1: Table already exists: '{CATALOG}.{database}.{name}'")
        elif not replace:
            raise QueryError("TABLE_ALREADY_EXISTS", f"line 1:1: View already exists: '{CATALOG}.{database}.{name}'")
        else:
            self._glue.update_table(DatabaseName=database, TableInput=wanted)
        return Lines()

    def _alter_table(self, cursor: Cursor) -> Lines:
        cursor.need("ALTER", "TABLE")
        table = self._show.table(cursor.dotted())
        partition_ddl.alter(cursor, table, self._glue)
        return Lines()

    def _msck_repair_table(self, cursor: Cursor) -> Lines:
        cursor.need("MSCK", "REPAIR", "TABLE")
        table = self._show.table(cursor.dotted())
        return Lines(lines=partition_ddl.repair(table, self._catalog, self._s3))
