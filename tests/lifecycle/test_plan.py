"""What is said, and what is agreed to, before anything is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from salespipe.aws import Aws
from salespipe.errors import SalespipeError
from salespipe.lifecycle import Action, Step, plan, status, up
from salespipe.lifecycle.model import Intent
from salespipe.resources.base import Drift, Observation, Remedy, State

Make = Callable[..., Any]


def endings(steps: Iterable[Step]) -> dict[str, Action]:
    return {step.name: step.action for step in steps if step.action.final}


def until_failure(steps: Iterable[Step]) -> tuple[list[Step], SalespipeError]:
    taken: list[Step] = []
    with pytest.raises(SalespipeError) as failure:
        taken.extend(steps)  # keeps what came before the error
    return taken, failure.value


def test_what_would_lose_data_is_refused(sky: Aws, thing: Make) -> None:
    table = thing("table", state=State.READY, drift=(Drift("KeySchema", "a", "b", Remedy.CONSENT),))
    other = thing("other")

    steps, failure = until_failure(up(sky, [other, table]))

    assert failure.code == "NeedsReplacing"
    assert "KeySchema: 'b', wanted 'a'" in failure.message
    assert "salespipe up --replace" in failure.hint
    assert (steps, table.calls, other.calls) == ([], [], [])


def test_what_would_lose_data_is_replaced_where_that_was_agreed_to(sky: Aws, thing: Make) -> None:
    lossy = (Drift("KeySchema", "a", "b", Remedy.CONSENT),)
    table, another = thing("table", state=State.READY, drift=lossy), thing("another", state=State.READY, drift=lossy)
    pipe = thing("pipe", table, state=State.READY)
    dead = Observation(State.DRIFTED, drift=(Drift("Source", 1, 2, Remedy.REPLACE),))
    pipe.weather = lambda seen: dead if "create" in table.calls and not pipe.calls else seen

    with pytest.raises(SalespipeError, match="thing another"):
        list(up(sky, [table, another, pipe], consent={("thing", "table")}))
    assert endings(up(sky, [table, pipe], consent={("thing", "table")})) == {
        "table": Action.REPLACED,
        "pipe": Action.REPLACED,
    }
    assert (table.calls, pipe.calls) == (["delete", "create"], ["delete", "create"])


@pytest.mark.parametrize(("state", "code"), [(State.ABSENT, "ThingNotFound"), (State.FOREIGN, "ThingUnusable")])
def test_what_the_user_lent_must_be_there_and_of_use(sky: Aws, thing: Make, state: State, code: str) -> None:
    lent = thing("table", weather=lambda _: Observation(state, detail="its key is x", adopted=True))
    other = thing("other")

    steps, failure = until_failure(up(sky, [other, lent]))

    assert (steps, failure.code) == ([], code)
    assert "thing table: its key is x" in failure.message
    assert [change.intent for change in plan(sky, [other, lent])] == [Intent.CREATE, Intent.REFUSED]
    assert (lent.calls, other.calls) == ([], [])


def test_a_foreign_one_is_named_before_anything_is_touched(sky: Aws, thing: Make) -> None:
    foreign = thing("bucket", state=State.FOREIGN)
    others = [thing("table"), foreign, thing("stream")]

    steps, failure = until_failure(up(sky, others))

    assert (steps, failure.code) == ([], "Foreign")
    assert "thing bucket" in failure.message
    assert [each.calls for each in others] == [[], [], []]


def test_plan_says_what_up_would_do(sky: Aws, thing: Make) -> None:
    drift = (Drift("limit", 5, 7),)
    failed = thing("failed", state=State.FAILED)
    things = [
        thing("new"),
        thing("kept", state=State.READY),
        thing("changed", state=State.READY, drift=drift),
        failed,
        thing("theirs", state=State.FOREIGN),
        thing("reader", failed, state=State.READY),
    ]

    changes = plan(sky, things)

    assert {change.name: change.intent for change in changes} == {
        "new": Intent.CREATE,
        "kept": Intent.KEEP,
        "changed": Intent.UPDATE,
        "failed": Intent.REPLACE,
        "theirs": Intent.FOREIGN,
        "reader": Intent.KEEP,
    }
    assert changes[2].drift == drift
    assert [change.pending for change in changes] == [True, False, True, True, True, False]
    assert [change.followers for change in changes] == [(), (), (), (("thing", "reader"),), (), ()]
    assert all(each.calls == [] for each in things)


def test_status_is_in_the_order_given(sky: Aws, thing: Make) -> None:
    readings = status(sky, [thing("b", state=State.READY), thing("a")])

    assert [(reading.name, reading.state) for reading in readings] == [("b", State.READY), ("a", State.ABSENT)]


def test_no_resources_are_no_work(sky: Aws) -> None:
    assert list(up(sky, [])) == []
    assert plan(sky, []) == []
