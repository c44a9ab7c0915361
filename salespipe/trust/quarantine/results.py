"""What a replay has done, and what it has under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from salespipe.errors import Exit

_NAMED: Final = 1000

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sent:
    """An event that was put: the ``record`` as which it may fail, its ``event`` ID, and the message it is of."""

    record: str
    event: str
    letter: str = ""
    repaired: bool = False


@dataclass
class Replayed:
    """What became of the records that were chosen.

    ``put`` counts events, of which a message may have several; the others count records: ``delivered``, ``failed``
    again, ``unseen`` within the time, ``skipped`` by the script, ``broken`` where the script could not repair them or
    the stream does not take them, and ``expired`` where the table's stream has forgotten what a message points to. In a
    dry run ``refused`` counts the events that the transform of this version would not take. ``problems`` tell of some
    of these, by ID.
    """

    dry_run: bool
    chosen: int
    put: int = 0
    delivered: int = 0
    failed: int = 0
    unseen: int = 0
    skipped: int = 0
    broken: int = 0
    expired: int = 0
    refused: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def left(self) -> int:
        """How many stay in quarantine; in a dry run, how many would for certain."""
        return self.failed + self.unseen + self.skipped + self.broken + self.expired

    @property
    def exit_code(self) -> Exit:
        """0 all were delivered, or can be put; 3 some; 1 none."""
        if not self.left:
            return Exit.DONE
        return Exit.PARTLY if self.delivered or (self.dry_run and self.put) else Exit.FAILED

    def tell(self, record: str, problem: str) -> None:
        """Keep a problem, as long as there are not too many."""
        if len(self.problems) < _NAMED:
            self.problems.append((record, problem))

    def remark(self, text: str) -> None:
        """Keep a remark, once."""
        if text not in self.remarks:
            self.remarks.append(text)
