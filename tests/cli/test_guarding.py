"""What stands before a query that may cost: asked, agreed to, refused; the local AWS stands for the account."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from salespipe.aws import Aws
from salespipe.cli import main
from salespipe.cli.context import App
from salespipe.config import Config
from salespipe.local import daemon
from salespipe.query import guard


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("guarding")
    aws = Aws(Config(), endpoint=daemon.start(folder, 0).endpoint)
    names = aws.names
    aws.client("s3").create_bucket(Bucket=names.bucket)
    aws.client("s3").put_object(Bucket=names.bucket, Key="t/a.csv", Body=b"1\n" * 100)
    aws.client("glue").create_database(DatabaseInput={"Name": names.database})
    location = {"ResultConfiguration": {"OutputLocation": names.results_location}}
    aws.client("athena").create_work_group(Name=names.workgroup, Configuration=location)
    aws.client("glue").create_table(
        DatabaseName=names.database,
        TableInput={
            "Name": "t",
            "PartitionKeys": [],
            "StorageDescriptor": {
                "Columns": [{"Name": "a", "Type": "string"}],
                "Location": f"s3://{names.bucket}/t/",
                "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"},
            },
        },
    )
    yield aws.endpoint
    daemon.stop(folder)


@pytest.fixture(autouse=True)
def account(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every query that scans is asked about; the clients are those of anybody's account behind an endpoint."""
    (tmp_path / "salespipe.toml").write_text("[query]\nask_above_mb = 0\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SALESPIPE_TARGET", raising=False)
    local = Aws(Config(), endpoint=endpoint)

    def anybodys(app: App, **_: object) -> Aws:
        aws = Aws(app.config, endpoint=endpoint)
        aws._session = local._opened()
        return aws

    monkeypatch.setattr(App, "aws", anybodys)


def test_where_nobody_can_answer_the_query_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--target", "aws", "query", "SELECT count(*) FROM t", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "NotConfirmed"
    assert "may scan more than 0.0 MB of t" in err
    assert "--yes" in err


@pytest.mark.parametrize(
    "words",
    [
        ["--target", "aws", "query", "SELECT count(*) AS n FROM t", "--yes"],
        ["--target", "aws", "query", "SHOW TABLES"],
        ["--target", "aws", "query", "SELECT 1"],
        ["--target", "local", "query", "SELECT count(*) AS n FROM t"],
    ],
)
def test_what_was_agreed_to_and_what_is_free_runs(words: list[str]) -> None:
    assert main.run(words) == 0


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1)])
def test_a_person_is_asked(
    answer: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io

    typed = io.StringIO(answer)
    monkeypatch.setattr(typed, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", typed)
    assert main.run(["--target", "aws", "query", "SELECT count(*) AS n FROM t"]) == code
    told = capsys.readouterr()
    assert "Run it?" in told.err + told.out
    assert ("100" in told.out) is (code == 0)


def insights() -> None:
    """Two of one's own, which read the same table."""
    header = "-- title: Mine\n-- question: How many?\n-- group: other\n-- chart: none\n"
    Path("insights").mkdir()
    for name in ("one", "two"):
        (Path("insights") / f"{name}.sql").write_text(f"{header}SELECT count(*) AS n FROM t\n", encoding="utf-8")


@pytest.mark.parametrize("words", [[], ["--json"], ["--format", "json"], ["-o", "all.json"]])
def test_insights_are_asked_about_together(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    insights()
    assert main.run(["--target", "aws", "insights", "one", "two", *words]) == 2
    err = capsys.readouterr().err
    assert err.count("These 2 queries may scan") == 1
    assert "--yes" in err
    assert main.run(["--target", "aws", "insights", "one", "two", *words, "--yes"]) == 0
    assert main.run(["--target", "local", "insights", "one", "two", *words, "--force"]) == 0


def test_one_insight_and_a_report_are_asked_about_too(capsys: pytest.CaptureFixture[str]) -> None:
    insights()
    for words, file in ((["one", "-o", "one.csv"], "one.csv"), (["report", "other"], "report.html")):
        assert main.run(["--target", "aws", "insights", *words]) == 2
        assert "may scan" in capsys.readouterr().err
        assert not Path(file).exists()
        assert main.run(["--target", "aws", "insights", *words, "--yes"]) == 0
        assert Path(file).exists()


def test_what_is_little_each_may_be_much_together(endpoint: str) -> None:
    aws = Aws(Config(), endpoint=endpoint)
    statements = ["SELECT count(*) FROM t", "SHOW TABLES", "SELECT a FROM t"]
    total = guard.estimate_all(aws, statements)
    assert total is not None
    assert (total.bytes, total.complete, total.tables) == (400, True, ("t",))
    assert total.usd == 2 * guard.estimate(aws, statements[0]).usd  # type: ignore[union-attr,operator]
    assert guard.estimate_all(aws, ["SHOW TABLES"]) is None
    assert "stops each of them" in guard.question(total, 2)
