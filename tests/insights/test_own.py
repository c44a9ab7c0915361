"""A user's own insights: beside the shipped ones, in their place, and told by file and line where they are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from salespipe import insights
from salespipe.errors import SalespipeError

GOOD = """-- title: Big orders
-- question: Who orders much?
-- group: other
-- chart: table
-- needs: orders.amount
-- param: least decimal = 99.50
-- param: note text = it's
SELECT amount, ':least', :note AS note FROM orders WHERE amount > :least -- :nothing
"""


def write(folder: Path, text: str, name: str = "big-orders.sql") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_it_stands_beside_the_shipped_ones_and_its_values_are_literals(tmp_path: Path) -> None:
    found = insights.load(write(tmp_path, GOOD))
    assert len(found) == len(insights.shipped()) + 1
    [own] = insights.choose(found, ["big-orders"])
    assert own.statement({"note": "a'; DROP"}).startswith(
        "SELECT amount, ':least', 'a''; DROP' AS note FROM orders WHERE amount > DECIMAL '99.50'"
    )
    assert insights.choose(found, ["other"]) == (own,)


def test_it_may_take_a_shipped_ones_place(tmp_path: Path) -> None:
    found = insights.load(write(tmp_path, GOOD, "top-products.sql"))
    assert [each.title for each in found if each.name == "top-products"] == ["Big orders"]


def test_no_folder_is_no_mistake(tmp_path: Path) -> None:
    assert insights.load(tmp_path / "nowhere") == insights.load(None) == insights.shipped()


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("-- title:", "-- titel:", 1, "did you mean 'title'"),
        ("group: other", "group: others", 3, "can be sales, customers"),
        ("chart: table", "chart: pie", 4, "can be table, bars"),
        ("needs: orders.amount", "needs: amount", 5, "columns with their table"),
        ("decimal = 99.50", "number = 1", 6, "the type 'number'"),
        ("decimal = 99.50", "decimal = much", 6, "no value"),
        ("-- question: Who orders much?\n", "", 1, "lacks question"),
        ("SELECT amount", "DELETE", 8, "one SELECT"),
        (":note AS", ":nota AS", 8, "no parameter 'nota'"),
        ("FROM orders", "FROM orders; SELECT 1", 8, "one statement"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_line(tmp_path: Path, old: str, new: str, line: int, told: str) -> None:
    assert old in GOOD
    with pytest.raises(SalespipeError) as refusal:
        insights.load(write(tmp_path, GOOD.replace(old, new)))
    assert f"big-orders.sql, line {line}: " in refusal.value.message
    assert told in refusal.value.message
    assert refusal.value.exit_code == 2


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.sql").write_bytes(b"-- title: \xff")
    with pytest.raises(SalespipeError, match=r"bad\.sql cannot be read"):
        insights.load(tmp_path)


def test_an_unknown_name_tells_the_nearest() -> None:
    with pytest.raises(SalespipeError) as refusal:
        insights.choose(insights.shipped(), ["top-product"])
    assert refusal.value.hint == "salespipe insights top-products"


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("7d", "INTERVAL '7' DAY"),
        ("2w", "INTERVAL '14' DAY"),
        ("90m", "INTERVAL '90' MINUTE"),
        ("0d", None),
        ("d", None),
    ],
)
def test_periods(value: str, literal: str | None) -> None:
    period = insights.Parameter("period", "period", "30d")
    if literal:
        assert period.literal(value, buffers=0) == literal
    else:
        with pytest.raises(SalespipeError, match="as in 30d"):
            period.literal(value, buffers=0)


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("2026-11-22", "TIMESTAMP '2026-11-22 23:59:59.999'"),
        ("2026-11-22T12:00+02:00", "TIMESTAMP '2026-11-22 10:00:00.000'"),
        ("2026-11-22T12:00:01.5", "TIMESTAMP '2026-11-22 12:00:01.500'"),
        ("newest", "(SELECT max(created_at) FROM orders)"),
    ],
)
def test_moments_are_utc(value: str, literal: str) -> None:
    assert insights.Parameter("until", "moment", "newest").literal(value, buffers=0) == literal


def test_buffers_are_those_of_the_pipeline() -> None:
    seconds = insights.Parameter("buffer", "seconds", "buffers")
    assert (seconds.literal("buffers", buffers=120), seconds.literal("9", buffers=120)) == ("120", "9")


def test_an_answer_without_rows_names_a_period_where_there_is_one() -> None:
    found = {each.name: each.nothing for each in insights.shipped()}
    assert found["quarantined-records"] == "Nothing."
    assert found["top-products"] == "Nothing in this period."
