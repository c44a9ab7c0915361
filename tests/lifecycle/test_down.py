from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from salespipe.aws import Aws
from salespipe.lifecycle import Action, Step, down, up
from salespipe.resources.base import Observation, State

Make = Callable[..., Any]


def endings(steps: Iterable[Step]) -> dict[str, Action]:
    return {step.name: step.action for step in steps if step.action.final}


def test_deletes_in_reverse_and_leaves_nothing(sky: Aws, thing: Make) -> None:
    table = thing("table", state=State.READY, takes=4)
    pipe = thing("pipe", table, state=State.READY, takes=4)

    steps = list(down(sky, [table, pipe]))

    assert [(step.name, step.action) for step in steps] == [
        ("pipe", Action.DELETING),
        ("pipe", Action.WAITING),
        ("pipe", Action.DELETED),
        ("table", Action.DELETING),
        ("table", Action.WAITING),
        ("table", Action.DELETED),
    ]


def test_what_is_absent_is_said_to_be(sky: Aws, thing: Make) -> None:
    assert endings(down(sky, [thing("table")])) == {"table": Action.ABSENT}


def test_goes_on_past_a_failure_and_tells_it_in_the_receipt(
    sky: Aws, thing: Make, refusal: Callable[..., Exception]
) -> None:
    table = thing("table", state=State.READY)
    pipe = thing("pipe", table, state=State.READY, refuses={"delete": refusal("AccessDeniedException", "not you")})

    steps = list(down(sky, [table, pipe]))

    assert (table.state, pipe.calls) == (State.ABSENT, ["delete"])
    assert (steps[-1].name, steps[-1].action) == ("pipe", Action.LEFT)
    assert steps[-1].detail == "thing pipe could not be deleted: not you"


def test_what_may_not_be_seen_may_be_left(sky: Aws, thing: Make, refusal: Callable[..., Exception]) -> None:
    steps = list(down(sky, [thing("table", refuses={"describe": refusal("AccessDeniedException", "not you")})]))

    assert [step.action for step in steps] == [Action.FAILED, Action.LEFT]


def test_a_foreign_one_is_left_and_told(sky: Aws, thing: Make) -> None:
    theirs = thing("bucket", state=State.FOREIGN)
    ours = thing("pipe", theirs, state=State.READY)

    steps = list(down(sky, [theirs, ours]))

    assert theirs.calls == []
    assert endings(steps) == {"pipe": Action.DELETED, "bucket": Action.FOREIGN}
    assert steps[-1].action is Action.FOREIGN
    assert len([step for step in steps if step.name == "bucket"]) == 1


def test_what_cannot_be_deleted_yet_is_waited_for(sky: Aws, thing: Make) -> None:
    stream = thing("stream", takes=30)
    stream.create(sky)

    assert endings(down(sky, [stream])) == {"stream": Action.DELETED}
    assert stream.calls == ["create", "delete"]


def test_what_refuses_quietly_is_asked_again(sky: Aws, thing: Make) -> None:
    bucket = thing("bucket", state=State.READY)  # a late writer: the first two deletions find it not empty
    bucket.weather = lambda seen: Observation(State.READY) if bucket.calls.count("delete") < 3 else seen

    assert endings(down(sky, [bucket])) == {"bucket": Action.DELETED}
    assert bucket.calls == ["delete"] * 3


def test_what_comes_back_is_swept(sky: Aws, thing: Make) -> None:
    group = thing("group", state=State.READY)
    function = thing("function", group, state=State.READY)
    looks = 0

    def late_writer(seen: Observation) -> Observation:
        nonlocal looks
        if group.calls == ["delete"]:
            looks += 1
            if looks == 2:  # gone at the first look; at the receipt's it is there again
                group.state = State.READY
                return Observation(State.READY)
        return seen

    group.weather = late_writer
    steps = list(down(sky, [group, function]))

    assert group.calls == ["delete", "delete"]
    assert group.state is State.ABSENT
    assert steps[-1].action is Action.DELETED
    assert steps[-1].swept == {"came back meanwhile": 1}


def test_what_went_with_it_is_counted(sky: Aws, thing: Make) -> None:
    bucket = thing("bucket", state=State.READY, holds=[{"object versions": 1000}, {"object versions": 3, "uploads": 0}])
    bucket.weather = lambda seen: Observation(State.READY) if bucket.calls == ["delete"] else seen

    (ended,) = [step for step in down(sky, [bucket]) if step.action.final]

    assert (ended.action, ended.swept) == (Action.DELETED, {"object versions": 1003})


def test_what_is_to_be_kept_and_what_was_lent_is_left_and_told_last(sky: Aws, thing: Make) -> None:
    lent = thing("table", weather=lambda _: Observation(State.READY, adopted=True))
    bucket = thing("bucket", state=State.READY)
    pipe = thing("pipe", lent, bucket, state=State.READY)

    steps = list(down(sky, [lent, bucket, pipe], keep={("thing", "bucket")}))

    assert (lent.calls, bucket.calls, pipe.calls) == ([], [], ["delete"])
    assert [(step.name, step.action, step.detail) for step in steps[-2:]] == [
        ("table", Action.KEPT, "it is your own, and was only used"),
        ("bucket", Action.KEPT, "you asked to keep the data"),
    ]
    assert len([step for step in steps if step.action is Action.KEPT]) == 2


def test_what_was_to_be_kept_and_is_not_there_is_absent(sky: Aws, thing: Make) -> None:
    assert endings(down(sky, [thing("bucket")], keep={("thing", "bucket")})) == {"bucket": Action.ABSENT}


def test_a_wait_has_a_budget_and_the_receipt_says_what_is_left(sky: Aws, thing: Make) -> None:
    steps = list(down(sky, [thing("stream", state=State.READY, takes=10_000)]))

    assert (steps[-1].name, steps[-1].action) == ("stream", Action.LEFT)
    assert "was not gone within 12" in steps[-1].detail


def test_interrupted_and_finished_by_the_next(sky: Aws, thing: Make) -> None:
    table = thing("table", state=State.READY)
    pipe = thing("pipe", table, state=State.READY, takes=40)
    steps = down(sky, [table, pipe])
    next(steps)

    steps.close()  # type: ignore[attr-defined]

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("resource")]
    assert table.calls == []
    assert endings(down(sky, [table, pipe])) == {"pipe": Action.DELETED, "table": Action.DELETED}
    assert endings(up(sky, [table, pipe])) == {"pipe": Action.CREATED, "table": Action.CREATED}


def test_needs_that_were_not_given_are_no_concern(sky: Aws, thing: Make) -> None:
    bucket = thing("bucket", state=State.READY)
    group = thing("workgroup", bucket, state=State.READY)

    assert endings(down(sky, [group])) == {"workgroup": Action.DELETED}  # as in keeping the data
    assert bucket.calls == []
