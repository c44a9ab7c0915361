"""Where a scenario takes place: an AWS of its own, with what a failure may do to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from salespipe.trust.drill.timeline import Kind, Timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from salespipe.aws import Aws
    from salespipe.config import Config
    from salespipe.ledger import Ledgers
    from salespipe.trust.drill.flooding import Flood


class Ground(Protocol):
    """The local AWS of one scenario, which nothing else uses."""

    def start(self) -> Aws:
        """Start it, or start it again at the same address. Raises ``SalespipeError``."""
        ...

    def kill(self) -> int:
        """End its process as ``kill -9`` does; its ID."""
        ...

    def configure(self, change: Callable[[Config], Config]) -> Aws:
        """Change its configuration file, and reach it by that."""
        ...

    def ledgers(self, aws: Aws) -> Ledgers:
        """Where what is written is recorded."""
        ...


@dataclass
class Place:
    """What a scenario works on. A ``flood`` that it has begun ends with it, whatever happens."""

    ground: Ground
    aws: Aws
    timeline: Timeline
    flood: Flood | None = None

    def leave(self) -> None:
        """End what runs beside."""
        if self.flood:
            self.flood.stop()

    def broke(self, text: str, command: str = "") -> None:
        """Tell what was just broken."""
        self.timeline.add(Kind.BREAK, text, command)

    def healed(self, text: str, command: str = "") -> None:
        """Tell what was just mended."""
        self.timeline.add(Kind.HEAL, text, command)
