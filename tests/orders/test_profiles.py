"""Profiles shape the rate and what is bought, and leave the mean rate as it was."""

import math
from collections import Counter
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.orders import PROFILES, Mix, Profile, Rhythm, Shop, default_world
from salespipe.orders.baskets import DISCOUNTS, PAYMENTS, QUANTITIES, Season

START = 1763769600.0
NAMES = sorted(PROFILES)


def rhythm(name: str, **more: Any) -> Rhythm:
    return Rhythm.of(PROFILES[name], **{"start": START} | more)


def test_there_are_four_and_each_has_its_name() -> None:
    assert NAMES == ["daily", "flash-sale", "holiday", "steady"]
    assert all(profile.name == name for name, profile in PROFILES.items())


@pytest.mark.parametrize("name", NAMES)
def test_the_mean_over_a_day_is_the_rate_asked_for(name: str) -> None:
    day = rhythm(name)
    assert day.due(day.day) == pytest.approx(day.day)
    assert day.due(3 * day.day) == pytest.approx(3 * day.day)
    factors = [day.factor(START + second / 4) for second in range(int(4 * day.day))]
    assert sum(factors) / len(factors) == pytest.approx(1, abs=1e-3)


@given(st.sampled_from(NAMES), st.floats(0, 1e6), st.floats(1e-3, 1e3))
def test_what_is_due_later_is_due_later(name: str, steady: float, more: float) -> None:
    day = rhythm(name)
    assert -1e-9 <= day.due(steady) <= day.due(steady + more)
    assert abs(day.due(steady) - steady) <= day.day


@given(st.sampled_from(NAMES), st.floats(0, 1000))
def test_writes_come_at_the_rate_that_the_factor_tells(name: str, steady: float) -> None:
    day, little = rhythm(name), 1e-4
    now, then = day.due(steady), day.due(steady + little)
    factors = {day.factor(START + moment) for moment in (now, then)}
    assert min(factors) * 0.999 <= little / (then - now) <= max(factors) * 1.001


def test_a_day_is_five_minutes_or_the_run_or_longer_at_a_smaller_scale() -> None:
    assert rhythm("daily").day == 300
    assert rhythm("daily", duration=60).day == 60
    assert rhythm("daily", duration=3600).day == 300
    assert rhythm("daily", time_scale=24, duration=60).day == 3600


def test_in_real_time_the_clock_is_utc() -> None:
    evening = START + 20 * 3600
    real = rhythm("daily", time_scale=1, start=evening)
    assert real.day == 86_400
    assert real.season(evening)[0].name == "evening"
    assert real.factor(evening) > 1.5
    assert real.factor(evening + 6 * 3600) < 0.5
    # The season ends at midnight, and is night then.
    assert real.season(evening)[1] == pytest.approx(START + 86_400)
    assert real.season(evening + 4 * 3600 + 1)[0].name == "night"


def test_a_flash_sale_comes_within_a_minute_and_is_five_times_as_busy() -> None:
    sale = rhythm("flash-sale")
    seasons = [sale.season(START + second)[0].name for second in range(300)]
    assert [seasons.index("sale"), seasons.count("sale")] == [50, 25]
    assert sale.factor(START + 60) == pytest.approx(5.05, abs=0.01)
    assert sale.factor(START + 60) / sale.factor(START) == pytest.approx(8)


def test_in_a_flash_sale_a_few_products_at_a_deep_discount_take_most_orders_until_some_are_gone() -> None:
    ticks, sale, rate = count(), rhythm("flash-sale"), 50
    shop = Shop(
        7,
        default_world(),
        lambda: START + sale.due(max(0, next(ticks) - 1) / rate),
        mix=Mix(1, 0, 0),
        rhythm=sale,
        pace=rate,
    )
    prices = {product.product_id: product.price for product in default_world().products}
    orders: Counter[bool] = Counter()
    reduced: set[Any] = set()
    while (change := next(shop)).at < START + 75:
        product, price = change.item["product_id"], change.item["price"]
        on_sale = price == shop.stock._by_id[str(product)].prices["0.60"] != prices[str(product)]
        if change.at < START + 50:
            assert not on_sale
        elif change.at < START + 60:
            orders[on_sale] += 1
        if on_sale:
            reduced.add(product)
    assert orders[True] / orders.total() == pytest.approx(0.8, abs=0.05)
    assert len(reduced) == 8
    hand = shop.stock.on_hand()
    assert any(hand[product] < 5 for product in reduced)


def test_every_season_has_tables_that_sum_to_a_hundred() -> None:
    seasons: list[Season] = [season for profile in PROFILES.values() for _, season in profile.seasons]
    tables = [*PAYMENTS.values(), *DISCOUNTS.values(), *QUANTITIES.values()]
    for season in seasons:
        tables += [season.channels, *season.discounts.values(), *season.quantities.values()]
    assert {sum(share for _, share in table) for table in tables} == {100}
    categories = {product.category for product in default_world().products}
    assert all(set(season.tastes) <= categories for season in seasons)


@pytest.mark.parametrize("name", NAMES)
def test_seasons_follow_each_other_without_a_gap(name: str) -> None:
    day, at, seen = rhythm(name), START, 0
    while at < START + 2 * day.day:
        season, until = day.season(at)
        assert until > at
        if until == math.inf:
            return
        assert day.season((at + until) / 2)[0] is season
        at, seen = until + 1e-3, seen + 1
    assert seen >= 4


def test_the_store_sells_nothing_at_night() -> None:
    ticks, night = count(), Rhythm(PROFILES["daily"], day=300, start=START)
    shop = Shop(1, default_world(), lambda: START + next(ticks) / 100, mix=Mix(1, 0, 0), rhythm=night)
    channels: Counter[Any] = Counter()
    while (change := next(shop)).at < START + 80:
        channels[change.item["channel"]] += 1
    assert set(channels) == {"web", "mobile", "marketplace"}


def test_a_profile_of_ones_own() -> None:
    lunch = Rhythm(Profile("lunch", (1, 3)), day=100)
    assert (lunch.due(25), lunch.due(100)) == (50, 100)
