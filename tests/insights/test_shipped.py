"""What is shipped: Athena SQL with documented functions only, that needs the columns its header says and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.qualify import qualify

from salespipe import insights
from salespipe.insights import Insight

SHIPPED = insights.shipped()
LIST = Path(__file__).parents[1] / "data" / "athena_functions.txt"
DOCUMENTED = {
    word for line in LIST.read_text(encoding="utf-8").splitlines() if not line.startswith("#") for word in line.split()
}
# What looks like a call and is none.
SYNTAX = {"in", "over", "as", "on", "and", "or", "by", "with", "select", "decimal", "timestamp", "then", "when", "join"}
SYNTAX |= {"from", "interval", "values", "distinct", "unnest"}
each_shipped = pytest.mark.parametrize("insight", SHIPPED, ids=lambda insight: insight.name)


def columns_of(insight: Insight, *, without: tuple[str, str] | None = None) -> dict[str, dict[str, str]]:
    schema: dict[str, dict[str, str]] = {}
    for table, column in insight.needs:
        schema.setdefault(table, {"unrelated": "varchar"})
        if (table, column) != without:
            schema[table][column] = "varchar"
    return schema


def understood(insight: Insight, schema: dict[str, dict[str, str]]) -> None:
    # Where the newest order is looked for is only known with the default, so that it is asked with that.
    statement = sqlglot.parse_one(insight.statement().replace('"$path"', "'path'"), read="athena")
    qualify(statement, schema=schema, dialect="athena", validate_qualify_columns=True)


def test_the_whole_list_is_there() -> None:
    groups = {group: [each.name for each in SHIPPED if each.group == group] for group in insights.GROUPS}
    assert [len(groups[group]) for group in insights.GROUPS] == [8, 7, 5, 4, 0]
    assert len({insight.title for insight in SHIPPED}) == len(SHIPPED)


@each_shipped
def test_it_is_one_select_in_athenas_dialect(insight: Insight) -> None:
    [statement] = sqlglot.parse(insight.statement(buffers=2), read="athena")
    assert isinstance(statement, exp.Select)
    assert len(insight.statement(buffers=2).encode()) < 262_144


@each_shipped
def test_it_calls_documented_functions_only(insight: Insight) -> None:
    text = re.sub(r"'(?:[^']|'')*'|--[^\n]*", "", insight.statement())
    called = {word.lower() for word in re.findall(r"\b([A-Za-z_]\w*)\s*\(", text)} - SYNTAX
    tree = sqlglot.parse_one(insight.statement(), read="athena")
    tables = {each.alias.lower() for each in tree.find_all(exp.CTE, exp.Unnest)}
    assert called - tables <= DOCUMENTED


@each_shipped
def test_it_needs_what_its_header_says_and_nothing_else(insight: Insight) -> None:
    assert insight.needs
    understood(insight, columns_of(insight))
    for pair in insight.needs:
        with pytest.raises(OptimizeError):
            understood(insight, columns_of(insight, without=pair))


@each_shipped
def test_a_revenue_says_what_does_not_count(insight: Insight) -> None:
    if "revenue" in insight.sql and "orders" in dict(insight.needs):
        assert "sale_outcome = 'sold'" in insight.sql
        assert "cancelled or returned do not count" in insight.sql or insight.group == "inventory"


def test_what_is_missing_is_told_by_table_and_by_column() -> None:
    [insight] = insights.choose(SHIPPED, ["sales-by-region"])
    whole = {"orders": frozenset({"created_at", "amount", "sale_outcome", "region", "other"})}
    assert insight.missing(whole) == ()
    assert insight.missing({"orders": whole["orders"] - {"region"}}) == ("orders.region",)
    assert insight.missing({}) == ("orders",)
