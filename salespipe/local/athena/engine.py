"""Runs one query: compiles it, reads what it needs, and lets DuckDB compute, in a connection of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from salespipe.local.athena import functions, partitions
from salespipe.local.athena.errors import QueryCancelledError, translated
from salespipe.local.athena.objects import ObjectCache
from salespipe.local.athena.plan import Output, Plan, Query
from salespipe.local.athena.queries import Queries
from salespipe.local.athena.running import LIMIT_EXCEEDED, Connections
from salespipe.local.athena.scan import Reader
from salespipe.local.athena.session import Session
from salespipe.local.athena.syntax import parse_query

_THREADS: Final = 2
_MEMORY: Final = "384MB"
_ROWS: Final = 4096

Rows = Iterator[Sequence[Any]]
Answer = Callable[[duckdb.DuckDBPyConnection], None]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a query took: stored bytes read, and seconds spent on planning it."""

    scanned: int
    planning: float


def compiled(text: str, session: Session) -> tuple[Query, Plan]:
    """A query's DuckDB SQL and its scans.

    Raises ``QuerySyntaxError`` and ``QueryError``.
    """
    tree, source = parse_query(text)
    plan = Plan()
    return Queries(source, session, plan).query(tree, None), plan


@dataclass(frozen=True, slots=True)
class Job:
    """A query to run; ``cutoff`` is the bytes that its workgroup allows, 0 for no limit.

    ``folder`` is where DuckDB may write files, ``None`` for nowhere.
    """

    text: str
    session: Session
    cutoff: int = 0
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Means:
    """What every query runs with: the S3 client, the copies of objects, and the way to stop it."""

    s3: Any
    cache: ObjectCache
    running: Connections


def run(
    job: Job, s3: Any, cache: ObjectCache, running: Connections, consume: Callable[[Sequence[Output], Rows], None]
) -> Ran:
    """Run a query and hand its columns and rows to ``consume``, again from the start if the data had to be re-read.

    Raises ``QueryError`` or ``QueryCancelledError``.
    """
    began = time.monotonic()
    query, plan = compiled(job.text, job.session)
    planning = time.monotonic() - began
    cells = ", ".join(_shown(f"c{place}", output) for place, output in enumerate(query.outputs))
    sql = f"SELECT {cells} FROM ({query.sql}) AS answer"

    def answer(connection: duckdb.DuckDBPyConnection) -> None:
        consume(query.outputs, _fetched(connection.execute(sql)))

    return Ran(perform((query, plan), job, Means(s3, cache, running), answer), planning)


def perform(made: tuple[Query, Plan], job: Job, means: Means, answer: Answer) -> int:
    """Make what a compiled query reads readable in a connection, and let ``answer`` compute it there.

    Returns the stored bytes read. ``answer`` is called again if the data had to be re-read. Raises ``QueryError`` or
    ``QueryCancelledError``.
    """
    (query, plan), cache, running = made, means.cache, means.running
    connection = duckdb.connect(":memory:", config=_config(cache))
    held: list[Any] = []
    scanned = 0
    try:
        with running.using(connection):
            connection.execute("SET TimeZone = 'UTC'")
            _confine(connection, cache.folder, job.folder)
            for macro in functions.macros(_everything(query, plan)):
                connection.execute(macro)
            readers: list[Reader] = []
            for scan in plan.scans:
                located = partitions.objects(scan, job.session, means.s3, connection)
                scanned += sum(one.object.size for one in located)
                if job.cutoff and scanned > job.cutoff:
                    raise QueryCancelledError(LIMIT_EXCEEDED)
                running.check()
                paths = cache.fetch(means.s3, [one.object for one in located])
                held.extend(paths)
                readers.append(Reader(scan, located, paths, cache))
            _computed(connection, readers, answer)
    except duckdb.Error as error:
        running.check()
        raise translated(error) from error
    finally:
        connection.close()
        cache.release(held)
    return scanned


def _config(cache: ObjectCache) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "threads": _THREADS,
        "memory_limit": _MEMORY,
        "temp_directory": str(cache.folder.with_name(f"{cache.folder.name}-spill")),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }


def _confine(connection: duckdb.DuckDBPyConnection, *folders: Path | None) -> None:
    """Let the connection see these folders and nothing else on this machine, whatever the SQL says."""
    listed = ", ".join("'" + str(folder).replace("'", "''") + "/'" for folder in folders if folder is not None)
    connection.execute(f"SET allowed_directories = [{listed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _everything(query: Query, plan: Plan) -> str:
    conditions = [condition for scan in plan.scans for condition in (*scan.conditions, *scan.paths)]
    cells = [partitions.typed("v", key.type) for scan in plan.scans for key in scan.table.partition_keys]
    return " ".join([query.sql, *conditions, *cells])


def _computed(connection: duckdb.DuckDBPyConnection, readers: Sequence[Reader], answer: Answer) -> None:
    while True:
        try:
            for reader in readers:
                reader.bind(connection)
            answer(connection)
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            if any(reader.mend(error) for reader in readers):
                continue
            for reader in readers:
                if (told := reader.explained(error)) is not None:
                    raise told from error
            raise
        return


def _shown(column: str, output: Output) -> str:
    """A result's column in a form that DuckDB's Python client hands over without loss."""
    kind = output.type
    if kind.name == "timestamp with time zone":
        return f"timezone('{kind.zone}', {column})"
    if kind.name == "unknown":
        return column
    if kind.name == "interval day to second":
        return f"epoch_ms({column})"
    if kind.name == "interval year to month":
        return f"(datepart('year', {column}) * 12 + datepart('month', {column}))"
    if kind.name in {"json", "uuid"}:
        return f"CAST({column} AS VARCHAR)"
    return f"CAST({column} AS {kind.duck})"


def _fetched(connection: duckdb.DuckDBPyConnection) -> Rows:
    while rows := connection.fetchmany(_ROWS):
        yield from rows
