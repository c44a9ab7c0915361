from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from salespipe.aws import Aws
from salespipe.errors import SalespipeError
from salespipe.lifecycle import Action, Step, up
from salespipe.resources.base import Drift, Observation, Remedy, State

Make = Callable[..., Any]


def endings(steps: Iterable[Step]) -> dict[str, Action]:
    return {step.name: step.action for step in steps if step.action.final}


def until_failure(steps: Iterable[Step]) -> tuple[list[Step], SalespipeError]:
    taken: list[Step] = []
    with pytest.raises(SalespipeError) as failure:
        taken.extend(steps)  # keeps what came before the error
    return taken, failure.value


def test_creates_what_is_needed_first_and_says_so(sky: Aws, thing: Make) -> None:
    table = thing("table", takes=5)
    pipe = thing("pipe", table, takes=3)

    steps = list(up(sky, [pipe, table]))

    assert [(step.name, step.action) for step in steps] == [
        ("table", Action.CREATING),
        ("table", Action.WAITING),
        ("table", Action.CREATED),
        ("pipe", Action.CREATING),
        ("pipe", Action.WAITING),
        ("pipe", Action.CREATED),
    ]
    assert steps[1].detail == "CREATING"
    assert steps[2].seconds >= 5


def test_what_is_independent_is_created_at_the_same_time(sky: Aws, thing: Make) -> None:
    meeting = threading.Barrier(3, timeout=20)

    def meet(seen: Observation) -> Observation:
        if seen.state is State.PENDING and not meeting.broken and not met.is_set():
            meeting.wait()
            met.set()
        return seen

    met = threading.Event()
    things = [thing(name, takes=60, weather=meet) for name in "abc"]

    list(up(sky, things))  # a barrier that is not reached by all three breaks, and fails the test

    assert met.is_set()


def test_a_second_time_nothing_changes(sky: Aws, thing: Make) -> None:
    table = thing("table")
    both = [table, thing("pipe", table)]
    list(up(sky, both))
    calls = [list(each.calls) for each in both]

    steps = list(up(sky, both))

    assert [step.action for step in steps] == [Action.UNCHANGED, Action.UNCHANGED]
    assert [each.calls for each in both] == calls


def test_drift_is_repaired_in_place(sky: Aws, thing: Make) -> None:
    table = thing("table", state=State.READY, drift=(Drift("limit", 5, 7),))

    steps = list(up(sky, [table]))

    assert [(step.action, step.detail) for step in steps] == [(Action.UPDATING, "limit"), (Action.UPDATED, "")]
    assert table.calls == ["update"]


def test_what_cannot_be_updated_is_replaced(sky: Aws, thing: Make) -> None:
    pipe = thing("pipe", state=State.READY, drift=(Drift("Source", 1, 2, Remedy.REPLACE),), takes=2)

    assert endings(up(sky, [pipe])) == {"pipe": Action.REPLACED}
    assert pipe.calls == ["delete", "create"]


def test_all_that_may_not_be_described_is_told_at_once(
    sky: Aws, thing: Make, refusal: Callable[..., Exception]
) -> None:
    refusals = {
        name: refusal("AccessDeniedException", f"not authorized to perform: {action} on resource: arn:x")
        for name, action in (("table", "dynamodb:DescribeTable"), ("stream", "kinesis:DescribeStreamSummary"))
    }
    things = [thing(name, refuses={"describe": error}) for name, error in refusals.items()]

    _, failure = until_failure(up(sky, [*things, thing("queue")]))

    assert failure.code == "AccessDenied"
    assert "2 resources could not be described: thing table" in failure.message
    assert '"dynamodb:DescribeTable"' in failure.hint
    assert '"kinesis:DescribeStreamSummary"' in failure.hint


def test_a_refusal_that_names_no_action_is_told_by_its_operation(sky: Aws, thing: Make) -> None:
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "GetPublicAccessBlock")

    _, failure = until_failure(up(sky, [thing("lake", kind="s3 bucket", refuses={"describe": denied})]))

    assert '"Action": "s3:GetBucketPublicAccessBlock"' in failure.hint


def test_a_dependent_is_judged_again_when_what_it_needs_was_made_anew(sky: Aws, thing: Make) -> None:
    table = thing("table")
    pipe = thing("pipe", table, state=State.READY)
    pipe.weather = lambda seen: (
        Observation(State.DRIFTED, drift=(Drift("Source", 1, 2, Remedy.REPLACE),))
        if table.state is State.READY and not pipe.calls
        else seen
    )

    assert endings(up(sky, [table, pipe])) == {"table": Action.CREATED, "pipe": Action.REPLACED}


def test_a_failure_lets_the_running_finish_and_begins_nothing_new(
    sky: Aws, thing: Make, refusal: Callable[..., Exception]
) -> None:
    broken = thing("broken", refuses={"create": refusal("LimitExceededException", "too many streams")})
    slow = thing("slow", takes=10)
    after = thing("after", broken, slow)

    steps, failure = until_failure(up(sky, [broken, slow, after]))

    assert endings(steps) == {"broken": Action.FAILED, "slow": Action.CREATED}
    assert after.calls == []
    assert failure.code == "LimitExceededException"
    assert failure.message == "thing broken could not be created: too many streams"


def test_a_missing_pass_role_fails_at_once_naming_the_statement(
    sky: Aws, thing: Make, refusal: Callable[..., Exception]
) -> None:
    role = "arn:aws:iam::123456789012:role/salespipe/x"
    message = f"User: me is not authorized to perform: iam:PassRole on resource: {role} because no policy allows it"
    pipe = thing("pipe", refuses={"create": refusal("AccessDeniedException", message)})

    _, failure = until_failure(up(sky, [pipe]))

    assert failure.code == "AccessDenied"
    assert f'{{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "{role}"}}' in failure.hint
    assert pipe.calls == ["create"]


@pytest.mark.parametrize(
    ("why", "told"),
    [
        ("with an explicit deny in a service control policy", "is a service control policy"),
        ("with an explicit deny in an identity-based policy", "is an identity-based policy"),
        ("because no permissions boundary allows the iam:PassRole action", "is the permissions boundary"),
    ],
)
def test_what_no_statement_would_allow_is_said(
    sky: Aws, thing: Make, refusal: Callable[..., Exception], why: str, told: str
) -> None:
    message = f"User: me is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/x {why}"

    _, failure = until_failure(up(sky, [thing("pipe", refuses={"create": refusal("AccessDeniedException", message)})]))

    assert failure.hint.startswith(f"What forbids iam:PassRole {told}:")


def test_a_creation_that_failed_for_a_passing_reason_is_tried_again(sky: Aws, thing: Make) -> None:
    pipe = thing("pipe", takes=30, kind="eventbridge pipe")

    def weather(seen: Observation) -> Observation:
        if seen.state is State.READY and pipe.calls.count("create") < 3:
            return Observation(State.FAILED, detail="CREATE_FAILED: Cannot access stream", transient=True)
        return seen

    pipe.weather = weather
    steps = list(up(sky, [pipe]))

    assert endings(steps) == {"pipe": Action.REPLACED}
    assert pipe.calls == ["create", "delete", "create", "delete", "create"]
    assert "CREATE_FAILED: Cannot access stream" in {step.detail for step in steps}


def test_a_creation_that_failed_for_another_reason_is_not(sky: Aws, thing: Make) -> None:
    pipe = thing("pipe", weather=lambda seen: Observation(State.FAILED, detail="bad filter") if pipe.calls else seen)

    _, failure = until_failure(up(sky, [pipe]))

    assert failure.code == "ResourceFailed"
    assert "bad filter" in failure.message
    assert pipe.calls == ["create"]


def test_what_an_earlier_run_left_failed_is_replaced_once(sky: Aws, thing: Make) -> None:
    pipe = thing("pipe", state=State.FAILED)

    assert endings(up(sky, [pipe])) == {"pipe": Action.REPLACED}
    assert pipe.calls == ["delete", "create"]


def test_what_is_on_its_way_is_waited_for(sky: Aws, thing: Make) -> None:
    table = thing("table", takes=20)
    table.create(sky)
    going = thing("going", takes=20, state=State.READY)
    going.delete(sky)

    assert endings(up(sky, [table, going])) == {"table": Action.UNCHANGED, "going": Action.CREATED}
    assert table.calls == ["create"]


def test_a_wait_has_a_budget_and_tells_the_last_state(sky: Aws, thing: Make) -> None:
    table = thing("table", takes=10_000)

    _, failure = until_failure(up(sky, [table]))

    assert failure.code == "Overdue"
    assert "was not ready within 12" in failure.message
    assert "last seen: pending, CREATING" in failure.message


def test_reads_that_lag_do_not_make_it_act_twice(sky: Aws, thing: Make) -> None:
    lag = iter([Observation(State.ABSENT)] * 3 + [Observation(State.FOREIGN, detail="no tags yet")] * 3)
    table = thing("table", weather=lambda seen: next(lag, seen) if table.calls else seen)

    assert endings(up(sky, [table])) == {"table": Action.CREATED}
    assert table.calls == ["create"]


def test_interrupted_threads_end_at_their_next_wait_and_the_next_run_goes_on(sky: Aws, thing: Make) -> None:
    table = thing("table", takes=50)
    pipe = thing("pipe", table)
    steps = up(sky, [table, pipe])
    assert next(steps).action is Action.CREATING

    steps.close()  # type: ignore[attr-defined]

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("resource")]
    assert pipe.calls == []
    assert endings(up(sky, [table, pipe])) == {"table": Action.UNCHANGED, "pipe": Action.CREATED}


def test_a_bug_is_not_dressed_up_as_a_failure_of_aws(sky: Aws, thing: Make) -> None:
    with pytest.raises(ZeroDivisionError):
        list(up(sky, [thing("table", refuses={"create": ZeroDivisionError()})]))
