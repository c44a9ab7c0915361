"""The file of rejected rows: whole, written as they come, and fit to be mended and replayed."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from salespipe.errors import Exit, SalespipeError
from salespipe.load.lines import Record
from salespipe.load.mapping import parse_mapping
from salespipe.load.rejects import Rejects, as_json, default_path
from salespipe.load.replay import replay

TEXT = "no,pieces,total\n007,1,10.00\n2,one,10.10\n3,1\n4,2,nan\n"
MAP = parse_mapping("orderid=no,quantity=pieces,amount=total")


def written(tmp_path: Path, content: str | bytes, name: str = "orders.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def run(dynamo: Any, path: Path, **options: Any) -> Any:
    return replay(dynamo.aws(sleep=lambda _: None), path, options.pop("mapping", MAP), **options)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_bad_row_is_there_with_its_reason_and_values(dynamo: Any, tmp_path: Path) -> None:
    rejects = tmp_path / "bad.jsonl"
    summary = run(dynamo, written(tmp_path, TEXT), rejects=rejects)
    assert summary.rejects_file == str(rejects)
    assert lines_of(rejects) == [
        {
            "line": 3,
            "reason": "pieces: 'one' is not a number",
            "format": "csv",
            "values": {"no": "2", "pieces": "one", "total": "10.10"},
        },
        {"line": 4, "reason": "2 fields where the header has 3", "format": "csv", "values": ["3", "1"]},
        {
            "line": 5,
            "reason": "total: 'nan' is not a number",
            "format": "csv",
            "values": {"no": "4", "pieces": "2", "total": "nan"},
        },
    ]


def test_mended_rejects_are_replayed_as_if_they_stood_in_the_file(dynamo: Any, tmp_path: Path) -> None:
    rejects = tmp_path / "bad.jsonl"
    run(dynamo, written(tmp_path, TEXT), rejects=rejects)
    rejects.write_text(rejects.read_text().replace('"one"', '"1"').replace('"nan"', '"0.50"'))
    summary = run(dynamo, rejects, rejects=tmp_path / "worse.jsonl")
    assert (summary.acknowledged, summary.rejected) == (2, 1)
    assert dynamo.items["4"] == {"orderid": {"S": "4"}, "quantity": {"N": "2"}, "amount": {"N": "0.50"}}
    assert lines_of(tmp_path / "worse.jsonl")[0]["values"] == ["3", "1"]


def test_codes_among_the_rejects_of_a_csv_stay_text(dynamo: Any, tmp_path: Path) -> None:
    rejects = tmp_path / "bad.jsonl"
    run(dynamo, written(tmp_path, "orderid,zip,n,quantity\n1,007,5,x\n"), rejects=rejects, mapping=None)
    rejects.write_text(rejects.read_text().replace('"x"', '"3"'))
    run(dynamo, rejects, mapping=None)
    assert dynamo.items["1"] == {
        "orderid": {"S": "1"},
        "zip": {"S": "007"},
        "n": {"N": "5"},
        "quantity": {"N": "3"},
    }


def test_what_json_had_is_kept_to_the_digit(dynamo: Any, tmp_path: Path) -> None:
    bad = '{"orderid": "", "n": 1234567890.12345678901234567890, "l": [1.10, null, true, {"x": "\\u00e9"}]}'
    rejects = tmp_path / "bad.jsonl"
    run(dynamo, written(tmp_path, bad + "\nnot json\n"), rejects=rejects, mapping=None)
    first, second = rejects.read_text().splitlines()
    assert json.loads(first, parse_float=Decimal)["values"] == json.loads(bad, parse_float=Decimal)
    assert (json.loads(second)["values"], json.loads(second)["format"]) == ("not json", "json")
    rejects.write_text(first.replace('"orderid": ""', '"orderid": "a"') + "\n")
    run(dynamo, rejects, mapping=None)
    assert dynamo.items["a"]["n"] == {"N": "1234567890.12345678901234567890"}


def test_bytes_that_are_no_text_do_not_end_it(dynamo: Any, tmp_path: Path) -> None:
    rejects = tmp_path / "bad.jsonl"
    run(dynamo, written(tmp_path, b'orderid,note\n1,caf\xe9\n2,"caf\xe9\n'), rejects=rejects, mapping=None)
    assert [line["line"] for line in lines_of(rejects)] == [2, 3]
    assert run(dynamo, rejects, mapping=None).rejected == 2


def test_a_row_that_dynamodb_refuses_is_among_them(dynamo: Any, tmp_path: Path) -> None:
    def weather(_: int, requests: list[dict[str, Any]]) -> tuple[int, dict[str, Any]] | None:
        if any(request["PutRequest"]["Item"]["orderid"]["S"] == "5" for request in requests):
            return 400, {"__type": "com.amazon.coral.validate#ValidationException", "message": "no fives"}
        return None

    dynamo.weather = weather
    rejects = tmp_path / "bad.jsonl"
    text = "no,pieces,total\n" + "".join(f"{number},{number},1\n" for number in range(30))
    summary = run(dynamo, written(tmp_path, text), rejects=rejects)
    assert (summary.acknowledged, summary.rejected) == (29, 1)
    assert lines_of(rejects) == [
        {"line": 7, "reason": "no fives", "format": "csv", "values": {"no": "5", "pieces": "5", "total": "1"}}
    ]


def test_they_are_there_as_they_come(tmp_path: Path) -> None:
    rejects = Rejects(tmp_path / "bad.jsonl", tmp_path / "orders.csv", "csv")
    rejects.add(Record(2, {"a": "b"}), "why")
    assert len(lines_of(rejects.path)) == 1
    rejects.close()


def test_without_rejects_there_is_no_file_and_an_older_one_is_kept(dynamo: Any, tmp_path: Path) -> None:
    rejects = tmp_path / "bad.jsonl"
    assert run(dynamo, written(tmp_path, "no,pieces,total\n1,1,1\n"), rejects=rejects).rejects_file is None
    assert not rejects.exists()
    rejects.write_text("mine\n")
    run(dynamo, written(tmp_path, TEXT), rejects=rejects)
    assert len(lines_of(rejects)) == 3
    assert rejects.with_name("bad.jsonl~").read_text() == "mine\n"


@pytest.mark.parametrize("name", ["orders.csv", ".", "nowhere/bad.jsonl"])
def test_a_place_that_cannot_be_is_refused_before_anything_is_written(dynamo: Any, tmp_path: Path, name: str) -> None:
    with pytest.raises(SalespipeError) as caught:
        run(dynamo, written(tmp_path, TEXT), rejects=tmp_path / name)
    assert (caught.value.code, caught.value.exit_code) == ("RejectsFile", Exit.USAGE)
    assert dynamo.calls == []


def test_the_file_is_named_after_what_is_replayed() -> None:
    assert default_path(Path("/data/orders.csv.gz")) == Path("orders.csv.gz.rejects.jsonl")
    assert default_path(Path("-")) == Path("stdin.rejects.jsonl")


def test_numbers_that_json_has_not_are_text() -> None:
    assert json.loads(as_json([Decimal("NaN"), Decimal("1.10"), None])) == ["NaN", 1.1, None]
