"""The terminal itself: keys one by one without an echo, pictures on its other screen, and all as it was after."""

from __future__ import annotations

import os
import select
import sys
import termios
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TextIO

from rich.color import ColorSystem
from rich.console import Console

from salespipe.watch.terminal.keys import Decoder
from salespipe.watch.terminal.lines import STYLES

if TYPE_CHECKING:
    from salespipe.watch.terminal.lines import Picture, Span

# The other screen, no cursor, no wrapping at the edge; and back (ctlseqs of xterm, DEC private modes).
_ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
_LEAVE: Final = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
# A terminal that knows synchronized output (mode 2026) shows a picture in one piece; others ignore it.
_BEGIN: Final = "\x1b[?2026h"
_END: Final = "\x1b[?2026l"
# Seconds after which an Escape that nothing has followed was the key.
_ALONE: Final = 0.05


def has_unicode(out: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether there is more than ASCII: by the encoding, and by the locale, since Python encodes UTF-8 in C's, too."""
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    if locale == "C.UTF-8" and not environ.get("LC_ALL"):
        locale = environ.get("LANG") or locale  # Python has put it there (PEP 538)
    return locale not in {"C", "POSIX"} and (out.encoding or "").lower().replace("-", "").startswith("utf")


class Terminal:
    """A terminal to read keys from and to paint on, between ``enter`` and ``leave``; both may be called again.

    ``wake`` is a file descriptor that ends a wait when there is something to read from it.
    """

    def __init__(self, out: TextIO, wake: int) -> None:
        self._out = out
        self._wake = wake
        self._console = Console(file=out, highlight=False)
        self._keys: int | None = _keyboard()
        self._saved = None if self._keys is None else termios.tcgetattr(self._keys)
        self._decoder = Decoder()
        self._painted: list[tuple[Span, ...]] = []
        self._size = (0, 0)
        self._codes = {name: self._code(name) for name in STYLES}

    def _code(self, name: str) -> tuple[str, str]:
        if self._console.color_system is None and not self._console.no_color:
            return "", ""
        style = STYLES[name].without_color if self._console.no_color else STYLES[name]
        start, _, end = style.render("\0", color_system=ColorSystem.STANDARD).partition("\0")
        return start, end

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, as of now."""
        with suppress(OSError):
            width, height = os.get_terminal_size(self._out.fileno())
            if width and height:
                return width, height
        return 80, 24

    def enter(self) -> None:
        """Take the terminal over. What it shows has to be painted anew."""
        if self._keys is not None:
            mode = termios.tcgetattr(self._keys)
            mode[0] &= ~(termios.IXON | termios.ICRNL)
            mode[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._keys, termios.TCSADRAIN, mode)
        self.forget()
        self._write(_ENTER)

    def leave(self) -> None:
        """Give it back as it was. Keys that nobody has read are gone."""
        with suppress(OSError, ValueError):  # where it is gone there is nothing to give back
            self._write(_LEAVE)
        if self._keys is not None and self._saved is not None:
            with suppress(termios.error):
                termios.tcsetattr(self._keys, termios.TCSAFLUSH, self._saved)

    def forget(self) -> None:
        """Paint everything the next time."""
        self._painted = []

    def keys(self, seconds: float) -> list[str]:
        """The keys that are pressed within some seconds; returns with the first, or when woken."""
        wait = _ALONE if self._decoder.holds else seconds
        sources = [self._wake] if self._keys is None else [self._wake, self._keys]
        ready, _, _ = select.select(sources, [], [], wait)
        if self._wake in ready:
            os.read(self._wake, 4096)
        if self._keys is None or self._keys not in ready:
            return self._decoder.flush() if self._decoder.holds and not ready else []
        try:
            data = os.read(self._keys, 4096)
        except OSError:
            data = b""
        # At the end of its input a terminal is gone.
        return self._decoder.feed(data) if data else ["ctrl-c"]

    def paint(self, picture: Picture) -> None:
        """Put a picture on the screen: the lines of it that are others than those that are there."""
        size = (picture.width, len(picture.lines))
        text = "" if size == self._size and self._painted else "\x1b[2J"
        if text:
            self._painted = []
        self._size = size
        for number, line in enumerate(picture.lines):
            if number >= len(self._painted) or self._painted[number] != line:
                text += f"\x1b[{number + 1};1H{self._ansi(line)}"
        self._painted = list(picture.lines)
        if text:
            self._write(f"{_BEGIN}{text}{_END}")

    def print(self, picture: Picture) -> None:
        """Leave a picture among the other output."""
        with suppress(OSError, ValueError):
            self._console.print(picture, end="")

    def _ansi(self, line: tuple[Span, ...]) -> str:
        codes = self._codes
        return "".join(f"{codes[style][0]}{text}{codes[style][1]}" for text, style in line)

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _keyboard() -> int | None:
    """Where keys come from: standard input, or the terminal itself where that is something else."""
    if sys.stdin is not None and sys.stdin.isatty():
        return sys.stdin.fileno()
    try:
        return os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return None
