"""The command: one picture, lines of JSON, recordings, and what does not go together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prompt import Shop

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.lifecycle import up
from salespipe.local import daemon
from salespipe.pipeline import pipeline

pytestmark = pytest.mark.long


def deploy(aws: Aws) -> None:
    for _ in up(aws, pipeline(aws)):
        pass


def arrive(aws: Aws, count: int = 3, *, first: int = 0) -> None:
    """Orders in the stream, as a pipe passes them on."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for number in range(first, first + count):
        image = {
            "orderid": {"S": f"o-{number}"},
            "product_id": {"S": "p-1"},
            "product_name": {"S": "Tea"},
            "region": {"S": "north"},
            "quantity": {"N": "2"},
            "price": {"N": "4.50"},
            "status": {"S": "paid"},
            "created_at": {"S": now},
        }
        change = {
            "ApproximateCreationDateTime": time.time(),
            "Keys": {"orderid": {"S": f"o-{number}"}},
            "NewImage": image,
            "SequenceNumber": str(1000 + number),
            "StreamViewType": "NEW_IMAGE",
        }
        event = {"eventID": f"e-{number}", "eventName": "INSERT", "dynamodb": change}
        aws.client("kinesis").put_record(
            StreamName=aws.names.stream, Data=json.dumps(event).encode(), PartitionKey=f"o-{number}"
        )


def test_one_picture_for_scripts(aws: Aws, shop: Shop) -> None:
    deploy(aws)
    arrive(aws)
    told = shop.json("watch", "--once", "--window", "5m")
    assert told["board"]["sales"]["orders"] == 3
    assert told["board"]["sales"]["revenue"] == 27.0
    assert told["board"]["choice"]["window"] == "5m"
    assert (told["pipeline"], told["failure"]) == (aws.config.name, None)
    assert not told["reading"]["filling"]


def test_one_picture_for_people(aws: Aws, shop: Shop) -> None:
    deploy(aws)
    arrive(aws)
    told = shop.run("watch", "--once")
    assert "Tea" in told
    assert "27.00" in told
    assert "\x1b" not in told


def test_without_a_stream_it_says_so_and_exits_4(aws: Aws, shop: Shop) -> None:
    shop.run("watch", "--once", expect=4)
    assert "salespipe up" in shop.err
    assert shop.json("watch", "--once", expect=4)["error"]["code"] == "NotDeployed"


@pytest.mark.parametrize("name", ["shown.jsonl", "shown.jsonl.gz"])
def test_what_was_recorded_is_shown_again(aws: Aws, shop: Shop, name: str) -> None:
    deploy(aws)
    arrive(aws)
    seen = shop.json("watch", "--once", "--record", name)
    assert name in shop.err
    arrive(aws, 2, first=3)
    again = shop.json("watch", "--once", "--replay", name)
    assert again["board"]["sales"] == seen["board"]["sales"]
    assert again["pipeline"] == seen["pipeline"]


def test_a_recording_becomes_lines_of_json_and_ends(aws: Aws, shop: Shop) -> None:
    deploy(aws)
    arrive(aws)
    shop.run("watch", "--once", "--record", "shown.jsonl")
    lines = shop.run("watch", "--replay", "shown.jsonl", "--every", "0.1", "--speed", "100").splitlines()
    assert json.loads(lines[-1])["board"]["sales"]["orders"] == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--web", "--once"], "--web does not go with --once"),
        (["--record", "a", "--replay", "b"], "--record does not go with --replay"),
        (["--port", "80"], "go with --web"),
        (["--no-open"], "go with --web"),
        (["--speed", "2"], "--speed goes with --replay"),
        (["--efo", "--replay", "b"], "--efo does not go with --replay"),
        (["--window", "2m"], "'2m' is not one of"),
        (["--by", "updated_at"], "'updated_at' is not one of"),
        (["--every", "0"], "--every"),
        (["--replay", "missing"], "missing cannot be read"),
        (["--record", "salespipe.toml"], "it is there already"),
    ],
)
def test_what_makes_no_sense_is_refused(shop: Shop, words: list[str], said: str) -> None:
    shop.run("watch", *words, expect=2)
    assert said in shop.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_with_0(tmp_path: Path, number: signal.Signals) -> None:
    """In a process of its own, since a signal is for all of it: a recording is shown, which needs no AWS."""
    recorded = tmp_path / "shown.jsonl"
    now = datetime.now(UTC).isoformat()
    opened = {"type": "opened", "at": now, "run": 1, "since": now, "pipeline": "p", "where": "w"}
    later = {**opened, "run": 2, "at": "2999-01-01T00:00:00Z"}
    recorded.write_text(json.dumps(opened) + "\n" + json.dumps(later) + "\n")
    environment = {**os.environ, "SALESPIPE_HOME": str(tmp_path / "home")}
    words = [sys.executable, "-m", "salespipe.cli.main", "watch", "--replay", str(recorded), "--every", "0.1"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert json.loads(first)["pipeline"] == "p"
    assert (process.returncode, err) == (0, "")


class Following:
    """The command in a process of its own, writing lines of JSON."""

    def __init__(self, home: Path) -> None:
        words = [sys.executable, "-m", "salespipe.cli.main", "watch", "--json", "--every", "0.2"]
        self.process = subprocess.Popen(
            words,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=home,
            env={**os.environ, "SALESPIPE_HOME": str(home / "aws"), "SALESPIPE_TARGET": "local"},
        )

    def until(self, wanted: Callable[[Any], bool]) -> Any:
        """The first line that is as wanted."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            line = json.loads(self.process.stdout.readline())
            if wanted(line):
                return line
        pytest.fail("no such line within 60 s")

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=30)
        return self.process.returncode


def test_the_local_aws_is_killed_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "aws"
    server = daemon.start(folder, 0)
    following = None
    try:
        local = Aws(Config(), endpoint=server.endpoint)
        deploy(local)
        put(local, "o-1")
        following = Following(tmp_path)
        seen = following.until(lambda line: line["board"]["sales"]["orders"] == 1)
        assert seen["failure"] is None
        os.kill(server.pid, signal.SIGKILL)
        gone = following.until(lambda line: line["failure"])
        assert gone["board"]["sales"]["orders"] == 1
        server = daemon.start(folder, 0)
        put(Aws(Config(), endpoint=server.endpoint), "o-2")
        back = following.until(lambda line: line["failure"] is None and line["board"]["sales"]["orders"] == 2)
        assert back["board"]["events"] == 2
        assert following.interrupt() == 0
    finally:
        if following is not None:
            following.process.kill()
            following.process.communicate()
        daemon.stop(folder)


def put(aws: Aws, orderid: str) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    item = {
        "orderid": {"S": orderid},
        "quantity": {"N": "1"},
        "price": {"N": "2.50"},
        "status": {"S": "paid"},
        "created_at": {"S": now},
    }
    aws.client("dynamodb").put_item(TableName=aws.names.table, Item=item)
