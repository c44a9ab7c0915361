"""What a person sees of one look, at the edge of a terminal of 80 columns, and what a program reads."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from rich.console import Console, RenderableType

from salespipe.cost.bill import Bill, Line
from salespipe.errors import Exit, SalespipeError
from salespipe.flow.snapshot import Figure, Flow, Stage, Verdict
from salespipe.lifecycle import Reading
from salespipe.resources.base import Drift, Observation, State
from salespipe.view import live, overview
from salespipe.view.overview import Look
from salespipe.view.readings import age
from salespipe.view.screen import encode

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
READY = Reading("dynamodb table", "OrdersRawTable", Observation(State.READY, "arn:t", "ACTIVE", created=NOON))
DRIFTED = Reading(
    "athena workgroup",
    "salespipe-dev",
    Observation(
        State.DRIFTED,
        detail="ENABLED",
        drift=(Drift("BytesScannedCutoffPerQuery", 2_000_000_000, 1_000_000_000), Drift("tags.environment", "x", None)),
        created=NOON - timedelta(hours=30),
    ),
)
GONE = Reading("log group", "/aws/kinesisfirehose/salespipe-dev-orders", Observation(State.ABSENT))
FLOW = Flow(
    NOON + timedelta(minutes=2, seconds=5),
    (
        Stage(
            "table", "OrdersRawTable", Verdict.FLOWING, rate=Figure(3000, NOON, complete=True), recent=12_345, failed=0
        ),
        Stage(
            "stream",
            "salespipe-dev-orders",
            Verdict.BEHIND,
            "75 s old, more than 60 s",
            rate=Figure(7, NOON, complete=False),
            recent=7,
            lag_seconds=Figure(75, NOON, complete=False),
        ),
        Stage("delivery", "salespipe-dev-orders", Verdict.IDLE),
    ),
    dead_letters=3,
    problems=("metrics: AccessDenied: not you",),
)
BILL = Bill((Line("Kinesis", "stream", Decimal("1.20")), Line("Glue", "crawls", None)), "us-east-1", "2023")
LOOK = Look(
    NOON + timedelta(minutes=2, seconds=5),
    "salespipe-dev",
    "local (http://127.0.0.1:4566)",
    (READY, DRIFTED, GONE),
    flow=FLOW,
    bill=BILL,
    since=NOON,
    free=True,
)
WHOLE = """\
state     age  resource           name and detail
ready      2m  dynamodb table     OrdersRawTable  ACTIVE
drifted   30h  athena workgroup   salespipe-dev  ENABLED
                                    BytesScannedCutoffPerQuery: wanted
                                  2000000000, is 1000000000
                                    tags.environment: wanted "x", is not set
absent      -  log group          /aws/kinesisfirehose/salespipe-dev-orders

stage     flow     in minute  passed  in 15 min   lag  failed  counted
table     flowing      12:00   3,000     12,345     -       0  write units
stream    behind       12:00      7+          7  75 s       -  records
delivery  idle             -       -          -     -       -  records
stream: 75 s old, more than 60 s
dead letters: 3 given up by the pipe
not known: metrics: AccessDenied: not you
free here; on AWS it would have been at least 1.20 USD so far (list prices of
us-east-1, the oldest from 2023), since 2026-11-22 12:00 UTC
not counted: Glue: crawls
"""


def console(height: int = 24, width: int = 80) -> Console:
    return Console(file=io.StringIO(), width=width, height=height, color_system=None)


def drawn(on: Console, what: RenderableType) -> list[str]:
    on.print(what)
    assert isinstance(on.file, io.StringIO)
    return [line.rstrip() for line in on.file.getvalue().splitlines()]


def test_a_look_in_80_columns() -> None:
    assert drawn(console(), overview.page(LOOK)) == WHOLE.splitlines()


def test_it_is_fitted_to_the_screen() -> None:
    many = tuple(replace(READY, name=f"salespipe-dev-{number}-of-many-tables-with-long-names") for number in range(40))
    whole = replace(LOOK, readings=(*many, DRIFTED))
    lines = drawn(console(), overview.fitted(whole, console()))
    assert len(lines) <= 24
    assert lines[:2] == ["12:02:05 UTC  salespipe-dev on local (http://127.0.0.1:4566)", "40 ready, 1 drifted"]
    assert any("tags.environment" in line for line in lines)
    assert not any("of-many" in line for line in lines)

    tall = drawn(console(200), overview.fitted(whole, console(200)))
    assert sum("of-many" in line for line in tall) == 40


@pytest.mark.parametrize("count", [5, 6, 30])
def test_more_than_fits_is_counted(count: int) -> None:
    missing = tuple(replace(DRIFTED, name=f"workgroup-{number}") for number in range(count))
    unseen = (("iam role", "secret", "not you " * 40),)
    lines = drawn(console(), overview.fitted(replace(LOOK, readings=missing, unseen=unseen), console()))
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    shown = sum("workgroup-" in line or "secret" in line for line in lines)
    more = [int(line.split()[1]) for line in lines if line.split()[:1] == ["and"]]
    assert shown + sum(more) == count + 1
    assert shown > 0


def test_the_document_keeps_what_is_not_known_apart_from_nothing() -> None:
    told = json.loads(encode(overview.document(LOOK)))
    table, workgroup, group = told["resources"]
    assert (told["at"], told["exit_code"]) == ("2026-11-22T12:02:05Z", 3)
    assert (table["age_seconds"], table["created"], group["age_seconds"]) == (125.0, "2026-11-22T12:00:00Z", None)
    assert workgroup["drift"][0] == {
        "field": "BytesScannedCutoffPerQuery",
        "wanted": 2_000_000_000,
        "actual": 1_000_000_000,
        "remedy": "update",
    }
    stages = {stage["stage"]: stage for stage in told["flow"]["stages"]}
    assert (stages["table"]["failed"], stages["delivery"]["failed"]) == (0, None)
    assert stages["stream"]["rate"] == {"value": 7, "minute": "2026-11-22T12:00:00Z", "complete": False}
    assert (told["flow"]["dead_letters"], told["flow"]["verdict"]) == (3, "failing")
    assert (told["cost"]["usd"], told["cost"]["at_least"], told["cost"]["free"]) == (1.2, True, True)


def test_the_keys_are_the_same_whatever_was_found() -> None:
    unseen = replace(LOOK, unseen=(("iam role", "secret", "not you"),), flow=None, bill=None)
    told = json.loads(encode(overview.document(unseen)))
    assert {tuple(sorted(resource)) for resource in told["resources"]} == {
        ("adopted", "age_seconds", "arn", "created", "detail", "drift", "kind", "name", "state")
    }
    assert told["resources"][-1]["state"] == "unknown"
    assert (told["flow"], told["cost"]) == (None, None)
    assert told.keys() == json.loads(encode(overview.document(LOOK))).keys()


@pytest.mark.parametrize(
    ("readings", "unseen", "code"),
    [
        ((READY,), (), Exit.DONE),
        ((GONE, GONE), (), Exit.NOT_DEPLOYED),
        ((READY, GONE), (), Exit.PARTLY),
        ((READY, DRIFTED), (), Exit.PARTLY),
        ((READY,), (("iam role", "secret", "not you"),), Exit.PARTLY),
    ],
)
def test_the_resources_decide_the_exit_code_and_what_flows_does_not(
    readings: tuple[Reading, ...], unseen: tuple[tuple[str, str, str], ...], code: Exit
) -> None:
    assert LOOK.flow is not None
    assert LOOK.flow.worst is Verdict.FAILING
    assert replace(LOOK, readings=readings, unseen=unseen).exit_code is code


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-1, "0s"), (59, "59s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (1e6, "11d")],
)
def test_an_age_is_in_a_unit_of_its_size(seconds: float, told: str) -> None:
    assert age(NOON, NOON + timedelta(seconds=seconds)) == told


def test_on_aws_it_is_said_plainly_and_what_has_no_figure_is_left_out() -> None:
    assert overview.money(replace(LOOK, free=False))[0].startswith("at least 1.20 USD so far")
    assert overview.money(replace(LOOK, bill=None)) == []
    old = replace(LOOK, since=NOON - timedelta(hours=5))
    assert "more than 3 hours ago" in overview.money(old)[-1]


class Ended(KeyboardInterrupt):
    """Ctrl-C, after a while."""


def test_lines_go_on_past_a_look_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    from salespipe.view.screen import Screen

    down = SalespipeError("NotRunning", "The local AWS is not running.", hint="salespipe up")
    answers: list[Look | SalespipeError] = [LOOK, down, replace(LOOK, pipeline="again")]
    slept: list[float] = []
    ticks = iter(range(100))

    def take() -> Look:
        if not answers:
            raise Ended
        answer = answers.pop(0)
        if isinstance(answer, SalespipeError):
            raise answer
        return answer

    live.follow(Screen(json=True), take, 5.0, sleep=slept.append, clock=lambda: float(next(ticks)))
    first, second, third = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["pipeline"], third["pipeline"]) == ("salespipe-dev", "again")
    assert second["error"] == {
        "code": "NotRunning",
        "message": "The local AWS is not running.",
        "hint": "salespipe up",
    }
    assert slept == [4.0, 4.0, 4.0]  # a look took one second of the five


def test_the_last_look_stays_on_the_screen_below_why_there_is_no_newer_one() -> None:
    down = SalespipeError("NotRunning", "The local AWS is not running.", hint="salespipe up")
    lines = drawn(console(), live.frame(console(), LOOK, down, 2.0))
    assert lines[:2] == ["The local AWS is not running. Looking again every 2 s.", "fix: salespipe up"]
    assert "12:02:05 UTC" in lines[3]
    assert len(lines) <= 24
    assert len(drawn(console(), live.frame(console(), None, down, 2.0))) == 2
