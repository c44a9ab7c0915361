"""``salespipe query`` at a prompt, against an Athena on this machine."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from prompt import Shop

import asked
from salespipe.aws import Aws
from salespipe.cli.context import App
from salespipe.query import athena, destination
from salespipe.query.athena import StoppedError

GOLDEN = Path(__file__).parents[1] / "query" / "golden"
FIVE = "SELECT n, product_name, amount, paid, note FROM (" + asked.EVERYTHING + ")"
MANY = "SELECT n, 'row ' || CAST(n AS varchar) AS name FROM UNNEST(sequence(1, 2500)) AS t (n)"
START = "from salespipe.cli import start; start()"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    with asked.running(folder):
        yield folder


@pytest.fixture
def shop(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shop:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SALESPIPE_HOME", str(home))
    monkeypatch.delenv("SALESPIPE_TARGET", raising=False)
    return Shop(capsys)


def piped(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> Iterator[None]:
    """Commands think that stdout is a terminal of so many columns."""
    with monkeypatch.context() as patch:
        patch.setattr(sys.stdout, "isatty", lambda: True)
        patch.setenv("COLUMNS", str(width))
        patch.setenv("NO_COLOR", "1")
        yield


def golden(name: str, text: str) -> None:
    """Hold a text to a file; GOLDEN=write writes the file anew."""
    if os.environ.get("GOLDEN") == "write":
        (GOLDEN / name).write_bytes(text.encode())
    assert text == (GOLDEN / name).read_bytes().decode()


@pytest.mark.parametrize("name", ["csv", "tsv", "jsonl", "markdown"])
def test_formats_are_as_they_were(shop: Shop, name: str) -> None:
    golden(f"everything.{name}", shop.run("query", asked.EVERYTHING, "--format", name))


def test_json_has_the_rows_and_what_it_took(shop: Shop) -> None:
    told = shop.run("query", asked.EVERYTHING, "--json")
    document = json.loads(told, parse_float=Decimal)
    assert told == shop.run("query", "results", document["id"], "--format", "json")
    took = document["statistics"]
    assert took["rows"] == 4
    assert took["billed_bytes"] == 10 * 2**20
    assert took["usd"] == Decimal("0.000048")
    assert took["total_ms"] >= took["engine_ms"] >= took["planning_ms"]
    golden("everything.json", told.replace(document["id"], "ID").partition(',"statistics"')[0] + "\n")


@pytest.mark.parametrize("width", [80, 200])
def test_tables_fit_their_terminal(shop: Shop, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    from rich.cells import cell_len

    for sql, name in ((FIVE, "five"), (asked.EVERYTHING, "everything")):
        with terminal(monkeypatch, width):
            told = shop.run("query", sql)
        assert max(map(cell_len, told.splitlines())) <= width
        golden(f"{name}-{width}.txt", told)


def test_parquet_and_arrow_keep_types_and_statistics(shop: Shop) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    shop.run("query", asked.EVERYTHING, "-o", "out.parquet")
    shop.run("query", asked.EVERYTHING, "-o", "out.arrow")
    with pa.ipc.open_file("out.arrow") as file:
        tables = [parquet.read_table("out.parquet"), file.read_all()]
    for table in tables:
        took = json.loads(table.schema.metadata[b"salespipe.statistics"])
        assert took["billed_bytes"] == 10 * 2**20
        fields = "".join(f"{field.name}: {field.type}\n" for field in table.schema)
        rows = "".join(f"{list(row.values())}\n" for row in table.to_pylist())
        golden("everything.columns.txt", fields + rows)


@pytest.mark.parametrize(
    ("sql", "rows"),
    [("SELECT 1 AS a WHERE false", []), ("SELECT NULL AS a", [None]), ("SELECT '' AS a", [""])],
)
def test_nothing_and_next_to_nothing_are_files_too(shop: Shop, sql: str, rows: list[str | None]) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    shop.run("query", sql, "-o", "out.parquet")
    shop.run("query", sql, "-o", "out.arrow")
    with pa.ipc.open_file("out.arrow") as file:
        assert [each.to_pydict() for each in (parquet.read_table("out.parquet"), file.read_all())] == [{"a": rows}] * 2
    assert [row["a"] for row in shop.json("query", sql)["rows"]] == rows
    shop.run("query", sql, "-o", "out.jsonl")
    assert Path("out.jsonl").read_text(encoding="utf-8").count("\n") == len(rows)


def test_what_cannot_be_read_back_from_text_can_be_asked_for_as_json(shop: Shop) -> None:
    sql = (
        "SELECT sizes, json_format(CAST(sizes AS json)) AS exact FROM (VALUES ARRAY['a, b'], ARRAY['a', 'b']) t (sizes)"
    )
    rows = shop.json("query", sql)["rows"]
    assert [row["sizes"] for row in rows] == ["[a, b]", "[a, b]"]
    assert sorted(len(json.loads(row["exact"])) for row in rows) == [1, 2]


def test_a_format_without_its_library_names_the_extra(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salespipe.query.formats.columnar.find_spec", lambda _: None)
    shop.run("query", "SELECT 1", "--format", "parquet", expect=2)
    assert "salespipe[arrow]" in shop.err


@pytest.mark.parametrize("name", ["csv", "jsonl", "parquet", "table"])
def test_thousands_of_rows_are_read_from_the_object(shop: Shop, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    calls: list[str] = []
    make = Aws._make

    def counting(aws: Aws, service: str) -> Any:
        client = make(aws, service)
        client.meta.events.register("before-call", lambda model, **_: calls.append(model.name))
        return client

    monkeypatch.setattr(Aws, "_make", counting)
    shop.run("query", MANY, "--format", name, "-o", f"out.{name}")
    assert calls.count("GetQueryResults") == calls.count("GetObject") == 1
    assert "2,500 rows" in shop.err
    if name == "csv":
        assert Path("out.csv").read_text(encoding="utf-8").splitlines()[::2500] == ["n,name", "2500,row 2500"]


@pytest.mark.parametrize("limit", [0, 1, 999, 1000, 1001, 2500, 9999])
def test_a_limit_is_kept(shop: Shop, limit: int) -> None:
    rows = shop.run("query", MANY + " ORDER BY n", "--format", "csv", "--no-header", "--limit", str(limit)).splitlines()
    assert [row.partition(",")[0] for row in rows] == [str(n) for n in range(1, min(limit, 2500) + 1)]


def test_where_the_object_cannot_be_read_pages_are(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = shop.run("query", MANY, "--format", "csv")
    monkeypatch.setattr("salespipe.query.reading._opened", lambda *_: None)
    assert shop.run("query", MANY, "--format", "csv") == whole


def test_a_connection_that_breaks_is_made_again_where_it_broke(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from salespipe.query import reading

    opened = reading._opened

    class Breaking:
        def __init__(self, body: Any) -> None:
            self.body, self.reads = body, 0

        def read(self, _: int) -> bytes:
            self.reads += 1
            if self.reads > 3:
                raise ConnectionResetError
            return bytes(self.body.read(1000))

        def close(self) -> None:
            self.body.close()

    def breaking(*arguments: Any) -> Any:
        answer = opened(*arguments)
        assert answer
        return answer | {"Body": Breaking(answer["Body"])}

    whole = shop.run("query", MANY, "--format", "csv")
    monkeypatch.setattr(reading, "_opened", breaking)
    assert shop.run("query", MANY, "--format", "csv") == whole


def test_sql_comes_from_files_and_pipes(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.sql").write_text("\ufeffSELECT 'file; ' AS a; -- done\n", encoding="utf-8")
    assert shop.run("query", "-f", "a.sql", "--format", "csv") == "a\nfile; \n"
    for words in (["-"], [], ["-f", "-"]):
        piped(monkeypatch, b"SELECT 'pipe' AS a")
        assert shop.run("query", *words, "--format", "csv") == "a\npipe\n"
    assert shop.run("query", "-- since = when?\nSELECT 1 AS a", "--format", "csv") == "a\n1\n"
    shop.run("query", "SELECT 1", "--fromat=a b", expect=2)
    assert "--format" in shop.err
    Path("bad.sql").write_bytes("SELECT\n 'caf\u00e9'".encode("latin1"))
    shop.run("query", "-f", "bad.sql", expect=2)
    assert "line 2 has the byte 0xe9" in shop.err
    shop.run("query", "-f", "none.sql", expect=2)
    shop.run("query", "SELECT 1", "-f", "a.sql", expect=2)
    for nothing in (b"", b" \n;", b"-- nothing"):
        piped(monkeypatch, nothing)
        shop.run("query", expect=2)
        assert "no SQL to run" in shop.err


def test_what_is_no_text_or_has_no_end_is_no_sql(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (["SELECT '\udce9'"], ["SELECT ?", "-p", "\udce9"]):
        shop.run("query", *words, expect=2)
        assert "has the byte 0xe9, which is not UTF-8" in shop.err
    monkeypatch.setattr("salespipe.query.sources._MOST", 100)
    piped(monkeypatch, b"SELECT 1 --" + b"x" * 90)
    shop.run("query", expect=2)
    assert "stdin has more than" in shop.err
    piped(monkeypatch, "SELECT 'caf\u00e9'".encode("latin1"))
    shop.run("query", expect=2)
    assert "fix: iconv -f latin1 -t utf-8, or" in shop.err
    shop.run("query", "SELECT 1 -- " + "x" * 262_144, expect=2)
    assert "Athena takes 262,144" in shop.err


def test_several_statements_have_a_result_each(shop: Shop) -> None:
    told = shop.run("query", "SELECT ? AS a; SELECT 'x;' AS b, ? AS c", "-p", "1", "-p", "O'Hara", "--json")
    documents = [json.loads(line) for line in told.splitlines()]
    assert [document["rows"] for document in documents] == [[{"a": 1}], [{"b": "x;", "c": "O'Hara"}]]
    named = "SELECT :day AS d; SELECT :n + 1 AS n"
    assert shop.run("query", named, "-p", "n=2", "-p", "day=2026-01-01", "--format", "csv") == "d\n2026-01-01\n\nn\n3\n"
    shop.run("query", "SELECT 1; SELECT 2", "-o", "out.csv", expect=2)
    assert "-o takes one result" in shop.err
    shop.run("query", "SELECT 1 AS a; SELECT nothing; SELECT 3 AS b", expect=1)


def test_names_that_come_twice_are_told_apart(shop: Shop) -> None:
    assert shop.json("query", "SELECT 1 AS a, 2 AS a, 3 AS a_2")["rows"] == [{"a": 1, "a_2": 3, "a_3": 2}]


def test_a_file_is_replaced_only_on_purpose_and_whole(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    out = Path("out.csv")
    shop.run("query", "SELECT 1 AS a", "-o", "out.csv")
    assert out.read_text(encoding="utf-8") == "a\n1\n"
    shop.run("query", "SELECT 2 AS a", "-o", "out.csv", expect=2)
    assert "--force" in shop.err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    shop.run("query", "SELECT 2 AS a", "-o", "out.csv", expect=1)
    assert out.read_text(encoding="utf-8") == "a\n1\n"
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    shop.run("query", "SELECT 2 AS a", "-o", "out.csv")
    shop.run("query", "SELECT 3 AS a", "-o", "out.csv", "--force")
    assert out.read_text(encoding="utf-8") == "a\n3\n"
    for nowhere in ("none/out.csv", ".", "/proc/out.csv"):
        shop.run("query", "SELECT 1", "-o", nowhere, expect=2)
    told = shop.json("query", "SELECT 4 AS a", "-o", "out.csv", "--force")
    assert (told["output"], told["format"], told["statistics"]["rows"]) == ("out.csv", "csv", 1)
    assert [path.name for path in Path().iterdir()] == ["out.csv"]


def test_a_disk_that_fills_leaves_what_was_there(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("out.csv").write_text("old", encoding="utf-8")

    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    @contextmanager
    def full(path: Path) -> Iterator[Any]:
        with replacing(path):
            yield Full()

    replacing = destination._replacing
    monkeypatch.setattr(destination, "_replacing", full)
    shop.run("query", "SELECT 1", "-o", "out.csv", "--force", expect=1)
    assert "no room" in shop.err
    assert [(path.name, path.read_text(encoding="utf-8")) for path in Path().iterdir()] == [("out.csv", "old")]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_device_is_told(shop: Shop) -> None:
    for words in (["--format", "csv", "-o", "/dev/full"], ["--stats", "/dev/full"]):
        shop.run("query", MANY, *words, expect=1)
        assert "no room" in shop.err


def test_ten_megabytes_in_a_cell(shop: Shop) -> None:
    sql = "SELECT array_join(repeat('0123456789', 10000), '') AS a"
    big = sql.replace(" AS a", "") + " AS b"
    wide = f"SELECT array_join(repeat(b, 100), '') AS c FROM ({big})"
    assert shop.run("query", wide, "--format", "csv", "--no-header") == "0123456789" * 1_000_000 + "\n"
    table = shop.run("query", wide)
    assert len(table) < 10_000
    assert "… (10,000,000 characters)" in table


def test_what_it_took_goes_to_a_file_too(shop: Shop) -> None:
    shop.run("query", "SELECT 1; SELECT 2", "--format", "csv", "--stats", "took.jsonl")
    took = [json.loads(line) for line in Path("took.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [each["statistics"]["rows"] for each in took] == [1, 1]
    assert took[0]["id"] != took[1]["id"]


def test_an_earlier_result_is_reused_and_free(shop: Shop) -> None:
    first = shop.json("query", "SELECT 'again' AS a")
    again = shop.json("query", "SELECT 'again' AS a", "--reuse", "60m")
    assert first["rows"] == again["rows"]
    assert (again["statistics"]["reused"], again["statistics"]["usd"]) == (True, 0)
    for wrong in ("soon", "8d", "0"):
        shop.run("query", "SELECT 1", "--reuse", wrong, expect=2)
        assert "--reuse" in shop.err


def test_a_query_can_be_left_alone_and_looked_for_later(shop: Shop) -> None:
    query = shop.run("query", "--async", "SELECT 42 AS later").strip()
    assert shop.run("query", "results", query, "--format", "csv") == "later\n42\n"
    assert shop.run("query", "status", query) == "succeeded\n"
    assert shop.json("query", "status", query)["sql"] == "SELECT 42 AS later"
    assert shop.json("query", "history", "--limit", "1")[0]["id"] == query
    assert query in shop.run("query", "history")
    shop.run("query", "-- why\n-- so\nSELECT 43 AS noted -- yes")
    assert "  SELECT 43 AS noted -- yes\n" in shop.run("query", "history", "--limit", "1")
    slow = "SELECT count(*) FROM UNNEST(sequence(1, 5000)) AS a (x), UNNEST(sequence(1, 5000)) AS b (y), "
    slow += "UNNEST(sequence(1, 5000)) AS c (z) WHERE x * y * z % 7 = 1"
    running = shop.json("query", "--async", slow)["id"]
    assert shop.json("query", "cancel", running)["state"] == "CANCELLED"
    shop.run("query", "results", running, expect=1)
    for verb in ("status", "results", "cancel"):
        for unknown in ("no-such-query", "no such query"):
            shop.run("query", verb, unknown, expect=2)
            assert "query history" in shop.err


def test_one_query_of_the_history_is_told_whole(shop: Shop) -> None:
    query = shop.json("query", "--async", "SELECT ?\n  AS told", "-p", "O'Hara")["id"]
    shop.run("query", "results", query)
    told = shop.run("query", "history", query)
    lines = dict(line.split(maxsplit=1) for line in told.partition("\n\n")[0].splitlines())
    assert (lines["id"], lines["state"], lines["scanned"]) == (query, "succeeded", "0 bytes")
    assert lines["billed"] == "10,485,760 bytes"
    assert lines["price"] == "free here (0.000048 USD on AWS)"
    assert lines["parameters"] == "'O''Hara'"
    assert lines["result"].endswith(f"{query}.csv")
    assert told.endswith("\n\nSELECT ?\n  AS told\n")
    document = shop.json("query", "history", query)
    assert (document["parameters"], document["statistics"]["billed_bytes"]) == (["'O''Hara'"], 10_485_760)
    failed = shop.json("query", "--async", "SELECT nothing")["id"]
    shop.run("query", "results", failed, expect=1)
    assert "COLUMN_NOT_FOUND" in shop.run("query", "history", failed)
    shop.run("query", "history", "no-such-query", expect=2)
    assert "salespipe query history" in shop.err


def test_watching_ends_where_nobody_looks(shop: Shop) -> None:
    shop.run("query", "SELECT 1", "--watch", "5s", expect=2)
    assert "--times" in shop.err
    for words in (["--times", "2"], ["--watch", "5s", "--times", "2", "--async"]):
        shop.run("query", "SELECT 1", *words, expect=2)
        assert "--watch" in shop.err
    told = shop.run("query", "SELECT 1 AS a", "--watch", "0.01s", "--times", "3", "--format", "csv")
    assert told == "a\n1\n" * 3


def test_watching_draws_anew_on_a_terminal(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps: list[float] = []

    def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        if sleeps.count(5.0) == 2:
            raise KeyboardInterrupt

    reach = App.aws
    monkeypatch.setattr(App, "aws", lambda app: reach(app).waiting_by(sleep))
    with terminal(monkeypatch, 80):
        told = shop.run("query", "SELECT 1 AS a", "--watch", "5s")
    assert told.split("\x1b[2J\x1b[H") == ["", "a\n─\n1\n", "a\n─\n1\n"]


def test_ctrl_c_stops_the_query_and_says_what_it_cost(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    look = athena.look

    def interrupted(aws: Aws, query: str) -> Any:
        looked.append(query)
        if len(looked) == 1:
            raise KeyboardInterrupt
        return look(aws, query)

    monkeypatch.setattr(athena, "look", interrupted)
    slow = "SELECT count(*) FROM UNNEST(sequence(1, 9000)) AS a (x), UNNEST(sequence(1, 9000)) AS b (y), "
    slow += "UNNEST(sequence(1, 9000)) AS c (z) WHERE x * y * z % 7 = 1"
    shop.run("query", slow, expect=130)
    assert "is cancelled on the server too, after 0 bytes scanned (0 USD on AWS)" in shop.err


def test_ctrl_c_while_it_is_submitted_finds_and_stops_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from salespipe.config import Config
    from salespipe.local import daemon

    server = daemon.find(home)
    assert server
    aws = Aws(Config(), endpoint=server.endpoint)
    client = aws.client("athena")
    submit = client.start_query_execution
    sent: list[str] = []

    def interrupted(**request: Any) -> Any:
        answer = submit(**request)
        sent.append(answer["QueryExecutionId"])
        if len(sent) == 1:
            raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(client, "start_query_execution", interrupted)
    with pytest.raises(StoppedError) as stopped:
        athena.start(aws, "SELECT 'submitted'")
    assert sent == [stopped.value.execution.id] * 2
    assert stopped.value.execution.final


def test_a_reader_that_leaves_ends_it_quietly(home: Path, tmp_path: Path) -> None:
    for name in ("csv", "table", "jsonl"):
        line = f'"{sys.executable}" -m salespipe.cli.main query "$SQL" --format {name} | head -1'
        done = subprocess.run(
            ["/bin/bash", "-o", "pipefail", "-c", line],
            env=os.environ | {"SALESPIPE_HOME": str(home), "SQL": MANY.replace("2500", "9999")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("redirected", "code", "told"),
    [
        (">&-", 0, "1 row"),
        ("2>&-", 0, ""),
        ("<&-", 0, "1 row"),
        ("> /dev/full", 1, "no room"),
        ("--json > /dev/full", 1, "no room"),
        ("--stats /dev/full", 1, "no room"),
        ("--async > /dev/full", 1, "Make room"),
    ],
)
def test_streams_that_are_closed_or_full(home: Path, tmp_path: Path, redirected: str, code: int, told: str) -> None:
    if "full" in redirected and not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    done = subprocess.run(
        ["/bin/bash", "-c", f'"{sys.executable}" -c "{START}" query "SELECT 1 AS a" {redirected}'],
        env=os.environ | {"SALESPIPE_HOME": str(home), "PYTHONUNBUFFERED": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert "Exception ignored" not in done.stderr
    assert told in done.stderr


def test_formats_that_cannot_be_are_usage_errors(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (["--format", "xml"], ["--json", "--format", "csv"], ["-p", "5"]):
        shop.run("query", "SELECT 1", *words, expect=2)
    with terminal(monkeypatch, 80):
        shop.run("query", "SELECT 1", "--format", "parquet", expect=2)


def test_a_verb_without_its_id_is_told_how_it_goes(shop: Shop) -> None:
    shop.run("query", "status", expect=2)
    assert "query status --help" in shop.err
