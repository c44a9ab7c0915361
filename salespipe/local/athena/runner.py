"""Runs executions in the background: four at a time, from QUEUED to their end, each of which is durable."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from salespipe.local.api import Cloud
from salespipe.local.athena.catalog import Catalog
from salespipe.local.athena.errors import QueryCancelledError, QueryError
from salespipe.local.athena.executions import Execution, Executions
from salespipe.local.athena.kinds import Kind
from salespipe.local.athena.named import PreparedStatements
from salespipe.local.athena.objects import ObjectCache, split
from salespipe.local.athena.plan import Output
from salespipe.local.athena.results import ColumnInfo, metadata, write_csv
from salespipe.local.athena.running import CANCELLED_BY_USER, LIMIT_EXCEEDED, Connections
from salespipe.local.athena.session import Session

if TYPE_CHECKING:
    from salespipe.local.athena.show import Lines

log = logging.getLogger(__name__)

WORKERS: Final = 4
_RESULT: Final = "athena-result-"


class Runner:
    """The pool of one Athena; ``executions`` is where every step is written down, ``prepared`` what PREPARE makes."""

    def __init__(self, cloud: Cloud, executions: Executions, prepared: PreparedStatements) -> None:
        self._cloud = cloud
        self._executions = executions
        self._prepared = prepared
        self._cache = ObjectCache(cloud.store.folder / "athena-objects")
        self._pool: ThreadPoolExecutor | None = None
        self._running: dict[str, Connections] = {}
        self._waiting: dict[str, Future[None]] = {}
        self._lock = threading.Lock()
        self._ending = False

    def start(self) -> None:
        """Begin; what was under way when the process ended runs again from the start."""
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="athena")
        self._ending = False
        for left in self._cache.folder.parent.glob(f"{_RESULT}*"):  # of a process that was killed
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink(missing_ok=True)
        for execution in self._executions.unfinished():
            execution.state, execution.started = "QUEUED", 0.0
            self._executions.save(execution)
            self.submit(execution)

    def stop(self) -> None:
        """Interrupt what runs; it stays unfinished in the store, to run again after a restart."""
        with self._lock:
            self._ending = True
            under_way = list(self._running.values())
        for running in under_way:
            running.stop()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        self._running.clear()
        self._waiting.clear()

    def submit(self, execution: Execution) -> None:
        """Queue an execution that has been saved as QUEUED."""
        with self._lock:
            self._running[execution.id] = Connections()
            if self._pool is not None and not self._ending:
                self._waiting[execution.id] = self._pool.submit(self._execute, execution)

    def cancel(self, execution: Execution) -> None:
        """StopQueryExecution: a running query is interrupted, a waiting one never begins."""
        with self._lock:
            running = self._running.get(execution.id)
            waiting = self._waiting.get(execution.id)
            never = waiting is not None and waiting.cancel()
            if never:
                del self._running[execution.id], self._waiting[execution.id]
        if never:
            self._ended(execution, "CANCELLED", CANCELLED_BY_USER, {})
        elif running is not None:
            running.stop()

    def _execute(self, execution: Execution) -> None:
        with self._lock:
            running = self._running[execution.id]
        try:
            execution.started = self._cloud.clock()
            execution.state = "RUNNING"
            if not running.stopped:
                self._executions.save(execution)
            self._ended(execution, *self._outcome(execution, running))
        except Exception:
            if not self._ending:
                log.exception("The end of query %s could not be written down.", execution.id)
        finally:
            with self._lock:
                self._running.pop(execution.id, None)
                self._waiting.pop(execution.id, None)

    def _outcome(self, execution: Execution, running: Connections) -> tuple[str, str, dict[str, Any]]:
        try:
            running.check()
            self._run(execution, running)
        except QueryCancelledError as cancelled:
            return "CANCELLED", str(cancelled), {}
        except QueryError as failure:
            return "FAILED", failure.reason, failure.athena_error
        except Exception:
            if running.stopped:
                return "CANCELLED", CANCELLED_BY_USER, {}
            log.exception("Query %s failed inside the local Athena.", execution.id)
            unknown = QueryError("GENERIC_INTERNAL_ERROR", "The query failed inside the local Athena; see its log")
            return "FAILED", unknown.reason, unknown.athena_error
        return "SUCCEEDED", "", {}

    def _ended(self, execution: Execution, state: str, reason: str, error: dict[str, Any]) -> None:
        if self._ending and state == "CANCELLED" and reason != LIMIT_EXCEEDED:
            return  # the server stops, not the query
        execution.state, execution.reason, execution.error = state, reason, error
        execution.completed = self._cloud.clock()
        self._executions.save(execution)

    def _run(self, execution: Execution, running: Connections) -> None:
        # The first query pays for loading the SQL parser and the engine, not the start of the server.
        from salespipe.local.athena.engine import Job, run
        from salespipe.local.athena.parameters import Preparation
        from salespipe.local.athena.statements import Statements

        region = execution.region
        catalog = Catalog(self._cloud.client("glue", region))
        s3 = self._cloud.client("s3", region)
        # awswrangler quotes the context's database as Hive's DDL would.
        session = Session(catalog, execution.database.strip("`"), execution.submitted)
        if execution.writes:
            self._write(execution, session, s3, running)
            return
        if execution.text:
            statements = Statements(session, s3, Preparation(self._prepared, region, execution.workgroup))
            self._write_lines(
                execution, statements.run(execution.statement, Kind(execution.kind, execution.sub_kind)), s3
            )
            return
        columns: list[ColumnInfo] = []
        with NamedTemporaryFile(dir=self._cache.folder.parent, prefix=_RESULT, delete=False) as file:
            path = Path(file.name)
        try:

            def consume(outputs: Sequence[Output], rows: Iterator[Sequence[Any]]) -> None:
                columns[:] = [ColumnInfo.of(output.name, output.type) for output in outputs]
                names, types = [output.name for output in outputs], [output.type for output in outputs]
                execution.rows = write_csv(path, names, types, rows)

            ran = run(Job(execution.statement, session, execution.cutoff), s3, self._cache, running, consume)
            execution.scanned, execution.planning, execution.columns = ran.scanned, ran.planning, columns
            execution.output_bytes = path.stat().st_size
            running.check()
            with path.open("rb") as body:
                _put(s3, execution.location, body)
        finally:
            path.unlink(missing_ok=True)
        _put(s3, f"{execution.location}.metadata", metadata(columns))

    def _write(self, execution: Execution, session: Session, s3: Any, running: Connections) -> None:
        from salespipe.local.athena.engine import Job, Means
        from salespipe.local.athena.exports import Exporter
        from salespipe.local.athena.writes import Writes

        execution.columns = [ColumnInfo("rows", "bigint", 19)]
        # Written first, so that an output location that cannot be written to leaves no data behind.
        _put(s3, f"{execution.location}.metadata", metadata(execution.columns))
        with TemporaryDirectory(dir=self._cache.folder.parent, prefix=_RESULT) as folder:
            job = Job(execution.statement, session, execution.cutoff, Path(folder))
            writes = Writes(Exporter(execution.id, job, Means(s3, self._cache, running)), execution.location)
            wrote = writes.run(execution.statement, execution.sub_kind)
        execution.rows, execution.output_bytes = wrote.rows, wrote.size
        execution.scanned, execution.planning = wrote.scanned, writes.planning
        execution.manifest = f"{execution.location}-manifest.csv"
        _put(s3, execution.manifest, "".join(f"{location}\n" for location, _ in wrote.objects).encode())

    def _write_lines(self, execution: Execution, told: Lines, s3: Any) -> None:
        execution.columns, execution.rows = list(told.columns), len(told.lines)
        body = "".join(f"{line}\n" for line in told.lines).encode()
        execution.output_bytes = len(body)
        _put(s3, execution.location, body)
        if told.columns:
            _put(s3, f"{execution.location}.metadata", metadata(told.columns))


def _put(s3: Any, location: str, body: Any) -> None:
    bucket, key = split(location)
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    except ClientError as error:
        if str(error.response.get("Error", {}).get("Code")) != "NoSuchBucket":
            raise
        told = f"Unable to verify/create output bucket {bucket}"
        raise QueryError("", told) from error
