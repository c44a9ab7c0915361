"""The insights as named queries: ours are kept as they are shipped, other people's are left alone."""

from __future__ import annotations

from typing import Any

import pytest

from salespipe import insights
from salespipe.aws import Aws
from salespipe.lifecycle import up
from salespipe.pipeline import pipeline
from salespipe.resources.base import State
from salespipe.resources.named_queries import NamedQueries
from wire import Wire


@pytest.fixture
def queries(aws: Aws) -> NamedQueries:
    [found] = [resource for resource in pipeline(aws) if isinstance(resource, NamedQueries)]
    for _ in up(aws, [*found.needs[0].needs, *found.needs, found]):
        pass
    return found


def there(aws: Aws) -> list[dict[str, Any]]:
    athena = aws.client("athena")
    identifiers = athena.list_named_queries(WorkGroup=aws.names.workgroup)["NamedQueryIds"]
    found: list[dict[str, Any]] = athena.batch_get_named_query(NamedQueryIds=identifiers)["NamedQueries"]
    return found


def write(aws: Aws, name: str, sql: str, description: str) -> None:
    aws.client("athena").create_named_query(
        Name=name,
        Description=description,
        Database=aws.names.database,
        QueryString=sql,
        WorkGroup=aws.names.workgroup,
    )


def test_every_shipped_insight_is_there_with_its_question(aws: Aws, queries: NamedQueries) -> None:
    found = {query["Name"]: query for query in there(aws)}
    assert found.keys() == {insight.name for insight in insights.shipped()}
    summary = found["sales-summary"]
    assert summary["Description"].startswith("How are sales")
    assert summary["Database"] == aws.names.database
    assert ":period" not in summary["QueryString"]


def test_what_somebody_changed_removed_or_copied_is_told_and_put_right(aws: Aws, queries: NamedQueries) -> None:
    athena, found = aws.client("athena"), {query["Name"]: query for query in there(aws)}
    changed, removed, kept = found["on-hand"], found["sold"], found["sales-summary"]
    athena.update_named_query(
        NamedQueryId=changed["NamedQueryId"], Name="on-hand", Description=changed["Description"], QueryString="SELECT 1"
    )
    athena.delete_named_query(NamedQueryId=removed["NamedQueryId"])
    write(aws, "no-longer-shipped", "SELECT 1", kept["Description"])
    write(aws, "sales-summary", kept["QueryString"], kept["Description"])

    seen = queries.describe(aws)
    assert seen.state is State.DRIFTED
    fields = {"QueryString.on-hand", "QueryString.sold", "QueryString.no-longer-shipped", "Copies"}
    assert {drift.field for drift in seen.drift} == fields

    queries.update(aws, seen)
    assert queries.describe(aws).state is State.READY
    after = {query["Name"]: query["QueryString"] for query in there(aws)}
    assert after == {name: query["QueryString"] for name, query in found.items()}
    assert len(there(aws)) == len(found)


def test_other_peoples_queries_in_the_workgroup_are_left_alone(aws: Aws, queries: NamedQueries) -> None:
    write(aws, "sales-summary", "SELECT 2", "mine")
    assert queries.describe(aws).state is State.READY
    queries.delete(aws)
    assert queries.describe(aws).state is State.ABSENT
    assert [query["QueryString"] for query in there(aws)] == ["SELECT 2"]


def test_a_look_costs_two_calls(aws: Aws, queries: NamedQueries, wire: Wire) -> None:
    calls, deliver = [], wire.weather

    def count(call: Any) -> Any:
        calls.append(call.operation)
        return deliver(call)

    wire.weather = count
    queries.describe(aws)
    assert calls == ["ListNamedQueries", "BatchGetNamedQuery"]
