"""The script that kills loads and holds their ledgers to the table, in short; tests/benchmarks has it in full."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "ledger_kills.py"


def test_a_killed_load_has_recorded_nothing_but_what_happened() -> None:
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), "--kills", "3", "--rate", "600", "--longest", "0.6", "--seed", "4"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "kill 3:" in ended.stdout
    assert "the ledgers claim nothing that the table lacks" in ended.stdout
