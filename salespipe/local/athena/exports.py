"""A query's rows as objects in S3: DuckDB writes files, one for each partition, and the S3 client puts them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from salespipe.local.athena.engine import Job, Means, compiled, perform
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.objects import listed, split
from salespipe.local.athena.output_formats import Format
from salespipe.local.athena.partitions import HIVE_NULL
from salespipe.local.athena.plan import Output, Plan, Query
from salespipe.local.athena.types import Type, quoted

if TYPE_CHECKING:
    import duckdb

_OPEN_WRITERS: Final = 100  # athena/latest/ug/ctas-insert-into.html: partitions that one statement may write
_ESCAPED: Final = re.compile(r"""[\x00-\x1f"#%'*/:=?\\\x7f{\[\]^]""")  # in Hive's names of partitions

Values = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A column to write: ``sql`` in terms of the query's columns, its type, its name."""

    sql: str
    type: Type
    name: str


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of what is written, the last ``keys`` of them being partition keys, and its format."""

    cells: Sequence[Cell]
    keys: int
    form: Format

    @property
    def key_names(self) -> tuple[str, ...]:
        """The partition keys."""
        return tuple(cell.name for cell in self.cells[len(self.cells) - self.keys :])

    def select(self, query: Query) -> str:
        """DuckDB SQL of the rows as they are written; partition keys are text."""
        data = self.cells[: len(self.cells) - self.keys]
        if not data:
            raise QueryError("INVALID_TABLE_PROPERTY", "line 1:1: Table contains only partition columns")
        shown = [self.form.cell(cell.sql, cell.type, place, cell.name) for place, cell in enumerate(data)]
        shown += [f"nullif(CAST({cell.sql} AS VARCHAR), '') AS {quoted(cell.name)}" for cell in self.cells[len(data) :]]
        return f"SELECT {', '.join(shown)} FROM ({query.sql}) AS answer"


@dataclass(frozen=True, slots=True)
class Wrote:
    """What was written: rows, stored bytes, objects with their partition's values; and what reading it took."""

    rows: int = 0
    size: int = 0
    objects: tuple[tuple[str, Values], ...] = ()
    scanned: int = 0

    @property
    def partitions(self) -> list[Values]:
        """The partitions that received rows."""
        return list(dict.fromkeys(values for _, values in self.objects if values))


def planned(text: str, job: Job) -> tuple[Query, Plan, float]:
    """A query compiled, and the seconds that it took."""
    began = time.monotonic()
    query, plan = compiled(text, job.session)
    return query, plan, time.monotonic() - began


def cells_of(outputs: Sequence[Output]) -> list[Cell]:
    """The columns of a query as they are."""
    return [Cell(f"c{place}", output.type, output.name) for place, output in enumerate(outputs)]


class Exporter:
    """Writes for one execution, whose id begins the name of every object that it writes."""

    def __init__(self, identifier: str, job: Job, means: Means) -> None:
        self.identifier = identifier
        self.job = job
        self._means = means
        self._s3 = means.s3

    def others(self, location: str) -> bool:
        """Whether there are objects of others below a location; this execution's own, of a run cut short, go."""
        found = listed(self._s3, location)
        own = [one for one in found if one.key.rpartition("/")[2].startswith(self.identifier)]
        for one in own:
            self._s3.delete_object(Bucket=one.bucket, Key=one.key)
        return len(found) > len(own)

    def export(self, query: Query, plan: Plan, shape: Shape, folder_of: Callable[[Values], str]) -> Wrote:
        """Run the query and put its rows into the folders (``s3://...``, ending in a slash) of their partitions.

        Raises ``QueryError`` and ``QueryCancelledError``.
        """
        told: list[tuple[int, list[str], Path]] = []
        written = Query(shape.select(query), query.outputs)

        def answer(connection: duckdb.DuckDBPyConnection) -> None:
            folder = Path(mkdtemp(dir=self.job.folder))
            options = f"{shape.form.options}, RETURN_FILES true"
            if shape.keys:
                options += f", PARTITION_BY ({', '.join(map(quoted, shape.key_names))})"
            target = str(folder if shape.keys else folder / "rows").replace("'", "''")
            found = connection.execute(f"COPY ({written.sql}) TO '{target}' ({options})").fetchone()
            told[:] = [(int(found[0]), list(map(str, found[1])), folder)] if found else []

        scanned = perform((written, plan), self.job, self._means, answer)
        rows, names, folder = told[0]
        if not rows:
            return Wrote(scanned=scanned)
        if len({Path(name).parent for name in names}) > _OPEN_WRITERS:
            limit = f"Exceeded limit of {_OPEN_WRITERS} open writers for partitions/buckets"
            raise QueryError("HIVE_TOO_MANY_OPEN_PARTITIONS", limit)
        self._means.running.check()
        size, objects = 0, []
        for place, path in enumerate(sorted(map(Path, names))):
            values = tuple(unquote(part.partition("=")[2]) for part in path.relative_to(folder).parts[:-1])
            location = f"{folder_of(values)}{self.identifier}_{place:05d}{shape.form.ending}"
            size += path.stat().st_size
            bucket, key = split(location)
            with path.open("rb") as body:
                self._s3.put_object(Bucket=bucket, Key=key, Body=body)
            objects.append((location, values))
        return Wrote(rows, size, tuple(objects), scanned)


def hive_path(names: Sequence[str], values: Values) -> str:
    """``dt=2026-11-22/hour=04/``; empty for no partition keys."""
    return "".join(f"{name}={_escaped(value)}/" for name, value in zip(names, values, strict=True))


def _escaped(value: str) -> str:
    return _ESCAPED.sub(lambda found: f"%{ord(found[0]):02X}", value or HIVE_NULL)
