"""Named queries and prepared statements."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from salespipe.local.api import AwsError, Call, Handler
from salespipe.local.athena.documents import Documents
from salespipe.local.athena.paging import page

Need = Callable[[str, str], object]


class NamedQueries:
    """The handlers of named queries; ``need`` refuses a workgroup that does not exist."""

    def __init__(self, documents: Documents, clock: Callable[[], float], need: Need) -> None:
        self._documents = documents
        self._clock = clock
        self._need = need
        self.handlers: Mapping[str, Handler] = {
            "CreateNamedQuery": self.create,
            "GetNamedQuery": self.get,
            "BatchGetNamedQuery": self.batch_get,
            "ListNamedQueries": self.list,
            "UpdateNamedQuery": self.update,
            "DeleteNamedQuery": self.delete,
        }

    def inside(self, region: str, group: str) -> list[tuple[str, str]]:
        """Kind and key of a workgroup's own, newest first."""
        found = [one for one in self._documents.all(region, "named").items() if one[1]["WorkGroup"] == group]
        found.sort(key=lambda one: -float(one[1]["Created"]))
        return [("named", key) for key, _ in found]

    def _found(self, call: Call) -> dict[str, Any]:
        identifier = str(call.params.get("NamedQueryId") or "")
        found = self._documents.get(call.region, "named", identifier)
        if found is None:
            raise AwsError("InvalidRequestException", f"NamedQuery {identifier} was not found")
        return found

    def create(self, call: Call) -> dict[str, Any]:
        """CreateNamedQuery; the same ClientRequestToken answers with the same query."""
        params = call.params
        group, token = str(params.get("WorkGroup") or "primary"), str(params.get("ClientRequestToken") or "")
        self._need(call.region, group)
        for key, known in self._documents.all(call.region, "named").items() if token else ():
            if known.get("Token") == token:
                return {"NamedQueryId": key}
        identifier = str(uuid.uuid4())
        document = {
            "Name": params.get("Name"),
            "Description": params.get("Description") or "",
            "Database": params.get("Database"),
            "QueryString": params.get("QueryString"),
            "NamedQueryId": identifier,
            "WorkGroup": group,
            "Created": self._clock(),
            "Token": token,
        }
        self._documents.put(call.region, "named", identifier, document)
        return {"NamedQueryId": identifier}

    def get(self, call: Call) -> dict[str, Any]:
        """GetNamedQuery."""
        return {"NamedQuery": _shown(self._found(call))}

    def batch_get(self, call: Call) -> dict[str, Any]:
        """BatchGetNamedQuery."""
        found, missing = [], []
        for identifier in map(str, call.params.get("NamedQueryIds") or ()):
            document = self._documents.get(call.region, "named", identifier)
            if document is not None:
                found.append(_shown(document))
            else:
                told = {"ErrorCode": "INVALID_INPUT", "ErrorMessage": f"NamedQuery {identifier} was not found"}
                missing.append({"NamedQueryId": identifier, **told})
        return {"NamedQueries": found, "UnprocessedNamedQueryIds": missing}

    def list(self, call: Call) -> dict[str, Any]:
        """ListNamedQueries of a workgroup."""
        group = str(call.params.get("WorkGroup") or "primary")
        self._need(call.region, group)
        return page([key for _, key in self.inside(call.region, group)], call.params, 50, "NamedQueryIds")

    def update(self, call: Call) -> dict[str, Any]:
        """UpdateNamedQuery."""
        found = self._found(call)
        given = {key: call.params[key] for key in ("Name", "Description", "QueryString") if key in call.params}
        self._documents.put(call.region, "named", found["NamedQueryId"], {**found, **given})
        return {}

    def delete(self, call: Call) -> dict[str, Any]:
        """DeleteNamedQuery."""
        self._documents.delete(call.region, "named", self._found(call)["NamedQueryId"])
        return {}


def _shown(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in {"Created", "Token"}}


class PreparedStatements:
    """The handlers of prepared statements; ``need`` refuses a workgroup that does not exist."""

    def __init__(self, documents: Documents, clock: Callable[[], float], need: Need) -> None:
        self._documents = documents
        self._clock = clock
        self._need = need
        self.handlers: Mapping[str, Handler] = {
            "CreatePreparedStatement": self.create,
            "GetPreparedStatement": self.get,
            "BatchGetPreparedStatement": self.batch_get,
            "ListPreparedStatements": self.list,
            "UpdatePreparedStatement": self.update,
            "DeletePreparedStatement": self.delete,
        }

    def inside(self, region: str, group: str) -> list[tuple[str, str]]:
        """Kind and key of a workgroup's own, by name."""
        documents = self._documents.all(region, "prepared")
        return [("prepared", key) for key, one in documents.items() if one["WorkGroupName"] == group]

    def need(self, region: str, group: str, name: str) -> dict[str, Any]:
        """A prepared statement.

        Raises ``AwsError`` when there is none.
        """
        found = self._documents.get(region, "prepared", f"{group}\n{name}")
        if found is None:
            told = f"PreparedStatement {name} was not found in workGroup {group}"
            raise AwsError("ResourceNotFoundException", told, ResourceName=name)
        return found

    def _names(self, call: Call) -> tuple[str, str]:
        return str(call.params.get("WorkGroup") or ""), str(call.params.get("StatementName") or "")

    def create(self, call: Call) -> dict[str, Any]:
        """CreatePreparedStatement."""
        group, name = self._names(call)
        self._need(call.region, group)
        sql = str(call.params.get("QueryStatement") or "")
        self.prepare(call.region, (group, name), sql, _description(call))
        return {}

    def prepare(self, region: str, names: tuple[str, str], sql: str, description: str = "") -> None:
        """Make a statement, ``names`` being its workgroup and its own.

        Raises ``AwsError`` when the workgroup has one of that name.
        """
        group, name = names
        if self._documents.get(region, "prepared", f"{group}\n{name}") is not None:
            raise AwsError("InvalidRequestException", f"PreparedStatement {name} already exists in workGroup {group}")
        self._save(region, names, sql, description)

    def deallocate(self, region: str, group: str, name: str) -> None:
        """Remove a statement.

        Raises ``AwsError`` when there is none.
        """
        self.need(region, group, name)
        self._documents.delete(region, "prepared", f"{group}\n{name}")

    def _save(self, region: str, names: tuple[str, str], sql: str, description: str) -> None:
        group, name = names
        document = {
            "StatementName": name,
            "QueryStatement": sql,
            "WorkGroupName": group,
            "Description": description,
            "LastModifiedTime": self._clock(),
        }
        self._documents.put(region, "prepared", f"{group}\n{name}", document)

    def get(self, call: Call) -> dict[str, Any]:
        """GetPreparedStatement."""
        group, name = self._names(call)
        return {"PreparedStatement": self.need(call.region, group, name)}

    def batch_get(self, call: Call) -> dict[str, Any]:
        """BatchGetPreparedStatement."""
        group = str(call.params.get("WorkGroup") or "")
        found, missing = [], []
        for name in map(str, call.params.get("PreparedStatementNames") or ()):
            try:
                found.append(self.need(call.region, group, name))
            except AwsError as error:
                told = {"ErrorCode": "STATEMENT_NOT_FOUND", "ErrorMessage": error.message}
                missing.append({"StatementName": name, **told})
        return {"PreparedStatements": found, "UnprocessedPreparedStatementNames": missing}

    def list(self, call: Call) -> dict[str, Any]:
        """ListPreparedStatements of a workgroup."""
        group = str(call.params.get("WorkGroup") or "")
        self._need(call.region, group)
        found = [one for one in self._documents.all(call.region, "prepared").values() if one["WorkGroupName"] == group]
        shown = [{key: one[key] for key in ("StatementName", "LastModifiedTime")} for one in found]
        return page(shown, call.params, 50, "PreparedStatements")

    def update(self, call: Call) -> dict[str, Any]:
        """UpdatePreparedStatement."""
        group, name = self._names(call)
        self.need(call.region, group, name)
        sql = str(call.params.get("QueryStatement") or "")
        self._save(call.region, (group, name), sql, _description(call))
        return {}

    def delete(self, call: Call) -> dict[str, Any]:
        """DeletePreparedStatement."""
        self.deallocate(call.region, *self._names(call))
        return {}


def _description(call: Call) -> str:
    return str(call.params.get("Description") or "")
