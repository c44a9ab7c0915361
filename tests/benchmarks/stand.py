"""What the benchmarks share: orders, a client that costs next to nothing, servers to compare, and counting at each hop.

boto3 makes about a thousand calls a second against a server that does nothing, so it would be what is measured; here
requests are made by hand and sent over plain sockets.
"""

from __future__ import annotations

import csv
import gzip
import http.client
import io
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from salespipe import lifecycle
from salespipe.aws import Aws
from salespipe.config import Config
from salespipe.local import daemon
from salespipe.pipeline import pipeline
from salespipe.query import athena, crawl

BATCH = 25
THREADS = 4

Item = dict[str, dict[str, str]]


def order(orderid: str, number: int = 0) -> Item:
    """An order as the generator writes it: 14 attributes, about 600 bytes on the wire."""
    return {
        "orderid": {"S": orderid},
        "customer_id": {"S": f"c-{number % 5000:05d}"},
        "customer_name": {"S": "Nadia Sørensen-Okafor"},
        "region": {"S": ("north", "south", "east", "west")[number % 4]},
        "product_id": {"S": f"p-{number % 200:04d}"},
        "product_name": {"S": "Stoneware mug, dark blue"},
        "category": {"S": "kitchen"},
        "quantity": {"N": str(1 + number % 5)},
        "price": {"N": f"{5 + number % 90}.{number % 100:02d}"},
        "channel": {"S": "web"},
        "payment_method": {"S": "card"},
        "status": {"S": "placed"},
        "created_at": {"S": "2026-11-22T10:00:00.000Z"},
        "updated_at": {"S": "2026-11-22T10:00:00.000Z"},
    }


def numbered(start: int, stop: int) -> list[Item]:
    """Orders named by their numbers, from ``start`` up to but without ``stop``."""
    return [order(f"bench-{number:09d}", number) for number in range(start, stop)]


class RefusedError(Exception):
    """An answer other than 200: the request was not acknowledged."""


class Wire:
    """One connection, for one thread. Calls raise ``RefusedError``, ``OSError`` or ``http.client.HTTPException``."""

    def __init__(self, aws: Aws, timeout: float = 60) -> None:
        self._connection = http.client.HTTPConnection(aws.endpoint.removeprefix("http://").rstrip("/"), timeout=timeout)
        self._region = aws.config.region
        self._table = aws.names.table

    def call(self, target: str, body: dict[str, Any]) -> Any:
        """A call of the JSON protocol, signed with no key of anybody's."""
        service = target.partition("_")[0].lower()
        scope = f"anyone/20261122/{self._region}/{service}/aws4_request"
        headers = {
            "X-Amz-Target": target,
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        }
        try:
            self._connection.request("POST", "/", msgspec.json.encode(body), headers)
            answer = self._connection.getresponse()
            said = answer.read()
        except BaseException:
            self._connection.close()  # the next call connects anew
            raise
        if answer.status != 200:
            raise RefusedError(f"{answer.status} {said[:300].decode('utf-8', 'replace')}")
        return msgspec.json.decode(said)

    def put(self, item: Item) -> None:
        """PutItem."""
        self.call("DynamoDB_20120810.PutItem", {"TableName": self._table, "Item": item})

    def put_batch(self, items: Sequence[Item]) -> None:
        """BatchWriteItem of up to 25 items; returns once every one is acknowledged."""
        left: Any = {self._table: [{"PutRequest": {"Item": item}} for item in items]}
        while left:
            left = self.call("DynamoDB_20120810.BatchWriteItem", {"RequestItems": left})["UnprocessedItems"]

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def write(aws: Aws, orders: Sequence[Item], *, threads: int = THREADS, one_by_one: bool = False) -> float:
    """Write orders from several threads with a connection each; returns seconds."""

    def work(mine: Sequence[Item]) -> None:
        wire = Wire(aws)
        try:
            if one_by_one:
                for item in mine:
                    wire.put(item)
            else:
                for start in range(0, len(mine), BATCH):
                    wire.put_batch(mine[start : start + BATCH])
        finally:
            wire.close()

    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, [orders[number::threads] for number in range(threads)]))
    return time.perf_counter() - began


@contextmanager
def bare_moto() -> Iterator[Aws]:
    """A moto server as its own documentation starts it, with a table that has a stream."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        aws = Aws(Config(), endpoint=f"http://127.0.0.1:{port}")
        aws.client("dynamodb").create_table(
            TableName=aws.names.table,
            AttributeDefinitions=[{"AttributeName": "orderid", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "orderid", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        yield aws
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def deployed() -> Iterator[tuple[Aws, Path]]:
    """The pipeline on a local AWS of its own, and its data folder; crawled once, so that what arrives is queryable.

    The crawl needs something to look at: one order, ``bench-000000000``.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "aws"
        server = daemon.start(folder, 0)
        try:
            aws = Aws(Config(), endpoint=server.endpoint)
            began = time.perf_counter()
            for _ in lifecycle.up(aws, pipeline(aws)):
                pass
            print(f"up: {time.perf_counter() - began:.2f} s")
            write(aws, numbered(0, 1), threads=1)
            crawl.crawl(aws)
            yield aws, folder
        finally:
            daemon.stop(folder)


def await_count(aws: Aws, wanted: int, limit: float = 300) -> None:
    """Wait until Athena counts ``wanted`` orders: no fewer, and no more."""
    deadline = time.monotonic() + limit
    while (count := athena.run(aws, "SELECT count(*) FROM order_events").rows[0][0]) < wanted:  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise SystemExit(f"only {count:,} of {wanted:,} orders were queryable after {limit:.0f} s")
        time.sleep(0.2)
    if count != wanted:
        raise SystemExit(f"{count:,} rows for {wanted:,} orders")


def queryable(aws: Aws) -> Counter[str]:
    """How often Athena finds each order, read from the query's result file, since there may be many."""
    query = athena.start(aws, "SELECT orderid, count(*) FROM order_events GROUP BY orderid")
    client = aws.client("athena")
    while (execution := client.get_query_execution(QueryExecutionId=query)["QueryExecution"])["Status"]["State"] in {
        "QUEUED",
        "RUNNING",
    }:
        time.sleep(0.1)
    if execution["Status"]["State"] != "SUCCEEDED":
        raise SystemExit(execution["Status"].get("StateChangeReason", execution["Status"]["State"]))
    bucket, _, key = execution["ResultConfiguration"]["OutputLocation"].removeprefix("s3://").partition("/")
    text = aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    rows = csv.reader(io.StringIO(text))
    next(rows)
    return Counter({orderid: int(count) for orderid, count in rows})


def in_table(aws: Aws) -> Counter[str]:
    """How often the table has each order."""
    wire, found = Wire(aws), Counter[str]()
    asked: dict[str, Any] = {"TableName": aws.names.table}
    while True:
        page = wire.call("DynamoDB_20120810.Scan", asked)
        found.update(item["orderid"]["S"] for item in page["Items"])
        if "LastEvaluatedKey" not in page:
            wire.close()
            return found
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def in_table_stream(aws: Aws) -> Counter[str]:
    """How often the table's stream has each order."""
    arn = aws.client("dynamodb").describe_table(TableName=aws.names.table)["Table"]["LatestStreamArn"]
    prefix = "DynamoDBStreams_20120810."
    wire = Wire(aws)
    shards = wire.call(f"{prefix}DescribeStream", {"StreamArn": arn})["StreamDescription"]["Shards"]
    return _drained(
        wire,
        prefix,
        [{"StreamArn": arn, "ShardId": shard["ShardId"]} for shard in shards],
        lambda record: str(record["dynamodb"]["Keys"]["orderid"]["S"]),
    )


def in_kinesis(aws: Aws) -> Counter[str]:
    """How often the Kinesis stream has each order."""
    prefix, name = "Kinesis_20131202.", aws.names.stream
    wire = Wire(aws)
    shards = wire.call(f"{prefix}ListShards", {"StreamName": name})["Shards"]
    return _drained(
        wire,
        prefix,
        [{"StreamName": name, "ShardId": shard["ShardId"]} for shard in shards],
        lambda record: str(record["PartitionKey"]),
    )


def _drained(wire: Wire, prefix: str, shards: list[dict[str, str]], key: Callable[[Any], str]) -> Counter[str]:
    found = Counter[str]()
    for shard in shards:
        iterator = wire.call(f"{prefix}GetShardIterator", {**shard, "ShardIteratorType": "TRIM_HORIZON"})
        after = iterator["ShardIterator"]
        while after:
            page = wire.call(f"{prefix}GetRecords", {"ShardIterator": after})
            found.update(map(key, page["Records"]))
            after = page.get("NextShardIterator") if page["Records"] else None
    wire.close()
    return found


def in_lake(aws: Aws) -> Counter[str]:
    """How often the objects in S3 have each order."""
    found = Counter[str]()
    for key in objects(aws):
        found.update(match.decode() for match in re.findall(rb'"orderid":"([^"]*)"', lines(aws, key)))
    return found


def objects(aws: Aws) -> set[str]:
    """The keys of what was delivered."""
    pages = aws.client("s3").get_paginator("list_objects_v2")
    listed = pages.paginate(Bucket=aws.names.bucket, Prefix=aws.names.events_prefix)
    return {item["Key"] for page in listed for item in page.get("Contents", [])}


def lines(aws: Aws, key: str) -> bytes:
    """What an object says."""
    return gzip.decompress(aws.client("s3").get_object(Bucket=aws.names.bucket, Key=key)["Body"].read())


HOPS: dict[str, Callable[[Aws], Counter[str]]] = {
    "table": in_table,
    "table's stream": in_table_stream,
    "Kinesis": in_kinesis,
    "S3": in_lake,
    "Athena": queryable,
}


def account_for(aws: Aws, acknowledged: set[str], *, exactly: bool = False) -> bool:
    """Say for each hop how many acknowledged orders are missing and how many are there twice.

    Returns whether none is missing, and with ``exactly`` whether none is there twice either.
    """
    whole = True
    for hop, look in HOPS.items():
        found = look(aws)
        missing = sorted(acknowledged - found.keys())
        twice = sum(count - 1 for count in found.values())
        print(f"{hop}: {len(found):,} orders, {len(missing):,} missing, {twice:,} duplicates", flush=True)
        whole = whole and not missing and not (exactly and twice)
        if missing:
            print(f"  missing: {', '.join(missing[:10])}{' ...' if len(missing) > 10 else ''}")
    return whole


def await_delivery(aws: Aws, acknowledged: set[str], patience: float = 30) -> None:
    """Wait until every acknowledged order is in the lake, or nothing more has come for ``patience`` seconds."""
    best, since = -1, time.monotonic()
    while True:
        count = len(acknowledged & queryable(aws).keys())
        if count > best:
            best, since = count, time.monotonic()
        if count == len(acknowledged) or time.monotonic() - since > patience:
            return
        time.sleep(0.5)


def resident_mb(pid: int) -> float:
    """Resident memory of a process, MB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1024


def processor_seconds(pid: int) -> float:
    """Processor time that a process and its children have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = [child for task in Path(f"/proc/{pid}/task").iterdir() for child in _children(task)]
    return own + sum(processor_seconds(child) for child in children)


def _children(task: Path) -> list[int]:
    return [int(child) for child in (task / "children").read_text().split()]
