"""The shell as a person meets it: a real terminal, the real command, the local AWS."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import asked

pytestmark = pytest.mark.long

MANY = "unnest(sequence(1, 10000))"
SLOW = f"SELECT count(*) FROM {MANY} a(x), {MANY} b(y), {MANY} c(z) WHERE x * y + z = 7;"


class Terminal:
    """A pseudo-terminal with the shell in it."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.ours, theirs = pty.openpty()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SALESPIPE_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "salespipe.cli.main", "query", "--shell"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env=kept | {"SALESPIPE_HOME": str(home), "TERM": "xterm", "PAGER": "", "COLUMNS": "120", "LINES": "40"},
            start_new_session=True,
            # Opening it makes it the controlling terminal, so that Ctrl-C is a signal.
            preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # noqa: PLW1509 - no thread runs here
        )
        os.close(theirs)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def until(self, expected: str, seconds: float = 60) -> str:
        """Read until a text comes; what came before it, without what only moves the cursor or colours."""
        end = time.monotonic() + seconds
        while expected not in self.seen:
            ready, _, _ = select.select([self.ours], [], [], max(0, end - time.monotonic()))
            assert ready, f"{expected!r} did not come; there was {self.seen!r}"
            data = os.read(self.ours, 65536).decode(errors="replace")
            if "\x1b[6n" in data:  # prompt_toolkit asks where the cursor is
                os.write(self.ours, b"\x1b[1;1R")
            self.seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r", "", data)
        before, _, self.seen = self.seen.partition(expected)
        return before


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    with asked.running(tmp_path / "home"):
        made = Terminal(tmp_path / "home", tmp_path)
        yield made
        made.process.kill()
        made.process.wait()
        os.close(made.ours)


def test_a_session_at_a_terminal(terminal: Terminal, tmp_path: Path) -> None:
    terminal.until("tells the commands")
    terminal.until("salespipe>")
    terminal.type("SELECT 40 + 2\r")
    terminal.until("->")
    terminal.type("AS answer;\r")
    terminal.until("1 row")
    terminal.until("salespipe>")
    terminal.type("SELECT FROM x;\r")
    terminal.until("fix: Correct the SQL")
    terminal.until("salespipe>")
    terminal.type(f"{SLOW}\r")
    terminal.until("running")
    terminal.type("\x03")
    terminal.until("cancelled on the server too")
    terminal.until("salespipe>")
    terminal.type("half a statement\x03")
    terminal.until("salespipe>")
    terminal.type("SELECT 'still ' || 'here';\r")
    terminal.until("still here")
    terminal.until("salespipe>")
    terminal.type("\x04")
    assert terminal.process.wait(30) == 0
    history = tmp_path / "home" / "shell" / "history"
    assert "still" in history.read_text()
    assert history.stat().st_mode & 0o777 == 0o600


def test_without_a_terminal_it_says_so(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "salespipe.cli.main", "query", "--shell"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "SALESPIPE_HOME": str(tmp_path)},
        check=False,
    )
    assert told.returncode == 2
    assert "needs a terminal" in told.stderr
    assert not told.stdout
