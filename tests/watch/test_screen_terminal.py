"""At a real terminal: what is written to it, which signals it takes, and how it is left."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salespipe.errors import SalespipeError
from salespipe.view.screen import Screen
from salespipe.watch.model import Choice
from salespipe.watch.terminal import run

CHILD = Path(__file__).parents[1] / "support" / "screen_child.py"
SECONDS = 30.0


class Seat:
    """A terminal of 80x24 and the program at it."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(80, 24)
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        env = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "LC_ALL", "LC_CTYPE"}}
        self.process = subprocess.Popen(
            [sys.executable, str(CHILD), *arguments],
            stdin=self.slave,
            stdout=self.slave,
            stderr=subprocess.PIPE,
            env=env | {"TERM": "xterm-256color", "LANG": "en_US.UTF-8", "PYTHONUTF8": "1"} | environ,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - one thread, one system call
        )

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def until(self, wanted: str) -> str:
        """What is written up to there; the test fails where it does not come."""
        end = time.monotonic() + SECONDS
        while wanted not in self.text:
            assert time.monotonic() < end, f"no {wanted!r} in {self.text!r}"
            self._read(0.2)
        at = self.text.index(wanted) + len(wanted)
        found, self.text = self.text[:at], self.text[at:]
        return found

    def rest(self) -> str:
        while self._read(0.3):
            pass
        found, self.text = self.text, ""
        return found

    def _read(self, seconds: float) -> bool:
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        self.text += os.read(self.master, 65536).decode(errors="replace")
        return True

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def ended(self) -> tuple[int, str]:
        """The exit code and what it said at last; the terminal is as it was."""
        end = time.monotonic() + SECONDS
        while self.process.poll() is None:
            assert time.monotonic() < end
            self._read(0.1)
        assert termios.tcgetattr(self.slave) == self.before
        return self.process.returncode, self.process.stderr.read().decode() if self.process.stderr else ""

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.communicate()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def seat() -> Iterator[Any]:
    seats: list[Seat] = []

    def sit(*arguments: str, **environ: str) -> Seat:
        seats.append(Seat(*arguments, **environ))
        return seats[-1]

    yield sit
    for each in seats:
        each.close()


def left(text: str) -> None:
    """The other screen is left, the cursor is back, and the last picture is on the first screen, without keys."""
    after = text.rpartition("\x1b[?1049l")[2]
    assert "\x1b[?25h" in text.rpartition("\x1b[?1049l")[0].rpartition("\x1b[?25l")[2]
    assert "\x1b[?7h" in text
    assert "Nordic Webcam" in after
    assert "quit" not in after
    assert "\x1b[?" not in after


def test_it_takes_the_other_screen_and_gives_it_back(seat: Any) -> None:
    at = seat()
    assert "\x1b[?1049h\x1b[?25l" in at.until("quit")
    mode = termios.tcgetattr(at.slave)[3]
    assert not mode & (termios.ECHO | termios.ICANON)
    at.type("q")
    code, said = at.ended()
    assert (code, said) == (0, "ended well\n")
    left(at.rest())


def test_keys_are_followed_and_only_lines_that_changed_are_written(seat: Any) -> None:
    at = seat()
    first = at.until("quit") + at.rest()
    at.type("\x1b[B")
    moved = at.rest()
    assert "▸Classic Knife" in re.sub(r"\x1b\[[0-9;]*m", "", moved)
    assert len(re.findall(r"\x1b\[\d+;1H", first)) == 24
    assert len(re.findall(r"\x1b\[\d+;1H", moved)) <= 3
    at.type("1")
    at.until("last minute")
    at.type("/knife\r")
    at.until("with knife")
    at.rest()
    assert at.rest() == ""  # nothing is new, so nothing is written
    at.type("\x1b")
    at.until("all orders")
    at.type("\x03")
    assert at.ended()[0] == 0


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131)]
)
def test_signals_end_it_with_the_terminal_as_it_was(seat: Any, number: signal.Signals, code: int) -> None:
    at = seat("threads")
    at.until("quit")
    at.process.send_signal(number)
    assert at.ended()[0] == code
    assert "\x1b[?25h\x1b[?1049l" in at.rest()


def test_it_stops_and_goes_on(seat: Any) -> None:
    at = seat("threads")
    at.until("quit")
    at.rest()
    at.process.send_signal(signal.SIGTSTP)
    at.until("\x1b[?1049l")
    # A process in a session of its own has no shell to stop for: it goes on at once.
    at.until("\x1b[?1049h")
    at.until("quit")
    at.process.send_signal(signal.SIGSTOP)
    os.waitpid(at.process.pid, os.WUNTRACED)
    termios.tcsetattr(at.slave, termios.TCSANOW, at.before)  # as a shell does
    at.process.send_signal(signal.SIGCONT)
    at.until("\x1b[?1049h")
    at.until("quit")
    assert not termios.tcgetattr(at.slave)[3] & termios.ICANON
    at.type("q")
    assert at.ended()[0] == 0


def test_it_has_the_size_of_the_terminal(seat: Any) -> None:
    at = seat()
    at.until("quit")
    at.rest()
    at.resize(120, 40)
    at.until("largest baskets")
    at.resize(40, 10)
    assert "40x10 is too small" in at.until("needed")
    at.resize(80, 24)
    at.until("quit")
    at.type("q")
    assert at.ended()[0] == 0


def test_without_colours_there_are_none(seat: Any) -> None:
    at = seat(NO_COLOR="1")
    text = at.until("quit")
    assert set(re.findall(r"\x1b\[([0-9;]*)m", text)) <= {"0", "1", "2", "7", "1;7"}
    at.type("q")
    at.ended()


def test_without_unicode_there_is_none(seat: Any) -> None:
    at = seat(LC_ALL="C")
    assert at.until("quit").isascii()
    at.type("q")
    at.ended()
    assert at.rest().isascii()


def test_a_terminal_that_knows_nothing_gets_pictures_one_after_the_other(seat: Any) -> None:
    at = seat(TERM="dumb")
    text = at.until("Nordic Headphones")
    assert "\x1b" not in text
    assert "quit" not in text
    at.process.send_signal(signal.SIGINT)
    assert at.ended() == (0, "ended well\n")


def test_where_there_is_no_terminal_it_says_what_to_do() -> None:
    with pytest.raises(SalespipeError, match="needs a terminal") as raised:
        run(Screen(), object(), Choice())  # type: ignore[arg-type]
    assert "--once" in raised.value.hint
