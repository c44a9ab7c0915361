"""The shop: the same orders for the same seed, and lives that obey their state machine."""

import json
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from itertools import count, islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.load.world import make_world
from salespipe.orders import Change, Kind, Mix, Shop, World, default_world
from salespipe.orders.life import STEPS, expected_updates

START = 1763769600.0
ATTRIBUTES = [
    "orderid",
    "customer_id",
    "customer_name",
    "region",
    "product_id",
    "product_name",
    "category",
    "quantity",
    "price",
    "channel",
    "payment_method",
    "status",
    "created_at",
    "updated_at",
]


def changes(
    number: int, *, seed: int = 7, rate: float = 50, mix: Mix | None = None, start: float = START
) -> list[Change]:
    """The first changes of a shop with a change every 1/rate seconds."""
    ticks = count()
    shop = Shop(seed, default_world(), lambda: start + next(ticks) / rate, mix=mix)
    return list(islice(shop, number))


def test_an_order_has_every_attribute_in_plain_types() -> None:
    item = changes(1)[0].item
    assert list(item) == ATTRIBUTES
    assert {type(value) for name, value in item.items() if name not in ("quantity", "price")} == {str}
    assert type(item["quantity"]) is int
    assert isinstance(item["price"], Decimal)
    assert item["price"].as_tuple().exponent == -2
    assert item["created_at"] == item["updated_at"] == "2025-11-22T00:00:00.020Z"
    assert item["status"] == "placed"


def test_order_ids_are_unique_across_seeds_and_starts_and_sort_by_time() -> None:
    runs = [changes(2000, seed=seed, start=start) for seed in (1, 2) for start in (START, START + 0.5)]
    placed = [[change.item["orderid"] for change in run if change.kind is Kind.INSERT] for run in runs]
    ids = [str(orderid) for run in placed for orderid in run]
    assert len(set(ids)) == len(ids) > 3000
    assert placed[0] == sorted(placed[0], key=lambda orderid: str(orderid).split("-")[0])


def test_other_seeds_give_other_orders() -> None:
    customers = [[change.item["customer_id"] for change in changes(50, seed=seed)] for seed in (1, 2)]
    assert customers[0] != customers[1]


def test_a_minute_shows_every_status_and_kind() -> None:
    seen = changes(60 * 50)
    assert {change.item["status"] for change in seen} == {"cancelled", *STEPS}
    assert {change.kind for change in seen} == set(Kind)


@pytest.mark.parametrize("mix", [Mix(), Mix(10, 85, 5)])
def test_every_order_lives_by_the_state_machine(mix: Mix) -> None:
    alive: dict[object, Change] = {}
    deleted = set()
    for change in changes(20_000, rate=1000, mix=mix):
        orderid, status = change.item["orderid"], str(change.item["status"])
        assert orderid not in deleted
        if change.kind is Kind.INSERT:
            assert (orderid in alive, status) == (False, "placed")
        else:
            before = alive[orderid]
            assert before.at < change.at
            steps = {step.status for step in STEPS[str(before.item["status"])]}
            if before.item["status"] == "shipped" and mix.scanned:
                steps.add("shipped")
            assert status in steps if change.kind is Kind.UPDATE else change.item == before.item
            kept = [name for name in ATTRIBUTES if name not in ("status", "updated_at")]
            assert [change.item[name] for name in kept] == [before.item[name] for name in kept]
        if change.kind is Kind.DELETE:
            deleted.add(orderid)
        alive[orderid] = change
    assert len(deleted) > 100


@pytest.mark.parametrize("mix", [Mix(), Mix(1, 0, 0), Mix(80, 10, 10), Mix(25, 70, 5), Mix(1, 0, 1), Mix(5, 94, 1)])
def test_a_long_run_has_the_mix_that_was_asked_for(mix: Mix) -> None:
    number = 60_000
    seen = Counter(change.kind for change in changes(number, rate=500, mix=mix)[number // 2 :])
    total = mix.inserts + mix.updates + mix.deletes
    for kind, share in zip(Kind, (mix.inserts, mix.updates, mix.deletes), strict=True):
        assert seen[kind] / (number // 2) == pytest.approx(share / total, abs=0.015)


@pytest.mark.parametrize(
    "shares", [(0, 1, 0), (-1, 0, 0), (1, -3, 0), (1, 0, 2), (1, float("nan"), 0), (1, float("inf"), 0)]
)
def test_a_mix_that_no_orders_can_have_is_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="mix"):
        Mix(*shares)


@given(st.floats(min_value=0.01, max_value=2.8))
def test_the_share_of_steps_followed_gives_the_updates_wanted(updates: float) -> None:
    assert expected_updates(Mix(1, updates, 0).follow) == pytest.approx(updates)
    assert Mix(1, updates, 0).scanned == 0


def test_more_updates_than_steps_are_scans_of_travelling_parcels() -> None:
    seen = changes(20_000, rate=1000, mix=Mix(10, 85, 5))
    stamps: dict[object, set[object]] = {}
    for change in seen:
        if change.kind is Kind.UPDATE and change.item["status"] == "shipped":
            stamps.setdefault(change.item["orderid"], set()).add(change.item["updated_at"])
    # Each is a change to DynamoDB, too: something in the item is another.
    assert max(map(len, stamps.values())) > 20


def test_a_parcel_travels_as_long_however_often_it_is_scanned() -> None:
    def travelling(mix: Mix) -> float:
        shipped: dict[object, float] = {}
        took: list[float] = []
        for change in changes(60_000, rate=2000, mix=mix):
            orderid, status = change.item["orderid"], change.item["status"]
            if status == "shipped":
                shipped.setdefault(orderid, change.at)
            elif status == "delivered" and orderid in shipped:
                took.append(change.at - shipped.pop(orderid))
        return sum(took) / len(took)

    # Two days on average.
    assert travelling(Mix(1, 2, 0)) == pytest.approx(2 * 86_400 / 200_000, rel=0.05)
    assert travelling(Mix(10, 60, 0)) == pytest.approx(2 * 86_400 / 200_000, rel=0.05)


def test_the_shipped_catalogue_is_what_its_maker_makes() -> None:
    assert default_world().products == make_world(1).products


def test_a_customer_keeps_name_and_region() -> None:
    known: dict[object, object] = {}
    for change in changes(5000):
        item = change.item
        assert known.setdefault(item["customer_id"], (item["customer_name"], item["region"])) == (
            item["customer_name"],
            item["region"],
        )


def test_the_key_attribute_may_have_another_name() -> None:
    shop = Shop(1, default_world(), lambda: START, key="invoice")
    item = next(shop).item
    assert "orderid" not in item
    assert next(iter(item)) == "invoice"


def test_the_shipped_world_survives_its_json_and_has_names_of_many_languages() -> None:
    world = default_world()
    assert World.from_json(json.loads(json.dumps(world.to_json()))) == world
    assert len({product.product_id for product in world.products}) == len(world.products) >= 50
    assert all(product.price > 0 and product.stock > 0 for product in world.products)
    assert all(1 <= product.lead_days <= 30 for product in world.products)
    assert any(not name.isascii() for name in world.last_names)


def test_regions_have_their_shares_of_the_population() -> None:
    world = default_world()
    people = Counter(world.customer(number).region for number in range(10_000))
    for region, share in world.regions:
        assert people[region] / 10_000 == pytest.approx(share / 100, abs=0.02)


def test_a_world_is_made_once_for_a_seed() -> None:
    assert make_world(3, names=20) == make_world(3, names=20) != make_world(4, names=20)


def test_the_business_needs_the_standard_library_only() -> None:
    """As in Lambda: no site-packages at all."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from salespipe.orders import default_world; print(len(default_world().products))"
    )
    folder = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(folder)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) >= 50
