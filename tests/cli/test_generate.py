"""``salespipe generate`` as typed: what it says first, what is refused, and whose option --profile is."""

from __future__ import annotations

import json

import pytest
from prompt import Shop

from salespipe.aws import Aws
from salespipe.cli.context import App
from salespipe.lifecycle import up
from salespipe.pipeline import pipeline


@pytest.fixture
def deployed(aws: Aws) -> Aws:
    for _ in up(aws, pipeline(aws)):
        pass
    return aws


def test_on_aws_it_says_first_what_an_hour_costs(shop: Shop, deployed: Aws) -> None:
    summary = shop.json("generate", "--rate", "200", "--count", "40", "--seed", "7", "--profile", "daily")
    assert (summary["acknowledged"], summary["seed"], summary["profile"]) == (40, 7, "daily")
    first, second, *_ = shop.err.splitlines()
    assert first.startswith("writing orders to OrdersRawTable on ")
    assert second.startswith("at 200 writes a second the pipeline costs ")
    assert "USD an hour" in second


def test_the_last_line_of_what_is_piped_is_the_summary(shop: Shop, deployed: Aws) -> None:
    out = shop.run("generate", "--rate", "200", "--count", "20")
    assert json.loads(out.splitlines()[-1])["acknowledged"] == 20
    assert "20 writes acknowledged" in shop.err


def test_the_summary_tells_how_to_have_the_same_orders_once_more(shop: Shop, deployed: Aws) -> None:
    shop.run("generate", "--rate=500", "--chaos", "--count", "10", "--no-ledger", "--seed", "4")
    again = "salespipe generate --rate 500.0 --count 10 --chaos all --no-ledger --seed 4"
    assert f"once more: {again}\n" in shop.err


def test_chaos_alone_is_all_of_it(shop: Shop, deployed: Aws) -> None:
    summary = shop.json("generate", "--rate", "1000", "--chaos", "--count", "300", "--seed", "1")
    assert len(summary["chaos"]) > 5
    only = shop.json("generate", "--rate", "1000", "--count", "100", "--chaos", "phantoms=50%")
    assert only["chaos"].keys() == {"phantoms"}


def test_behind_the_command_profile_is_the_shops_and_before_it_the_credentials(
    shop: Shop, deployed: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []
    made = App.aws
    monkeypatch.setattr(App, "aws", lambda app, **how: (seen.append(app.profile), made(app, **how))[1])
    shop.json("--profile", "work", "generate", "--count", "5", "--rate", "100", "--profile", "holiday")
    shop.json("generate", "--count", "5", "--rate", "100", "--profile=holiday")
    assert seen == ["work", None]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--rate", "0"), "--rate 0.0 makes no sense"),
        (("--rate", "-5"), "greater than zero"),
        (("--rate", "nan"), "up to 1,000,000 writes a second"),
        (("--rate", "1e9"), "up to 1,000,000 writes a second"),
        (("--profile", "weekly"), "is no profile of a shop"),
        (("--ramp", "5:x:3s"), "--ramp 5:x:3s: FROM and TO"),
        (("--ramp", "5:10:3s", "--rate", "7"), "--ramp and --rate contradict"),
        (("--mix", "1,2"), "three shares"),
        (("--duration", "later"), "is not a duration"),
        (("--chaos", "sharks"), "there is no sharks"),
        (("--chaos", "hot=200%"), "is no share"),
        (("--stop",), "generate --lambda --stop"),
        (("--lambda", "--stop", "--rate", "3"), "contradict"),
        (("--lambda", "--rate", "3", "--profile", "daily"), "--profile cannot be had with --lambda"),
        (("--lambda", "--rate", "3", "--workers", "4"), "--workers cannot be had"),
        (("--lambda", "--rate", "9999"), "beyond the generator Lambda"),
    ],
)
def test_nonsense_is_refused_before_anything_is_written(shop: Shop, words: tuple[str, ...], told: str) -> None:
    assert shop.run("generate", *words, expect=2) == ""
    assert told in shop.err
    assert "writing orders" not in shop.err


@pytest.mark.parametrize("words", [("--count", "0"), ("--workers", "0"), ("--time-scale", "0")])
def test_limits_are_told(shop: Shop, deployed: Aws, words: tuple[str, ...]) -> None:
    shop.run("generate", *words, expect=2)
    assert "makes no sense" in shop.err


def test_the_lambda_is_switched_on_told_and_off_and_the_plan_stays_clean(shop: Shop, deployed: Aws) -> None:
    assert shop.json("generate", "--lambda")["on"] is False
    on = shop.json("generate", "--lambda", "--rate", "5")
    assert (on["on"], on["count"], on["rate"]) == (True, 300, 5.0)
    assert "at 5 writes a second the pipeline costs" in shop.err
    shop.run("plan", expect=0)
    assert shop.json("generate", "--lambda") == on
    assert shop.json("generate", "--lambda", "--stop")["on"] is False
    shop.run("plan", expect=0)


def test_the_lambda_before_up(shop: Shop) -> None:
    shop.run("generate", "--lambda", "--rate", "5", expect=4)
    assert "salespipe up" in shop.err
