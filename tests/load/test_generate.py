"""Generated orders, from the shop to the table."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from salespipe.errors import Exit, SalespipeError
from salespipe.load.generate import generate
from salespipe.load.report import LoadError, Progress
from salespipe.orders import Mix

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
