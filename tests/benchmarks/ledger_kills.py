"""Kill ``salespipe generate`` again and again under load, and hold its ledger to what the table has seen.

    python tests/benchmarks/ledger_kills.py [--kills 20] [--rate 1500] [--workers 4] [--seed N] [--longest 2]

A table stands on a local AWS of its own. Each run is ended with ``kill -9`` at a random moment after its first
acknowledgement. The table's stream has every change in order: for each key the ledger must be how it begins, by kind
and by content, and the stream may have at most a batch for each worker that the ledger has not. At the end the table
itself is held to the ledgers. Exit code 1 when one claims what is not so, or lacks more.
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
from collections.abc import Iterator
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


def by_key(entries: Iterator[Entry]) -> Changes:
    """What a ledger claims, as the stream would say it."""
    claimed: Changes = defaultdict(list)
    for entry in entries:
        claimed[entry.key].append((KINDS[entry.kind], entry.fingerprint))
    return claimed


def run_and_kill(home: Path, options: list[str], seconds: float) -> tuple[Reading, int]:
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
                process.kill()
                raise SystemExit(f"generate has recorded nothing: {process.communicate()[1].decode()}")
            time.sleep(0.01)
        time.sleep(seconds)
        if process.poll() is not None:
            raise SystemExit(f"generate has ended on its own: {process.communicate()[1].decode()}")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    return reading, process.pid


def begun(new: set[Path]) -> Reading | None:
    """The ledger of a new run once it has an entry."""
    for path in new:
        if path.stat().st_size > 400:
            reading = read(path)
            if any(True for _ in reading):
                return reading
    return None


def compare(claimed: Changes, seen: Changes) -> tuple[list[str], int]:
    """Claims that are not so, and how many changes the ledger lacks."""
    wrong = [
        f"{key}: the ledger has {claims}, the stream {seen.get(key, [])}"
        for key, claims in claimed.items()
        if seen.get(key, [])[: len(claims)] != claims
    ]
    return wrong, sum(map(len, seen.values())) - sum(map(len, claimed.values()))


def wrong_in_table(aws: Aws, claimed: Changes, lacking: set[str]) -> list[str]:
    """Keys whose item is not what a ledger says of them last, without those of which it does not have the last."""
    pages = aws.client("dynamodb").get_paginator("scan").paginate(TableName=aws.names.table)
    table = {item["orderid"]["S"]: of_attributes(item) for page in pages for item in page["Items"]}
    wrong = [key for key in table if key not in claimed and key not in lacking]
    return wrong + [
        key for key, claims in claimed.items() if key not in lacking and table.get(key, NOTHING) != claims[-1][1]
    ]


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
    options.add_argument("--longest", type=float, default=2, help="seconds between a first acknowledgement and a kill")
    asked = options.parse_args()
    chance = random.Random(asked.seed)
    print(f"seed {asked.seed}", flush=True)
    in_flight = asked.workers * BATCH
    wrong: list[str] = []
    everything: Changes = {}
    lacking: set[str] = set()
    most = torn = 0
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        server = daemon.start(home, 0)
        try:
            aws = Aws(Config(), endpoint=server.endpoint)
            create_table(aws)
            stream = Stream(aws)
            for number in range(1, asked.kills + 1):
                command = ["--rate", str(asked.rate), "--workers", str(asked.workers), "--seed", str(number)]
                reading, pid = run_and_kill(home, command, delay := chance.uniform(0, asked.longest))
                seen, claimed = stream.changes(), by_key(iter(reading))
                claims, lack = compare(claimed, seen)
                wrong += claims + [str(damage) for damage in reading.damage]
                wrong += [f"it lacks {lack} writes"] * (lack > in_flight) + [
                    "it says that it was closed"
                ] * reading.closed
                everything |= claimed
                lacking |= {key for key, changes in seen.items() if changes != claimed.get(key)}
                most, torn = max(most, lack), torn + (reading.torn > 0)
                print(
                    f"kill {number}: process {pid} after {delay:.2f} s, {reading.entries:,} recorded, {lack} more in"
                    f" the table, {len(claims)} claims that are not so, {reading.torn} torn bytes",
                    flush=True,
                )
            wrong += [f"{key}: the table has something else" for key in wrong_in_table(aws, everything, lacking)]
        finally:
            daemon.stop(home)
    for each in wrong[:10]:
        print(each)
    claims = sum(map(len, everything.values()))
    verdict = "the ledgers claim nothing that the table lacks" if not wrong else "THE LEDGERS ARE WRONG"
    print(
        f"{asked.kills} kills, {claims:,} writes recorded: {verdict}; at most {most} of {in_flight} in flight"
        f" were not recorded, {torn} torn ends (seed {asked.seed})"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
