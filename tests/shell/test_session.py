"""A session without a terminal, on the local AWS."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

import asked
from salespipe.aws import Aws
from salespipe.config import Config, Query
from salespipe.query import athena
from salespipe.query.athena import StoppedError
from salespipe.query.guard import Estimate
from salespipe.query.model import execution
from salespipe.shell.keeping import Keeping
from salespipe.shell.session import Session, complete
from salespipe.view.screen import Screen


class Shell:
    """A session, what it shows, and what it says."""

    def __init__(self, aws: Aws, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.shown = io.BytesIO()
        self.questions: list[Estimate] = []
        self.answer = True
        self.capsys = capsys
        self.session = Session(aws, Screen(), Keeping(folder), page=self.page, agree=self.agree)

    @contextmanager
    def page(self) -> Iterator[BinaryIO]:
        yield self.shown

    def agree(self, worst: Estimate) -> bool:
        self.questions.append(worst)
        return self.answer

    def __call__(self, text: str) -> tuple[str, str]:
        """What an input shows on the screen, and what is said about it."""
        self.shown.seek(0)
        self.shown.truncate()
        self.capsys.readouterr()
        self.session.handle(text)
        return self.shown.getvalue().decode(), self.capsys.readouterr().err


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with asked.running(tmp_path_factory.mktemp("shell")) as aws:
        athena.run(aws, "CREATE VIEW answers AS SELECT 42 AS answer, 'yes' AS sure")
        columns = "(orderid string, amount double) PARTITIONED BY (dt string)"
        serde = "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'"
        athena.run(aws, f"CREATE EXTERNAL TABLE events {columns} {serde} LOCATION 's3://{aws.names.bucket}/events/'")
        yield aws


@pytest.fixture
def shell(aws: Aws, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(aws, tmp_path / "kept", capsys)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", True),
        ("SELECT 1;", True),
        ("SELECT 1;  -- why not", True),
        ("SELECT 1; SELECT 2;\n", True),
        (r"\d", True),
        ("SELECT 1", False),
        ("SELECT ';", False),
        ("SELECT 1 -- ;", False),
        ("SELECT 1; SELECT", False),
        ("/* ;", False),
    ],
)
def test_an_input_ends_with_a_semicolon(text: str, whole: bool) -> None:
    assert complete(text) is whole


def test_statements_show_rows_and_what_they_took(shell: Shell) -> None:
    shown, said = shell("SELECT 1 AS one; SELECT 'b' AS two;")
    assert [line.strip() for line in shown.splitlines() if "─" not in line] == ["one", "1", "two", "b"]
    assert said.count("1 row,") == 2


def test_errors_do_not_end_it(shell: Shell) -> None:
    shown, said = shell("SELECT answr FROM answers; SELECT 1;")
    assert not shown
    assert "Did you mean answer?" in said
    assert "  SELECT answr FROM answers\n         ^" in said
    assert not shell.session.done


def test_what_nobody_expects_does_not_end_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(athena, "start", lambda *_: 1 / 0)
    assert "ZeroDivisionError" in shell("SELECT 1;")[1]
    assert not shell.session.done


def test_an_interrupted_query_says_what_it_cost(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise StoppedError(execution({"QueryExecutionId": "q", "Status": {"State": "CANCELLED"}}, "us-east-1"))

    monkeypatch.setattr(athena, "finish", interrupted)
    assert "cancelled on the server too" in shell("SELECT 1; SELECT 2;")[1]
    assert not shell.session.done


def test_describe_lists_and_shows_the_catalogue(shell: Shell) -> None:
    shown, _ = shell(r"\d")
    rows = [line.split() for line in shown.splitlines()[2:]]
    assert rows == [["answers", "view", "answer,", "sure"], ["events", "table", "orderid,", "amount,", "dt"]]
    assert shell(r"\d events;")[0].splitlines()[-1].split() == ["dt", "string", "partition"]
    assert "Did you mean answers?" in shell(r"\d answer")[1]


def test_what_is_created_is_known_at_once(shell: Shell) -> None:
    assert "fresh" not in shell.session.tables()
    shell("CREATE VIEW fresh AS SELECT 1 AS one;")
    assert "fresh" in shell.session.tables()
    shell("DROP VIEW fresh;")
    assert "fresh" not in shell.session.tables()


def test_favourites_are_kept_run_and_forgotten(shell: Shell) -> None:
    shell("SELECT 7 AS seven;")
    shell(r"\fs lucky")
    shell(r"\fs other SELECT 8 AS eight")
    assert shell.session.favourites() == ["lucky", "other"]
    assert "seven" in shell(r"\f lucky")[0]
    assert "SELECT 8 AS eight" in shell(r"\f")[0]
    shell(r"\fd lucky")
    assert "no favourite lucky" in shell(r"\f lucky")[1]


def test_formats_and_files(shell: Shell, tmp_path: Path) -> None:
    shell(r"\format csv")
    assert shell("SELECT 1 AS one;")[0].splitlines()[-1] in {"1", '"1"'}
    shell(r"\o rows.jsonl")
    shell("SELECT 1 AS one; SELECT 2 AS one;")
    assert [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()] == [{"one": 1}, {"one": 2}]
    shell(r"\o")
    assert "one" in shell("SELECT 1 AS one;")[0]
    assert "exists" in shell(r"\o rows.jsonl")[1]
    assert "not for a terminal" in shell(r"\format parquet")[1]
    assert "no format xml" in shell(r"\format xml")[1]


def test_a_file_of_columns_is_one_result(shell: Shell, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    shell(r"\o one.parquet")
    shell("SELECT 1 AS one;")
    assert "one" in shell("SELECT 2 AS one;")[0]
    assert parquet.read_table(tmp_path / "one.parquet").to_pylist() == [{"one": 1}]


def test_files_are_read(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "two.sql").write_text("SELECT 1 AS one;\nSELECT 2 AS two")
    assert "two" in shell(r"\i two.sql")[0]
    assert "cannot be read" in shell(r"\i three.sql")[1]
    assert "needs a file" in shell(r"\i")[1]


def test_timing_is_switched(shell: Shell) -> None:
    shell(r"\timing off")
    assert "row" not in shell("SELECT 1;")[1]
    shell(r"\timing")
    assert "1 row" in shell("SELECT 1;")[1]
    assert "neither on nor off" in shell(r"\timing maybe")[1]


def test_help_leaving_and_unknown_commands(shell: Shell) -> None:
    assert r"\format NAME" in shell(r"\?")[0]
    assert r"Did you mean \format?" in shell(r"\fromat csv")[1]
    assert not shell.session.done
    shell(r"\q")
    assert shell.session.done


def test_parameters_belong_to_the_command_line(shell: Shell) -> None:
    assert "binds no parameters" in shell("SELECT ?;")[1]


@pytest.mark.parametrize("answer", [True, False])
def test_a_costly_query_is_asked_about(
    aws: Aws, answer: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.client("s3").put_object(Bucket=aws.names.bucket, Key="events/dt=2026-11-22/a", Body=b'{"orderid": "o"}\n')
    account = Aws(Config(target="aws", query=Query(ask_above_mb=0)), endpoint=aws.endpoint)
    account._session = aws._opened()
    shell = Shell(account, tmp_path, capsys)
    shell.answer = answer
    athena.run(aws, "MSCK REPAIR TABLE events")
    shown, said = shell("SELECT count(*) AS n FROM events;")
    assert [worst.tables for worst in shell.questions] == [("events",)]
    assert ("n" in shown) is answer
    assert ("was not run" in said) is not answer
    shell("SHOW TABLES;")
    assert len(shell.questions) == 1
