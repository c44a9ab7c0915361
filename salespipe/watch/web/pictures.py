"""The newest snapshot as JSON, for whoever waits for it, made once for all who look at the same."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from salespipe.watch.model import Board, Choice, Snapshot

_CHOICES: Final = 64
# A page is drawn at most so often: faster is flicker.
_PACE_SECONDS: Final = 0.25
# Making boards takes at most one part in so many of the time, however many are asked for and whatever they take.
_SHARE: Final = 5
_SLOWEST_SECONDS: Final = 10.0
_LATELY_SECONDS: Final = 30.0


class Pictures:
    """What is shown of the newest snapshot, by choice. ``board`` makes the board of a choice that is not its own.

    Any number of threads may wait; one posts. ``over`` is set at the end. ``clock`` counts seconds.
    """

    def __init__(self, board: Callable[[Choice], Board | None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._board = board
        self._clock = clock
        self._took: dict[Choice, tuple[float, float]] = {}
        self._changed = threading.Condition()
        self._making = threading.Lock()
        self._newest: Snapshot | None = None
        self._number = 0
        self._made: dict[Choice, bytes] = {}
        self.over = threading.Event()

    def post(self, snapshot: Snapshot) -> None:
        """Take a newer snapshot, and wake those who wait."""
        with self._changed:
            self._newest = snapshot
            self._number += 1
            self._made = {}
            self._changed.notify_all()

    def end(self) -> None:
        """Say that there will be no more."""
        with self._changed:
            self.over.set()
            self._changed.notify_all()

    @property
    def pace(self) -> float:
        """Seconds that a page lets pass before it asks again."""
        since = self._clock() - _LATELY_SECONDS
        with self._making:
            self._took = {choice: (at, took) for choice, (at, took) in self._took.items() if at >= since}
            lately = sum(took for _, took in self._took.values())
        return min(_SLOWEST_SECONDS, max(_PACE_SECONDS, _SHARE * lately))

    def after(self, number: int, choice: Choice, timeout: float) -> tuple[int, bytes] | None:
        """The newest snapshot and its number, which is above ``number``; None after ``timeout`` seconds or at the end.

        Of a choice that no board can be made of now, the last snapshot's own board is in it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.over.is_set() or self._number > number, timeout)
            if self.over.is_set() or self._number <= number or self._newest is None:
                return None
            snapshot, at, made = self._newest, self._number, self._made
        with self._making:  # a second one who looks at the same finds it made
            if choice not in made and len(made) < _CHOICES:
                began = self._clock()
                made[choice] = self._drawn(snapshot, choice)
                self._took[choice] = (began, self._clock() - began)
            return at, made.get(choice) or self._drawn(snapshot, choice)

    def _drawn(self, snapshot: Snapshot, choice: Choice) -> bytes:
        if snapshot.board.choice != choice and (board := self._board(choice)) is not None:
            snapshot = msgspec.structs.replace(snapshot, board=board)
        return msgspec.json.encode(snapshot)
