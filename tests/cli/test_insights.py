"""``salespipe insights``: listing, SQL, and what is refused; the answers themselves are in tests/query."""

from __future__ import annotations

import json
from pathlib import Path

from prompt import Shop

from salespipe import insights

OWN = "-- title: Mine\n-- question: Why?\n-- group: other\n-- chart: none\n-- param: n integer = 1\nSELECT :n AS n\n"


def test_they_are_listed_by_group_with_their_questions(shop: Shop) -> None:
    told = shop.run("insights")
    for insight in insights.shipped():
        assert f"  {insight.name} " in told
        assert insight.question in told
    assert told.index("sales\n") < told.index("customers\n") < told.index("inventory\n") < told.index("pipeline\n")
    document = json.loads(shop.run("insights", "--json"))["insights"]
    assert document[0]["parameters"]["period"]["default"] == "30d"


def test_sql_is_printed_with_its_parameters_in_place(shop: Shop) -> None:
    told = shop.run("insights", "top-products", "--sql", "--param", "limit=3", "--param", "period=7d")
    assert told.rstrip().endswith("LIMIT 3")
    assert "INTERVAL '7' DAY" in told


def test_what_is_not_there_is_refused_with_what_is(shop: Shop) -> None:
    shop.run("insights", "top-product", expect=2)
    assert "salespipe insights top-products" in shop.err
    shop.run("insights", "sales", "--param", "period", expect=2)
    assert "name=value" in shop.err
    shop.run("insights", "sales", "-o", "x.html", expect=2)
    assert "insights report" in shop.err
    shop.run("insights", "sales", expect=4)
    assert "salespipe up" in shop.err


def test_ones_own_folder_is_read_and_a_mistake_in_it_told(shop: Shop) -> None:
    folder = Path() / "questions"
    folder.mkdir()
    (folder / "mine.sql").write_text(OWN, encoding="utf-8")
    shop.configure(f'insights.folder = "{folder.name}"\n')
    assert "Why?" in shop.run("insights")
    assert shop.run("insights", "mine", "--sql").strip() == "SELECT 1 AS n"
    (folder / "mine.sql").write_text(OWN.replace("none", "nothing"), encoding="utf-8")
    shop.run("insights", expect=2)
    assert "mine.sql, line 4" in shop.err


def test_a_report_that_exists_is_not_replaced_unasked(shop: Shop) -> None:
    file = Path() / "report.html"
    file.write_text("mine", encoding="utf-8")
    shop.run("insights", "report", "-o", str(file), expect=2)
    assert "--force" in shop.err
    assert file.read_text(encoding="utf-8") == "mine"


def test_a_report_that_cannot_be_written_is_told_before_anything_is_asked(shop: Shop) -> None:
    for nowhere in ("none/report.html", "."):
        shop.run("insights", "report", "-o", nowhere, expect=2)
        assert "Choose another file" in shop.err
