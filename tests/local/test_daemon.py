"""The background process as the command line sees it: real child processes on folders of their own."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from salespipe.errors import SalespipeError
from salespipe.local import daemon
from salespipe.local.daemon import Server


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "aws"
    yield path
    daemon.stop(path)


def answers(server: Server) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(server.endpoint.rpartition(":")[2]))) == 0


def until(true: object, seconds: float = 20) -> None:
    assert callable(true)
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_start_find_stop_and_start_again_at_the_same_port(folder: Path) -> None:
    assert daemon.find(folder) is None
    assert daemon.stop(folder) is False
    assert not daemon.holds_data(folder)
    first = daemon.start(folder, 0)
    assert answers(first)
    assert first == daemon.find(folder) == daemon.start(folder, 0)
    assert (first.region, first.data_dir) == ("us-east-1", folder)
    assert first.started.endswith("+00:00")
    assert daemon.stop(folder) is True
    assert daemon.find(folder) is None
    assert not answers(first)
    assert daemon.holds_data(folder)
    again = daemon.start(folder, 0)
    assert again.endpoint == first.endpoint
    assert again.pid != first.pid
    assert [line for line in daemon.logs(folder) if "Answering at" in line][-1].endswith(first.version)


def test_the_folder_is_for_its_user_alone(folder: Path) -> None:
    daemon.start(folder, 0)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"lock", "server.json", "server.log", "state.db"} <= {path.name for path in files}
    assert [path for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_two_starts_at_once_make_one_server(folder: Path) -> None:
    found: list[Server] = []
    starters = [threading.Thread(target=lambda: found.append(daemon.start(folder, 0))) for _ in range(2)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert found[0] == found[1] == daemon.find(folder)


def test_after_a_kill_nothing_is_found_and_the_remembered_port_is_only_a_wish(folder: Path) -> None:
    killed = daemon.start(folder, 0)
    os.kill(killed.pid, signal.SIGKILL)
    until(lambda: daemon.find(folder) is None)
    port = int(killed.endpoint.rpartition(":")[2])
    # A killed server's connections may linger, its listening socket does not.
    with socket.create_server(("127.0.0.1", port)):
        started = daemon.start(folder, 0)
    assert started.endpoint != killed.endpoint
    assert answers(started)


def test_a_lock_that_outlives_its_process_by_a_moment_is_waited_for(folder: Path) -> None:
    killed = daemon.start(folder, 0)
    # What a process leaves behind that is killed between fork and exec of another one.
    with (folder / "lock").open() as left_behind:
        os.kill(killed.pid, signal.SIGKILL)
        os.waitpid(killed.pid, 0)
        fcntl.flock(left_behind, fcntl.LOCK_EX)
        assert daemon.find(folder) is None
        assert daemon.stop(folder) is False
        letting_go = threading.Timer(1, left_behind.close)
        letting_go.start()
        started = daemon.start(folder, 0)
        letting_go.join()
    assert started.pid != killed.pid
    assert answers(started)


def test_a_port_that_is_taken_is_told_with_what_to_do(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SalespipeError, match=f"Port {port} on 127.0.0.1") as caught:
            daemon.start(folder, port)
    assert caught.value.code == "PortTaken"
    assert "[local]" in caught.value.hint
    assert daemon.find(folder) is None


def test_a_state_that_cannot_be_read_is_told_and_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "state.db").write_bytes(b"this is no database, but somebody may need it" * 100)
    with pytest.raises(SalespipeError) as caught:
        daemon.start(folder, 0)
    assert caught.value.code == "StateUnreadable"
    assert (folder / "state.db").read_bytes().startswith(b"this is no database")


def test_a_process_that_dies_without_a_word_is_told_with_its_log(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho 'cannot go on' >&2\nexit 7\n")
    script.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.raises(SalespipeError, match="cannot go on") as caught:
        daemon.start(folder, 0)
    assert caught.value.code == "StartFailed"


def test_a_process_that_does_not_get_ready_is_ended(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    script.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.raises(SalespipeError):
        daemon.start(folder, 0, patience=1)
    pid = int((tmp_path / "pid").read_text())
    until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid)


def test_the_missing_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "moto" else object())
    with pytest.raises(SalespipeError, match="moto, which is not installed") as caught:
        daemon.start(folder, 0)
    assert caught.value.hint == "pip install 'salespipe[local]'"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SalespipeError) as caught:
        daemon.start(tmp_path / "file" / "aws", 0)
    assert caught.value.code == "DataFolder"


def test_reset_deletes_what_is_ours_and_nothing_else(folder: Path) -> None:
    assert daemon.reset(folder) is False
    server = daemon.start(folder, 0)
    (folder / "notes.txt").write_text("mine")
    assert daemon.reset(folder) is True
    assert not answers(server)
    assert sorted(path.name for path in folder.iterdir()) == ["lock", "notes.txt"]


def test_the_log_is_followed(folder: Path) -> None:
    folder.mkdir()
    log = folder / "server.log"
    log.write_text("one\ntwo\nthree\n")
    assert list(daemon.logs(folder, lines=2)) == ["two", "three"]

    def sleep(_: float) -> None:
        with log.open("a") as file:
            file.write("four\n")

    lines = daemon.logs(folder, lines=1, follow=True, sleep=sleep)
    assert [next(lines), next(lines)] == ["three", "four"]


def test_a_large_log_is_put_aside_at_the_start(folder: Path) -> None:
    folder.mkdir()
    (folder / "server.log").write_bytes(b"x" * (10 * 2**20 + 1))
    daemon.start(folder, 0)
    assert (folder / "server.log.1").stat().st_size > 10 * 2**20
    assert (folder / "server.log").stat().st_size < 100_000


def test_the_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SALESPIPE_HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert daemon.default_data_dir() == tmp_path / ".local" / "state" / "salespipe"
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert daemon.default_data_dir() == Path("/state/salespipe")
    monkeypatch.setenv("SALESPIPE_HOME", "~/mine")
    assert daemon.default_data_dir() == tmp_path / "mine"


def test_the_user_s_aws_settings_and_proxies_do_not_matter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "does-not-exist")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "nowhere")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert answers(daemon.start(folder, 0))


def test_the_command_line_s_part_is_quick_to_import() -> None:
    heavy = "{'moto', 'boto3', 'botocore', 'duckdb', 'sqlglot', 'werkzeug'}"
    code = f"import sys, salespipe.local.daemon; sys.exit(repr({heavy} & sys.modules.keys() or ''))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stderr.strip() in {"", "''"}
