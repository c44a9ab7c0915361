"""The scripts that prove that nothing is lost, in short; tests/benchmarks has them in full."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "benchmarks"


def run(script: str, *options: str) -> str:
    ended = subprocess.run(
        [sys.executable, str(SCRIPTS / script), *options], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_every_acknowledged_order_is_queryable_after_kills_under_load() -> None:
    said = run("kills.py", "--kills", "2", "--rate", "200", "--longest", "0.8", "--seed", "3")
    assert "kill 2:" in said
    assert "nothing was lost" in said


def test_writers_at_once_lose_no_record_in_any_hop() -> None:
    said = run("writers.py", "--writers", "8", "--seconds", "2")
    assert said.count(" 0 missing, 0 duplicates") == 5
