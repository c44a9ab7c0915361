"""Drills: what is told of them, how they end, and that nothing of them stays. test_drill_played has the real ones."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest

from clock import Clock
from salespipe.aws import Aws
from salespipe.cli import drilling
from salespipe.cli.main import run as command
from salespipe.config import Config
from salespipe.errors import Exit, SalespipeError
from salespipe.flow.alarms import AlarmState
from salespipe.flow.logs.reading import Event
from salespipe.flow.snapshot import Flow, Stage, Verdict
from salespipe.ledger import Ledgers
from salespipe.trust.drill import run, scenarios, sights
from salespipe.trust.drill.flooding import Flood
from salespipe.trust.drill.load import Load
from salespipe.trust.drill.place import Place
from salespipe.trust.drill.run import Drill, Outcome
from salespipe.trust.drill.scenarios import Scenario
from salespipe.trust.drill.sights import Sights
from salespipe.trust.drill.timeline import Entry, Kind, Timeline

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Shown:
    """What is there to be seen, as a test says."""

    def __init__(self) -> None:
        self.flow = flow()
        self.alarms: tuple[AlarmState, ...] = ()
        self.events: list[Event] = []
        self.failure: Exception | None = None

    def read(self, *_: object) -> Flow:
        if self.failure:
            raise self.failure
        return self.flow


def flow(letters: int = 0, **verdicts: Verdict) -> Flow:
    why = {Verdict.FAILING: "3 failed"}
    stages = (Stage(name, name, verdict, why.get(verdict, "")) for name, verdict in verdicts.items())
    return Flow(NOON, tuple(stages), letters)


def alarm(state: str) -> AlarmState:
    says = "The pipe fails. Run: salespipe logs pipe."
    return AlarmState("drill-pipe-failing", state, NOON, "threshold crossed", says)


def logged(text: str, source: str = "transform") -> Event:
    return Event(source, "stream", 0, 0, (text,), text)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    shown = Shown()
    monkeypatch.setattr(sights.snapshot, "read", shown.read)
    monkeypatch.setattr(sights.alarms, "read", lambda _: shown.alarms)
    monkeypatch.setattr(sights, "merged", lambda *_: iter(shown.events))
    return shown


@pytest.fixture
def looks(aws: Aws, shown: Shown) -> Callable[[], list[str]]:
    """Look once, and say what was told of it."""
    timeline = Timeline(lambda: 0.0)
    eyes = Sights(aws, timeline, lambda: NOON)

    def look() -> list[str]:
        before = len(timeline.entries)
        eyes.look()
        assert {entry.kind for entry in timeline.entries} <= {Kind.SEEN}
        return [entry.text for entry in timeline.entries[before:]]

    return look


def test_times_are_those_since_the_scenario_began() -> None:
    clock, told = Clock(), list[Entry]()
    clock.now = 100.0
    timeline = Timeline(clock, told.append)
    clock.now = 102.5
    timeline.add(Kind.BREAK, "the pipe is stopped", "aws pipes stop-pipe")
    assert told == timeline.entries == [Entry(2.5, Kind.BREAK, "the pipe is stopped", "aws pipes stop-pipe")]


def test_a_verdict_is_told_when_it_changes(shown: Shown, looks: Callable[[], list[str]]) -> None:
    shown.flow = flow(pipe=Verdict.IDLE, table=Verdict.FLOWING, stream=Verdict.FLOWING)
    assert looks() == ["flowing: table, stream"]
    assert looks() == []
    shown.flow = flow(pipe=Verdict.FAILING, table=Verdict.FLOWING, stream=Verdict.IDLE)
    assert looks() == ["failing: pipe (3 failed)", "idle: stream"]


def test_dead_letters_are_told_when_they_are_twice_as_many(shown: Shown, looks: Callable[[], list[str]]) -> None:
    told = []
    for letters in (2, 3, 4, 0, 1):
        shown.flow = flow(letters)
        told += looks()
    assert told == [f"the dead-letter queue holds {letters}" for letters in (2, 4, 1)]


def test_an_alarm_is_told_when_it_rings_and_when_it_is_over(shown: Shown, looks: Callable[[], list[str]]) -> None:
    told = []
    for state in ("INSUFFICIENT_DATA", "ALARM", "ALARM", "OK", "OK"):
        shown.alarms = (alarm(state),)
        told += looks()
    assert told == [
        "the alarm drill-pipe-failing rings: The pipe fails. Run: salespipe logs pipe.",
        "the alarm drill-pipe-failing is over",
    ]


def test_a_log_line_of_each_kind_is_told_once(shown: Shown, looks: Callable[[], list[str]]) -> None:
    shown.events = [
        logged('{"level": "WARNING", "message": "3 of 20 records cannot be read"}'),
        logged('{"level": "WARNING", "message": "14 of 25 records cannot be read"}'),
        logged('{"level": "INFO", "message": "all is well"}'),
        logged('{"level": "ERROR", "message": "no stream"}', "pipe"),
    ]
    expected = ["transform logs WARNING: 3 of 20 records cannot be read", "pipe logs ERROR: no stream"]
    assert looks() == expected
    assert looks() == []


def test_where_nobody_answers_that_is_told_once_and_so_is_the_return(
    shown: Shown, looks: Callable[[], list[str]]
) -> None:
    from botocore.exceptions import EndpointConnectionError

    shown.failure = EndpointConnectionError(endpoint_url="http://127.0.0.1:1/")
    assert looks() == ['nothing answers: Could not connect to the endpoint URL: "http://127.0.0.1:1/"']
    assert looks() == []
    shown.failure = None
    assert looks() == ["it answers again"]


def test_scenarios_come_in_the_order_in_which_they_are_named() -> None:
    assert [each.name for each in scenarios.chosen(["server", "pipe", "server"])] == ["server", "pipe"]
    assert scenarios.chosen([]) == scenarios.ALL


def test_a_scenario_that_is_none_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(SalespipeError, match="Did you mean transform") as refused:
        scenarios.chosen(["pipe", "transfrom"])
    assert refused.value.exit_code is Exit.USAGE


def test_a_load_that_is_called_off_ends_and_has_no_summary(aws: Aws, tmp_path: Path) -> None:
    """Ctrl-C in the middle of an hour's load."""
    aws.client("dynamodb").create_table(
        TableName=aws.names.table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
    )
    load = Load(aws, Ledgers(aws, tmp_path), rate=20.0, seconds=3600.0, seed=1)
    load.start()
    while load.progress is None:
        assert load.running
        aws.sleep(0.01)
    load.stop()
    assert not load.running
    with pytest.raises(SalespipeError, match="does not end"):
        load.end()


class Ground:
    """Where nothing can be deployed."""

    def __init__(self, aws: Aws, home: Path) -> None:
        self.aws, self.home = aws, home

    def start(self) -> Aws:
        return self.aws

    def kill(self) -> int:
        return 0

    def configure(self, change: Callable[[Config], Config]) -> Aws:
        return replace(self.aws, config=change(self.aws.config))

    def ledgers(self, aws: Aws) -> Ledgers:
        return Ledgers(aws, self.home)


def test_a_scenario_that_cannot_go_on_is_an_outcome(
    patient: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Iterator[Any]:
        patient.sleep(7)
        raise SalespipeError("Full", "There is no room.", hint="Make room.")

    monkeypatch.setattr(run.lifecycle, "up", refuse)
    outcome = Drill(scenarios.ALL[0], Ground(patient, tmp_path), 10.0, 1, 1.0).run()
    assert (outcome.passed, outcome.problem, outcome.seconds) == (False, "There is no room. Make room.", 7.0)
    assert outcome.entries == [Entry(7.0, Kind.PROOF, "it could not go on: There is no room.", "Make room.")]


@pytest.mark.parametrize("failing", ["breaks", "heals"])
def test_the_load_ends_where_a_scenario_fails(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: Shown, failing: str
) -> None:
    ended: list[str] = []

    class Idle:
        progress = None

        def __init__(self, *_: object, **__: object) -> None: ...
        def start(self) -> None: ...
        def stop(self) -> None:
            ended.append("stopped")

    def interrupt(_: Place) -> None:
        raise KeyboardInterrupt

    acts: dict[str, Any] = {"breaks": lambda _: None, "heals": lambda _: None, failing: interrupt}
    monkeypatch.setattr(run.lifecycle, "up", lambda *_: iter(()))
    monkeypatch.setattr(run, "Load", Idle)
    monkeypatch.setattr(run, "LEAD", 0.0)
    scenario = Scenario("mine", "", acts["breaks"], acts["heals"], unseen=True)
    with pytest.raises(KeyboardInterrupt):
        Drill(scenario, Ground(aws, tmp_path), 10.0, 1, 0.0).run()
    assert ended == ["stopped"]


def test_what_runs_beside_ends_where_a_scenario_fails(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: Shown
) -> None:
    aws.client("kinesis").create_stream(StreamName=aws.names.stream, ShardCount=1)
    floods: list[Flood] = []

    def flood(place: Place) -> None:
        place.flood = Flood(aws, [{"Data": b"{}", "PartitionKey": "k"}])
        place.flood.start()
        floods.append(place.flood)
        for _ in range(3000):
            if place.flood.put:
                return
            aws.sleep(0.01)

    def fail(_: Place) -> None:
        raise SalespipeError("Full", "There is no room.")

    monkeypatch.setattr(run.lifecycle, "up", lambda *_: iter(()))
    monkeypatch.setattr(run, "Load", Mock())
    monkeypatch.setattr(run, "LEAD", 0.0)
    outcome = Drill(Scenario("mine", "", flood, fail, unseen=True), Ground(aws, tmp_path), 10.0, 1, 0.0).run()
    assert outcome.problem == "There is no room."
    assert not any(thread.name == "drill-flood" for thread in threading.enumerate())
    assert floods[0].put % 500 == 0


def test_without_a_report_nothing_is_proven() -> None:
    assert not Outcome("pipe", []).passed


def test_aws_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["drill", "--target", "aws"]) == Exit.USAGE
    assert "on this machine only" in capsys.readouterr().err


def test_an_endpoint_of_somebody_else_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["drill", "--endpoint-url", "http://127.0.0.1:1"]) == Exit.USAGE
    assert "on this machine only" in capsys.readouterr().err


def test_the_list_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["drill", "--list"]) == Exit.DONE
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [each.name for each in scenarios.ALL]


def test_interrupted_the_folder_is_gone_and_nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stopped: list[Path] = []
    monkeypatch.setattr(drilling.tempfile, "mkdtemp", lambda **_: str(tmp_path / "drill"))
    (tmp_path / "drill").mkdir()
    monkeypatch.setattr(drilling.daemon, "stop", stopped.append)
    grounds = drilling.Grounds(keep=False)
    folders: list[Path] = []

    def drill() -> None:
        with grounds, grounds.of(scenarios.ALL[0]) as ground:
            assert ground.config_file.exists()
            folders.append(ground.folder)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drill()
    assert stopped == folders
    assert not grounds.folder.exists()
    assert str(grounds.folder) in grounds.farewell


def test_a_second_interruption_waits_until_it_is_tidied_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(drilling.tempfile, "mkdtemp", lambda **_: str(tmp_path))
    monkeypatch.setattr(drilling.daemon, "stop", lambda _: signal.raise_signal(signal.SIGINT))
    grounds = drilling.Grounds(keep=False)
    with pytest.raises(KeyboardInterrupt), grounds, grounds.of(scenarios.ALL[0]):
        pass
    assert not tmp_path.exists()


def test_kept_the_folder_has_what_other_commands_need(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from salespipe.config import load

    monkeypatch.setattr(drilling.tempfile, "mkdtemp", lambda **_: str(tmp_path))
    with drilling.Grounds(keep=True) as grounds, grounds.of(scenarios.ALL[0]) as ground:
        pass
    config = load(ground.config_file)
    assert (config.name, config.local.data_dir) == (drilling.NAME, str(ground.folder))


def test_a_changed_configuration_is_what_other_commands_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from salespipe.config import Stream, load

    monkeypatch.setattr(drilling.tempfile, "mkdtemp", lambda **_: str(tmp_path))
    (throttle,) = scenarios.chosen(["throttle"])
    with drilling.Grounds(keep=True) as grounds, grounds.of(throttle) as ground:
        before = load(ground.config_file)
        ground.configure(lambda config: msgspec.structs.replace(config, stream=Stream(mode="PROVISIONED", shards=3)))
    after = load(ground.config_file)
    assert (before.stream.shards, before.pipe.max_retries) == (1, 1)
    assert after == msgspec.structs.replace(before, stream=Stream(mode="PROVISIONED", shards=3))
