"""Every scenario played on a local AWS of its own: it is seen, it is healed, and nothing is lost."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from salespipe.cli import drilling
from salespipe.trust.drill import run, scenarios
from salespipe.trust.drill.run import Drill
from salespipe.trust.drill.timeline import Kind

pytestmark = pytest.mark.long

# What somebody who looks is told while it lasts.
SEEN = {
    "transform": (r"lambda function .* is drifted: .*CodeSha256", r"transform logs ERROR: RuntimeError"),
    "throttle": (r"failing: .*stream \([\d,]+ failed",),
    "pipe": (r"eventbridge pipe .* is drifted: STOPPED; DesiredState is STOPPED, not RUNNING", r"flowing: .*delivery"),
    "server": (r"nothing answers: .*127\.0\.0\.1", r"it answers again"),
    "records": (r"transform logs WARNING: \d+ of \d+ records cannot be read", r"flowing: .*delivery"),
}
HEALED = {
    "transform": (r"lambda function .*-transform updated", r"[1-9]\d* records of the quarantine delivered"),
    "throttle": (r"[1-9][\d,]* that were refused", r"the stream has two shards now"),
    "pipe": (r"the pipe is started",),
    "server": (r"the local AWS is started again",),
    "records": (r"in quarantine: 25 ", r"20 records repaired and delivered, 5 cannot be", r"5 records deleted"),
}


def test_every_scenario_is_played() -> None:
    assert list(SEEN) == list(HEALED) == [each.name for each in scenarios.ALL]


@pytest.mark.parametrize("scenario", scenarios.ALL, ids=lambda scenario: scenario.name)
def test_nothing_is_lost(scenario: scenarios.Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drilling.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(run, "LEAD", 2.0)
    with drilling.Grounds(keep=False) as grounds, grounds.of(scenario) as ground:
        outcome = Drill(scenario, ground, rate=20.0, seed=7, lasting=3.0).run()
    said = {kind: [entry.text for entry in outcome.entries if entry.kind is kind] for kind in Kind}
    assert outcome.problem == ""
    assert outcome.passed, said[Kind.PROOF]
    assert said[Kind.PROOF][0].endswith("every acknowledged write is in the lake, every order once in the view")
    assert outcome.load is not None
    assert outcome.load.acknowledged == round(20.0 * (2 + 3 + 2))
    for patterns, kind in ((SEEN, Kind.SEEN), (HEALED, Kind.HEAL)):
        for pattern in patterns[scenario.name]:
            assert any(re.search(pattern, text) for text in said[kind]), (pattern, said[kind])
    assert [entry.seconds for entry in outcome.entries] == sorted(entry.seconds for entry in outcome.entries)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "salespipe.cli.main", "drill", "pipe", "--rate", "10"],
        cwd=tmp_path,
        env={"TMPDIR": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as drill:
        assert drill.stdout is not None
        for line in drill.stdout:
            if "writes a second begin" in line:
                drill.send_signal(number)
                break
        _, said = drill.communicate(timeout=60)
    assert drill.returncode == 130
    assert "The local AWS of the drill is stopped" in said
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_fetched_back_is_not_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drilling.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(run, "LEAD", 2.0)
    scenario = replace(scenarios.chosen(["transform"])[0], recovers=lambda _: None)
    with drilling.Grounds(keep=False) as grounds, grounds.of(scenario) as ground:
        outcome = Drill(scenario, ground, rate=20.0, seed=7, lasting=2.0).run()
    assert (outcome.problem, outcome.passed) == ("", False)
    assert re.search(r"[1-9]\d* lost at the transform", outcome.entries[-1].text)
