"""The two streams of a command: stdout is data, stderr is talk; nothing moves where there is no terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Final, TextIO

import msgspec

from salespipe.errors import Exit, SalespipeError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.status import Status
    from rich.text import Text

PLAIN_EVERY_SECONDS: Final = 5.0
_NO_EDGE: Final = 10_000


class Screen:
    """Where a command's output goes. With ``json`` stdout carries exactly one JSON document, or JSON lines."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json

    @cached_property
    def _out(self) -> Console:
        from rich.console import Console

        # Nothing is folded for a file or another program: only a terminal has an edge.
        return Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else _NO_EDGE)

    @cached_property
    def talk(self) -> Console:
        """The rich console on stderr."""
        from rich.console import Console

        return Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)

    @property
    def width(self) -> int:
        """How many cells a line on stdout may have."""
        return self._out.width if sys.stdout.isatty() else _NO_EDGE

    @property
    def coloured(self) -> bool:
        """Whether stdout takes colours."""
        return sys.stdout.isatty() and self._out.color_system is not None and not self._out.no_color

    @property
    def animated(self) -> bool:
        """Whether something may move: a terminal on stderr, and a person to look at it."""
        return not self.json and _shown(sys.stderr) and self.talk.is_terminal

    @property
    def piped(self) -> bool:
        """Whether stdout is for a program, not for a person: no terminal, or asked for with ``json``."""
        return self.json or not sys.stdout.isatty()

    def data(self, document: object) -> None:
        """Write one JSON document, on a line of its own."""
        print(encode(document).decode(), flush=True)  # noqa: T201 - this is the place that prints

    def indented(self, document: object) -> None:
        """Write one JSON document for people to read, over several lines."""
        self.text(msgspec.json.format(encode(document), indent=2).decode())

    def text(self, text: str) -> None:
        """Write text to stdout as it is, without colour or wrapping."""
        print(text, flush=True)  # noqa: T201

    def show(self, renderable: RenderableType) -> None:
        """Draw a table or chart on stdout."""
        self._out.print(renderable)

    def line(self, text: Text) -> None:
        """Write coloured lines to stdout as they are: the terminal folds them, so that they can be copied whole."""
        self._out.print(text, soft_wrap=True)

    def say(self, text: str, style: str = "") -> None:
        """Tell the person something; scripts that read stdout do not see it."""
        if _shown(sys.stderr):
            self.talk.print(text, style=style or None, markup=False)
        else:
            print(text, file=sys.stderr, flush=True)  # noqa: T201

    def fail(self, error: SalespipeError) -> None:
        """Tell what failed, why, and what mends it; with ``json`` also as a document on stdout."""
        if self.json:
            with suppress(OSError):  # a stdout that has no room: stderr tells the rest
                self.data({"error": {"code": error.code, "message": error.message, "hint": error.hint}})
        interrupted = error.exit_code is Exit.INTERRUPTED
        self._labelled("" if interrupted else "error: ", "bold red", error.message)
        if error.hint:
            self._labelled("  next: " if interrupted else "  fix: ", "bold green", error.hint)

    def _labelled(self, label: str, style: str, text: str) -> None:
        self.talk.print(label, style=style, end="", markup=False)
        self.talk.print(text, markup=False)

    @contextmanager
    def waiting(self, what: str) -> Iterator[Waiting]:
        """Show what is being waited for and since when: a spinner on a terminal, a line now and then elsewhere."""
        wait = Waiting(self, what)
        if not self.animated:
            yield wait
            return
        with self.talk.status(what, spinner="dots") as status:
            wait.status = status
            yield wait


class Waiting:
    """A wait in progress, told about on stderr."""

    def __init__(self, screen: Screen, what: str) -> None:
        self.status: Status | None = None
        self._screen = screen
        self._what = what
        self._began = self._told = time.monotonic()

    def update(self, detail: str) -> None:
        """Say what is happening now."""
        now = time.monotonic()
        line = f"{self._what}: {detail} ({now - self._began:.0f} s)"
        if self.status is not None:
            from rich.markup import escape

            self.status.update(escape(line))
        elif now - self._told >= PLAIN_EVERY_SECONDS:
            self._told = now
            self._screen.say(line)


def _shown(stream: TextIO) -> bool:
    """Whether rich may find a terminal or colours there: to ask it takes as long as to start Python twice."""
    return stream.isatty() or not {"FORCE_COLOR", "TTY_COMPATIBLE"}.isdisjoint(os.environ)


def encode(document: object) -> bytes:
    """Encode as JSON: decimals as numbers with every digit, dataclasses as objects."""
    return msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode(document)
