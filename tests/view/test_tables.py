"""Results on the screen, as a person reads them."""

from __future__ import annotations

import io
from decimal import Decimal

from rich.console import Console

from salespipe.query.athena import Column, Result, Statistics
from salespipe.view import tables
from salespipe.view.results import size


def drawn(result: Result, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(tables.result_table(result))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def result(columns: list[tuple[str, str]], *rows: tuple[object, ...]) -> Result:
    named = tuple(Column(name, kind) for name, kind in columns)
    return Result("q", named, list(rows), Statistics(0, 0, 0, 0, 0))  # type: ignore[arg-type]


def test_numbers_stand_to_the_right_with_every_digit() -> None:
    text = drawn(result([("n", "bigint"), ("m", "decimal")], (1, Decimal("1.50")), (12345, Decimal("2500315.63"))))
    lines = [line.rstrip() for line in text.splitlines()]
    assert lines[-1].endswith("2,500,315.63")
    assert lines[-2].endswith("        1.50")


def test_null_is_not_an_empty_text() -> None:
    text = drawn(result([("a", "varchar"), ("b", "varchar")], ("", None)))
    assert text.count("NULL") == 1


def test_text_that_looks_like_markup_is_text() -> None:
    assert "[bold]50% off[/bold]" in drawn(result([("a", "varchar")], ("[bold]50% off[/bold]",)))


def test_japanese_and_emoji_keep_their_columns() -> None:
    text = drawn(result([("name", "varchar"), ("n", "integer")], ("東京タワー", 1), ("☕ café", 22)))
    ends = {line.rstrip()[-2:] for line in text.splitlines() if line.strip().endswith(("1", "22"))}
    assert ends == {" 1", "22"}


def test_bars_are_shares_of_the_greatest() -> None:
    assert tables.bar(10, 10, 4) == "████"
    assert tables.bar(5, 10, 4) == "██"
    assert tables.bar(1, 8, 1) == "▏"
    assert tables.bar(0, 10, 4) == ""
    assert tables.bar(3, 0, 4) == ""


def test_sizes_are_as_aws_bills_them() -> None:
    assert [size(0), size(999), size(1500), size(10_000_000), size(2.5e12)] == [
        "0 B",
        "999 B",
        "1.5 KB",
        "10 MB",
        "2.5 TB",
    ]
