"""Several runs on one account at once, and afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from salespipe.aws import Aws
from salespipe.errors import SalespipeError
from salespipe.lifecycle import Action, Step, down, plan, up
from salespipe.pipeline import pipeline
from salespipe.resources.base import Resource, State, Unwanted
from weather import Weather
from wire import Wire

pytestmark = pytest.mark.long

Run = Callable[[Aws, Sequence[Resource]], Iterator[Step]]


@pytest.fixture
def slow(patient: Aws, weather: Weather) -> Aws:
    """An account whose resources take their time, so that runs meet in the middle."""
    weather.takes(0.1)
    for service, coming, going in [
        ("dynamodb", 10, 15),
        ("kinesis", 20, 20),
        ("lambda", 5, 0),
        ("firehose", 40, 60),
        ("pipes", 30, 20),
    ]:
        weather.slow(service, coming=coming, going=going)
    return patient


def together(aws: Aws, runs: Sequence[Run], apart: float) -> list[list[Step] | SalespipeError]:
    """What each run told, or what ended it; each begins ``apart`` seconds after the one before."""

    def one(number: int, run: Run) -> list[Step] | SalespipeError:
        aws.sleep(number * apart)
        try:
            return list(run(aws, pipeline(aws)))
        except SalespipeError as error:
            return error

    with ThreadPoolExecutor(len(runs)) as pool:
        begun = [pool.submit(one, number, run) for number, run in enumerate(runs)]
        return [future.result() for future in begun]


def all_there_once(aws: Aws, wire: Wire) -> None:
    wanted = [each for each in pipeline(aws) if not isinstance(each, Unwanted)]
    assert sum(wire.inventory().values()) == len(wanted) - 1  # a permission is part of its function
    assert not [change for change in plan(aws, pipeline(aws)) if change.pending]


def nothing_left(aws: Aws, wire: Wire) -> None:
    receipt = list(down(aws, pipeline(aws)))
    assert not [step for step in receipt if step.action in {Action.LEFT, Action.FOREIGN, Action.FAILED}]
    assert not wire.inventory()


@pytest.mark.parametrize(("count", "apart"), [(2, 0), (2, 7), (3, 0.3), (3, 33)])
def test_runs_of_up_at_once_all_come_to_the_same(slow: Aws, wire: Wire, count: int, apart: float) -> None:
    told = together(slow, [up] * count, apart)

    assert [each for each in told if isinstance(each, SalespipeError)] == []
    all_there_once(slow, wire)
    created = [step for steps in told for step in steps if step.action is Action.CREATING]  # type: ignore[union-attr]
    assert len(created) >= len(pipeline(slow))
    nothing_left(slow, wire)


@pytest.mark.parametrize("apart", [0, 7])
def test_runs_of_down_at_once_leave_nothing(slow: Aws, wire: Wire, apart: float) -> None:
    list(up(slow, pipeline(slow)))

    told = together(slow, [down, down], apart)

    assert [each for each in told if isinstance(each, SalespipeError)] == []
    assert not wire.inventory()


@pytest.mark.parametrize("apart", [0, 7, 33])
@pytest.mark.parametrize("runs", [(up, down), (down, up)], ids=["up first", "down first"])
def test_up_against_down_ends_and_either_goes_on(slow: Aws, wire: Wire, runs: tuple[Run, Run], apart: float) -> None:
    if runs[0] is down:
        list(up(slow, pipeline(slow)))

    together(slow, runs, apart)

    list(up(slow, pipeline(slow)))
    all_there_once(slow, wire)
    nothing_left(slow, wire)


@pytest.mark.parametrize("kind", ["kinesis stream", "dynamodb table", "firehose stream"])
def test_what_is_going_and_has_lost_its_tags_is_not_taken_for_a_strangers(slow: Aws, wire: Wire, kind: str) -> None:
    """Described as DELETING for a while, when its tags are already said not to exist."""
    list(up(slow, pipeline(slow)))
    [going] = [resource for resource in pipeline(slow) if resource.kind == kind]
    going.delete(slow)
    assert going.describe(slow).state is State.PENDING

    list(up(slow, pipeline(slow)))

    all_there_once(slow, wire)
