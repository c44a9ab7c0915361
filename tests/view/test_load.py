"""What a load shows while it runs, and when it has ended."""

from __future__ import annotations

import io
import json
from collections import deque
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from salespipe.errors import Exit, SalespipeError
from salespipe.load.report import LoadError, Progress, Reject, Summary
from salespipe.load.scheduled import Scheduled
from salespipe.view import load
from salespipe.view.screen import Screen

NOW = Progress(
    target_rate=2000.0,
    achieved_rate=1234.5,
    acknowledged=12_345,
    inserted=6000,
    updated=6000,
    deleted=345,
    rejected=3,
    retried=20,
    throttled=17,
    p50_ms=2.25,
    p95_ms=14.4,
    p99_ms=1234.0,
    jitter_ms=1.0,
    consumed_write_units=12_400.0,
    seconds=10.0,
    done=0.5,
    left=9.6,
)
SUMMARY = Summary(
    **{name: getattr(NOW, name) for name in NOW.__slots__ if name not in {"rejected", "left", "done"}},
    rejected=0,
    seed=7,
    profile="daily",
)


def drawn(progress: Progress, pulse: load.Pulse) -> list[str]:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(load.panel("generate", progress, pulse))
    return captured.get().splitlines()


def beaten(*beats: tuple[float, int]) -> load.Pulse:
    pulse = load.Pulse()
    for seconds, acknowledged in beats:
        pulse.beat(replace(NOW, seconds=seconds, acknowledged=acknowledged))
    return pulse


def test_a_panel_tells_everything_within_80_columns() -> None:
    pulse = load.Pulse()
    for second in range(1, 100):
        pulse.beat(replace(NOW, seconds=float(second), acknowledged=second * 900_000))
    lines = drawn(replace(NOW, target_rate=999_999.0, retried=99_999, throttled=99_999), pulse)
    assert len(lines) == 5
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for told in ("0:10", "50%", "0:10 left", "target 999,999", "achieved 900,000", "12,345 acknowledged"):
        assert told in text
    for told in ("99,999 retried", "3 rejected", "p50 2.2 ms", "p95 14 ms", "p99 1,234 ms", "12,400 write units"):
        assert told in text


def test_without_an_end_there_is_none_to_tell() -> None:
    first, *_ = drawn(replace(NOW, done=None, left=None), load.Pulse())
    assert first.split() == ["generate", "0:10", "until", "Ctrl-C"]


def test_where_nobody_told_how_long_it_takes_it_follows_from_what_is_done() -> None:
    assert "0:30 left" in drawn(replace(NOW, done=0.25, left=None), load.Pulse())[0]


def test_the_rate_of_now_is_that_of_the_last_two_seconds() -> None:
    pulse = beaten((1.0, 100), (2.0, 200), (3.0, 1200), (4.0, 2200))
    assert pulse.rate == 1000
    assert list(pulse.seconds) == [100, 100, 1000, 1000]


def test_a_stall_shows_at_once() -> None:
    pulse = beaten(*((second / 4, second * 25) for second in range(1, 41)), (11.0, 1000), (12.0, 1000), (13.0, 1000))
    assert pulse.rate == 0
    assert load.sparkline(pulse.seconds).endswith("▁▁▁")


def test_a_sparkline_is_as_high_as_its_highest() -> None:
    assert load.sparkline(deque([0.0, 50.0, 100.0])) == "▁▅█"
    assert load.sparkline(deque([0.0, 0.0])) == ""
    assert load.sparkline(deque()) == ""


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.4, "0:00"), (59.6, "1:00"), (3599.6, "1:00:00"), (36_610, "10:10:10")][:]
)
def test_times_are_read_like_a_clock(seconds: float, told: str) -> None:
    assert load.clock(seconds) == told


def test_the_summary_is_the_last_line_of_stdout_and_can_be_repeated(capsys: Any) -> None:
    assert load.summarise(Screen(), SUMMARY, again="salespipe generate --seed 7") is Exit.DONE
    told = capsys.readouterr()
    document = json.loads(told.out.splitlines()[-1])
    assert {"target_rate", "achieved_rate", "acknowledged", "rejected", "retried", "throttled"} <= document.keys()
    assert {"p50_ms", "p95_ms", "p99_ms", "jitter_ms", "consumed_write_units"} <= document.keys()
    assert (document["seed"], document["profile"]) == (7, "daily")
    assert "once more: salespipe generate --seed 7" in told.err
    assert max(map(len, told.err.splitlines())) < 80


def test_on_a_terminal_stdout_stays_empty(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    load.summarise(Screen(), SUMMARY)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, Exit.DONE),
        ({"rejected": 1, "rejects": (Reject(0, "k", "why"),)}, Exit.PARTLY),
        ({"rejected": 2, "chaos": {"numbers": {"delivered": 5, "rejected": 2}}}, Exit.DONE),
        ({"rejected": 3, "chaos": {"numbers": {"rejected": 2}}}, Exit.PARTLY),
        ({"interrupted": True, "rejected": 1}, Exit.INTERRUPTED),
    ],
)
def test_what_chaos_meant_to_be_rejected_is_no_failure(capsys: Any, changes: dict[str, Any], code: Exit) -> None:
    assert load.summarise(Screen(json=True), replace(SUMMARY, **changes)) is code


def test_only_what_went_astray_is_listed(capsys: Any) -> None:
    meant = replace(SUMMARY, rejected=2, rejects=(Reject(0, "k", "why"),), chaos={"numbers": {"rejected": 2}})
    load.tell(Screen(), meant)
    assert "skipped" not in capsys.readouterr().err
    load.tell(Screen(), replace(meant, rejected=3))
    assert "skipped k: why" in capsys.readouterr().err


def test_chaos_is_told_by_kind_and_outcome(capsys: Any) -> None:
    load.summarise(Screen(), replace(SUMMARY, chaos={"early": {"delivered": 5, "no event": 2}}))
    assert "chaos early: 5 delivered, 2 no event" in capsys.readouterr().err


def test_a_load_that_cannot_go_on_sums_up_first(capsys: Any) -> None:
    with pytest.raises(LoadError), load.following(Screen(), "generate"):
        raise LoadError(SalespipeError("Throttled", "no capacity"), SUMMARY)
    assert "12,345 writes acknowledged" in capsys.readouterr().err


def test_the_schedule_is_told_with_what_changes_it(capsys: Any) -> None:
    on = Scheduled("rule", True, "rate(1 minute)", 300, 5.0)
    load.schedule(Screen(), on)
    assert "300 writes a run, rate(1 minute), 5 a second" in (told := capsys.readouterr().err)
    assert "generate --lambda --stop" in told
    load.schedule(Screen(), replace(on, on=False, rate=None))
    assert "is off" in (told := capsys.readouterr().err)
    assert "generate --lambda --rate" in told
    load.schedule(Screen(json=True), on)
    assert json.loads(capsys.readouterr().out)["count"] == 300
