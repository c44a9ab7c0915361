"""Athena's CSV, cut anywhere and full of what CSV is bad at."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from salespipe.query import records
from salespipe.query.model import Column

TEXTS = some.one_of(
    some.none(),
    some.sampled_from(["", '"', '""', ",", "\n", '","', '"\n"', "a,b", "東京 ☕", "\r\n"]),
    some.text(some.characters(exclude_categories=("Cs",))),
)


@given(some.data())
def test_what_is_written_is_read_wherever_it_is_cut(data: some.DataObject) -> None:
    width = data.draw(some.integers(1, 4))
    rows = data.draw(some.lists(some.lists(TEXTS, min_size=width, max_size=width), max_size=12))
    block = records.encode(rows)
    file = io.BytesIO(block)
    size = data.draw(some.integers(1, 40))
    blocks = list(records.whole(iter(lambda: file.read(size), b"")))
    assert b"".join(blocks) == block
    assert [row for each in blocks for row in records.rows(each, width)] == rows
    limit = data.draw(some.integers(0, 14))
    few = records.first(iter(blocks), width, limit)
    assert [row for each in few for row in records.rows(each, width)] == rows[:limit]


@given(some.data())
def test_the_header_goes_whatever_is_in_it(data: some.DataObject) -> None:
    rows = data.draw(some.lists(some.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=6))
    blocks = [records.encode([row]) for row in rows]
    joined = [b"".join(blocks)]
    for cut in (blocks, joined):
        left = b"".join(records.without_header(iter(cut)))
        assert left == b"".join(blocks[1:])


def test_null_is_bare_and_an_empty_text_is_quoted() -> None:
    assert records.cells('"a",,""\n,"",\n') == ["a", None, "", None, "", None]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_the_last_record_needs_no_line_end(end: bytes) -> None:
    block = b"".join(records.whole([b'"a"\n"b"' + end]))
    assert list(records.rows(block, 1)) == [["a"], ["b"]]


def test_what_others_write_without_quotes_is_read_too() -> None:
    assert records.cells("1,a b,\n") == ["1", "a b", None]


def test_a_cell_of_10_mb() -> None:
    text = 'x"\n,' * 2_500_000
    block = records.encode([[text, "b"]])
    (whole,) = records.whole(block[at : at + 2**20] for at in range(0, len(block), 2**20))
    assert list(records.rows(whole, 2)) == [[text, "b"]]


def test_nothing_behind_the_limit_is_read() -> None:
    def blocks() -> object:
        yield b'"1"\n"2"\n'
        raise AssertionError

    assert b"".join(records.first(blocks(), 1, 2)) == b'"1"\n"2"\n'  # type: ignore[arg-type]


def test_values_have_the_types_of_their_columns() -> None:
    kinds = ("bigint", "double", "decimal", "boolean", "varchar", "date")
    columns = [Column(kind, kind) for kind in kinds]
    row = ["9223372036854775807", "1.0E10", "0.10", "true", "", None]
    assert list(records.typed(iter([records.encode([row])]), columns)) == [
        (9223372036854775807, 1e10, Decimal("0.10"), True, "", None)
    ]
