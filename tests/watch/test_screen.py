"""What the live picture looks like: golden texts at three sizes, and what holds at every size."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from flows import NOW
from salespipe.flow.snapshot import Verdict
from salespipe.watch.model import Choice, Customers, Lag, Point, Sales, Slice, Window
from salespipe.watch.terminal import View, draw, press
from salespipe.watch.terminal.lists import Panel
from scenes import SCENES, Scene
from snapshots import KINDS, snapshot

GOLDEN = Path(__file__).parents[1] / "golden" / "watch"


@pytest.mark.parametrize("name", SCENES)
def test_screens_are_as_they_were_when_somebody_looked(name: str) -> None:
    kept = (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")
    assert SCENES[name].picture().text == kept, "python tests/golden/watch/make.py, and look at git diff"


def test_no_golden_screen_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(SCENES)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [80, 93, 109, 110, 131, 159, 160, 223])
def test_every_line_is_as_wide_as_the_terminal(kind: str, width: int) -> None:
    for height in (16, 21, 24, 34, 47, 75):
        for view in (View(), View(panel=Panel.STOCK, row=70, help=height == 24)):
            shown = draw(snapshot(kind), view, width, height, age=8.0)
            assert len(shown.lines) == height
            assert {sum(cell_len(text) for text, _ in line) for line in shown.lines} == {width}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("window", Window)
def test_without_unicode_it_is_ascii_of_the_same_shape(kind: str, window: Window) -> None:
    shown = snapshot(kind, Choice(window=window))
    view = View(choice=Choice(window=window))
    rich, plain = draw(shown, view, 120, 40), draw(shown, view, 120, 40, unicode=False)
    assert plain.text.isascii()
    assert [len("".join(text for text, _ in line)) for line in plain.lines] == [120] * 40
    for one, other in zip(plain.lines, rich.lines, strict=True):
        assert [style for _, style in one] == [style for _, style in other]


def test_texts_of_others_can_neither_move_the_cursor_nor_draw_in_colours() -> None:
    text = draw(snapshot("chaos"), View(panel=Panel.PRODUCTS), 200, 60).text
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[bold]" in text


@pytest.mark.parametrize(("width", "height"), [(79, 24), (80, 15), (20, 4), (1, 1), (5, 50)])
def test_a_terminal_that_is_too_small_says_so_in_one_line(width: int, height: int) -> None:
    lines = draw(snapshot("small"), View(), width, height).text.splitlines()
    assert lines[0].startswith(f"{width}x{height} is"[: width - 1].rpartition(" ")[0])
    assert not any(lines[1:])


def test_the_numbers_are_those_of_the_board() -> None:
    shown = snapshot("small")
    text = draw(shown, View(), 200, 60).text
    sales, customers = shown.board.sales, shown.board.customers
    tiles = text.splitlines()[11:14]
    for value in (f"{sales.revenue:,.2f}", f"{sales.orders:,}", str(sales.average), f"{sales.units:,}"):
        assert value in tiles[1].split()
    for count in (customers.buyers, customers.new, customers.returning, sales.cancelled, sales.returned):
        assert str(count) in tiles[1].split()
    assert f"{100 * customers.new / customers.buyers:.0f}%" in tiles[2].split()
    best = shown.board.products[0]
    row = next(line for line in text.splitlines() if line.startswith("▸" + best.name))
    assert f"{best.sales.revenue:,.2f}" in row
    assert f" {best.sales.orders} " in row


@pytest.mark.parametrize("width", [80, 120, 200])
def test_where_it_is_stuck_is_marked_at_the_first_stage_that_fails(width: int) -> None:
    lines = draw(snapshot("stuck"), View(), width, 40).text.splitlines()
    names = next(line for line in lines if line.startswith(("table", "generator")))
    mark = next(line for line in lines if "stuck here" in line)
    assert "✖ pipe" in names
    assert "✖ stream" not in names
    assert mark.index("↑") == names.index("pipe")
    assert "412 failed in the last 5 minutes, 37 dead letters" in mark
    assert "next: salespipe logs pipe" in lines


def test_the_mark_is_whole_where_the_last_stage_is_the_one() -> None:
    shown = snapshot("small")
    assert shown.flow is not None
    why = "1,214 s old, more than 300 s"
    last = replace(shown.flow.stages[-1], verdict=Verdict.BEHIND, why=why)
    flow = replace(shown.flow, stages=(*shown.flow.stages[:-1], last))
    lines = draw(msgspec.structs.replace(shown, flow=flow), View(), 80, 24).text.splitlines()
    names = next(line for line in lines if line.startswith("table"))
    mark = next(line for line in lines if "behind here" in line)
    assert mark.endswith(f"{why} ↑")
    assert mark.index("↑") == names.index("delivery")
    assert "next: salespipe logs firehose" in lines


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_what_is_stale_says_so_why_and_what_mends_it(width: int, height: int) -> None:
    shown = draw(snapshot("stale"), View(), width, height, age=43.0)
    assert "stale 43 s" in shown.text
    assert "fix:  salespipe local start" in shown.text
    assert "Nothing answers at http://127.0.0.1:4577: Connection was closed before" in shown.text
    assert {style for line in shown.lines for text, style in line if "stale" in text.lower()} == {"alarm"}
    assert not {"good", "bar"} & {style for line in shown.lines for text, style in line if "fix" not in text}
    assert "STALE" not in draw(snapshot("small"), View(), width, height).text


def test_silence_is_told() -> None:
    assert "no news for 12 s" in draw(snapshot("small"), View(), 80, 24, age=12.0).text
    assert "no news" not in draw(snapshot("small"), View(), 80, 24, age=1.0).text


def test_nothing_is_compared_with_a_window_that_was_not_read() -> None:
    shown = snapshot("small")
    part = msgspec.structs.replace(shown.board, filled_since=shown.board.since)
    first = msgspec.structs.replace(shown.board, before=Sales())
    for board in (part, first):
        for height in (24, 40):
            text = draw(msgspec.structs.replace(shown, board=board), View(), 120, height).text
            assert "▲" not in text
            assert "change" not in text
            assert "before" not in text
    lacks = msgspec.structs.replace(shown.board, filled_since=NOW - timedelta(minutes=4))
    text = draw(msgspec.structs.replace(shown, board=lacks), View(), 120, 40).text
    assert "older than 14:28:10" in text
    assert "│······" in text


def test_what_else_is_wrong_is_told() -> None:
    shown = snapshot("chaos")
    assert "1,204 unreadable records, 17 orders without a time" in draw(shown, View(), 80, 24).text
    slow = msgspec.structs.replace(shown.reading, shards=(Lag("s", 214.0, 10.0, throttled=True),))
    text = draw(msgspec.structs.replace(shown, reading=slow), View(), 120, 40).text
    assert "the stream is read 214 s behind" in text
    assert "1 throttled" in text


def test_the_cursor_is_always_to_be_seen() -> None:
    for row in (0, 9, 30, 49):
        shown = draw(snapshot("small"), View(row=row), 80, 24)
        [chosen] = [line for line in shown.lines if line[0] == ("▸", "chosen")]
        assert chosen[1][0].strip() == snapshot("small").board.products[row].name


def test_every_list_can_be_seen_on_the_smallest_screen() -> None:
    view = View()
    for which in Panel:
        assert view.panel is which
        assert f"▸{which}" in draw(snapshot("small"), view, 80, 24).text
        view = press(view, "tab", None)


def test_another_choice_than_the_board_has_is_on_its_way() -> None:
    assert "knife  ..." in draw(snapshot("small"), View(choice=Choice(text="knife")), 80, 24).text
    shown = snapshot("small", Choice(text="knife"))
    assert "..." not in draw(shown, View(choice=Choice(text="knife")), 80, 24).text


def test_the_stock_is_that_of_the_product_that_was_opened() -> None:
    whole = snapshot("small").board
    shelf = next(each for each in whole.shelves if each.on_hand == 0)
    opened = snapshot("small", Choice(product=shelf.product_id))
    every = msgspec.structs.replace(opened, board=msgspec.structs.replace(opened.board, shelves=whole.shelves))
    text = draw(every, View(choice=opened.board.choice, panel=Panel.STOCK), 80, 24).text
    assert "1 out" in text
    assert "0 low" in text
    assert text.count(" out") == 2


def test_names_keep_their_letters_where_accents_cannot_be_written() -> None:
    order = msgspec.structs.replace(snapshot("small").board.latest[0], product="Crème brûlé ﬁ 東", customer="Núñez")
    board = msgspec.structs.replace(snapshot("small").board, latest=(order,))
    shown = msgspec.structs.replace(snapshot("small"), board=board)
    assert "Creme brule ? ??" in draw(shown, View(panel=Panel.LATEST), 200, 60, unicode=False).text


def test_the_axis_is_never_cut() -> None:
    shown = snapshot("small")
    for revenue in (1, 9, 99, 12_345, 112_612, 999_999, 1_126_123, 99_999_999):
        points = (Point(start=shown.board.since, sales=Sales(placed=1, orders=1, revenue=Decimal(15 * revenue))),)
        board = msgspec.structs.replace(shown.board, points=points, points_before=())
        charts = draw(msgspec.structs.replace(shown, board=board), View(), 120, 40).text.splitlines()
        top = next(line for line in charts if "│" in line)
        assert "…" not in top.partition("│")[0]


def test_extreme_numbers_have_room() -> None:
    shown = snapshot("small")
    huge = Sales(placed=10**15, orders=10**15, units=10**16, revenue=Decimal(10**20), cancelled=10**12)
    slice_ = Slice(key="x", name="x", sales=huge, before=Sales(placed=1, orders=1, units=1, revenue=Decimal("0.01")))
    board = msgspec.structs.replace(
        shown.board,
        sales=huge,
        points=(Point(start=shown.board.since, sales=huge),),
        products=(slice_,),
        regions=(slice_,),
        customers=Customers(buyers=10**12, new=10**12, repeating=10**12),
    )
    for width, height in ((80, 24), (120, 40), (200, 60)):
        text = draw(msgspec.structs.replace(shown, board=board), View(), width, height).text
        assert "100000000tn" in text or "100,000,000tn" in text or "tn" in text


def test_before_the_first_snapshot_there_is_a_screen() -> None:
    assert "Reading the stream" in draw(None, View(), 80, 24).text


def test_rich_prints_it_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    shown = SCENES["chaos-120x40"].picture()
    Console(width=120).print(shown, end="")
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == shown.text.splitlines()


def test_the_picture_of_the_readme_is_made_by_a_command(tmp_path: Path) -> None:
    kept = (GOLDEN / "terminal.svg").read_text(encoding="utf-8")
    assert len(kept.encode()) < 150_000
    assert "url(" not in kept.replace("url(#", "")
    made = tmp_path / "watch"
    made.mkdir()
    (made / "make.py").write_text(
        (GOLDEN / "make.py").read_text().replace("HERE.parents[1]", f"Path({str(GOLDEN.parents[1])!r})")
    )
    subprocess.run([sys.executable, made / "make.py"], check=True, timeout=60)
    assert {path.name for path in made.glob("*.txt")} == {f"{name}.txt" for name in SCENES}
    assert "products" in (made / "terminal.svg").read_text(encoding="utf-8")
    assert isinstance(SCENES["small-80x24"], Scene)
