"""``salespipe local``, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from salespipe.cli.main import run
from salespipe.local import daemon


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SALESPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SALESPIPE_TARGET", raising=False)
    return tmp_path / "home"


@pytest.fixture
def held(home: Path) -> Path:
    """A data folder with something in it, and a file that is somebody's own."""
    (home / "objects" / "ab").mkdir(parents=True)
    (home / "objects" / "ab" / "body").write_bytes(b"body")
    (home / "state.db").write_bytes(b"state, maybe damaged")
    (home / "notes.txt").write_text("mine", encoding="utf-8")
    return home


def test_reset_stops_it_and_deletes_what_it_holds(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["local", "start"]) == 0
    assert run(["local", "reset", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"deleted": True, "data_dir": str(home)}
    assert daemon.find(home) is None
    assert not daemon.holds_data(home)
    assert run(["local", "reset", "--yes"]) == 0
    assert "there was nothing" in capsys.readouterr().out


def test_reset_works_on_a_state_that_cannot_be_read(held: Path) -> None:
    assert run(["local", "start"]) == 1
    assert run(["local", "reset", "--yes"]) == 0
    assert {path.name for path in held.iterdir()} == {"lock", "notes.txt"}


def test_reset_asks_and_no_means_no(
    held: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def no(question: str, **_: object) -> bool:
        asked.append(question)
        return False

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", no)
    assert run(["local", "reset"]) == 1
    assert str(held) in asked[0]
    assert "Nothing was deleted" in capsys.readouterr().err
    assert (held / "state.db").exists()


@pytest.mark.parametrize("words", [["local", "reset", "--json"], ["local", "reset"]])
def test_where_nobody_can_answer_yes_has_to_be_said(
    held: Path, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: "--json" in words)
    assert run(words) == 2
    assert "salespipe local reset --yes" in capsys.readouterr().err
    assert (held / "state.db").exists()
