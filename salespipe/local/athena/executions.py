"""Query executions: durable rows, from QUEUED to SUCCEEDED, FAILED or CANCELLED."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from salespipe.local.athena.results import ColumnInfo
from salespipe.local.store import Store

FINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
WRITING = frozenset({"CREATE_TABLE_AS_SELECT", "INSERT", "UNLOAD"})
_KEPT_DAYS = 45  # athena/latest/ug/service-limits.html: the query history is kept for 45 days
_DDL = """
CREATE TABLE IF NOT EXISTS athena_executions (
  id TEXT PRIMARY KEY, region TEXT NOT NULL, workgroup TEXT NOT NULL, submitted REAL NOT NULL, state TEXT NOT NULL,
  token TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS athena_executions_by_time ON athena_executions (region, workgroup, submitted);
CREATE INDEX IF NOT EXISTS athena_executions_by_token ON athena_executions (region, token);
CREATE INDEX IF NOT EXISTS athena_executions_by_state ON athena_executions (state)
"""


class Execution(msgspec.Struct, kw_only=True):
    """One StartQueryExecution and what became of it; times are Unix seconds, durations seconds."""

    id: str
    region: str
    workgroup: str
    query: str
    statement: str  # what is run: the query with its parameters put in
    kind: str  # StatementType: DDL, DML or UTILITY
    sub_kind: str
    database: str = ""
    catalog: str = ""
    parameters: list[str] = []
    location: str = ""  # of the result object
    configuration: dict[str, Any] = {}
    reuse_minutes: int = 0
    cutoff: int = 0
    token: str = ""
    submitted: float = 0.0
    started: float = 0.0
    completed: float = 0.0
    state: str = "QUEUED"
    reason: str = ""
    error: dict[str, Any] = {}
    planning: float = 0.0
    scanned: int = 0
    rows: int = 0
    output_bytes: int = 0
    reused: bool = False
    columns: list[ColumnInfo] = []
    manifest: str = ""  # of the object that lists what was written
    text: bool = False  # the result is lines of text without a header, as of SHOW and DDL

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL

    @property
    def writes(self) -> bool:
        """Whether it writes data: its result is a number of rows, and objects that its manifest lists."""
        return self.sub_kind in WRITING

    def statistics(self) -> dict[str, Any]:
        """Service model: QueryExecutionStatistics."""
        end, start = self.completed or self.started, self.started or self.completed
        queued = max(0.0, start - self.submitted)
        running = max(0.0, end - start)
        manifest = {"DataManifestLocation": self.manifest} if self.manifest else {}
        return {
            **manifest,
            "EngineExecutionTimeInMillis": _millis(running),
            "DataScannedInBytes": self.scanned,
            "TotalExecutionTimeInMillis": _millis(queued) + _millis(running),
            "QueryQueueTimeInMillis": _millis(queued),
            "ServicePreProcessingTimeInMillis": 0,
            "QueryPlanningTimeInMillis": _millis(self.planning),
            "ServiceProcessingTimeInMillis": 0,
            "ResultReuseInformation": {"ReusedPreviousResult": self.reused},
        }

    def described(self) -> dict[str, Any]:
        """Service model: QueryExecution."""
        status: dict[str, Any] = {"State": self.state, "SubmissionDateTime": self.submitted}
        if self.final:
            status["CompletionDateTime"] = self.completed
        if self.reason:
            status["StateChangeReason"] = self.reason
        if self.error:
            status["AthenaError"] = self.error
        context = {"Database": self.database, "Catalog": self.catalog}
        reuse: dict[str, Any] = {"Enabled": self.reuse_minutes > 0}
        if self.reuse_minutes:
            reuse["MaxAgeInMinutes"] = self.reuse_minutes
        told: dict[str, Any] = {
            "QueryExecutionId": self.id,
            "Query": self.query,
            "StatementType": self.kind,
            "SubstatementType": self.sub_kind,
            "ResultConfiguration": {**self.configuration, "OutputLocation": self.location},
            "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": reuse},
            "QueryExecutionContext": {key: value for key, value in context.items() if value},
            "Status": status,
            "Statistics": self.statistics(),
            "WorkGroup": self.workgroup,
            "EngineVersion": {
                "SelectedEngineVersion": "AUTO",
                "EffectiveEngineVersion": "Athena engine version 3",
            },
        }
        if self.parameters:
            told["ExecutionParameters"] = self.parameters
        return told


def _millis(seconds: float) -> int:
    return round(seconds * 1000)


class Executions:
    """The executions in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.schema(_DDL)

    def save(self, execution: Execution) -> None:
        """Write an execution as it is now."""
        row = (
            execution.id,
            execution.region,
            execution.workgroup,
            execution.submitted,
            execution.state,
            execution.token,
            msgspec.json.encode(execution),
        )
        with self._store.write() as connection:
            connection.execute("INSERT OR REPLACE INTO athena_executions VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def get(self, region: str, identifier: str) -> Execution | None:
        """An execution by its id."""
        sql = "SELECT body FROM athena_executions WHERE id = ? AND region = ?"
        found = self._store.read().execute(sql, (identifier, region)).fetchone()
        return None if found is None else _decoded(found[0])

    def by_token(self, region: str, token: str) -> Execution | None:
        """The execution that a ClientRequestToken started."""
        sql = "SELECT body FROM athena_executions WHERE region = ? AND token = ? LIMIT 1"
        found = self._store.read().execute(sql, (region, token)).fetchone()
        return None if found is None else _decoded(found[0])

    def identifiers(self, region: str, workgroup: str, after: str, limit: int) -> list[str]:
        """Ids of a workgroup's executions, newest first, from behind the id ``after``."""
        sql = (
            "SELECT id FROM athena_executions WHERE region = ?1 AND workgroup = ?2 AND (?3 = '' OR (submitted, id) < "
            "(SELECT submitted, id FROM athena_executions WHERE id = ?3)) ORDER BY submitted DESC, id DESC LIMIT ?4"
        )
        rows = self._store.read().execute(sql, (region, workgroup, after, limit)).fetchall()
        return [str(row[0]) for row in rows]

    def unfinished(self) -> list[Execution]:
        """What was under way when the process ended, oldest first."""
        sql = "SELECT body FROM athena_executions WHERE state IN ('QUEUED', 'RUNNING') ORDER BY submitted"
        return [_decoded(row[0]) for row in self._store.read().execute(sql).fetchall()]

    def succeeded_since(self, region: str, workgroup: str, moment: float) -> Iterable[Execution]:
        """A workgroup's successful executions since ``moment``, newest first."""
        sql = (
            "SELECT body FROM athena_executions WHERE region = ? AND workgroup = ? AND submitted >= ? "
            "AND state = 'SUCCEEDED' ORDER BY submitted DESC LIMIT 200"
        )
        rows = self._store.read().execute(sql, (region, workgroup, moment)).fetchall()
        return [_decoded(row[0]) for row in rows]

    def trim(self, now: float) -> None:
        """Forget the history that Athena forgets too."""
        with self._store.write() as connection:
            connection.execute("DELETE FROM athena_executions WHERE submitted < ?", (now - _KEPT_DAYS * 86_400,))

    def forget(self, region: str, workgroup: str) -> None:
        """Forget a deleted workgroup's history."""
        with self._store.write() as connection:
            connection.execute("DELETE FROM athena_executions WHERE region = ? AND workgroup = ?", (region, workgroup))


def _decoded(body: bytes) -> Execution:
    return msgspec.json.decode(body, type=Execution)
