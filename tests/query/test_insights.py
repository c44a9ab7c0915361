"""Every shipped insight, asked on a running local AWS: the figures of the file itself, and golden ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import insight_lake
import pytest

from salespipe import insights, lifecycle
from salespipe.aws import Aws
from salespipe.config import Config, Table
from salespipe.errors import SalespipeError
from salespipe.insights import Insight
from salespipe.local import daemon
from salespipe.pipeline import pipeline
from salespipe.query import answers, crawl

HERE = Path(__file__).parents[1]
FULL = HERE.parents[1] / "shared" / "data" / "cdnow_orders.csv"
FILE = FULL if FULL.exists() else HERE / "data" / "cdnow_sample.csv"
GOLDEN = HERE / "data" / "insights.json"
SHIPPED = {insight.name: insight for insight in insights.shipped()}
FIGURES = [name for name, insight in SHIPPED.items() if insight.group in {"sales", "customers"}]
# CDNOW tells neither what was bought nor where.
WITHOUT = {
    "top-products": "orders.product_id, orders.product_name",
    "sales-by-category": "orders.category",
    "sales-by-region": "orders.region",
    "sales-by-channel": "orders.channel",
}


def laid(endpoint: str, name: str, orders: list[insight_lake.Order], products: list[dict[str, Any]]) -> Aws:
    aws = Aws(Config(name=name, table=Table(name=f"Orders-{name}")), endpoint=endpoint)
    for _ in lifecycle.up(aws, pipeline(aws)):
        pass
    insight_lake.lay(aws, orders, products)
    crawl.crawl(aws, settle=False)
    return aws


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("insights") / "aws"
    yield daemon.start(folder, 0).endpoint
    daemon.stop(folder)


@pytest.fixture(scope="module")
def orders() -> list[insight_lake.Order]:
    return insight_lake.from_file(FILE)


@pytest.fixture(scope="module")
def cdnow(endpoint: str, orders: list[insight_lake.Order]) -> Aws:
    return laid(endpoint, "cdnow", orders, [])


@pytest.fixture(scope="module")
def shop(endpoint: str) -> Aws:
    return laid(endpoint, "shop", insight_lake.seeded(), insight_lake.PRODUCTS)


@pytest.fixture(scope="module")
def told(shop: Aws) -> dict[str, answers.Answer]:
    asked = {answer.insight.name: answer for answer in answers.ask(shop, list(SHIPPED.values()))}
    [failed] = answers.ask(shop, [SHIPPED["quarantined-records"]], {"until": "2026-06-30"})  # an age has a moment
    return asked | {failed.insight.name: failed}


def rows(answer: answers.Answer) -> list[tuple[Any, ...]]:
    assert answer.problem is None, answer.problem
    assert answer.result is not None
    return answer.result.rows


def alike(found: list[tuple[Any, ...]], wanted: list[tuple[Any, ...]]) -> None:
    """Money and counts are the very same; a rounded double may differ by half of its last digit."""
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        for value, figure in zip(one, other, strict=True):
            if isinstance(value, float) and figure is not None:
                assert value == pytest.approx(float(figure), abs=0.0501)
            elif isinstance(value, Decimal):
                assert value == Decimal(figure).quantize(insight_lake.CENT, "ROUND_HALF_UP")
            else:
                assert value == figure


@pytest.mark.parametrize("name", [name for name in FIGURES if name not in WITHOUT])
def test_cdnow_has_the_figures_of_its_file(cdnow: Aws, orders: list[insight_lake.Order], name: str) -> None:
    [answer] = answers.ask(cdnow, [SHIPPED[name]])
    alike(rows(answer), getattr(insight_lake.Figures(orders), name.replace("-", "_"))())


def test_what_the_data_does_not_have_is_named_and_the_others_are_asked(cdnow: Aws) -> None:
    asked = {
        answer.insight.name: answer
        for answer in answers.ask(cdnow, insights.choose(tuple(SHIPPED.values()), ["sales"]))
    }
    lacking = {name: answer.problem.message for name, answer in asked.items() if answer.problem}
    assert lacking == {
        name: f"{name} needs {missing}, which the data does not have." for name, missing in WITHOUT.items()
    }
    [stock] = answers.ask(cdnow, [SHIPPED["on-hand"]])
    assert stock.problem is not None
    assert "inventory" in stock.problem.message
    assert "salespipe crawl" in stock.problem.hint


@pytest.mark.parametrize("name", FIGURES)
def test_the_seeded_shop_has_the_figures_of_plain_python(told: dict[str, answers.Answer], name: str) -> None:
    alike(rows(told[name]), getattr(insight_lake.Figures(insight_lake.seeded()), name.replace("-", "_"))())


@pytest.mark.parametrize("buffer", [2, 90])
def test_delivery_latency_has_the_figures_of_plain_python(shop: Aws, buffer: int) -> None:
    [answer] = answers.ask(shop, [SHIPPED["delivery-latency"]], {"buffer": str(buffer)})
    alike(rows(answer), insight_lake.latencies(len(insight_lake.seeded()), buffer))


@pytest.mark.parametrize("name", SHIPPED)
def test_golden(told: dict[str, answers.Answer], name: str) -> None:
    found = json.loads(json.dumps([[str(value) for value in row] for row in rows(told[name])]))
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8"))[name]


def test_periods_end_where_they_are_told_to(cdnow: Aws, orders: list[insight_lake.Order]) -> None:
    [answer] = answers.ask(cdnow, [SHIPPED["sales-summary"]], {"period": "2w", "until": "1997-03-10"})
    assert rows(answer)[0][1] == sum("1997-02-25" <= f"{order.created:%Y-%m-%d}" <= "1997-03-10" for order in orders)
    [now] = answers.ask(cdnow, [SHIPPED["best-hour"]], {"until": "now"})
    assert rows(now) == []
    [whole] = answers.ask(cdnow, [SHIPPED["sales-summary"]], {"period": "all"})
    assert rows(whole)[1][1] == sum(order.amount for order in orders)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"perod": "7d"}, "NoSuchParameter"),
        ({"period": "7 days"}, "BadParameter"),
        ({"until": "'; --"}, "BadParameter"),
    ],
)
def test_bad_parameters_are_told_before_anything_is_asked(aws: Aws, values: dict[str, str], code: str) -> None:
    with pytest.raises(SalespipeError) as refusal:
        answers.ask(aws, [SHIPPED["sales-summary"]], values)
    assert (refusal.value.code, refusal.value.exit_code) == (code, 2)


def test_without_a_pipeline_up_is_named(aws: Aws) -> None:
    insight: Insight = SHIPPED["sales-summary"]
    with pytest.raises(SalespipeError) as refusal:
        answers.ask(aws, [insight])
    assert (refusal.value.code, refusal.value.hint) == ("NotDeployed", "salespipe up")
