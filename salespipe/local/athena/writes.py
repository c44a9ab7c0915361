"""CREATE TABLE AS, INSERT INTO and UNLOAD: checked as Athena checks them, written to S3, told to Glue."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from salespipe.local.athena import output_formats, partition_ddl
from salespipe.local.athena.casts import coerced
from salespipe.local.athena.catalog import Column, Table, table_of
from salespipe.local.athena.compiler import mismatch
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.exports import Cell, Exporter, Shape, Values, Wrote, cells_of, hive_path, planned
from salespipe.local.athena.plan import Expr, Output
from salespipe.local.athena.session import CATALOG
from salespipe.local.athena.show import Show
from salespipe.local.athena.types import UNKNOWN, Type, coerces
from salespipe.local.athena.write_statements import PARSERS, Write

_START = "line 1:1"  # Trino sees these errors in the whole statement


class Writes:
    """Runs one writing statement; ``location`` is the execution's result location, without an ending."""

    def __init__(self, exporter: Exporter, location: str) -> None:
        self._exporter = exporter
        self._job = exporter.job
        self._session = exporter.job.session
        self._catalog = self._session.catalog
        self._show = Show(self._session)
        self._location = location
        self.planning = 0.0

    def run(self, text: str, sub_kind: str) -> Wrote:
        """Run ``text``, one of CREATE_TABLE_AS_SELECT, INSERT, UNLOAD.

        Raises ``QueryError`` and ``QueryCancelledError``.
        """
        handlers: dict[str, Callable[[Write], Wrote]] = {
            "CREATE_TABLE_AS_SELECT": self._create_table_as,
            "INSERT": self._insert,
            "UNLOAD": self._unload,
        }
        return handlers[sub_kind](PARSERS[sub_kind](text))

    def _create_table_as(self, write: Write) -> Wrote:
        database, name = self._show.qualified(list(write.names))
        if not self._catalog.has_database(database):
            raise QueryError("SCHEMA_NOT_FOUND", f"{_START}: Schema '{database}' does not exist")
        location = _folder(write.text("external_location") or self._location)
        known = self._catalog.table(database, name)
        if known is not None and write.lenient:
            return Wrote()
        ours = known is not None and self._exporter.identifier == known.parameters.get("athena_query_execution_id")
        if known is not None and not ours:
            told = f"Destination table '{CATALOG}.{database}.{name}' already exists"
            raise QueryError("TABLE_ALREADY_EXISTS", f"{_START}: {told}")
        query, plan, self.planning = planned(write.query, self._job)
        _check(query.outputs)
        shape = _shape(query.outputs, write)
        self._refuse_others(location, f"for table '{database}.{name}' ")
        columns = [{"Name": output.name, "Type": output.type.hive} for output in query.outputs]
        wanted = shape.form.table_input(name, columns, shape.keys, location)
        wanted["Parameters"]["athena_query_execution_id"] = self._exporter.identifier
        shape.select(query)
        wrote = Wrote()
        if write.filled:
            wrote = self._exporter.export(query, plan, shape, lambda v: location + hive_path(shape.key_names, v))
        if ours:  # made by a run of this very execution whose end could not be written down
            self._catalog.glue.delete_table(DatabaseName=database, Name=name)
        self._catalog.glue.create_table(DatabaseName=database, TableInput=wanted)
        partition_ddl.register(
            table_of(database, wanted),
            {values: location + hive_path(shape.key_names, values) for values in wrote.partitions},
            self._catalog.glue,
        )
        return wrote

    def _unload(self, write: Write) -> Wrote:
        if not write.location.startswith("s3://"):
            raise QueryError("INVALID_PROCEDURE_ARGUMENT", f"{_START}: TO must name a location in S3: {write.location}")
        location = _folder(write.location)
        query, plan, self.planning = planned(write.query, self._job)
        _check(query.outputs)
        shape = _shape(query.outputs, write)
        self._refuse_others(location, "")
        return self._exporter.export(query, plan, shape, lambda v: location + hive_path(shape.key_names, v))

    def _insert(self, write: Write) -> Wrote:
        database, name = self._show.qualified(list(write.names))
        table = self._catalog.table(database, name)
        if table is None:
            raise QueryError("TABLE_NOT_FOUND", f"{_START}: Table '{CATALOG}.{database}.{name}' does not exist")
        if table.view_text:
            raise QueryError("NOT_SUPPORTED", f"{_START}: Inserting into views is not supported")
        form = output_formats.of_table(table)
        columns = (*table.columns, *table.partition_keys)
        query, plan, self.planning = planned(write.query, self._job)
        cells = _inserted(columns, _targets(columns, write.columns), query.outputs)
        shape = Shape(cells, len(table.partition_keys), form)
        self._exporter.others(_folder(table.location))
        known = {} if table.projected else {one.values: one.location for one in self._catalog.partitions(table)}

        def folder_of(values: Values) -> str:
            return _folder(known.get(values) or _partition_location(table, values))

        wrote = self._exporter.export(query, plan, shape, folder_of)
        if not table.projected:
            missing = {values: folder_of(values) for values in wrote.partitions if values not in known}
            partition_ddl.register(table, missing, self._catalog.glue)
        return wrote

    def _refuse_others(self, location: str, what: str) -> None:
        if self._exporter.others(location):
            told = (
                f"Target directory {what}already exists: {location}. You may need to manually clean the data at "
                f"location '{location}' before retrying. Athena will not delete data in your account."
            )
            raise QueryError("HIVE_PATH_ALREADY_EXISTS", told)


def _folder(location: str) -> str:
    return location if location.endswith("/") else f"{location}/"


def _check(outputs: Sequence[Output]) -> None:
    """Refuse columns that a table cannot have: no name, one name twice, a type that Hive lacks."""
    seen: set[str] = set()
    for place, output in enumerate(outputs):
        if output.name == f"_col{place}":
            told = f"Column name not specified at position {place + 1}"
            raise QueryError("MISSING_COLUMN_NAME", f"{_START}: {told}")
        if output.name in seen:
            told = f"Column name '{output.name}' specified more than once"
            raise QueryError("DUPLICATE_COLUMN_NAME", f"{_START}: {told}")
        seen.add(output.name)
        if output.type == UNKNOWN:
            raise QueryError("COLUMN_TYPE_UNKNOWN", f"{_START}: Column type is unknown at position {place + 1}")
        if not output.type.storable:
            raise QueryError("NOT_SUPPORTED", f"Unsupported Hive type: {output.type}")


def _shape(outputs: Sequence[Output], write: Write) -> Shape:
    keys = write.names_of("partitioned_by")
    names = [output.name for output in outputs]
    absent = [key for key in keys if key not in names]
    if absent:
        told = f"Partition columns [{', '.join(absent)}] not present in schema"
        raise QueryError("INVALID_TABLE_PROPERTY", f"{_START}: {told}")
    if keys and tuple(names[-len(keys) :]) != keys:
        told = (
            "Partition keys must be the last columns in the table and in the same order as the table properties: "
            f"[{', '.join(keys)}]"
        )
        raise QueryError("HIVE_COLUMN_ORDER_MISMATCH", told)
    return Shape(cells_of(outputs), len(keys), output_formats.asked(write))


def _targets(columns: Sequence[Column], given: Sequence[str]) -> list[Column]:
    """The columns that an INSERT names, all of them when it names none."""
    if not given:
        return list(columns)
    by_name = {column.name: column for column in columns}
    for name in given:
        if name not in by_name:
            told = f"Insert column name does not exist in target table: {name}"
            raise QueryError("COLUMN_NOT_FOUND", f"{_START}: {told}")
        if given.count(name) > 1:
            raise QueryError(
                "DUPLICATE_COLUMN_NAME", f"{_START}: Insert column name is specified more than once: {name}"
            )
    return [by_name[name] for name in given]


def _inserted(columns: Sequence[Column], targets: Sequence[Column], outputs: Sequence[Output]) -> list[Cell]:
    """Every column of the table: the query's value brought to its type, or NULL where the INSERT does not name it."""
    kinds = [output.type for output in outputs]
    if len(targets) != len(outputs) or not all(map(_fits, kinds, [target.type for target in targets])):
        table, query = (", ".join(map(str, types)) for types in ([target.type for target in targets], kinds))
        told = f"Insert query has mismatched column types: Table: [{table}], Query: [{query}]"
        raise mismatch(_START, told)
    values = {
        target.name: coerced(Expr(f"c{place}", kind), target.type).sql
        for place, (target, kind) in enumerate(zip(targets, kinds, strict=True))
    }
    return [Cell(values.get(column.name, "NULL"), column.type, column.name) for column in columns]


def _fits(source: Type, target: Type) -> bool:
    return coerces(source, target) or (source.text and target.text)


def _partition_location(table: Table, values: Values) -> str:
    template = table.parameters.get("storage.location.template", "") if table.projected else ""
    for key, value in zip(table.partition_keys, values, strict=True):
        template = template.replace(f"${{{key.name}}}", value)
    return template or _folder(table.location) + hive_path([key.name for key in table.partition_keys], values)
