"""A finished pipeline on the local AWS, in which faults are planted; each test heals its own."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from salespipe import lifecycle
from salespipe.aws import Aws
from salespipe.cli.main import run
from salespipe.config import Config
from salespipe.ledger import Ledgers
from salespipe.load.generate import generate
from salespipe.load.troubles import SHARES
from salespipe.local import daemon
from salespipe.pipeline import pipeline
from salespipe.query.crawl import crawl
from salespipe.trust.proof.weigh import weigh
from salespipe.trust.verify import Report, Verification

Line = dict[str, Any]


@dataclass
class Finished:
    """The pipeline, and ways to tamper with it that no user of its API has."""

    folder: Path
    aws: Aws = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.aws = Aws(Config(), endpoint=daemon.start(self.folder, 0).endpoint)

    @property
    def ledgers(self) -> Ledgers:
        return Ledgers(self.aws, self.folder)

    def verify(self, late: float = 3600.0, **options: Any) -> Report:
        """What a test has healed came late; that is not what it is about."""
        kept = self.ledgers.of_table()
        return Verification(self.aws, weigh(self.aws, kept[0]), kept, late=late, **options).run()

    @contextmanager
    def stopped(self) -> Iterator[sqlite3.Connection]:
        """The server's own database, while it does not run."""
        daemon.stop(self.folder)
        try:
            with closing(sqlite3.connect(self.folder / "state.db")) as connection, connection:
                yield connection
        finally:
            self.start()

    def objects(self) -> list[str]:
        s3, names = self.aws.client("s3"), self.aws.names
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=names.bucket, Prefix=names.events_prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def body(self, key: str) -> bytes:
        return bytes(self.aws.client("s3").get_object(Bucket=self.aws.names.bucket, Key=key)["Body"].read())

    def put(self, key: str, body: bytes) -> None:
        self.aws.client("s3").put_object(Bucket=self.aws.names.bucket, Key=key, Body=body)

    def delete(self, key: str) -> None:
        self.aws.client("s3").delete_object(Bucket=self.aws.names.bucket, Key=key)

    def lines(self, key: str) -> list[Line]:
        return [json.loads(line) for line in gzip.decompress(self.body(key)).splitlines()]

    @contextmanager
    def replaced(self, key: str, change: Callable[[list[bytes]], list[bytes]]) -> Iterator[None]:
        """An object with other lines."""
        before = self.body(key)
        lines = change(gzip.decompress(before).splitlines())
        self.put(key, gzip.compress(b"".join(line + b"\n" for line in lines)))
        try:
            yield
        finally:
            self.put(key, before)

    def item(self, orderid: str, **values: str) -> dict[str, dict[str, str]]:
        """Write an order behind the ledgers' back, but not behind the stream's."""
        item = {"orderid": {"S": orderid}, **{name: {"S": value} for name, value in values.items()}}
        self.aws.client("dynamodb").put_item(TableName=self.aws.names.table, Item=item)
        return item


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    folder = tmp_path_factory.mktemp("finished")
    pipe = Finished(folder)
    try:
        for _ in lifecycle.up(pipe.aws, pipeline(pipe.aws)):
            pass
        generate(pipe.aws, rate=150.0, count=900, seed=5, chaos=SHARES, ledgers=pipe.ledgers)
        crawl(pipe.aws)
        yield pipe
    finally:
        daemon.stop(folder)


@pytest.fixture
def typed(finished: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Types a command where the pipeline is; answers with the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SALESPIPE_HOME", str(finished.folder))
    monkeypatch.delenv("SALESPIPE_TARGET", raising=False)

    def type_(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(list(words))
        return code, *capsys.readouterr()

    return type_
