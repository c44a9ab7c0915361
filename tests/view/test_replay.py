"""What a person is told of a replay: what becomes of the columns before it, and what to do after it."""

from pathlib import Path
from typing import Any

import pytest

from salespipe.errors import Exit, SalespipeError
from salespipe.load.mapping import plan
from salespipe.load.records import open_records
from salespipe.load.replayed import Replayed, Taken
from salespipe.load.report import LoadError
from salespipe.view import replay as view
from salespipe.view.screen import Screen

FIGURES: dict[str, Any] = {
    "target_rate": None,
    "achieved_rate": 10.0,
    "acknowledged": 0,
    "inserted": 0,
    "updated": 0,
    "deleted": 0,
    "rejected": 0,
    "retried": 0,
    "throttled": 0,
    "p50_ms": 1.0,
    "p95_ms": 2.0,
    "p99_ms": 3.0,
    "jitter_ms": 0.0,
    "consumed_write_units": 0.0,
    "seconds": 1.0,
    "format": "csv",
    "columns": (Taken("order_no", "orderid", "text"),),
}


def told(capfd: pytest.CaptureFixture[str], **figures: Any) -> tuple[str, Exit]:
    code = view.summarise(Screen(), Replayed(**FIGURES | figures), "orders.csv")
    return capfd.readouterr().err, code


def test_columns_are_shown_with_what_they_become(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("no,pieces,[bold]zip,,note\n1,2,01234,x,y\n")
    with open_records(path) as records:
        mapping = {"orderid": "no", "quantity": "pieces", "zip": "[bold]zip"}
        view.announce(Screen(), plan(records, mapping, "orderid"), records)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "orders.csv is CSV",
        "  no         -> orderid   text",
        "  pieces     -> quantity  integer",
        "  [bold]zip  -> zip       text",
        "  left out: (a column without a name), note",
    ]


def test_when_everything_is_there_it_says_how_to_write_it_again(capfd: pytest.CaptureFixture[str]) -> None:
    err, code = told(capfd, rows=1500, skipped=1500)
    assert "All 1,500 rows are in the table already; --restart writes them again." in err
    assert code is Exit.DONE


def test_when_some_were_there_it_says_how_many(capfd: pytest.CaptureFixture[str]) -> None:
    err, _ = told(capfd, rows=1500, skipped=1000, acknowledged=500)
    assert "1,000 of 1,500 rows were in the table already" in err
    err, _ = told(capfd, rows=1000, skipped=1000, interrupted=True)
    assert "1,000 of 1,000 rows were in the table already" in err


def test_an_interrupted_one_says_how_to_go_on(capfd: pytest.CaptureFixture[str]) -> None:
    err, code = told(capfd, rows=10, acknowledged=10, interrupted=True, resumable=True)
    assert "The same command writes the rest." in err
    assert "the rest" not in told(capfd, rows=10, acknowledged=10, interrupted=True)[0]
    assert code is Exit.INTERRUPTED


def test_one_without_rows_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    err, code = told(capfd)
    assert "There is no row to write in orders.csv." in err
    assert code is Exit.DONE


def test_rejects_are_named_with_what_to_do(capfd: pytest.CaptureFixture[str]) -> None:
    err, code = told(capfd, rows=3, acknowledged=1, rejected=2, rejects_file="orders.csv.rejects.jsonl")
    assert "Rejected rows are in orders.csv.rejects.jsonl" in err
    assert code is Exit.PARTLY


def test_one_that_cannot_go_on_says_what_was_written_and_how_to_go_on(capfd: pytest.CaptureFixture[str]) -> None:
    figures = FIGURES | {"rows": 10, "acknowledged": 7, "resumable": True, "rejects_file": "bad.jsonl"}
    gone = LoadError(SalespipeError("NotDeployed", "There is no table."), Replayed(**figures))

    def fail() -> None:
        with view.following(Screen()):
            raise gone

    with pytest.raises(LoadError):
        fail()
    err = capfd.readouterr().err
    assert "7 writes acknowledged" in err
    assert "The same command writes the rest." in err
    assert "bad.jsonl" in err
