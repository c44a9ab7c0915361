"""Which keys are in the bytes that a terminal sends."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Final

# xterm's sequences, as ECMA-48 terminals of today send them in normal and in application mode (ctlseqs of xterm).
_SEQUENCES: Final = {
    "[A": "up",
    "[B": "down",
    "[C": "right",
    "[D": "left",
    "OA": "up",
    "OB": "down",
    "OC": "right",
    "OD": "left",
    "[H": "home",
    "[F": "end",
    "OH": "home",
    "OF": "end",
    "[1~": "home",
    "[4~": "end",
    "[7~": "home",
    "[8~": "end",
    "[5~": "pageup",
    "[6~": "pagedown",
    "[3~": "delete",
    "[Z": "backtab",
    "OP": "f1",
    "[11~": "f1",
}
_CONTROLS: Final = {
    "\r": "enter",
    "\n": "enter",
    "\t": "tab",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x03": "ctrl-c",
    "\x04": "ctrl-c",
    "\x0c": "ctrl-l",
    "\x15": "ctrl-u",
    "\x1a": "ctrl-z",
}
_ESCAPE: Final = "\x1b"


class Decoder:
    """Keys out of bytes as they come in. What begins like a sequence is kept until the rest is there."""

    def __init__(self) -> None:
        self._text = codecs.getincrementaldecoder("utf-8")(errors="ignore")
        self._held = ""

    @property
    def holds(self) -> bool:
        """Whether there is the beginning of a sequence, which may be the Escape key alone: see ``flush``."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[str]:
        """The keys that are complete now: their names, or the character itself."""
        self._held += self._text.decode(data)
        return list(self._keys())

    def flush(self) -> list[str]:
        """The keys that are held, when nothing has followed for a while: Escape was pressed."""
        held, self._held = self._held, ""
        return ["escape"] if held == _ESCAPE else []

    def _keys(self) -> Iterator[str]:
        while self._held:
            first = self._held[0]
            if first != _ESCAPE:
                self._held = self._held[1:]
                key = _CONTROLS.get(first, first)
                if key.isprintable():
                    yield key
                continue
            length = _length(self._held)
            if length is None:
                return
            sequence, self._held = self._held[1:length], self._held[length:]
            if not sequence:
                yield "escape"
            elif sequence in _SEQUENCES:
                yield _SEQUENCES[sequence]


def _length(text: str) -> int | None:
    """How long the sequence at the beginning is; None where its end is still to come."""
    if len(text) == 1:
        return None
    if text[1] == "[":
        return next((at + 1 for at, each in enumerate(text[2:], 2) if "@" <= each <= "~"), None)
    if text[1] == "O":
        return 3 if len(text) > 2 else None
    return 1  # Escape, and then another key
