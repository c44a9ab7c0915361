"""The command line itself: help, options that stand anywhere, and how it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from salespipe.cli.main import run
from salespipe.errors import SalespipeError
from salespipe.load.options import parse_duration

HEAVY = ("boto3", "botocore", "moto", "duckdb", "sqlglot", "faker", "rich", "flask", "prompt_toolkit", "pygments")


@pytest.fixture(autouse=True)
def _nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SALESPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SALESPIPE_TARGET", raising=False)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from salespipe.cli.main import run;"
        "run(['--help']); run(['up', '--help']); run(['query', '--help']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "demo" in done.stdout


@pytest.mark.parametrize(
    "words",
    [["--json", "local", "status"], ["local", "--json", "status"], ["local", "status", "--json"]],
)
def test_options_stand_anywhere(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 4
    told = capsys.readouterr()
    assert json.loads(told.out)["error"]["code"] == "NotRunning"
    assert "salespipe local start" in told.err


def test_config_behind_the_command_and_with_an_equals_sign(capsys: pytest.CaptureFixture[str]) -> None:
    Path("shop.toml").write_text("[stream]\nshard = 3\n", encoding="utf-8")
    for words in (["status", "--config", "shop.toml"], ["status", "--config=shop.toml"]):
        assert run(words) == 2
        assert "Did you mean stream.shards?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["stauts"], "stauts"),
        (["status", "--jsn"], "--jsn"),
        (["query"], "sql"),
        (["generate", "--rate", "fast"], "--rate"),
        (["status", "--target", "moon"], "target"),
        (["demo", "--target", "aws"], "this machine only"),
    ],
)
def test_usage_errors_exit_2_and_name_what_is_wrong(
    words: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    told = capsys.readouterr()
    assert named in told.err
    assert told.out == ""


def test_a_server_that_does_not_answer_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    assert run(["status", "--endpoint-url", "http://127.0.0.1:9"]) == 1
    assert "127.0.0.1:9" in capsys.readouterr().err


def test_durations() -> None:
    assert [parse_duration(text) for text in ("90", "90s", "1.5m", "1h", None)] == [90.0, 90.0, 90.0, 3600.0, None]
    with pytest.raises(SalespipeError, match="--duration"):
        parse_duration("soon")
