"""Generated orders, from the shop to the table."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from salespipe.config import Shop as ShopSettings
from salespipe.errors import Exit, SalespipeError
from salespipe.load.generate import generate
from salespipe.load.pacing import Ramp
from salespipe.load.report import LoadError, Progress
from salespipe.load.troubles import Trouble
from salespipe.orders import PROFILES, Mix

START = 1763769600.0


class Time:
    """A clock that moves only by sleeping."""

    def __init__(self) -> None:
        self.now = 50.0
        self._lock = threading.Lock()

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


def aws_in(dynamo: Any, time: Time | None = None) -> Any:
    time = time or Time()
    return dynamo.aws(clock=time.clock, sleep=time.sleep)


def test_twenty_seconds_at_fifty_are_a_thousand_writes(dynamo: Any) -> None:
    told: list[Progress] = []
    summary = generate(aws_in(dynamo), rate=50, duration=20, seed=7, on_progress=told.append, wall=lambda: START)
    assert summary.acknowledged == 1000 == summary.inserted + summary.updated + summary.deleted
    assert min(summary.inserted, summary.updated, summary.deleted) > 0
    assert len(dynamo.items) == summary.inserted - summary.deleted
    assert summary.achieved_rate == pytest.approx(50, rel=0.02)
    assert (summary.target_rate, summary.seed, summary.done, summary.interrupted) == (50, 7, 1.0, False)
    assert (summary.rejected, summary.abandoned) == (0, 0)
    assert len(told) > 50
    assert [progress.acknowledged for progress in told] == sorted(progress.acknowledged for progress in told)


def test_the_table_ends_as_the_shop_left_it(dynamo: Any) -> None:
    """History by key is the order's life: inserted, moved along, deleted last if at all."""
    generate(aws_in(dynamo), rate=200, count=3000, seed=3, wall=lambda: START)
    assert sum(map(len, dynamo.history.values())) == 3000
    for history in dynamo.history.values():
        assert history[0]["status"] == {"S": "placed"}
        assert None not in history[:-1]
        stamps = [item["updated_at"]["S"] for item in history if item]
        assert stamps == sorted(stamps)


def test_the_same_seed_and_start_write_the_same(dynamo: Any) -> None:
    tables = []
    for _ in range(2):
        dynamo.items.clear()
        generate(aws_in(dynamo), rate=100, count=300, seed=11, wall=lambda: START)
        tables.append(dict(dynamo.items))
    assert tables[0] == tables[1]


def test_a_profile_keeps_the_count_shapes_the_rate_and_is_told(dynamo: Any) -> None:
    told: list[Progress] = []
    summary = generate(
        aws_in(dynamo), rate=100, profile=PROFILES["daily"], duration=60, seed=5, on_progress=told.append
    )
    assert (summary.profile, summary.seed, summary.target_rate) == ("daily", 5, 100)
    assert summary.acknowledged == 6000
    targets = [progress.target_rate or 0.0 for progress in told]
    assert min(targets) < 40
    assert max(targets) > 140
    halfway = next(progress for progress in told if progress.seconds >= 30)
    assert halfway.left == pytest.approx(30, abs=1)


def test_a_ramp_climbs_and_stays(dynamo: Any) -> None:
    told: list[Progress] = []
    summary = generate(aws_in(dynamo), ramp=Ramp(10, 100, 20), duration=30, on_progress=told.append)
    assert summary.acknowledged == 20 * 55 + 10 * 100
    assert summary.target_rate == pytest.approx(70, rel=0.01)
    assert summary.achieved_rate == pytest.approx(70, rel=0.02)
    by_second = {round(progress.seconds): progress.target_rate for progress in told}
    assert by_second[10] == pytest.approx(55, abs=3)
    assert by_second[25] == pytest.approx(100, abs=1)


def test_a_mix_without_updates_or_deletes_is_inserts(dynamo: Any) -> None:
    summary = generate(aws_in(dynamo), rate=500, count=500, mix=Mix(1, 0, 0))
    assert (summary.inserted, summary.updated, summary.deleted) == (500, 0, 0)


def test_how_unequally_products_sell_is_configured(dynamo: Any) -> None:
    def best(zipf: float) -> int:
        dynamo.items.clear()
        aws = aws_in(dynamo)
        aws.config = msgspec.structs.replace(aws.config, shop=ShopSettings(zipf=zipf))
        generate(aws, rate=500, count=2000, mix=Mix(1, 0, 0), seed=3)
        sold = Counter(item["product_id"]["S"] for item in dynamo.items.values())
        return sold.most_common(1)[0][1]

    assert best(2.0) > 3 * best(0.0)


def test_chaos_is_counted_and_what_it_meant_to_be_rejected_is(dynamo: Any) -> None:
    shares = {Trouble.NUMBERS: 0.2, Trouble.PHANTOMS: 0.1}
    summary = generate(aws_in(dynamo), rate=500, count=1000, seed=3, chaos=shares)
    counted = sum(sum(outcomes.values()) for outcomes in summary.chaos.values())
    assert set(summary.chaos) == {"numbers", "phantoms"}
    assert summary.chaos["phantoms"].keys() == {"no event"}
    assert counted == pytest.approx(300, abs=60)
    assert summary.rejected == summary.chaos["numbers"]["rejected"] > 20
    assert summary.acknowledged + summary.rejected == 1000


def test_without_a_seed_one_is_drawn_and_told(dynamo: Any) -> None:
    seeds = {generate(aws_in(dynamo), rate=1000, count=1).seed for _ in range(3)}
    assert len(seeds) == 3


def test_orders_carry_the_tables_own_key(dynamo: Any) -> None:
    dynamo.key = "invoice"
    generate(aws_in(dynamo), rate=100, count=10, mix=Mix(1, 0, 0))
    assert len(dynamo.items) == 10
    assert all("orderid" not in item for item in dynamo.items.values())


def test_duration_ends_even_when_the_rate_is_out_of_reach(dynamo: Any) -> None:
    time = Time()

    def weather(*_: object) -> None:
        time.sleep(0.5)

    dynamo.weather = weather
    summary = generate(aws_in(dynamo, time), rate=10_000, duration=2, workers=1)
    assert 0 < summary.acknowledged < 20_000
    assert summary.done is not None
    assert summary.done < 1


def test_ctrl_c_settles_and_sums_up(dynamo: Any) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.seconds > 2:
            raise KeyboardInterrupt

    summary = generate(aws_in(dynamo), rate=50, on_progress=interrupt)
    assert summary.interrupted
    assert summary.done is None
    assert summary.acknowledged == sum(map(len, dynamo.history.values()))
    assert 0 < summary.acknowledged + summary.abandoned <= 50 * 4


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"rate": 0}, "BadRate"),
        ({"rate": -5}, "BadRate"),
        ({"rate": float("nan")}, "BadRate"),
        ({"rate": 1e9}, "BadRate"),
        ({"duration": 0}, "BadDuration"),
        ({"duration": float("inf")}, "BadDuration"),
        ({"count": 0}, "BadCount"),
        ({"time_scale": 0}, "BadTimeScale"),
        ({"workers": 0}, "BadWorkers"),
        ({"ramp": Ramp(1, 2, 3), "rate": 5}, "Contradiction"),
    ],
)
def test_what_makes_no_sense_is_refused(dynamo: Any, options: dict[str, Any], code: str) -> None:
    with pytest.raises(SalespipeError) as caught:
        generate(aws_in(dynamo), **options)
    assert (caught.value.code, caught.value.exit_code) == (code, Exit.USAGE)
    assert dynamo.calls == []


def test_without_a_table_it_says_how_to_get_one(dynamo: Any) -> None:
    aws = aws_in(dynamo)
    dynamo.table = "another"
    with pytest.raises(SalespipeError, match="no table OrdersRawTable") as caught:
        generate(aws)
    assert (caught.value.code, caught.value.hint) == ("NotDeployed", "salespipe up")
    assert caught.value.exit_code is Exit.NOT_DEPLOYED


@pytest.mark.parametrize("status", ["CREATING", "DELETING"])
def test_a_table_that_is_not_ready_is_not_written_to(dynamo: Any, status: str) -> None:
    dynamo.status = status
    with pytest.raises(SalespipeError, match=status):
        generate(aws_in(dynamo))


def test_a_table_with_another_key_is_refused(dynamo: Any) -> None:
    aws = aws_in(dynamo)
    dynamo.key = "pk"
    with pytest.raises(SalespipeError, match="has the key pk") as caught:
        generate(aws)
    assert caught.value.exit_code is Exit.USAGE


def test_a_table_that_vanishes_ends_it_with_what_was_acknowledged(dynamo: Any) -> None:
    gone = (400, {"__type": "ResourceNotFoundException", "message": "gone"})
    weather: Callable[[int, object], Any] = lambda call, _: gone if call > 3 else None  # noqa: E731
    dynamo.weather = weather
    with pytest.raises(LoadError) as caught:
        generate(aws_in(dynamo), rate=100, duration=10)
    assert caught.value.exit_code is Exit.NOT_DEPLOYED
    assert caught.value.summary.acknowledged == sum(map(len, dynamo.history.values())) > 0
