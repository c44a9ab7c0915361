"""``salespipe doctor`` as a user sees it."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from salespipe.cli.main import run


@pytest.fixture(autouse=True)
def _nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SALESPIPE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in ("SALESPIPE_TARGET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_an_empty_folder_on_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    told = document(capsys)
    assert (told["target"], told["healthy"]) == ("local", True)
    verdicts = {check["name"]: check["verdict"] for check in told["checks"]}
    assert verdicts["local server"] == "warn"
    assert verdicts["aws account"] == "skip"
    assert verdicts["views"] == "skip"
    assert not Path("home").exists()  # it only looks


def test_a_fix_stands_below_what_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 0
    told = capsys.readouterr()
    lines = [line.strip() for line in told.out.splitlines()]
    found = next(number for number, line in enumerate(lines) if line.startswith("warn  local server"))
    assert lines[found + 1] == "fix: salespipe local start"
    assert "target local: " in told.err


def test_aws_without_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--target", "aws", "--json"]) == 1
    told = document(capsys)
    assert [check["name"] for check in told["checks"] if check["verdict"] == "fail"] == ["credentials"]
    assert "clock" in [check["name"] for check in told["checks"] if check["verdict"] == "skip"]


def test_a_configuration_that_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    Path("salespipe.toml").write_text("[stream]\nshard = 3\n", encoding="utf-8")
    assert run(["doctor", "--json"]) == 1
    told = document(capsys)
    checks = {check["name"]: check for check in told["checks"]}
    assert checks["configuration"]["fix"] == "Did you mean stream.shards?"
    assert checks["packages"]["verdict"] == "ok"
    assert told["target"] == "unknown"


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        Path("salespipe.toml").write_text(f"[local]\nport = {other.getsockname()[1]}\n", encoding="utf-8")
        assert run(["doctor"]) == 1
    assert "fail  local port" in capsys.readouterr().out


def test_an_endpoint_where_nothing_answers(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    assert run(["doctor", "--endpoint-url", "http://127.0.0.1:9", "--json"]) == 1
    checks = {check["name"]: check for check in document(capsys)["checks"]}
    assert "nothing answers" in checks["credentials"]["found"]
    assert checks["credentials"]["fix"] == "Check --endpoint-url."
