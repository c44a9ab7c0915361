"""The rows of a Parquet file, read by duckdb a batch at a time; duckdb is imported for nothing else here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from salespipe.errors import SalespipeError
from salespipe.load.lines import Record
from salespipe.load.records import SAMPLE, Records

if TYPE_CHECKING:
    from salespipe.load.source import Source

BATCH: Final = 1000
ZONED: Final = "TIMESTAMP WITH TIME ZONE"


class ParquetRecords(Records):
    """Rows of a Parquet file: decimals as Decimal, timestamps in UTC, what is nested as lists and dicts."""

    format = "parquet"
    typed = True

    def __init__(self, source: Source) -> None:
        try:
            import duckdb
        except ImportError:
            raise SalespipeError(
                "DuckdbMissing",
                f"{source.path} is a Parquet file, and duckdb, which reads these, is not installed.",
                hint="python3 -m pip install 'salespipe[local]'",
            ) from None
        if source.packed:
            raise source.refused("is Parquet packed by gzip; unpack it with gunzip first")
        if not source.regular:
            raise source.refused("is Parquet, which is read from its end: it must be a file")
        self.source = source
        self._error = duckdb.Error
        self._connection = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
        table = f"read_parquet('{_literal(str(source.path))}')"
        try:
            described = self._connection.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
            ((self._total,),) = self._connection.execute(f"SELECT count(*) FROM {table}").fetchall()
            self.columns = [str(row[0]) for row in described]
            chosen = ", ".join(_selected(str(row[0]), str(row[1])) for row in described)
            self._parsed = [_as_json(str(row[1])) for row in described]
            self._result = self._connection.execute(f"SELECT {chosen} FROM {table}")
            self._given = 0
            self._rows = self._records()
            self.sample = list(islice(self._rows, SAMPLE))
        except duckdb.Error as error:
            self._connection.close()
            raise source.refused(f"cannot be read as Parquet: {_first_line(error)}") from error

    def __exit__(self, *exception: object) -> None:
        self._connection.close()
        super().__exit__(*exception)

    def __iter__(self) -> Iterator[Record]:
        try:
            for record in chain(self.sample, self._rows):
                self._given = record.line
                yield record
        except self._error as error:
            raise SalespipeError("FileDamaged", f"{self.source.path} is not whole: {_first_line(error)}") from error

    @property
    def share(self) -> float:
        """The share of the rows that have been given."""
        return self._given / self._total if self._total else 1.0

    def _records(self) -> Iterator[Record]:
        line = 0
        while rows := self._result.fetchmany(BATCH):
            for row in rows:
                line += 1
                values = {
                    name: json.loads(value, parse_float=Decimal) if parsed and value is not None else _plain(value)
                    for name, parsed, value in zip(self.columns, self._parsed, row, strict=True)
                }
                yield Record(line, values)


def _selected(name: str, kind: str) -> str:
    """A column as it is best fetched."""
    column = '"' + name.replace('"', '""') + '"'
    if kind == ZONED:  # duckdb needs pytz to give a time with its zone
        return f"make_timestamp(epoch_us({column}))"
    if _as_json(kind):
        return f"CAST(to_json({column}) AS VARCHAR)"
    if kind == "FLOAT":  # 1.1, and not the 1.100000023841858 that a double makes of it
        return f"CAST(CAST({column} AS VARCHAR) AS DOUBLE)"
    if kind in ("INTERVAL", "TIME WITH TIME ZONE", "TIMESTAMP_NS"):
        return f"CAST({column} AS VARCHAR)"
    return column


def _as_json(kind: str) -> bool:
    return ZONED in kind and kind != ZONED


def _plain(value: Any, *, inside: bool = False) -> Any:
    """A value of duckdb's as one that an item can hold; times that stand alone stay times."""
    match value:
        case None | str() | bool() | int() | float() | Decimal() | bytes():
            return value
        case datetime():
            moment = value.replace(tzinfo=value.tzinfo or UTC)
            return moment.isoformat().replace("+00:00", "Z") if inside else moment
        case date() | time():
            return value.isoformat()
        case dict() | list() | tuple():
            return _plain_within(value)
    return str(value)  # a UUID


def _plain_within(value: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(one, inside=True) for name, one in value.items()}
    return [_plain(one, inside=True) for one in value]


def _literal(path: str) -> str:
    """A path within a SQL string, in which nothing stands for other names."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in path).replace("'", "''")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
