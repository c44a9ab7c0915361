"""Files as they come: damaged, half written, in other encodings, or something else altogether."""

import csv
import gzip
import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from salespipe.errors import Exit, SalespipeError
from salespipe.load.mapping import parse_mapping, plan
from salespipe.load.records import open_records
from salespipe.load.replay import replay
from salespipe.load.report import LoadError, Reject


def written(tmp_path: Path, content: str | bytes, name: str = "orders.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def run(dynamo: Any, path: Path, mapping: str | None = None, **options: Any) -> Any:
    return replay(dynamo.aws(sleep=lambda _: None), path, parse_mapping(mapping) if mapping else None, **options)


def types(path: Path, mapping: str | None = None) -> dict[str, str]:
    with open_records(path) as records:
        planned = plan(records, parse_mapping(mapping) if mapping else None, "orderid")
        return {column.attribute: column.type for column in planned.columns}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"(\xb5/\xfdrest", "zstd"),
        (b"orderid\0\0\0,\n", "is no text"),
        (gzip.compress(b"\0" * 100, mtime=0), "is no text"),
        (gzip.compress(b"PAR1" + b"\0" * 100, mtime=0), "Parquet packed by gzip"),
        (b'  [\n{"orderid": 1}\n]', "JSON array"),
        (b"order\xe9id,n\n1,2\n", "is not UTF-8"),
        (b'orderid,"name\n1,2\n', "header that cannot be read"),
        (b'{\n  "orderid": 1\n}\n', "no JSON object on any of its first lines"),
        (b"PAR1nonsense", "cannot be read as Parquet"),
    ],
)
def test_what_cannot_be_replayed_is_refused_before_anything_is_written(
    dynamo: Any, tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(SalespipeError, match=message) as caught:
        run(dynamo, written(tmp_path, content))
    assert caught.value.exit_code is Exit.USAGE
    assert dynamo.calls == []


@pytest.mark.parametrize(
    "content", ["orderid,n\n", "orderid,n", "\n\norderid\r\n\r\n", gzip.compress(b"orderid,n\n", mtime=0)]
)
def test_a_header_alone_has_no_rows(dynamo: Any, tmp_path: Path, content: str | bytes) -> None:
    summary = run(dynamo, written(tmp_path, content))
    assert (summary.rows, summary.acknowledged, summary.rejected, summary.done) == (0, 0, 0, 1.0)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le-bom", "utf-8-sig"])
def test_what_windows_writes_can_be_read(dynamo: Any, tmp_path: Path, encoding: str) -> None:
    text = "orderid\tname\r\n1\tJürgen 🙂\r\n"
    content = b"\xff\xfe" + text.encode("utf-16-le") if encoding == "utf-16-le-bom" else text.encode(encoding)
    run(dynamo, written(tmp_path, content))
    assert dynamo.items["1"]["name"] == {"S": "Jürgen 🙂"}


def test_old_line_ends_are_line_ends(dynamo: Any, tmp_path: Path) -> None:
    run(dynamo, written(tmp_path, b"orderid,n\r1,2\r3,4"))
    assert sorted(dynamo.items) == ["1", "3"]


def test_bytes_of_another_encoding_spoil_their_row_alone(dynamo: Any, tmp_path: Path) -> None:
    summary = run(dynamo, written(tmp_path, b"orderid,name\n1,J\xfcrgen\n2,Eva\n"))
    assert summary.rejects == (Reject(2, "1", "the text is not valid Unicode"),)
    assert list(dynamo.items) == ["2"]


def test_a_quote_that_is_never_closed_costs_its_own_line_alone(dynamo: Any, tmp_path: Path) -> None:
    rows = [f"{number},ok" for number in range(2, 5000)]
    rows[1000] = '1002,"5 inch'
    summary = run(dynamo, written(tmp_path, "\n".join(["orderid,note", *rows])))
    assert summary.acknowledged == 4997
    assert [(reject.line, reject.reason) for reject in summary.rejects] == [
        (1002, "a quote is not closed, or a field is too long")
    ]
    assert "1002" not in dynamo.items


def test_many_open_quotes_cost_their_lines(dynamo: Any, tmp_path: Path) -> None:
    text = "orderid,note\n" + "".join(f'{number},"a" b\n{number}x,ok\n' for number in range(300))
    summary = run(dynamo, written(tmp_path, text))
    assert (summary.acknowledged, summary.rejected) == (300, 300)
    assert [reject.line for reject in summary.rejects[:3]] == [2, 4, 6]


def test_a_row_of_several_lines_is_told_by_its_first(dynamo: Any, tmp_path: Path) -> None:
    text = 'orderid,note,quantity\n1,"a\nb\nc",2\n2,"d\ne",many\n3,x\n4,y,1\n'
    summary = run(dynamo, written(tmp_path, text))
    assert dynamo.items["1"]["note"] == {"S": "a\nb\nc"}
    assert [reject.line for reject in summary.rejects] == [5, 7]
    assert sorted(dynamo.items) == ["1", "4"]


def test_a_field_as_large_as_an_item_is_read(dynamo: Any, tmp_path: Path) -> None:
    text = f"orderid,note\n1,{'x' * 400_000}\n2,{'x' * 409_600}\n3,{'x' * 409_601}\n4,y\n"
    summary = run(dynamo, written(tmp_path, text))
    assert sorted(dynamo.items) == ["1", "4"]
    assert [reject.line for reject in summary.rejects] == [3, 4]


def test_many_columns_do_not_flood_a_message(dynamo: Any, tmp_path: Path) -> None:
    names = ["x" * 5000, *(f"c{number}" for number in range(5000))]
    with pytest.raises(SalespipeError, match="and 4,971 more") as caught:
        run(dynamo, written(tmp_path, ",".join(names) + "\n"))
    assert len(caught.value.message) < 500


def test_what_has_no_end_of_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salespipe.load.records.LONGEST", 1000)
    with pytest.raises(SalespipeError, match="a line of more than 1,000 letters"):
        open_records(written(tmp_path, "x" * 1500))
    with open_records(written(tmp_path, "x" * 998 + "\n")) as records:
        assert records.columns == ["x" * 998]


def test_a_delimiter_that_changes_spoils_its_rows(dynamo: Any, tmp_path: Path) -> None:
    summary = run(dynamo, written(tmp_path, "orderid;n;m\n1;2;3\n4,5,6\n7;8,5;9\n"))
    assert sorted(dynamo.items) == ["1", "7"]
    assert [reject.reason for reject in summary.rejects] == ["1 fields where the header has 3"]


def test_a_column_that_is_there_twice_is_refused_if_it_is_wanted(dynamo: Any, tmp_path: Path) -> None:
    path = written(tmp_path, "orderid,day,day,n\n1,a,b,5\n")
    for mapping in (None, "orderid=orderid,created_at=day"):
        with pytest.raises(SalespipeError, match="more than one column 'day'") as caught:
            run(dynamo, path, mapping)
        assert caught.value.exit_code is Exit.USAGE
    summary = run(dynamo, path, "orderid=orderid,n=n")
    assert dynamo.items["1"] == {"orderid": {"S": "1"}, "n": {"N": "5"}}
    assert summary.dropped == ("day",)


def test_a_column_without_a_name_is_left_out(dynamo: Any, tmp_path: Path) -> None:
    summary = run(dynamo, written(tmp_path, ",orderid,n\n0,a,5\n"))
    assert dynamo.items["a"] == {"orderid": {"S": "a"}, "n": {"N": "5"}}
    assert summary.dropped == ("",)


def test_a_gzip_file_that_breaks_off_within_its_first_rows_is_refused(dynamo: Any, tmp_path: Path) -> None:
    with pytest.raises(SalespipeError, match="cannot be decompressed"):
        run(dynamo, written(tmp_path, gzip.compress(b"orderid,n\n1,2\n")[:-9]))


def test_damaged_json_lines_are_kept_apart(dynamo: Any, tmp_path: Path) -> None:
    deep = '{"orderid": "d", "x": ' + "[" * 100_000 + "]" * 100_000 + "}"
    huge = '{"orderid": "h", "x": ' + "9" * 5000 + "}"
    text = f'{{"orderid": "a"}}\n{deep}\n{huge}\n"text"\n{{"orderid": "b", "x": 1e999}}\n{{"orderid": "c"}}'
    summary = run(dynamo, written(tmp_path, text))
    assert sorted(dynamo.items) == ["a", "c"]
    assert [reject.line for reject in summary.rejects] == [2, 3, 4, 5]


def test_a_file_that_changes_while_it_is_read_is_told(dynamo: Any, tmp_path: Path) -> None:
    path = written(tmp_path, "orderid,n\n" + "".join(f"{number},1\n" for number in range(100_000)))

    def append(_: object) -> None:
        with path.open("a") as file:
            file.write("x,1\n")

    with pytest.raises(LoadError, match="was changed while it was read") as caught:
        run(dynamo, path, on_progress=append)
    assert caught.value.summary.acknowledged == len(dynamo.items)


def test_a_pipe_can_be_replayed(dynamo: Any, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    content = gzip.compress(b"orderid,n\n" + b"".join(b"%d,1\n" % number for number in range(5000)))
    feeder = threading.Thread(target=path.write_bytes, args=(content,))
    feeder.start()
    summary = run(dynamo, path)
    feeder.join()
    assert (summary.acknowledged, summary.done) == (5000, None)


def test_standard_input_can_be_replayed(dynamo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, b'{"orderid": "1", "n": 2}\n{"orderid": "2", "n": "x"}\n')
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(file))
        summary = run(dynamo, Path("-"), where="typeof(n) = 'integer'")
        assert (summary.acknowledged, summary.rows, summary.done, summary.resumable) == (1, 1, None, False)
        assert not file.closed


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"limit": 0}, "BadCount"),
        ({"limit": -1}, "BadCount"),
        ({"rate": 0}, "BadRate"),
        ({"workers": 0}, "BadWorkers"),
        ({"workers": 1000}, "BadWorkers"),
        ({"rate": 5, "speed": 60.0}, "RateAndSpeed"),
        ({"time": "day"}, "TimeAlone"),
        ({"speed": 60.0}, "NoTime"),
        ({"speed": 60.0, "time": "dya"}, "NoSuchColumn"),
        ({"where": "dya > 1"}, "BadWhere"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    dynamo: Any, tmp_path: Path, options: dict[str, Any], code: str
) -> None:
    with pytest.raises(SalespipeError) as caught:
        run(dynamo, written(tmp_path, "orderid,day\n1,1997-01-01\n"), **options)
    assert (caught.value.code, caught.value.exit_code) == (code, Exit.USAGE)
    assert dynamo.calls == []


def test_types_are_inferred_from_the_first_rows(tmp_path: Path) -> None:
    text = "orderid,amount,n,zip,code,empty,when\n1,1,1,01234,a,,1997-01-01\n2,2,-2.5,99999,1,,1997-01-02\n"
    assert types(written(tmp_path, text)) == {
        "orderid": "text",
        "amount": "number",
        "n": "number",
        "zip": "text",
        "code": "text",
        "empty": "text",
        "when": "text",
    }
    objects = [
        {"orderid": 1, "n": 1, "m": 1.5, "s": "1", "b": True, "l": [1], "d": {}, "x": 1},
        {"orderid": 2, "x": "a"},
    ]
    lines = "".join(json.dumps(one) + "\n" for one in objects)
    kinds = {"n": "number", "m": "number", "s": "text", "b": "boolean", "l": "list", "d": "map", "x": "mixed"}
    assert types(written(tmp_path, lines, "orders.jsonl")) == {"orderid": "text"} | kinds


def test_a_mapping_may_say_the_type(dynamo: Any, tmp_path: Path) -> None:
    text = "id,zip,when,n,a:text\n1,12345,1997-01-01,7,x\n"
    mapping = "orderid=id,zip=zip:text,when=when:time,n=n:integer,colon=a:text"
    assert types(written(tmp_path, text), mapping) == {
        "orderid": "text",
        "zip": "text",
        "when": "time",
        "n": "integer",
        "colon": "text",
    }
    run(dynamo, written(tmp_path, text), mapping)
    assert dynamo.items["1"] == {
        "orderid": {"S": "1"},
        "zip": {"S": "12345"},
        "when": {"S": "1997-01-01T00:00:00.000Z"},
        "n": {"N": "7"},
        "colon": {"S": "x"},
    }


def test_a_column_of_numbers_stays_one(dynamo: Any, tmp_path: Path) -> None:
    text = "orderid,zip\n" + "".join(f"{number},{10_000 + number}\n" for number in range(1000)) + "x,01234\n"
    summary = run(dynamo, written(tmp_path, text))
    assert summary.acknowledged == 1000
    ((line, key, reason),) = [(reject.line, reject.key, reject.reason) for reject in summary.rejects]
    assert (line, key) == (1002, "x")
    assert "zip: '01234' is not a number like those above it" in reason


def test_csv_reads_what_csv_wrote(dynamo: Any, tmp_path: Path) -> None:
    notes = ['a "quoted" word', "comma, here", "line\nbreak", "carriage\r\nreturn", "'", '"', '""', "a" * 5000]
    path = tmp_path / "orders.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("orderid", "note"), *enumerate(notes)])
    assert run(dynamo, path).acknowledged == len(notes)
    assert [dynamo.items[str(number)]["note"]["S"] for number in range(len(notes))] == notes


@pytest.mark.parametrize(
    "content",
    [
        "orderid,n\n" + "".join(f"{number:04},1\n" for number in range(400)),
        "orderid,n\n" + "".join(f"{number:04},1\n" for number in range(4000)),
        ("orderid,n\n" + "".join(f"{number:04},1\n" for number in range(4000))).encode("utf-16"),
        "".join(f'{{"orderid": "{number:04}"}}\n' for number in range(4000)),
        gzip.compress(("orderid,n\n" + "".join(f"{number:04},1\n" for number in range(400))).encode(), mtime=0),
    ],
    ids=["small", "csv", "utf-16", "json", "gzip"],
)
def test_the_share_is_of_the_rows_that_were_given(tmp_path: Path, content: str | bytes) -> None:
    with open_records(written(tmp_path, content)) as records:
        assert records.share == 0
        shares = [records.share or 0.0 for _ in records]
        assert records.share == 1
    assert shares == sorted(shares)
    assert shares[len(shares) // 2] == pytest.approx(0.5, abs=0.02)
