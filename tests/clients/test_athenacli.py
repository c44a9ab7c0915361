"""athenacli, a terminal for Athena, as a user runs it: a configuration file in the home, a query on the line."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = shutil.which("athenacli")

pytestmark = [
    pytest.mark.skipif(
        PROGRAM is None,
        reason="athenacli is not on PATH: .ci/run installs it in a virtual environment of its own, "
        "since it cannot share one with salespipe[clients]",
    ),
    pytest.mark.usefixtures("environment"),
]

CONFIGURATION = """
[aws_profile default]
aws_access_key_id = anyone
aws_secret_access_key = anything
region = us-east-1
s3_staging_dir = s3://clients-lake/results/

[main]
log_file = ~/app.log
history_file = ~/history
log_level = INFO
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def athenacli(lake: str, tmp_path: Path) -> Run:
    """Runs a query; the endpoint comes from the environment, since the configuration has no place for one."""
    file = tmp_path / "athenaclirc"
    file.write_text(CONFIGURATION, encoding="utf-8")

    def run(sql: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(PROGRAM), "--athenaclirc", str(file), *words, "-e", sql, lake],
            cwd=tmp_path,
            # It has packages of its own: none of those that this process was given.
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return run


def test_a_query_prints_its_rows(athenacli: Run) -> None:
    done = athenacli("SELECT orderid, quantity, dt FROM orders ORDER BY orderid")
    assert done.returncode == 0, done.stderr
    assert list(csv.reader(done.stdout.splitlines())) == [
        ["orderid", "quantity", "dt"],
        ['o "4", more', "", "2026-01-02"],
        ["o-1", "2", "2026-01-01"],
        ["o-2", "1", "2026-01-01"],
        ["o-3", "5", "2026-01-02"],
    ]


def test_a_table_for_the_eye(athenacli: Run) -> None:
    done = athenacli("SELECT region, sum(price) AS money FROM orders GROUP BY 1 ORDER BY 1", "--table-format", "ascii")
    assert done.returncode == 0, done.stderr
    assert "| region | money  |" in done.stdout
    assert "| west   | <null> |" in done.stdout


def test_a_mistake_is_told_in_athenas_words(athenacli: Run) -> None:
    done = athenacli("SELECT nope FROM orders")
    assert "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved" in done.stdout + done.stderr
