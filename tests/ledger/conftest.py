"""Ledgers to write to."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger_writes import HEADER, MILLISECONDS
from salespipe.ledger import Header, Ledger

MakeLedger = Callable[..., Ledger]


@pytest.fixture
def make_ledger(tmp_path: Path) -> Iterator[MakeLedger]:
    made: list[Ledger] = []

    def make(name: str = "one.ledger", header: Header = HEADER, **options: Any) -> Ledger:
        made.append(Ledger(tmp_path / name, header, **{"wall": lambda: MILLISECONDS / 1000, **options}))
        return made[-1]

    yield make
    for ledger in made:
        ledger.close()
