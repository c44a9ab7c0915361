"""Books of a live picture that only count what they are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from salespipe.watch.model import Board, Choice


class Counted:
    """``events`` on its board are the records, and ``unreadable`` the products."""

    def __init__(self, _: str) -> None:
        self.records: list[bytes] = []
        self.products = 0

    def feed(self, records: Sequence[bytes]) -> None:
        self.records += records

    def stock(self, products: Iterable[Mapping[str, Any]]) -> None:
        self.products = len(list(products))

    def board(self, now: datetime, choice: Choice, *, filled_since: datetime) -> Board:
        return Board(
            choice=choice,
            basis="created_at",
            since=choice.window.since(now),
            until=now,
            filled_since=filled_since,
            events=len(self.records),
            unreadable=self.products,
        )
