"""The report as one page: complete in itself, and, where there is a Chromium, as a reader sees it."""

from __future__ import annotations

import html.parser
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import chromium
from salespipe import insights
from salespipe.errors import SalespipeError
from salespipe.query.answers import Answer
from salespipe.query.model import Column, Result, Statistics
from salespipe.view import report

TOOK = Statistics(scanned_bytes=1234, queue_ms=0, planning_ms=0, engine_ms=0, total_ms=0)
NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
EVIL = '<script>alert(1)</script> & "quoted"'
FIGURES: dict[str, tuple[list[tuple[str, str]], list[tuple[Any, ...]]]] = {
    "table": ([("figure", "varchar"), ("this_period", "decimal"), ("before", "decimal"), ("change_percent", "double")],
              [("revenue", Decimal("1234567.89"), None, 12.5), (EVIL, Decimal("1.00"), Decimal("2.00"), -50.0)]),
    "bars": ([("product", "varchar"), ("revenue", "decimal"), ("orders", "bigint")],
             [("Unpronounceablysesquipedalianproductname", Decimal("987654321.00"), 3), (EVIL, Decimal("5.00"), 1)]),
    "line": ([("time", "timestamp"), ("new_customers", "bigint"), ("returning_customers", "bigint")],
             [(f"2026-01-{day:02d} 00:00:00.000", day, 32 - day) for day in range(1, 32)]),
    "heat": ([("cohort", "varchar"), ("months_later", "bigint"), ("retained_percent", "double")],
             [(f"2026-{month:02d}", later, 100.0 / (1 + later)) for month in range(1, 13) for later in range(12)]),
}  # fmt: skip


@pytest.fixture(scope="module")
def page() -> str:
    def answer(insight: insights.Insight) -> Answer:
        if insight.group == "inventory":
            return Answer(insight, "SELECT 1", problem=SalespipeError("NoTable", f"{insight.name} needs <inventory>."))
        columns, rows = FIGURES[insight.chart]
        told = Result("q-1", tuple(Column(name, kind) for name, kind in columns), rows, TOOK)
        return Answer(insight, insight.statement(), result=told)

    return report.page([answer(each) for each in insights.shipped()], name="shop", where="local", now=NOW)


class Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_nothing_comes_from_elsewhere_and_nothing_runs(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    assert not {tag for tag, _ in tags.seen} & {"script", "img", "iframe", "object", "base", "form"}
    assert {attributes["href"] for _, attributes in tags.seen if "href" in attributes} == {"data:,"}
    assert not [name for _, attributes in tags.seen for name in attributes if name == "src" or name.startswith("on")]
    assert "url(" not in page
    assert "@import" not in page


def test_it_says_when_of_what_and_what_it_could_not_ask(page: str) -> None:
    assert "2026-11-22 12:30 UTC" in page
    assert "on-hand needs &lt;inventory&gt;." in page
    assert "1,234,567.89" in page
    assert "cancelled or returned" in page
    for insight in insights.shipped():
        assert insight.title in page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium.running() as browser:
        yield browser


# The elements whose text is cut off, and those beyond the edge of the window that cannot be scrolled to.
CLIPPED = """() => [...document.querySelectorAll('h1,h2,h3,p,figcaption,summary,span,td,th,i,svg')].filter(each => {
  const box = each.getBoundingClientRect();
  if (!box.width || each.closest('.wide') || each.closest('pre')) return false;
  const cut = each.tagName != 'svg' && each.scrollWidth > each.clientWidth + 1;
  return box.right > innerWidth + 1 || box.left < -1 || (cut && getComputedStyle(each).display != 'inline');
}).map(each => each.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_a_reader_sees_all_of_it(browser: Any, page: str, tmp_path: Path, width: int, scheme: str) -> None:
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    told: list[str] = []
    asked: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab = context.new_page()
    tab.on("console", lambda message: told.append(message.text))
    tab.on("pageerror", lambda error: told.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(file.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(CLIPPED) == []
    for details in tab.query_selector_all("summary"):
        details.click()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    back = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, back.removeprefix("rgb(").removesuffix(")").split(","))) > 384) is (scheme == "light")
    assert min(tab.eval_on_selector_all(".bars i", "all => all.map(each => each.parentElement.clientWidth)")) > 100
    tab.emulate_media(media="print")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    context.close()
    assert told == []
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
