"""What happened in a drill, and when: told at once, and kept for the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """Whose doing an entry is."""

    STEP = "step"  # the drill's own way: it deploys, it writes, it waits
    BREAK = "break"  # something is broken on purpose
    SEEN = "seen"  # what anybody can see of it
    HEAL = "heal"  # it is mended, by a means that every user has
    PROOF = "proof"  # what verify says


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened ``seconds`` after the scenario began.

    ``command`` is what a person would have run to do it, or to see it; empty where there is nothing to run.
    """

    seconds: float
    kind: Kind
    text: str
    command: str = ""


@dataclass
class Timeline:
    """The entries of one scenario, in the order of their times; ``tell`` hears of each at once."""

    clock: Callable[[], float]
    tell: Callable[[Entry], object] = lambda _: None
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._began = self.clock()

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return self.clock() - self._began

    def add(self, kind: Kind, text: str, command: str = "") -> None:
        """Something happens now."""
        entry = Entry(self.seconds, kind, text, command)
        self.entries.append(entry)
        self.tell(entry)
