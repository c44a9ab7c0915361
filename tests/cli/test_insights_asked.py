"""``salespipe insights`` asked on an Athena on this machine: its formats, its files, and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prompt import Shop

import asked
from salespipe import insights
from salespipe.aws import Aws
from salespipe.query import answers, athena

HEADER = "-- title: Mine\n-- question: How many?\n-- group: other\n-- chart: none\n"
SLOW = (
    "SELECT count(*) AS n FROM UNNEST(sequence(1, 9000)) AS a (x), UNNEST(sequence(1, 9000)) AS b (y), "
    "UNNEST(sequence(1, 9000)) AS c (z) WHERE x * y * z % 7 = {}"
)
# As at a prompt: what starts this test in the background may have it ignore SIGINT.
PROMPT = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from salespipe.cli.main import main"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def here(home: Path) -> Iterator[Aws]:
    with asked.running(home) as aws:
        yield aws


@pytest.fixture
def shop(
    here: Aws, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shop:
    assert here
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SALESPIPE_HOME", str(home))
    monkeypatch.delenv("SALESPIPE_TARGET", raising=False)
    (tmp_path / "insights").mkdir()
    own("one", "SELECT 1 AS n, 'a' AS name")
    own("two", "SELECT 2 AS n")
    return Shop(capsys)


def own(name: str, sql: str, header: str = HEADER) -> None:
    (Path("insights") / f"{name}.sql").write_text(f"{header}{sql}\n", encoding="utf-8")


def running(aws: Aws) -> list[str]:
    athena = aws.client("athena")
    ids = athena.list_query_executions(WorkGroup=aws.names.workgroup)["QueryExecutionIds"]
    found = [athena.get_query_execution(QueryExecutionId=each)["QueryExecution"] for each in ids]
    return [each["QueryExecutionId"] for each in found if each["Status"]["State"] in {"QUEUED", "RUNNING"}]


def wait_for(count: int, aws: Aws) -> None:
    for _ in range(2400):
        if len(running(aws)) >= count:
            return
        time.sleep(0.05)
    pytest.fail(f"{count} queries never ran at once")


def test_one_insight_has_the_formats_of_a_query(shop: Shop) -> None:
    assert shop.run("insights", "one", "--format", "csv") == "n,name\n1,a\n"
    assert "1 row" in shop.err
    assert json.loads(shop.run("insights", "one", "--format", "json"))["rows"] == [{"n": 1, "name": "a"}]
    shop.run("insights", "one", "-o", "one.md")
    assert "| n | name |" in Path("one.md").read_text(encoding="utf-8")
    shop.run("insights", "one", "-o", "one.md", expect=2)
    assert "--force" in shop.err
    told = shop.json("insights", "one", "-o", "one.md", "--force")
    assert (told["output"], told["format"], told["statistics"]["rows"]) == ("one.md", "markdown", 1)
    assert shop.json("insights", "one")["answers"][0]["rows"] == [{"n": 1, "name": "a"}]


def test_one_insight_has_the_options_of_a_query(shop: Shop) -> None:
    own("three", "SELECT n FROM UNNEST(sequence(1, 3)) AS t (n) ORDER BY n")
    assert shop.run("insights", "three", "--limit", "2", "--no-header", "--format", "csv") == "1\n2\n"
    assert shop.run("insights", "three", "--limit", "1").split() == ["n", "─", "1"]
    shop.run("insights", "three", "--format", "csv", "--stats", "took.jsonl")
    assert json.loads(Path("took.jsonl").read_text(encoding="utf-8"))["statistics"]["rows"] == 3
    assert shop.json("insights", "three", "--limit", "1")["rows"] == [{"n": 1}]
    for words in (["one", "two"], ["report"], ["one", "--sql"], []):
        shop.run("insights", *words, "--limit", "1", expect=2)


def test_counts_are_whole_beside_money(shop: Shop) -> None:
    rows = "('orders', DECIMAL '2043.00'), ('revenue', DECIMAL '51000.00'), ('odd', DECIMAL '1.50'), ('none', NULL)"
    own("mixed", f"SELECT * FROM (VALUES {rows}) AS t (figure, value)", HEADER + "-- counts: orders, odd, none\n")
    for words in (["--table"], ["--format", "table"], ["--limit", "9"], ["-o", "out.txt"]):
        told = shop.run("insights", "mixed", *words) or Path("out.txt").read_text(encoding="utf-8")
        cells = dict(line.split() for line in told.splitlines() if line.startswith(("orders ", "revenue ", "odd ")))
        assert cells == {"orders": "2,043", "revenue": "51,000.00", "odd": "1.50"}
    answer = json.loads(shop.run("insights", "mixed", "--json"), parse_float=str)["answers"][0]
    assert [row["value"] for row in answer["rows"]] == [2043, "51000.00", "1.50", None]
    shop.run("insights", "report", "mixed", "-o", "mixed.html")
    page = Path("mixed.html").read_text(encoding="utf-8")
    assert (">2,043<" in page, ">2,043.00<" in page, ">51,000.00<" in page) == (True, False, True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_report_without_room_is_told_and_one_that_exists_is_asked_about(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.run("insights", "report", "one", "-o", "/dev/full", expect=1)
    assert "no room" in shop.err
    shop.run("insights", "report", "one", "-o", "one.html")
    assert "one.html answers 1 question.\n" in shop.err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    shop.run("insights", "report", "one", "two", "-o", "one.html")
    assert "answers 2 questions" in shop.err
    assert sorted(path.name for path in Path().iterdir()) == ["insights", "one.html"]


def test_several_are_one_object_or_tables(shop: Shop) -> None:
    told = json.loads(shop.run("insights", "one", "two", "--format", "json"))
    assert {name: answer["rows"] for name, answer in told.items()} == {
        "one": [{"n": 1, "name": "a"}],
        "two": [{"n": 2}],
    }
    shop.run("insights", "one", "two", "-o", "all.json")
    assert json.loads(Path("all.json").read_text(encoding="utf-8"))["two"]["rows"] == [{"n": 2}]
    assert shop.run("insights", "one", "two", "--format", "table").split("\n\n")[1].split() == ["Mine", "n", "─", "2"]
    shop.run("insights", "one", "two", "-o", "all.txt")
    assert Path("all.txt").read_text(encoding="utf-8").count("Mine\n") == 2
    assert shop.json("insights", "one", "two", "-o", "all.json", "--force")["insights"] == 2
    shop.run("insights", "one", "two", "-o", "all.csv", expect=2)
    assert "csv takes one result" in shop.err
    assert not Path("all.csv").exists()


def test_what_cannot_be_asked_is_told(shop: Shop) -> None:
    own("bad", "SELECT 1 AS n", HEADER + "-- needs: nowhere.nothing\n")
    shop.run("insights", "bad", "-o", "bad.csv", expect=1)
    assert "bad needs nowhere" in shop.err
    assert not Path("bad.csv").exists()
    told = json.loads(shop.run("insights", "one", "bad", "--format", "json", expect=3))
    assert told["bad"]["error"]["code"] == "NoTable"


def test_formats_without_a_result_are_usage_errors(shop: Shop) -> None:
    for words in (["--format", "csv"], ["one", "--sql", "-o", "x.csv"], ["report", "--format", "csv"]):
        shop.run("insights", *words, expect=2)
    for words in (["--format", "xml"], ["--json", "--format", "csv"]):
        shop.run("insights", "one", *words, expect=2)


@pytest.mark.parametrize("words", [["other"], ["report", "other"]])
def test_ctrl_c_stops_every_query_on_the_server(shop: Shop, here: Aws, words: list[str]) -> None:
    assert shop
    for number in range(8):  # more than are asked at once
        own(f"slow-{number}", SLOW.format(number))
    asking = subprocess.Popen(
        [sys.executable, "-c", f"{PROMPT}; main()", "insights", *words],
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(2, here)
        asking.send_signal(signal.SIGINT)
        out, err = asking.communicate(timeout=60)
    finally:
        asking.kill()
    assert (asking.returncode, out) == (130, ""), err
    assert running(here) == []
    assert "stopped on the server too" in err
    assert "bytes were scanned (" in err
    assert "salespipe query history" in err
    assert not Path("report.html").exists()


def test_a_failure_that_is_no_querys_own_stops_the_others(
    shop: Shop, here: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shop
    own("slow", SLOW.format(1))
    look = athena.look

    def broken(aws: Aws, query: str) -> Any:
        found = look(aws, query)
        if found.sql == "SELECT 2 AS n" and found.final:
            wait_for(1, here)
            raise ConnectionResetError("gone")
        return found

    monkeypatch.setattr(athena, "look", broken)
    chosen = insights.choose(insights.load(Path("insights")), ["slow", "two"])
    with pytest.raises(ConnectionResetError):
        answers.ask(here, chosen)
    assert running(here) == []
