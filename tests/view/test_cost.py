"""Bills as a person and a script see them."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from rich.console import Console

from salespipe.config import Config
from salespipe.cost.bill import Bill, Line
from salespipe.cost.estimate import Usage, idle, so_far
from salespipe.view import cost
from salespipe.view.screen import encode

WHOLE = Bill((Line("Kinesis", "stream", Decimal("0.04")), Line("S3", "bucket", Decimal(0))), "us-east-1", "2023-09")


def drawn(bill: Bill, *, total: bool = False) -> str:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(cost.table(bill, total=total))
    return captured.get()


def test_the_line_tells_whose_prices() -> None:
    told = cost.summary(WHOLE)
    assert told == "0.0400 USD an hour, 0.96 a day (list prices of us-east-1, the oldest from 2023-09)"
    assert cost.summary(idle(Config())).startswith("at least 0.0455 USD an hour, 1.09 a day")


def test_unknown_is_never_drawn_as_nothing() -> None:
    bill = idle(Config(region="eu-south-2"))
    assert cost.summary(bill) == "an unknown amount: there are no list prices for eu-south-2"
    assert "unknown" in drawn(bill)
    assert "at least" in drawn(bill)
    assert cost.spent(so_far(Config(region="eu-south-2"), Usage())).startswith("an unknown amount so far")


def test_the_table_has_both_figures_and_their_sum() -> None:
    rows = [line.split() for line in drawn(WHOLE).splitlines() if line.strip()]
    assert ["Kinesis", "stream", "0.0400", "0.96"] in rows
    assert ["together", "0.0400", "0.96"] in rows


def test_what_was_spent() -> None:
    assert cost.spent(WHOLE) == "0.04 USD so far (list prices of us-east-1, the oldest from 2023-09)"
    assert "USD so far" in drawn(WHOLE, total=True)
    assert "a day" not in drawn(WHOLE, total=True)


def test_the_document_has_numbers_and_null() -> None:
    document = json.loads(encode(cost.record(idle(Config()))))
    assert (document["usd_an_hour"], document["usd_a_day"]) == pytest.approx((0.045479, 1.091507), rel=1e-4)
    assert document["at_least"] is True
    assert None in [line["usd_an_hour"] for line in document["lines"]]


@pytest.mark.parametrize(
    ("usd", "told"), [("0", "0.0000"), ("0.00001", "<0.0001"), ("0.00009", "<0.0001"), ("1234.5", "1,234.5000")]
)
def test_small_amounts_do_not_vanish(usd: str, told: str) -> None:
    assert cost.money(Decimal(usd)) == told
