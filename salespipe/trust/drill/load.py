"""The load of a drill: made-up orders with a ledger, written beside whatever else happens."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from salespipe.errors import SalespipeError
from salespipe.lifecycle.settle import Interrupted, interruptible
from salespipe.load.generate import generate

if TYPE_CHECKING:
    from salespipe.aws import Aws
    from salespipe.ledger import Ledgers
    from salespipe.load.report import Progress, Summary

# The writer gives up by itself when nothing was taken for two minutes.
_PATIENCE: Final = 150.0


class Load:
    """``generate`` in a thread of its own: ``rate`` writes a second for ``seconds``, the same for the same ``seed``."""

    def __init__(self, aws: Aws, ledgers: Ledgers, *, rate: float, seconds: float, seed: int) -> None:
        self.rate, self.seconds, self.seed = rate, seconds, seed
        self.progress: Progress | None = None
        self._ledgers = ledgers
        self._called_off = threading.Event()
        self._aws = aws.waiting_by(interruptible(self._called_off, aws.sleep))
        self._summary: Summary | None = None
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="drill-load", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it still writes."""
        return self._thread.is_alive()

    def end(self) -> Summary:
        """Wait for its end. Raises ``SalespipeError`` where it could not go on, or does not end."""
        self._thread.join(self.seconds + _PATIENCE)
        if self._failure is not None:
            raise self._failure
        if self._summary is None:
            raise SalespipeError("LoadStuck", f"The load does not end: {self.seconds:.0f} s of it were asked for.")
        return self._summary

    def stop(self) -> None:
        """Call it off, whatever it does, and wait for that. Idempotent."""
        self._called_off.set()
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)

    def _run(self) -> None:
        try:
            self._summary = generate(
                self._aws,
                rate=self.rate,
                duration=self.seconds,
                seed=self.seed,
                ledgers=self._ledgers,
                on_progress=self._note,
            )
        except Interrupted:
            pass
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to: end() will
            self._failure = error

    def _note(self, progress: Progress) -> None:
        self.progress = progress
        if self._called_off.is_set():
            raise Interrupted
