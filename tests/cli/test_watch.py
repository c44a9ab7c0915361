"""The command: one picture, lines of JSON, recordings, and what does not go together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prompt import Shop

from salespipe.aws import Aws
from salespipe.lifecycle import up
from salespipe.pipeline import pipeline


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


def test_ctrl_c_ends_it_with_0_and_the_recording_is_whole(tmp_path: Path) -> None:
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
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert json.loads(first)["pipeline"] == "p"
    assert (process.returncode, err) == (0, "")
