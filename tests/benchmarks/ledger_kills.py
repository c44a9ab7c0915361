"""Kill ``salespipe generate`` again and again under load, and hold its ledger to what the table has seen.

    python tests/benchmarks/ledger_kills.py [--kills 20] [--rate 1500] [--workers 4] [--seed N] [--longest 2] [--gently]

A table stands on a local AWS of its own. Each run is ended with ``kill -9`` at a random moment after its first
acknowledgement. The table's stream has every change in order: for each key the ledger must be how it begins, by kind
and by content, and the stream may have at most a batch for each worker that the ledger has not; or nothing, where runs
are ended ``--gently``, with Ctrl-C. At the end the table itself is held to the ledgers. Exit code 1 when one claims
what is not so, or lacks more.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.ledger import Entry, Reading, read
from salespipe.ledger.fingerprint import NOTHING, of_attributes
from salespipe.load.batches import BATCH
from salespipe.local import daemon

# What the table's stream calls a kind of change.
KINDS = {"insert": "INSERT", "update": "MODIFY", "delete": "REMOVE"}
# A killed client's last calls are still with the server: they have come to an end after a pause like this.
QUIET = 0.5
PATIENCE = 30.0

Changes = dict[str, list[tuple[str, bytes]]]


class Stream:
    """The table's stream, read on from where it was read last."""

    def __init__(self, aws: Aws) -> None:
        self._client = aws.client("dynamodbstreams")
        arn = aws.client("dynamodb").describe_table(TableName=aws.names.table)["Table"]["LatestStreamArn"]
        (shard,) = self._client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        self._after = self._client.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]

    def changes(self) -> Changes:
        """What has happened to each key since, until nothing more happens."""
        found: Changes = defaultdict(list)
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < QUIET:
            page = self._client.get_records(ShardIterator=self._after)
            self._after = page["NextShardIterator"]
            for record in page["Records"]:
                image = record["dynamodb"].get("NewImage")
                key = record["dynamodb"]["Keys"]["orderid"]["S"]
                found[key].append((record["eventName"], of_attributes(image) if image else NOTHING))
                quiet_since = time.monotonic()
            if not page["Records"]:
                time.sleep(0.02)
        return found


def by_key(entries: Iterable[Entry]) -> Changes:
    """What a ledger claims, as the stream would say it."""
    claimed: Changes = defaultdict(list)
    for entry in entries:
        claimed[entry.key].append((KINDS[entry.kind], entry.fingerprint))
    return claimed


def run_and_kill(home: Path, options: list[str], seconds: float, *, gently: bool) -> tuple[Reading, int]:
    """One run of ``generate``, killed so long after its first acknowledgement; its ledger, and its process."""
    before = set(home.glob("ledgers/*/*"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SALESPIPE_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "salespipe.cli.main", "generate", *options],
        cwd=home,
        env=kept | {"SALESPIPE_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while not (reading := begun(set(home.glob("ledgers/*/*")) - before)):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"generate has recorded nothing: {said(process)}")
            time.sleep(0.01)
        time.sleep(seconds)
        if process.poll() is not None:
            raise SystemExit(f"generate has ended on its own: {said(process)}")
        if gently:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()
    return reading, process.pid


def said(process: subprocess.Popen[bytes]) -> str:
    process.kill()
    return process.communicate()[1].decode()


def begun(new: set[Path]) -> Reading | None:
    """The ledger of a new run once it has an entry."""
    for path in new:
        if path.stat().st_size > 400:
            reading = read(path)
            if any(True for _ in reading):
                return reading
    return None


@dataclass
class Proof:
    """Ledgers beside what has really happened."""

    in_flight: int
    wrong: list[str] = field(default_factory=list)
    claimed: Changes = field(default_factory=dict)
    lacking: set[str] = field(default_factory=set)
    most: int = 0
    torn: int = 0

    def hold(self, reading: Reading, seen: Changes) -> str:
        """Hold the ledger of a run to what was seen since the one before; says how that went."""
        claimed = by_key(reading)
        untrue = [
            f"{key}: the ledger has {claims}, the stream {seen.get(key, [])}"
            for key, claims in claimed.items()
            if seen.get(key, [])[: len(claims)] != claims
        ]
        lack = sum(map(len, seen.values())) - sum(map(len, claimed.values()))
        self.wrong += untrue + [str(damage) for damage in reading.damage]
        if lack > self.in_flight:
            self.wrong.append(f"{reading.path.name} lacks {lack} writes")
        if reading.closed != (not self.in_flight):
            self.wrong.append(f"{reading.path.name} {'was' if reading.closed else 'was not'} closed")
        self.claimed |= claimed
        self.lacking |= {key for key, changes in seen.items() if changes != claimed.get(key)}
        self.most = max(self.most, lack)
        self.torn += reading.torn > 0
        return (
            f"{reading.entries:,} recorded, {lack} more in the table, {len(untrue)} claims that are not so,"
            f" {reading.torn} torn bytes"
        )

    def hold_table(self, aws: Aws) -> None:
        """Hold what the ledgers say last of each key to its item; keys of which they lack something are left out."""
        pages = aws.client("dynamodb").get_paginator("scan").paginate(TableName=aws.names.table)
        table = {item["orderid"]["S"]: of_attributes(item) for page in pages for item in page["Items"]}
        last = {key: claims[-1][1] for key, claims in self.claimed.items()}
        for key in (table.keys() | last.keys()) - self.lacking:
            if table.get(key, NOTHING) != last.get(key):
                self.wrong.append(f"{key}: the table has something else")


def create_table(aws: Aws) -> None:
    client: Any = aws.client("dynamodb")
    client.create_table(
        TableName=aws.names.table,
        AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    client.get_waiter("table_exists").wait(TableName=aws.names.table)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--rate", type=float, default=1500, help="writes a second")
    options.add_argument("--workers", type=int, default=4)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options.add_argument("--gently", action="store_true", help="with Ctrl-C")
    options.add_argument("--longest", type=float, default=2, help="seconds between a first acknowledgement and a kill")
    asked = options.parse_args()
    chance = random.Random(asked.seed)
    print(f"seed {asked.seed}", flush=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # so that runs hear it, even if this script is not to
    proof = Proof(in_flight=0 if asked.gently else asked.workers * BATCH)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        server = daemon.start(home, 0)
        try:
            aws = Aws(Config(), endpoint=server.endpoint)
            create_table(aws)
            stream = Stream(aws)
            for number in range(1, asked.kills + 1):
                delay = chance.uniform(0, asked.longest)
                command = ["--rate", str(asked.rate), "--workers", str(asked.workers), "--seed", str(number)]
                reading, pid = run_and_kill(home, command, delay, gently=asked.gently)
                told = proof.hold(reading, stream.changes())
                print(f"kill {number}: process {pid} after {delay:.2f} s, {told}", flush=True)
            proof.hold_table(aws)
        finally:
            daemon.stop(home)
    for each in proof.wrong[:10]:
        print(each)
    writes = sum(map(len, proof.claimed.values()))
    verdict = "THE LEDGERS ARE WRONG" if proof.wrong else "the ledgers claim nothing that the table lacks"
    print(
        f"{asked.kills} kills, {writes:,} writes recorded: {verdict}; at most {proof.most} were not recorded, of"
        f" {proof.in_flight} that may be under way, {proof.torn} torn ends (seed {asked.seed})"
    )
    return 1 if proof.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
