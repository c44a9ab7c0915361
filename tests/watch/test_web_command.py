"""``salespipe watch --web`` in a process of its own, showing a recording."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path

import pytest

from salespipe.orders import Shop
from salespipe.orders.world import default_world
from salespipe.watch.fetched import Opened, Progress, Records
from salespipe.watch.model import Reading
from salespipe.watch.recording import Recording
from stream_events import of_shop

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
# A shell that starts this in the background would have it ignore Ctrl-C.
START = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from salespipe.cli import start; start()"
)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Of 200 changes, one each second from noon on."""
    seconds = count(NOON.timestamp())
    made = Recording(tmp_path / "shop.jsonl")
    made.keep(Opened(NOON, 1, NOON - timedelta(hours=2), "shop", "a recording"))
    until = NOON + timedelta(seconds=200)
    made.keep(Records(until, 1, tuple(islice(of_shop(Shop(7, default_world(), lambda: next(seconds))), 200))))
    made.keep(Progress(until, 1, Reading()))
    made.close()
    return made.path


@pytest.fixture
def command(recording: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    options = ["watch", "--web", "--no-open", "--window", "1h", "--replay", str(recording), "--speed", "1000"]
    running = subprocess.Popen(
        [sys.executable, "-c", START, *options],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate(timeout=10)


def test_it_tells_its_url_serves_the_board_and_ends_well_with_ctrl_c(command: subprocess.Popen[str]) -> None:
    assert command.stderr is not None
    told = command.stderr.readline()
    found = re.fullmatch(r"Live at http://127\.0\.0\.1:(\d+)/\?window=1h for .* Ctrl-C ends it\.\n", told)
    assert found, told
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=20)
    connection.request("GET", "/events?window=1h&channel=web")
    answer = connection.getresponse()
    shown = {"pipeline": ""}
    while not shown["pipeline"] or shown["board"]["events"] < 200:
        line = answer.readline().decode()
        assert line, "the stream ended"
        if line.startswith("data: ") and len(line) > 20:
            shown = json.loads(line.removeprefix("data: "))
    board = shown["board"]
    assert (shown["pipeline"], board["choice"]["channel"]) == ("shop", "web")
    assert [each["name"] for each in board["channels"]] == ["web"]
    assert 0 < board["sales"]["placed"] < 200
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=20)
    assert (command.returncode, out, err) == (0, "", "")
