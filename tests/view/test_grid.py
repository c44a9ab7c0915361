"""Rows drawn to fit a width."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from salespipe.view.grid import Grid, Heading, fold, showable

TEXT = "The quick brown fox jumps over the lazy dog and goes home"
ADDRESS = "東京都千代田区丸の内一丁目九番地一号"


def drawn(width: int, *rows: list[str | None], names: str = "ab", header: bool = True) -> list[str]:
    headings = [Heading(name, right=name == "n") for name in names]
    return list(Grid(headings, width, header=header).lines(rows))


def test_texts_are_folded_at_spaces_where_the_table_is_too_wide() -> None:
    assert drawn(32, ["1", TEXT], names="na") == [
        "n  a",
        "─  ─────────────────────────────",
        "1  The quick brown fox jumps",
        "   over the lazy dog and goes",
        "   home",
    ]


def test_the_widest_text_gives_way_first() -> None:
    lines = drawn(60, [TEXT, ADDRESS[:8]])
    assert lines[1] == "─" * 42 + "  " + "─" * 16
    assert all(cell_len(line) <= 60 for line in lines)


def test_a_table_that_cannot_fit_becomes_records() -> None:
    lines = drawn(39, *([[ADDRESS, TEXT, None]] * 2), names="abc")
    assert lines[:8] == [
        "── 1 " + "─" * 34,
        "a  東京都千代田区丸の内一丁目九番地一号",
        "b  The quick brown fox jumps over the",
        "   lazy dog and goes home",
        "c  NULL",
        "── 2 " + "─" * 34,
        "a  東京都千代田区丸の内一丁目九番地一号",
        "b  The quick brown fox jumps over the",
    ]


def test_numbers_are_never_cut() -> None:
    lines = drawn(20, ["1234567890123456789012", "x"], names="na")
    assert "1234567890123456789012"[:17] in lines[1]
    assert "".join(line[3:] for line in lines[1:3]) == "1234567890123456789012"


def test_rows_behind_the_sample_are_folded_into_its_widths() -> None:
    lines = drawn(80, *([["a", "b"]] * 1000), ["longer", "b"], names="ab")
    assert lines[-6:] == ["l  b", "o", "n", "g", "e", "r"]


def test_no_names_no_rule() -> None:
    assert drawn(80, ["1", "x"], header=False) == ["1  x"]


def test_no_rows_and_no_columns() -> None:
    assert drawn(80) == ["a  b", "─  ─"]
    assert drawn(80, names="") == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a↵b"),
        ("a\r\nb\rc", "a↵b␍c"),
        ("\x1b[31mred\x07", "␛[31mred␇"),
        ("é\x1b", "é␛"),
        ("abc\u202ecba", "abc\ufffdcba"),
        ("\x9b31m", "\ufffd31m"),
        ("x" * 1001, "x" * 1000 + "… (1,001 characters)"),
    ],
)
def test_a_terminal_obeys_nothing_that_comes_out_of_data(text: str, shown: str) -> None:
    assert showable(text) == shown


@pytest.mark.parametrize("width", [2, 3, 5, 10])
@pytest.mark.parametrize("text", [TEXT, ADDRESS, "👍🏽 a 👩‍👩‍👧 b", "a  b   c"])
def test_folding_loses_nothing_but_spaces(text: str, width: int) -> None:
    lines = fold(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
