"""The local AWS: folder, server and port."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from salespipe import __version__
from salespipe.doctor import Verdict, on_this_machine


@dataclass(frozen=True)
class Server:
    endpoint: str = "http://127.0.0.1:4566"
    pid: int = 42
    version: str = __version__


@pytest.mark.parametrize(
    ("free", "verdict"), [(50_000_000_000, Verdict.OK), (1_000_000_000, Verdict.WARN), (1_000_000, Verdict.FAIL)]
)
def test_space(tmp_path: Path, free: int, verdict: Verdict) -> None:
    check = on_this_machine.data_folder(tmp_path / "not" / "yet", usage=lambda _: free)
    assert check.verdict is verdict
    assert "not made yet" in check.found
    assert bool(check.fix) is (verdict is not Verdict.OK)


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check = on_this_machine.data_folder(tmp_path / "file" / "folder")
    assert check.verdict is Verdict.FAIL
    assert "data_dir" in check.fix


def test_the_server() -> None:
    absent = on_this_machine.server(lambda: None)
    assert (absent.verdict, absent.fix) == (Verdict.WARN, "salespipe local start")
    running = on_this_machine.server(Server)
    assert running.verdict is Verdict.OK
    assert "http://127.0.0.1:4566 (pid 42" in running.found


def test_a_server_of_another_version() -> None:
    check = on_this_machine.server(lambda: Server(version="0.0.1"))
    assert check.verdict is Verdict.WARN
    assert "0.0.1" in check.found
    assert "salespipe local stop" in check.fix


def test_any_port() -> None:
    assert on_this_machine.port(0, lambda: None).verdict is Verdict.OK
    assert on_this_machine.port(0, Server).found == "4566, ours"


def test_a_port_of_our_own_and_one_to_come() -> None:
    assert on_this_machine.port(4566, Server).verdict is Verdict.OK
    check = on_this_machine.port(4567, Server)
    assert check.verdict is Verdict.WARN
    assert "salespipe local stop" in check.fix


def test_a_port_that_somebody_else_has() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        check = on_this_machine.port(taken, lambda: None)
        assert check.verdict is Verdict.FAIL
        assert "port = 0" in check.fix
    assert on_this_machine.port(taken, lambda: None).verdict is Verdict.OK
