"""The insights as named queries, where whoever opens Athena's query editor finds them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from salespipe.resources.base import ABSENT, Drift, Observation, State
from salespipe.resources.observing import Tolerating, look

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.resources.base import Resource

# Athena API reference: ListNamedQueries and BatchGetNamedQuery handle 50 at most.
_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """One query: its name, what it answers, and its SQL (262,144 bytes at most)."""

    name: str
    question: str
    sql: str


@dataclass(frozen=True, eq=False, kw_only=True)
class NamedQueries:
    """All named queries of one pipeline, one resource, since they are listed and read together.

    Athena's names are not unique and named queries have no tags: ours say whose they are at the end of their
    description. Others in the workgroup are left alone.
    """

    kind: ClassVar[str] = "athena named queries"
    name: str
    workgroup: str
    database: str
    queries: tuple[NamedQuery, ...]
    needs: tuple[Resource, ...] = ()

    def describe(self, aws: Aws) -> Observation:
        """ListNamedQueries and BatchGetNamedQuery."""
        found = self._ours(aws)
        if not found:
            return ABSENT
        wanted = {query.name: _digest(query.sql, self._description(aws, query)) for query in self.queries}
        there = {query["Name"]: _digest(query["QueryString"], query["Description"]) for query in reversed(found)}
        names = dict.fromkeys((*wanted, *there))
        drift = [
            Drift(f"QueryString.{name}", wanted.get(name), there.get(name))
            for name in names
            if wanted.get(name) != there.get(name)
        ]
        copies = len(found) - len(there)
        drift += [Drift("Copies", 0, copies)] if copies else []
        detail = f"{len(there)} insights"
        return Observation(State.DRIFTED if drift else State.READY, detail=detail, drift=tuple(drift))

    def create(self, aws: Aws) -> None:
        """CreateNamedQuery of what is not there."""
        self.update(aws, ABSENT)

    def update(self, aws: Aws, seen: Observation) -> None:  # noqa: ARG002 - what differs is found by looking anew
        """Create what is missing, rewrite what differs, and delete what is no longer shipped and second copies."""
        athena, missing = aws.client("athena"), {query.name: query for query in self.queries}
        for there in self._ours(aws):
            query, identifier = missing.pop(there["Name"], None), there["NamedQueryId"]
            if query is None:
                with Tolerating():
                    athena.delete_named_query(NamedQueryId=identifier)
            elif (there["QueryString"], there["Description"]) != (query.sql, self._description(aws, query)):
                athena.update_named_query(
                    NamedQueryId=identifier,
                    Name=query.name,
                    Description=self._description(aws, query),
                    QueryString=query.sql,
                )
        for query in missing.values():
            athena.create_named_query(
                Name=query.name,
                Description=self._description(aws, query),
                Database=self.database,
                QueryString=query.sql,
                WorkGroup=self.workgroup,
            )

    def delete(self, aws: Aws) -> None:
        """DeleteNamedQuery of ours."""
        for there in self._ours(aws):
            with Tolerating():
                aws.client("athena").delete_named_query(NamedQueryId=there["NamedQueryId"])

    def _ours(self, aws: Aws) -> list[dict[str, Any]]:
        """Those of this pipeline, the one that Athena lists first at the front."""
        mark = self._mark(aws)
        return [query for query in look(lambda: list(self._all(aws))) or () if query["Description"].endswith(mark)]

    def _all(self, aws: Aws) -> Iterator[dict[str, Any]]:
        athena, token = aws.client("athena"), ""
        while True:
            more = {"NextToken": token} if token else {}
            page = athena.list_named_queries(WorkGroup=self.workgroup, MaxResults=_PAGE, **more)
            if identifiers := page.get("NamedQueryIds"):
                for query in athena.batch_get_named_query(NamedQueryIds=identifiers).get("NamedQueries", ()):
                    yield {"Description": "", **query}
            token = page.get("NextToken", "")
            if not token:
                return

    def _description(self, aws: Aws, query: NamedQuery) -> str:
        return f"{query.question} {self._mark(aws)}"

    @staticmethod
    def _mark(aws: Aws) -> str:
        return f"(an insight of salespipe, pipeline {aws.config.name})"


def _digest(sql: str, description: str) -> str:
    """Both texts as a few characters: a whole statement would fill the screen."""
    return hashlib.sha256(f"{description}\n{sql}".encode()).hexdigest()[:12]
