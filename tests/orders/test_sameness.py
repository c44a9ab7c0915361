"""The same seed makes the same orders: in another run, in another process, in another version of Python."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2]
# Everything that chance decides: seasons, sales, deliveries, scans and deletes, at an exponent that needs pow().
PROGRAM = """
import hashlib, sys
from itertools import count, islice
sys.path.insert(0, sys.argv[1])
from salespipe.orders import Mix, PROFILES, Rhythm, Shop, default_world

START = 1763769600.0

def digest(profile, mix, rate, number):
    ticks, rhythm = count(), Rhythm.of(PROFILES[profile], start=START)
    shop = Shop(
        7, default_world(), lambda: START + rhythm.due(next(ticks) / rate), mix=mix, zipf=1.1, rhythm=rhythm, pace=rate
    )
    seen = hashlib.sha256()
    for change in islice(shop, number):
        seen.update(repr((change.kind.value, change.item, change.at)).encode())
    seen.update(repr(shop.stock.rows()).encode())
    return seen.hexdigest(), shop.stock.deliveries

for profile in PROFILES:
    print(profile, *digest(profile, Mix(), 50, 6_000), *digest(profile, Mix(10, 85, 5), 200, 6_000))
"""
VERSIONS = [f"3.{minor}" for minor in range(11, 16) if minor != sys.version_info.minor]


def run(python: str, *options: str) -> str:
    return subprocess.run(
        [python, "-B", "-I", "-S", *options, "-c", PROGRAM, str(PACKAGE)], capture_output=True, text=True, check=True
    ).stdout


@cache
def here() -> str:
    return run(sys.executable)


def pythons(version: str) -> Iterator[str]:
    """Where a version may be: on the path, or among pyenv's, whose commands on the path need not run."""
    if found := shutil.which(f"python{version}"):
        yield found
    for folder in sorted(Path.home().glob(f".pyenv/versions/{version}.*")):
        yield str(folder / "bin" / "python")


def works(python: str, version: str) -> bool:
    try:
        told = subprocess.run([python, "-V"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return False
    return re.match(rf"Python {re.escape(version)}\b", told) is not None


def test_another_process_makes_the_same_orders() -> None:
    assert run(sys.executable) == here()
    lines = here().splitlines()
    assert len({line.split()[1] for line in lines}) == 4
    # Deliveries came, so what they changed was the same, too.
    assert all(int(line.split()[2]) > 0 for line in lines)


@pytest.mark.parametrize("version", VERSIONS)
def test_another_version_of_python_makes_the_same_orders(version: str) -> None:
    python = next((python for python in pythons(version) if works(python, version)), None)
    if python is None:
        pytest.skip(f"there is no Python {version} on this machine")
    assert run(python) == here()
