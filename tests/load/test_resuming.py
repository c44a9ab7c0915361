"""A replay goes on where the one before it ended, whichever way that was."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config as BotoConfig

from salespipe.errors import SalespipeError
from salespipe.ledger import Ledgers, read
from salespipe.load.mapping import parse_mapping
from salespipe.load.replay import replay
from salespipe.load.report import LoadError
from salespipe.load.resuming import LineSet
from salespipe.local import daemon

HERE = Path(__file__).parents[1]
FULL = HERE.parents[1] / "shared" / "data" / "cdnow_orders.csv"
FILE = FULL if FULL.exists() else HERE / "data" / "cdnow_sample.csv"
SAMPLE = HERE / "data" / "cdnow_sample.csv"
MAPPING = "orderid=order_no,customer_id=customer,created_at=date,quantity=cds,amount=dollars"
MAP = parse_mapping(MAPPING)


@dataclass
class Shop:
    """A fake table, and a folder for ledgers."""

    dynamo: Any
    home: Path

    def replay(self, path: Path = SAMPLE, mapping: dict[str, str] | None = MAP, **options: Any) -> Any:
        aws = self.dynamo.aws(sleep=lambda _: None)
        aws._account = "123456789012"
        return replay(aws, path, mapping, ledgers=Ledgers(aws, self.home), **options)

    @property
    def writes(self) -> Counter[str]:
        """How often each order was written."""
        return Counter({key: len(items) for key, items in self.dynamo.history.items()})


@pytest.fixture
def shop(dynamo: Any, tmp_path: Path) -> Shop:
    return Shop(dynamo, tmp_path / "home")


def interrupt(_: object) -> None:
    raise KeyboardInterrupt


def test_after_ctrl_c_the_same_command_writes_the_rest_and_nothing_twice(shop: Shop) -> None:
    written = 0
    for limit in (100, 300):
        summary = shop.replay(on_progress=interrupt, limit=limit)
        assert summary.interrupted
        assert summary.resumable
        assert summary.skipped <= written
        written += summary.acknowledged
        assert written == len(shop.dynamo.items)
    summary = shop.replay()
    assert not summary.interrupted
    assert (summary.rows, summary.skipped, summary.acknowledged) == (500, written, 500 - written)
    assert set(shop.writes.values()) == {1}
    assert len(shop.dynamo.items) == 500


def test_what_is_written_already_is_left_alone_until_it_is_to_restart(shop: Shop) -> None:
    shop.replay()
    again = shop.replay()
    assert (again.acknowledged, again.skipped, again.rows, again.rejected) == (0, 500, 500, 0)
    assert shop.replay(restart=True).acknowledged == 500
    assert set(shop.writes.values()) == {2}


def test_a_restart_that_is_interrupted_goes_on_as_a_restart(shop: Shop) -> None:
    shop.replay()
    shop.replay(restart=True, limit=200)
    rest = shop.replay()
    assert (rest.skipped, rest.acknowledged) == (200, 300)
    assert set(shop.writes.values()) == {2}


def test_a_limit_and_a_condition_change_nothing_about_what_is_written(shop: Shop) -> None:
    assert shop.replay(limit=100).acknowledged == 100
    assert shop.replay(limit=150).acknowledged == 50
    some = shop.replay(where="cds > 2")
    assert 0 < some.acknowledged < 350
    assert shop.replay().acknowledged == 350 - some.acknowledged
    assert set(shop.writes.values()) == {1}


def test_a_damaged_row_is_among_the_rejects_of_every_run(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("orderid,quantity\n1,1\n2,x\n3,3\n")
    for skipped in (0, 2):
        summary = shop.replay(path, None, rejects=tmp_path / "bad.jsonl")
        assert (summary.rejected, summary.skipped) == (1, skipped)
        assert len((tmp_path / "bad.jsonl").read_text().splitlines()) == 1


def test_later_rows_of_a_key_stay_later(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("orderid,quantity\n" + "".join(f"{number % 7},{number}\n" for number in range(700)))
    shop.dynamo.capacity = lambda size: (size + 1) // 2
    shop.dynamo.weather = lambda call, _: (400, {"__type": "#AccessDeniedException"}) if call > 20 else None
    with pytest.raises(LoadError):
        shop.replay(path, None)
    shop.dynamo.weather = lambda _call, _requests: None
    shop.replay(path, None)
    for key, items in shop.dynamo.history.items():
        assert [int(item["quantity"]["N"]) for item in items] == list(range(int(key), 700, 7))


@pytest.mark.parametrize("change", ["content", "mapping", "type"])
def test_another_file_or_mapping_is_another_replay(shop: Shop, tmp_path: Path, change: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("orderid,n\n1,5\n")
    shop.replay(path, None)
    mapping = {"content": None, "mapping": {"orderid": "orderid"}, "type": {"orderid": "orderid", "n": "n:text"}}[
        change
    ]
    if change == "content":
        path.write_text("orderid,n\n1,6\n")
    assert shop.replay(path, mapping).acknowledged == 1


def test_a_file_by_another_name_is_the_same_file(shop: Shop, tmp_path: Path) -> None:
    shop.replay()
    (tmp_path / "copy.csv").write_bytes(SAMPLE.read_bytes())
    assert shop.replay(tmp_path / "copy.csv").skipped == 500


def test_a_table_made_anew_has_none_of_it(shop: Shop) -> None:
    describe = shop.dynamo.DescribeTable

    def made_anew(params: dict[str, Any]) -> Any:
        status, answer = describe(params)
        answer["Table"]["TableId"] = "11111111-2222-3333-4444-555555555555"
        return status, answer

    shop.replay()
    shop.dynamo.DescribeTable = made_anew
    assert shop.replay().acknowledged == 500


def test_two_at_once_are_refused(shop: Shop) -> None:
    shop.replay(limit=10)
    (ledger,) = shop.home.glob("ledgers/*/*.ledger")
    with ledger.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(SalespipeError) as caught:
            shop.replay()
    assert caught.value.code == "ReplayRunning"
    assert shop.replay().skipped == 10


def test_a_set_of_lines_keeps_what_it_is_given() -> None:
    lines = LineSet()
    for line in (1, 7, 8, 100_000, -1, 1 << 60):
        lines.add(line)
    assert [line for line in range(200_000) if line in lines] == [1, 7, 8, 100_000]
    assert 1 << 60 not in lines


@dataclass
class Terminal:
    """The real command against a real local AWS with a table that has a stream."""

    folder: Path
    dynamo: Any
    streams: Any

    def start(self) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SALESPIPE_"))}
        return subprocess.Popen(
            [sys.executable, "-m", "salespipe.cli.main", "replay", str(FILE), "--map", MAPPING, "--json"],
            cwd=self.folder,
            env=environment | {"SALESPIPE_HOME": str(self.folder / "home")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def items(self) -> Iterator[dict[str, Any]]:
        for page in self.dynamo.get_paginator("scan").paginate(TableName="OrdersRawTable"):
            yield from page["Items"]

    def written(self) -> int:
        """How many entries the ledgers have by now, roughly: their size tells."""
        return sum(path.stat().st_size for path in (self.folder / "home").glob("ledgers/*/*.ledger"))

    def recorded(self) -> Iterator[str]:
        """The keys in all ledgers."""
        for path in (self.folder / "home").glob("ledgers/*/*.ledger"):
            yield from (entry.key for entry in read(path))

    def events(self) -> Iterator[dict[str, Any]]:
        stream = self.dynamo.describe_table(TableName="OrdersRawTable")["Table"]["LatestStreamArn"]
        for shard in self.streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
            found = self.streams.get_shard_iterator(
                StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )
            position: str | None = found["ShardIterator"]
            while position:
                answer = self.streams.get_records(ShardIterator=position)
                yield from answer["Records"]
                position = answer.get("NextShardIterator") if answer["Records"] else None


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    home = tmp_path / "home"
    server = daemon.start(home, 0)
    options = {
        "endpoint_url": server.endpoint,
        "region_name": "us-east-1",
        "aws_access_key_id": "anyone",
        "aws_secret_access_key": "anything",
        "config": BotoConfig(account_id_endpoint_mode="disabled"),
    }
    dynamo, streams = boto3.client("dynamodb", **options), boto3.client("dynamodbstreams", **options)
    dynamo.create_table(
        TableName="OrdersRawTable",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    yield Terminal(tmp_path, dynamo, streams)
    dynamo.close()
    streams.close()
    daemon.stop(home)


def test_three_interruptions_leave_the_totals_exact(terminal: Terminal) -> None:
    with FILE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    whole = 0
    for blow in (signal.SIGINT, signal.SIGKILL, signal.SIGINT):
        running = terminal.start()
        target = terminal.written() + len(rows) * 5
        deadline = time.monotonic() + 120
        while terminal.written() < target and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        running.send_signal(blow)
        out, err = running.communicate(timeout=120)
        assert "Traceback" not in err
        if blow is signal.SIGINT and running.returncode == 130:
            summary = json.loads(out)
            assert summary["interrupted"]
            whole += 1
    running = terminal.start()
    out, err = running.communicate(timeout=300)
    assert running.returncode == 0, err
    summary = json.loads(out)
    assert (summary["rows"], summary["rejected"]) == (len(rows), 0)
    if FILE is FULL:  # the sample may be through before anybody interrupts it
        assert whole == 2
        assert 0 < summary["skipped"] < len(rows)

    items = list(terminal.items())
    assert len(items) == len(rows) == len({row["order_no"] for row in rows})
    assert len({item["customer_id"]["S"] for item in items}) == len({row["customer"] for row in rows})
    assert sum(int(item["quantity"]["N"]) for item in items) == sum(int(row["cds"]) for row in rows)
    assert sum(Decimal(item["amount"]["N"]) for item in items) == sum(Decimal(row["dollars"]) for row in rows)

    # No row was recorded twice. What was on its way at the kill was written twice, with the same content, which makes
    # no event.
    assert Counter(terminal.recorded()) == Counter(row["order_no"] for row in rows)
    assert Counter(event["eventName"] for event in terminal.events()) == {"INSERT": len(rows)}

    running = terminal.start()
    out, err = running.communicate(timeout=120)
    assert (running.returncode, json.loads(out)["skipped"]) == (0, len(rows))
