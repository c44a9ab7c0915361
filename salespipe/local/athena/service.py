"""Athena's API on this machine: queries run here; everything that Athena's clients call is answered here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from salespipe.local.api import Answer, AwsError, Call, Cloud, Handler
from salespipe.local.athena.errors import QueryError
from salespipe.local.athena.executions import WRITING, Execution, Executions
from salespipe.local.athena.kinds import kind_of
from salespipe.local.athena.metadata_api import MetadataApi
from salespipe.local.athena.objects import split
from salespipe.local.athena.results import MAX_ROWS, Pages
from salespipe.local.athena.runner import Runner
from salespipe.local.athena.workgroups import WorkGroups, invalid

_MAX_QUERY_BYTES = 262_144
# What two executions must have in common, their workgroup aside, for one to take the other's result.
_SAME = ("query", "statement", "parameters", "database", "catalog")
_ENFORCED = (
    "The Create Table As Select query failed because it was submitted with an 'external_location' property to an "
    "Athena Workgroup that enforces a centralized output location for all queries. Please remove the "
    "'external_location' property and resubmit the query."
)


class Athena:
    """The service ``athena``."""

    name = "athena"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._executions = Executions(cloud.store)
        self._workgroups = WorkGroups(cloud, self._executions)
        self._runner = Runner(cloud, self._executions, self._workgroups.prepared)
        self._metadata = MetadataApi(cloud)
        self._handlers: dict[str, Handler] = {
            "StartQueryExecution": self.start_query_execution,
            "GetQueryExecution": self.get_query_execution,
            "BatchGetQueryExecution": self.batch_get_query_execution,
            "ListQueryExecutions": self.list_query_executions,
            "StopQueryExecution": self.stop_query_execution,
            "GetQueryResults": self.get_query_results,
            "GetQueryRuntimeStatistics": self.get_query_runtime_statistics,
            **self._workgroups.handlers,
            **self._metadata.handlers,
        }

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """What is answered here instead of by moto."""
        return self._handlers

    def observe(self, call: Call, answer: Answer) -> None:
        """Nothing of what moto answers matters here."""

    def start(self) -> None:
        """Begin to run queries, first those that a restart interrupted."""
        self._executions.trim(self._cloud.clock())
        self._runner.start()

    def stop(self) -> None:
        """Interrupt the queries; they run again after the next start."""
        self._runner.stop()

    def start_query_execution(self, call: Call) -> dict[str, Any]:
        """StartQueryExecution: checked here, run in the background."""
        params = call.params
        token = str(params.get("ClientRequestToken") or "")
        text = str(params.get("QueryString") or "")
        known = self._executions.by_token(call.region, token) if token else None
        if known is not None:
            if known.query != text:
                raise invalid("Idempotent parameters do not match")
            return {"QueryExecutionId": known.id}
        if not text.strip():
            raise invalid("QueryString cannot be empty")
        if len(text.encode()) > _MAX_QUERY_BYTES:
            raise invalid("QueryString exceeds the maximum length of 262144 bytes")
        group = str(params.get("WorkGroup") or "primary")
        settings = self._workgroups.settings(call.region, group)
        execution = self._planned(call, text, group)
        location, configuration = settings.output(params.get("ResultConfiguration") or {})
        execution.configuration = configuration
        execution.location = self._result_location(execution, location, enforced=settings.enforced)
        execution.cutoff = settings.cutoff
        execution.token = token
        self._reuse(execution)
        self._executions.save(execution)
        if not execution.final:
            self._runner.submit(execution)
        return {"QueryExecutionId": execution.id}

    def _planned(self, call: Call, text: str, group: str) -> Execution:
        """The execution that a call asks for; what Athena refuses at once is refused."""
        from salespipe.local.athena.parameters import prepared, with_parameters
        from salespipe.local.athena.syntax import parse_query
        from salespipe.local.athena.write_statements import PARSERS

        params = call.params
        context = params.get("QueryExecutionContext") or {}
        parameters = [str(value) for value in params.get("ExecutionParameters") or ()]
        reuse = (params.get("ResultReuseConfiguration") or {}).get("ResultReuseByAgeConfiguration") or {}
        kind = kind_of(text)
        try:
            statement = text
            if kind is not None and kind.sub == "EXECUTE":
                statement = prepared(text, lambda name: self._workgroups.statement(call.region, group, name))
                kind = kind_of(statement)
            if parameters:
                statement = with_parameters(statement, parameters)
            query = kind is None or kind.sub == "SELECT"
            if query:
                parse_query(statement)
            elif kind is not None and kind.sub in WRITING:
                PARSERS[kind.sub](statement)
        except QueryError as refused:
            raise AwsError("InvalidRequestException", refused.reason, AthenaErrorCode="MALFORMED_QUERY") from refused
        if kind is None:
            raise invalid("Queries of this type are not supported")
        return Execution(
            id=str(uuid.uuid4()),
            region=call.region,
            workgroup=group,
            query=text,
            statement=statement,
            kind=kind.type,
            sub_kind=kind.sub,
            text=not query,
            database=str(context.get("Database") or "").lower(),
            catalog=str(context.get("Catalog") or "").lower(),
            parameters=parameters,
            reuse_minutes=int(reuse.get("MaxAgeInMinutes", 60)) if reuse.get("Enabled") else 0,
            submitted=self._cloud.clock(),
        )

    def _result_location(self, execution: Execution, folder: str, *, enforced: bool) -> str:
        """The result object; what writes data has none, but a name for its manifest and, for a table, its data."""
        if not execution.writes:
            return f"{folder}{execution.id}{'.txt' if execution.text else '.csv'}"
        if execution.sub_kind != "CREATE_TABLE_AS_SELECT":
            return f"{folder}{execution.id}"
        from salespipe.local.athena.write_statements import create_table_as

        external = "external_location" in create_table_as(execution.statement).properties
        if external and enforced:
            raise invalid(_ENFORCED)
        return f"{folder}{execution.id}" if external else f"{folder}tables/{execution.id}"

    def _reuse(self, execution: Execution) -> None:
        """Take over an earlier result of the same text, when the caller allows one of that age."""
        if not execution.reuse_minutes or execution.text:
            return
        oldest = execution.submitted - execution.reuse_minutes * 60
        for earlier in self._executions.succeeded_since(execution.region, execution.workgroup, oldest):
            same = all(getattr(earlier, name) == getattr(execution, name) for name in _SAME)
            if same and not earlier.reused and self._still_there(earlier):
                execution.location, execution.columns, execution.rows = earlier.location, earlier.columns, earlier.rows
                execution.output_bytes, execution.reused, execution.state = earlier.output_bytes, True, "SUCCEEDED"
                execution.started = execution.completed = execution.submitted
                return

    def _still_there(self, execution: Execution) -> bool:
        """Whether the result has not been deleted from S3."""
        bucket, key = split(execution.location)
        try:
            self._cloud.client("s3", execution.region).head_object(Bucket=bucket, Key=key)
        except ClientError:
            return False
        return True

    def _execution(self, call: Call) -> Execution:
        identifier = str(call.params.get("QueryExecutionId") or "")
        found = self._executions.get(call.region, identifier)
        if found is None:
            raise invalid(f"QueryExecution {identifier} was not found")
        return found

    def get_query_execution(self, call: Call) -> dict[str, Any]:
        """GetQueryExecution."""
        return {"QueryExecution": self._execution(call).described()}

    def batch_get_query_execution(self, call: Call) -> dict[str, Any]:
        """BatchGetQueryExecution."""
        found, missing = [], []
        for identifier in call.params.get("QueryExecutionIds") or ():
            execution = self._executions.get(call.region, str(identifier))
            if execution is not None:
                found.append(execution.described())
            else:
                told = {"ErrorCode": "INVALID_INPUT", "ErrorMessage": f"QueryExecution {identifier} was not found"}
                missing.append({"QueryExecutionId": str(identifier), **told})
        return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": missing}

    def list_query_executions(self, call: Call) -> dict[str, Any]:
        """ListQueryExecutions of a workgroup, newest first."""
        group = str(call.params.get("WorkGroup") or "primary")
        self._workgroups.need(call.region, group)
        limit = int(call.params.get("MaxResults") or 50)
        found = self._executions.identifiers(call.region, group, str(call.params.get("NextToken") or ""), limit + 1)
        answer: dict[str, Any] = {"QueryExecutionIds": found[:limit]}
        if len(found) > limit:
            answer["NextToken"] = found[limit - 1]
        return answer

    def stop_query_execution(self, call: Call) -> dict[str, Any]:
        """StopQueryExecution; stopping what has ended is no error."""
        execution = self._execution(call)
        if not execution.final:
            self._runner.cancel(execution)
        return {}

    def get_query_results(self, call: Call) -> dict[str, Any]:
        """GetQueryResults: the result's rows from S3, with the header as first row of a query's first page."""
        execution = self._execution(call)
        if not execution.final:
            raise invalid(f"Query has not yet finished. Current state: {execution.state}")
        if execution.state != "SUCCEEDED":
            raise invalid(f"Query did not finish successfully. Final query state: {execution.state}")
        limit = int(call.params.get("MaxResults") or MAX_ROWS)
        if not 0 < limit <= MAX_ROWS:
            raise invalid("MaxResults is more than maximum allowed length 1000.")
        rows: list[list[str | None]] = []
        token = ""
        if not execution.writes:
            bucket, key = split(execution.location)
            pages = Pages(self._cloud.client("s3", call.region), bucket, key)
            rows, token = pages.page(str(call.params.get("NextToken") or ""), limit, text=execution.text)
        answer: dict[str, Any] = {
            "UpdateCount": execution.rows if execution.writes else 0,
            "ResultSet": {
                "Rows": [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in rows],
                "ResultSetMetadata": {"ColumnInfo": [column.described() for column in execution.columns]},
            },
        }
        if token:
            answer["NextToken"] = token
        return answer

    def get_query_runtime_statistics(self, call: Call) -> dict[str, Any]:
        """GetQueryRuntimeStatistics: the time line and the rows; there is one stage."""
        execution = self._execution(call)
        timeline = {key: value for key, value in execution.statistics().items() if key.endswith("Millis")}
        rows = {
            "InputBytes": execution.scanned,
            "OutputBytes": execution.output_bytes,
            "OutputRows": execution.rows,
        }
        stage = {"StageId": 0, "State": "FINISHED" if execution.final else "RUNNING", **rows}
        stage["ExecutionTime"] = timeline["EngineExecutionTimeInMillis"]
        return {"QueryRuntimeStatistics": {"Timeline": timeline, "Rows": rows, "OutputStage": stage}}
