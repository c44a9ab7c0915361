"""A SQL condition on one row, and what is none."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from salespipe.errors import Exit, SalespipeError
from salespipe.load.lines import Record
from salespipe.load.replay import replay
from salespipe.load.where import Where

ROWS: list[dict[str, Any]] = [
    {"id": "a", "cds": "2", "date": "1997-05-30", "zip": "01234", "note": ""},
    {"id": "b", "cds": "10", "date": "1997-06-01", "zip": "12345", "note": "it's"},
    {"id": "c", "cds": "", "date": "1998-01-01", "zip": "99999", "note": "(x"},
]
COLUMNS = list(ROWS[0])


def chosen(condition: str, rows: list[dict[str, Any]] = ROWS) -> str:
    records = [Record(line, row) for line, row in enumerate(rows, start=2)]
    where = Where(condition, list(rows[0]), records, "orders.csv")
    try:
        return "".join(record.values["id"] for record in records if where.holds(record))
    finally:
        where.close()


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("cds > 2", "b"),
        ("cds > 2 OR cds IS NULL", "bc"),
        ("cds >= '2' AND date < '1997-06-01'", "a"),
        ("cds = '10'", "b"),
        ("cds * 5 = 10", "a"),
        ("date BETWEEN '1997-06-01' AND '1997-12-31'", "b"),
        ("zip LIKE '0%'", "a"),
        ("zip = '01234'", "a"),
        ("note IS NULL", "a"),
        ("note = 'it''s'", "b"),
        ("note = '(x'", "c"),
        ('"CDS" = 2 -- two )', "a"),
        ("(cds > 2) /* ) */ AND (1)", "b"),
        ("id IN ('a', 'c')", "ac"),
        ("substr(date, 1, 4) = '1998'", "c"),
        ("NULL", ""),
        ("cds > 99", ""),
    ],
)
def test_the_rows_that_a_condition_asks_for(condition: str, rows: str) -> None:
    assert chosen(condition) == rows


def test_values_that_have_types_compare_as_they_are() -> None:
    rows = [
        {"id": "a", "n": Decimal("11.77"), "b": True, "d": {"x": [1]}, "big": 10**30},
        {"id": "b", "n": 3, "b": False, "d": {"x": []}, "big": 5},
        {"id": "c"},
    ]
    assert chosen("n = 11.77", rows) == "a"
    assert chosen("n <= 3", rows) == "b"
    assert chosen("b", rows) == "a"
    assert chosen("json_array_length(d, '$.x') = 1", rows) == "a"
    assert chosen("big > 9e29", rows) == "a"


def test_of_columns_that_differ_in_case_the_first_is_meant() -> None:
    assert chosen("a = 1", [{"id": "x", "A": "1", "a": "2"}]) == "x"


def test_names_of_any_kind_can_be_quoted() -> None:
    assert chosen('"the ""day""" = 1 AND "select" = 2', [{"id": "x", 'the "day"': "1", "select": "2"}]) == "x"


@pytest.mark.parametrize(
    ("condition", "message", "hint"),
    [
        ("", "it is empty", ""),
        ("  \n", "it is empty", ""),
        ("cdz > 2", "no such column: cdz; orders.csv has id, cds, date, zip, note", "Did you mean cds?"),
        ('"daet" > 2', "there is no column 'daet'", "Did you mean date?"),
        ("cds >", "syntax error", ""),
        ("cds > 2; DROP TABLE row", "syntax error", ""),
        ("cds > 2)", "parentheses", ""),
        ("(cds > 2", "parentheses", ""),
        ("1) UNION SELECT 1 WHERE (1", "parentheses", ""),
        ("1) LIMIT (1", "parentheses", ""),
        ("cds IN (SELECT cds FROM row)", "without SELECT", ""),
        ("EXISTS (SELECT 1 FROM sqlite_master)", "without SELECT", ""),
        ("sum(cds) > 2", "misuse of aggregate", ""),
        ("note = 'open", "unrecognized token", ""),
        ("/* open", "incomplete input", ""),
        ("nosuch(cds)", "no such function", ""),
        ("cds > ?", "binding", ""),
        ("load_extension('x')", "not authorized", ""),
        ("cds > 2\0", "", ""),
    ],
)
def test_what_is_no_condition_is_refused(condition: str, message: str, hint: str) -> None:
    with pytest.raises(SalespipeError) as caught:
        chosen(condition)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert (caught.value.code, caught.value.exit_code) == ("BadWhere", Exit.USAGE)


def test_a_row_that_a_condition_cannot_be_asked_of_is_rejected(dynamo: Any, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text('orderid,note\n1,"{""a"": 1}"\n2,{\n3,"{""a"": 2}"\n')
    summary = replay(dynamo.aws(), path, where="json_extract(note, '$.a') = 1")
    assert sorted(dynamo.items) == ["1"]
    ((line, reason),) = [(reject.line, reject.reason) for reject in summary.rejects]
    assert line == 3
    assert "--where: malformed JSON" in reason


def test_progress_goes_on_where_no_row_meets_the_condition(dynamo: Any, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("orderid,n\n" + "".join(f"{number},1\n" for number in range(5000)))
    shares: list[float] = []
    now = iter(range(10**6))
    summary = replay(
        dynamo.aws(clock=lambda: next(now)),
        path,
        where="n > 1",
        on_progress=lambda progress: shares.append(progress.done),
    )
    assert (summary.rows, summary.acknowledged, summary.done) == (0, 0, 1.0)
    assert any(0.1 < share < 0.9 for share in shares)
