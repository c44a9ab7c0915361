"""Answers as charts in a terminal of 80 columns, with and without Unicode and colours."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from salespipe.query.model import Column, Result, Statistics
from salespipe.view import charts

TOOK = Statistics(scanned_bytes=0, queue_ms=0, planning_ms=0, engine_ms=0, total_ms=0)
BARS = [("region", "varchar"), ("revenue", "decimal"), ("orders", "bigint"), ("share_percent", "double")]
LINE = [("time", "timestamp"), ("revenue", "double")]
HEAT = [("cohort", "varchar"), ("months_later", "bigint"), ("retained_percent", "double")]


def result(columns: list[tuple[str, str]], *rows: tuple[Any, ...]) -> Result:
    return Result("q", tuple(Column(name, kind) for name, kind in columns), list(rows), TOOK)


def drawn(kind: str, answer: Result, *, encoding: str = "utf-8", width: int = 80) -> list[str]:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding)
    Console(file=out, width=width, highlight=False).print(charts.chart(kind, answer))
    out.flush()
    return raw.getvalue().decode(encoding).splitlines()


def test_bars_are_as_long_as_their_share_and_say_their_number() -> None:
    rows = [("North", Decimal("200.00"), 12, 66.7), ("南", Decimal("100.00"), 6, 33.3), (None, None, 0, 0.0)]
    north, south, nowhere = drawn("bars", result(BARS, *rows))[1:]
    assert north.count("█") == 2 * south.count("█") > 10
    assert "200.00" in north
    assert "66.70%" in north
    assert "█" not in nowhere
    assert cell_len(north.rstrip()) == cell_len(south.rstrip())


def test_bars_of_plain_ascii() -> None:
    lines = drawn("bars", result(BARS, ("North", 2, 1, 1.0), ("South", 1, 1, 1.0)), encoding="ascii")
    assert lines[1].count("#") == 2 * lines[2].count("#") > 10


@pytest.mark.parametrize("kind", ["bars", "line", "heat"])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_nothing_is_wider_than_the_terminal(kind: str, encoding: str) -> None:
    answers = {
        "bars": result(BARS, ("a very long name of a region indeed, of which there is more", 10**12, 3, 50.0)),
        "line": result(LINE, *((f"2026-01-01 00:{n // 60:02d}:{n % 60:02d}.000", float(n)) for n in range(600))),
        "heat": result(HEAT, *(("2026-01", n, 5.0) for n in range(40))),
    }
    assert max(cell_len(line.rstrip()) for line in drawn(kind, answers[kind], encoding=encoding)) <= 80


def test_a_line_has_its_ends_and_its_greatest() -> None:
    lines = drawn("line", result(LINE, ("2026-01-01 00:00:00.000", 0.0), ("2026-01-03 06:00:00.000", 8.0)))
    assert lines[0].strip() == "revenue"
    assert lines[1].startswith("8 │")
    assert lines[1].rstrip().endswith("█")
    assert lines[8].startswith("0 │")
    assert lines[-1].split() == ["2026-01-01", "2026-01-03", "06:00"]


def test_heat_has_its_numbers_where_there_is_no_colour() -> None:
    lines = drawn("heat", result(HEAT, ("2026-01", 0, 100.0), ("2026-01", 1, 40.0), ("2026-02", 0, 100.0)))
    assert [line.split() for line in lines] == [["cohort", "0", "1"], ["2026-01", "100%", "40%"], ["2026-02", "100%"]]


def test_what_is_no_chart_is_a_table() -> None:
    lines = drawn("bars", result([("name", "varchar"), ("note", "varchar")], ("a", "b")))
    assert lines[0].split() == ["name", "note"]


@pytest.mark.parametrize("top", [0.0, -5.0])
def test_nothing_and_less_than_nothing_are_no_bars(top: float) -> None:
    assert charts.across(top, max(top, 0.0), 10) == ""
    assert charts.upright([top], max(top, 0.0), 2) == [" ", " "]


def test_little_is_seen() -> None:
    assert charts.upright([0.001, 1000.0], 1000.0, 2)[1][0] != " "
