"""Each hop stopped in turn: trace names the hop, the reason and what mends it; then the order goes on."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salespipe import lifecycle
from salespipe.aws import Aws
from salespipe.cli.main import run
from salespipe.config import Config, load
from salespipe.errors import Exit
from salespipe.local import daemon
from salespipe.pipeline import pipeline
from salespipe.query.crawl import crawl
from salespipe.trust.trace.look import Tracer
from salespipe.trust.trace.model import Shown, Stuck, Trace

pytestmark = pytest.mark.long

BROKEN = "def handler(event, context):\n    raise ValueError('not today')\n"
SETTINGS = """
[table]
name = "Deliveries"
partition_key = "tracking-no"

[delivery]
transform_buffer_seconds = 0
buffer_seconds = 3
"""


class Pipeline:
    """A pipeline of somebody's own table, with another key, nobody's ledger, and a buffer that can be watched."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.folder = folder
        self.aws = Aws(config, endpoint=daemon.start(folder, 0).endpoint)
        self.up()

    def up(self) -> None:
        for _ in lifecycle.up(self.aws, pipeline(self.aws)):
            pass

    def put(self, order: str, **values: str) -> None:
        item = {"tracking-no": {"S": order}, **{name: {"S": value} for name, value in values.items()}}
        self.aws.client("dynamodb").put_item(TableName="Deliveries", Item=item)

    def trace(self, order: str) -> Trace:
        return Tracer(self.aws, order, []).look()

    def stuck(self, order: str) -> Stuck:
        trace = self.trace(order)
        assert trace.exit_code is Exit.PARTLY
        assert trace.stuck is not None
        return trace.stuck

    def state(self, wanted: str) -> None:
        pipes = self.aws.client("pipes")
        while pipes.describe_pipe(Name=self.aws.names.pipe)["CurrentState"] != wanted:
            self.aws.sleep(0.05)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "salespipe.toml").write_text(SETTINGS)
    home = folder / "home"
    try:
        yield Pipeline(home, load(folder / "salespipe.toml"))
    finally:
        daemon.stop(home)


@pytest.fixture
def typed(shop: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Types a command where the pipeline is; answers with the exit code, stdout and stderr."""
    monkeypatch.chdir(shop.folder.parent)
    monkeypatch.setenv("SALESPIPE_HOME", str(shop.folder))
    monkeypatch.delenv("SALESPIPE_TARGET", raising=False)

    def type_(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(list(words))
        return code, *capsys.readouterr()

    return type_


def test_nothing_was_crawled_yet(shop: Pipeline, typed: Any) -> None:
    shop.put("a-1", status="placed")
    code, out, err = typed("trace", "a-1", "--follow", "--timeout", "6s")
    assert code == Exit.PARTLY
    assert "version 1 " in out
    assert "has not come to Athena: nothing was crawled yet" in out
    assert err.rstrip().endswith("fix: salespipe crawl")
    crawl(shop.aws)
    assert typed("trace", "a-1")[0] == Exit.DONE


def test_the_pipe_is_stopped(shop: Pipeline, typed: Any) -> None:
    shop.aws.client("pipes").stop_pipe(Name=shop.aws.names.pipe)
    shop.state("STOPPED")
    shop.put("a-2", status="placed")
    stuck = shop.stuck("a-2")
    assert (stuck.hop, stuck.fix, stuck.waits) == ("kinesis", "salespipe up", False)
    assert f"the pipe {shop.aws.names.pipe} is STOPPED" in stuck.why
    code, out, _ = typed("trace", "a-2", "--json")
    document = json.loads(out)
    assert (code, document["stuck"]["fix"]) == (Exit.PARTLY, "salespipe up")
    assert [hop["hop"] for hop in document["versions"][0]["hops"]] == ["stream"]
    assert typed("up")[0] == Exit.DONE
    code, out, _ = typed("trace", "a-2", "--follow", "--timeout", "60s")
    assert code == Exit.DONE
    assert [line.split()[-1] for line in out.splitlines() if "  athena  " in line] == ["row"]


def test_firehose_buffers_it(shop: Pipeline) -> None:
    shop.put("a-3", status="placed")
    while not (records := [v for v in shop.trace("a-3").versions if v.records]):
        pass
    stuck = shop.stuck("a-3") if not records[0].lines else None
    if stuck is None:  # a machine this busy has flushed it before it was looked at
        pytest.skip("the buffer was flushed at once")
    assert stuck.hop == "lake"
    assert stuck.waits
    assert "Firehose's buffers hold it for" in stuck.why
    assert stuck.fix == "salespipe trace --follow a-3"


def test_the_transform_is_broken(shop: Pipeline, typed: Any) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", BROKEN)
    name = shop.aws.names.function("transform")
    shop.aws.client("lambda").update_function_code(FunctionName=name, ZipFile=code.getvalue())
    shop.put("a-4", status="placed")
    while not (trace := shop.trace("a-4")).versions or not trace.versions[0].failures:
        assert trace.stuck is None or trace.stuck.hop in {"kinesis", "stream", "lake"}
        shop.aws.sleep(0.2)
    assert trace.versions[0].records, "where it came from is found, too"
    stuck = trace.stuck
    assert stuck is not None
    assert stuck.hop == "lake"
    assert "put it aside" in stuck.why
    assert "ValueError: not today" in stuck.why
    assert stuck.fix.startswith("salespipe quarantine show ")
    assert typed(*stuck.fix.split()[1:])[0] == Exit.DONE, "the fix is a command that works"
    shop.up()
    assert typed("quarantine", "replay", "--all")[0] == Exit.DONE
    assert typed("trace", "a-4", "--follow", "--timeout", "60s")[0] == Exit.DONE


def test_a_key_that_kinesis_takes_for_no_partition_key(shop: Pipeline) -> None:
    order = "x" * 300
    shop.put(order, status="placed")
    while (stuck := shop.stuck(order)).waits:
        shop.aws.sleep(0.2)
    assert stuck.hop == "kinesis"
    assert stuck.fix in {"salespipe quarantine ls", "salespipe logs pipe"}


def test_what_was_deleted_is_traced_to_its_end(shop: Pipeline, typed: Any) -> None:
    shop.put("a-6", status="placed")
    key = {"tracking-no": {"S": "a-6"}}
    shop.aws.client("dynamodb").delete_item(TableName="Deliveries", Key=key)
    code, out, _ = typed("trace", "a-6", "--follow", "--timeout", "60s", "--json")
    *_, document = map(json.loads, out.splitlines())
    assert (code, document["in_table"]) == (Exit.DONE, False)
    assert [(each["kind"], each["shown"]) for each in document["versions"]] == [
        ("INSERT", Shown.SUPERSEDED),
        ("REMOVE", Shown.REMOVED),
    ]
