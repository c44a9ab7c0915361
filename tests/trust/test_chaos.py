"""Where nothing was planted nothing is found, whatever chaos has written."""

from __future__ import annotations

import random
from typing import Any

import pytest

from salespipe.errors import Exit
from salespipe.load.generate import generate
from salespipe.load.troubles import SHARES
from salespipe.query.crawl import crawl


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_chaos_is_no_fault(finished: Any, seed: int) -> None:
    """More chaos each time, a third of all writes, and every kind of it."""
    chance = random.Random(seed)  # noqa: S311 - the same test each time
    shares = {trouble: min(0.06, share * 3) * chance.uniform(0.5, 1) for trouble, share in SHARES.items()}
    written = generate(finished.aws, rate=400.0, count=600, seed=seed, chaos=shares, ledgers=finished.ledgers)
    crawl(finished.aws)
    report = finished.verify()
    assert [(each.kind, each.stage, each.order, each.detail) for each in report.findings.listed] == []
    assert (report.partly, report.exit_code) == ([], Exit.DONE)
    assert written.acknowledged > 500
    assert len(written.chaos) > 8
