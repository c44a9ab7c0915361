"""Which rows of a file are in the table already: read from the ledgers of the replays before this one.

A row that was on its way when a replay was killed is in no ledger, and is written once more. That changes nothing
downstream: DynamoDB makes no stream record of a PutItem that changes nothing (developer guide, "Change data capture for
DynamoDB Streams").
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from salespipe.errors import SalespipeError

if TYPE_CHECKING:
    from salespipe.ledger import Ledgers
    from salespipe.load.mapping import Plan
    from salespipe.load.source import Source

COMMAND: Final = "replay"
# More than any file has.
MAX_LINE: Final = 1 << 36


class LineSet:
    """A set of line numbers, a bit for each."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def __contains__(self, line: int) -> bool:
        byte, bit = divmod(line, 8)
        return byte < len(self._bits) and bool(self._bits[byte] >> bit & 1)

    def add(self, line: int) -> None:
        """Add a number from 0 to ``MAX_LINE``; others are left out."""
        if 0 <= line < MAX_LINE:
            byte, bit = divmod(line, 8)
            if byte >= len(self._bits):
                self._bits.extend(bytes(byte + 1 - len(self._bits)))
            self._bits[byte] |= 1 << bit


def fingerprint(source: Source, plan: Plan) -> str:
    """What makes two replays into one table the same: the file's content, and what becomes of its columns."""
    columns = [[column.source, column.attribute, column.type] for column in plan.columns]
    text = json.dumps([source.digest(), columns])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def earlier(ledgers: Ledgers, mark: str, *, restart: bool) -> tuple[LineSet, str]:
    """The rows that earlier replays of that fingerprint have written, and the source that this one's ledger names.

    To ``restart`` is to begin a new series of replays, which knows nothing of those before. Raises ``SalespipeError``
    when another process is at the same replay.
    """
    readings, _ = ledgers.of_table()
    series: dict[int, LineSet] = {0: LineSet()}
    for reading in readings:
        name, _, number = reading.header.source.partition(" ")[0].partition("#")
        if reading.header.command != COMMAND or name != mark:
            continue
        if reading.running:
            raise SalespipeError(
                "ReplayRunning",
                "Another process is replaying this file into this table.",
                hint="Wait for it to end; what it has written will not be written again.",
            )
        lines = series.setdefault(int(number or 0), LineSet())
        for entry in reading:
            lines.add(entry.line)
    last = max(series)
    return (LineSet(), f"{mark}#{last + 1}") if restart else (series[last], f"{mark}#{last}")
