"""From the objects of a scan to a DuckDB view of its rows, in the types that the catalog declares."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb

from salespipe.local.athena.catalog import Column, Table
from salespipe.local.athena.errors import QueryError, failing
from salespipe.local.athena.json_lines import JsonSchema, bad_field, plain, rewrite
from salespipe.local.athena.objects import ObjectCache
from salespipe.local.athena.partitions import Located, typed
from salespipe.local.athena.plan import Scan
from salespipe.local.athena.types import Type, quoted

_MALFORMED: Final = re.compile(r'Malformed JSON in file "(.*?)"')
_TRANSFORM: Final = re.compile(r'JSON transform error in file "(.*?)", in line (\d+): (.*?)\n', re.DOTALL)


class Reader:
    """Makes one scan readable in one DuckDB connection."""

    def __init__(self, scan: Scan, located: Sequence[Located], paths: Sequence[Path], cache: ObjectCache) -> None:
        self._scan = scan
        self._located = located
        self._paths = list(paths)
        self._cache = cache
        self._rewritten = False

    @property
    def size(self) -> int:
        """Stored bytes that the scan reads."""
        return sum(one.object.size for one in self._located)

    def bind(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Create (or replace) the view that the query's SQL names.

        Raises ``QueryError`` for a format that is not read here.
        """
        table, name = self._scan.table, self._scan.name
        hidden = {"$path": "path", "$file_size": "size"}
        keys = [key for key in table.partition_keys if key.name in self._scan.used]
        extra = [word for word in hidden if word in self._scan.used]
        if not self._paths:
            nothing = [
                f"CAST(NULL AS {column.type.duck}) AS {quoted(column.name)}" for column in (*table.columns, *keys)
            ]
            nothing += [f"NULL AS {quoted(word)}" for word in extra]
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {', '.join(nothing) or '1'} WHERE false")
            return
        source, cells = self._source(connection)
        if keys or extra:
            places = {key.name: place for place, key in enumerate(table.partition_keys)}
            cells += [f"{typed(f'f.v{places[key.name]}', key.type)} AS {quoted(key.name)}" for key in keys]
            cells += [f"f.{hidden[word]} AS {quoted(word)}" for word in extra]
            self._files(connection, f"{name}_files", len(table.partition_keys))
            source = f"{source} AS d JOIN {name}_files AS f ON d.filename = f.file"
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {', '.join(cells) or '1'} FROM {source}")

    def _files(self, connection: duckdb.DuckDBPyConnection, name: str, keys: int) -> None:
        lists: list[list[str] | list[int]] = [
            list(map(str, self._paths)),
            [one.object.location for one in self._located],
            [one.object.size for one in self._located],
            *([one.values[place] for one in self._located] for place in range(keys)),
        ]
        names = ["file", "path", "size", *(f"v{place}" for place in range(keys))]
        columns = ", ".join(f"unnest(?) AS {column}" for column in names)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {columns}", lists)

    def _source(self, connection: duckdb.DuckDBPyConnection) -> tuple[str, list[str]]:
        """The reading function's call, and the cells that it yields."""
        table = self._scan.table
        serde, form = table.serde.lower(), table.input_format.lower()
        files = f"[{', '.join(_text(str(path)) for path in self._paths)}]"
        if "json" in serde:
            return self._json(table)
        if "parquet" in serde or "parquet" in form:
            return self._parquet(connection, files, table)
        if "opencsv" in serde or "lazysimple" in serde or not serde:
            return _csv(files, table)
        raise QueryError("HIVE_UNSUPPORTED_FORMAT", f"The SerDe {table.serde} is not supported locally")

    def _json(self, table: Table) -> tuple[str, list[str]]:
        schema = JsonSchema.of(table)
        for place, path in enumerate(self._paths):
            if self._rewritten or not plain(path, schema):
                self._paths[place] = self._rewrite(path, schema)
        files = f"[{', '.join(_text(str(path)) for path in self._paths)}]"
        pairs = list(zip(schema.keys, schema.columns, strict=True))
        columns = ", ".join(f"{_text(key)}: {_text(_json_type(column.type))}" for key, column in pairs)
        cells = [f"{_json_cell(key, column)} AS {quoted(column.name)}" for key, column in pairs]
        shape = f"columns = {{{columns}}}, " if columns else ""
        options = "format = 'newline_delimited', auto_detect = false, maximum_object_size = 16777216, filename = true"
        return f"read_json({files}, {shape}{options})", cells

    def _rewrite(self, path: Path, schema: JsonSchema) -> Path:
        target = self._cache.derived(path, f"{schema.key}.json")
        if path != target and not target.exists():
            rewrite(path, target, schema)
        return target

    def _parquet(self, connection: duckdb.DuckDBPyConnection, files: str, table: Table) -> tuple[str, list[str]]:
        source = f"read_parquet({files}, union_by_name = true, filename = true, hive_partitioning = false)"
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        stored = {str(row[0]).lower(): str(row[0]) for row in described}
        cells = []
        for column in table.columns:
            value = quoted(stored[column.name]) if column.name in stored else "NULL"
            cells.append(f"CAST({value} AS {column.type.duck}) AS {quoted(column.name)}")
        return source, cells

    def mend(self, error: duckdb.Error) -> bool:
        """Whether reading again, after rewriting the objects line by line, may succeed where DuckDB failed."""
        found = _MALFORMED.search(str(error))
        if self._rewritten or found is None or not any(str(path) == found[1] for path in self._paths):
            return False
        self._rewritten = True
        return True

    def explained(self, error: duckdb.Error) -> QueryError | None:
        """Athena's words for data that does not fit the table, when it is this scan's."""
        text = str(error)
        if (found := _TRANSFORM.search(text)) and found[1] in set(map(str, self._paths)):
            if "duplicate key" in found[3]:
                told = f"Row is not a valid JSON Object - JSONException: Duplicate key {found[3].rpartition(' ')[2]}"
                return QueryError("HIVE_CURSOR_ERROR", told)
            shown = found[3].partition(": ")[2]
            place, value = bad_field(Path(found[1]), int(found[2]), shown, self._scan.table.columns)
            told = f"Error parsing field value '{value}' for field {place}: For input string: \"{value}\""
            return QueryError("HIVE_BAD_DATA", told)
        if found := _MALFORMED.search(text):
            return QueryError("HIVE_CURSOR_ERROR", "Row is not a valid JSON Object")
        for path, one in zip(self._paths, self._located, strict=True):
            if str(path) in text:
                told = f"Malformed data in {one.object.location} for table {self._scan.table.name}"
                return QueryError("HIVE_BAD_DATA", told)
        return None


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _json_type(kind: Type) -> str:
    return "VARCHAR" if kind.name in {"timestamp", "varbinary"} else kind.duck


def _json_cell(key: str, column: Column) -> str:
    cell = quoted(key)
    if column.type.name == "timestamp":
        # "2026-11-22 01:02:03.004" alone is a timestamp to the SerDe; ISO 8601 with T and Z is not.
        refused = failing(
            f"'HIVE_BAD_DATA: Error parsing field value ''' || {cell} || ''' for field ' || 0", "TIMESTAMP"
        )
        fits = rf"regexp_full_match({cell}, '\d{{4}}-\d{{1,2}}-\d{{1,2}}( \d{{1,2}}:\d{{2}}(:\d{{2}}(\.\d+)?)?)?')"
        return f"CASE WHEN {cell} IS NULL THEN NULL WHEN {fits} THEN CAST({cell} AS TIMESTAMP) ELSE {refused} END"
    return f"encode({cell})" if column.type.name == "varbinary" else cell


_LAZY_DELIMITER: Final = "\x01"


def _csv(files: str, table: Table) -> tuple[str, list[str]]:
    told = table.serde_parameters
    opencsv = "opencsv" in table.serde.lower()
    delimiter = told.get("separatorchar", ",") if opencsv else told.get("field.delim", _LAZY_DELIMITER)
    delimiter = "\t" if delimiter == "\\t" else delimiter
    quote = told.get("quotechar", '"') if opencsv else ""
    # opencsv takes a doubled quote besides its escape character, DuckDB one of the two.
    escape = told.get("escapechar", quote) if opencsv else ""
    skipped = int(table.parameters.get("skip.header.line.count", "0") or 0)
    columns = ", ".join(f"{_text(column.name)}: 'VARCHAR'" for column in table.columns)
    options = (
        f"columns = {{{columns}}}, auto_detect = false, header = false, skip = {skipped}, delim = {_text(delimiter)}, "
        f"quote = {_text(quote)}, escape = {_text(escape)}, null_padding = true, "
        f"nullstr = {_text(chr(92) + 'N')}, strict_mode = false, filename = true"
    )
    cells = [
        f"{_csv_cell(place, column, strict=opencsv)} AS {quoted(column.name)}"
        for place, column in enumerate(table.columns)
    ]
    return f"read_csv({files}, {options})", cells


def _csv_cell(place: int, column: Column, *, strict: bool) -> str:
    cell = quoted(column.name)
    if column.type.text:
        return cell
    if not strict:
        return f"TRY_CAST(nullif({cell}, '') AS {column.type.duck})"
    shown = f"' || {cell} || '"
    message = f"'HIVE_BAD_DATA: Error parsing field value ''{shown}'' for field {place}: For input string: \"{shown}\"'"
    return (
        f"CASE WHEN {cell} IS NULL THEN NULL WHEN TRY_CAST({cell} AS {column.type.duck}) IS NULL "
        f"THEN {failing(message, column.type.duck)} ELSE CAST({cell} AS {column.type.duck}) END"
    )
