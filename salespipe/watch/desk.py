"""The desk: what was fetched comes in, a picture of it goes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from salespipe.watch.fetched import Fetched, Measured, Opened, Progress, Records, Stocked
from salespipe.watch.model import Board, Choice, Failure, Reading, Snapshot


class Books(Protocol):
    """What counts: ``salespipe.watch.tally.Tally``."""

    def feed(self, records: Sequence[bytes]) -> None:
        """Count the data of Kinesis records."""

    def stock(self, products: Iterable[Mapping[str, Any]]) -> None:
        """Take the reference data."""

    def board(self, now: datetime, choice: Choice, *, filled_since: datetime) -> Board:
        """What it comes to."""


class Desk:
    """Keeps the books of each run, and shows those of the one that was read to the end of the stream last.

    ``books`` makes them for the name of the table's partition key. Of two runs the later one begins further back. Until
    it has caught up the earlier one is shown, if it has anything.
    """

    def __init__(self, books: Callable[[str], Books]) -> None:
        self._new = books
        self._key = "orderid"
        self._runs: dict[int, Books] = {}
        self._since: dict[int, datetime] = {}
        self._readings: dict[int, Reading] = {}
        self._shown: int | None = None
        self._measured: Measured | None = None
        self._rows: tuple[Mapping[str, Any], ...] = ()
        self._pipeline = self._where = ""

    def take(self, event: Fetched) -> None:
        """Take in what was fetched. What belongs to a run that is over is dropped."""
        match event:
            case Opened():
                self._open(event)
            case Records() if event.run in self._runs:
                self._runs[event.run].feed(event.data)
            case Progress() if event.run in self._runs:
                self._readings[event.run] = event.reading
                if not event.reading.filling:
                    self._show(event.run)
            case Measured():
                self._measured = event
            case Stocked():
                self._rows = event.rows
                for books in self._runs.values():
                    books.stock(event.rows)
            case _:
                pass

    def snapshot(self, now: datetime, choice: Choice, failure: Failure | None = None) -> Snapshot:
        """The picture of a moment."""
        measured = self._measured
        return Snapshot(
            at=now,
            pipeline=self._pipeline,
            where=self._where,
            flow=measured.flow if measured else None,
            reading=self._reading(),
            board=self.board(now, choice) or self._new(self._key).board(now, choice, filled_since=now),
            objects=measured.objects if measured else None,
            quarantined=measured.quarantined if measured else None,
            failure=failure,
        )

    def board(self, now: datetime, choice: Choice) -> Board | None:
        """The business alone; None while no stream was read."""
        if self._shown is None:
            return None
        return self._runs[self._shown].board(now, choice, filled_since=self._since[self._shown])

    def _open(self, event: Opened) -> None:
        if self._where and (event.pipeline, event.where) != (self._pipeline, self._where):
            self._measured = None
        self._pipeline, self._where = event.pipeline, event.where
        for run in [run for run in self._runs if run != self._shown]:
            self._drop(run)  # which was to be shown next, and need not any more
        self._key = event.key
        books = self._new(event.key)
        if self._rows:
            books.stock(self._rows)
        self._runs[event.run], self._since[event.run] = books, event.since
        if self._shown is None or event.fresh:
            self._show(event.run)

    def _show(self, run: int) -> None:
        for each in [each for each in self._runs if each < run]:
            self._drop(each)
        self._shown = run

    def _drop(self, run: int) -> None:
        del self._runs[run], self._since[run]
        self._readings.pop(run, None)

    def _reading(self) -> Reading:
        """How the run is getting on that is shown; while another is to follow, how far that one is."""
        if self._shown not in self._readings:
            return Reading(filling=True)
        shown, last = self._readings[self._shown], max(self._runs)
        if last == self._shown:
            return shown
        behind = self._readings.get(last)
        return msgspec.structs.replace(shown, filling=True, read_to=behind.read_to if behind else self._since[last])
