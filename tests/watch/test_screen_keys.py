"""Where keys lead, and which keys are in the bytes of a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.watch.model import Choice, Window
from salespipe.watch.terminal import View, press
from salespipe.watch.terminal.keys import Decoder
from salespipe.watch.terminal.lists import Panel, items, key_of, sorts
from snapshots import snapshot

BOARD = snapshot("small").board


def pressed(view: View, *keys: str) -> View:
    for key in keys:
        view = press(view, key, snapshot("small", view.choice).board)
    return view


def test_figures_choose_windows() -> None:
    assert [press(View(), key, None).choice.window for key in "12345"] == list(Window)


def test_space_pauses_and_goes_on() -> None:
    paused = press(View(), " ", BOARD)
    assert paused.paused
    assert press(paused, " ", BOARD) == View()


@pytest.mark.parametrize("key", ["q", "ctrl-c"])
def test_it_ends(key: str) -> None:
    assert press(View(), key, BOARD).done


def test_tab_goes_through_all_lists_and_back() -> None:
    seen, view = [], View()
    for _ in Panel:
        view = press(view, "tab", BOARD)
        seen.append(view.panel)
    assert [*seen[-1:], *seen[:-1]] == list(Panel)
    assert press(View(), "backtab", BOARD).panel is list(Panel)[-1]


def test_the_cursor_stays_within_the_list() -> None:
    last = len(BOARD.products) - 1
    assert pressed(View(), "up").row == 0
    assert pressed(View(), "down", "j", "k").row == 1
    assert pressed(View(), "pagedown", "pagedown").row == 20
    assert pressed(View(), "end", "down").row == last
    assert pressed(View(), "end", "pageup", "home") == View()


def test_the_cursor_goes_along_with_its_row() -> None:
    view = pressed(View(), "down", "down")
    third = key_of(items(BOARD, Panel.PRODUCTS, "revenue")[2])
    assert view.at == third
    moved = snapshot("busy").board
    rows = items(moved, Panel.PRODUCTS, "revenue")
    after = press(view, "down", moved)
    assert key_of(rows[after.row - 1]) == third


def test_enter_opens_a_row_within_what_is_open_and_escape_leads_back() -> None:
    view = pressed(View(), "tab", "tab", "down", "down", "enter")
    region = key_of(items(BOARD, Panel.REGIONS, "revenue")[2])
    assert view.choice == Choice(region=region)
    assert view.panel is Panel.PRODUCTS
    deeper = pressed(view, "down", "enter")
    assert deeper.choice.region == region
    assert deeper.choice.product is not None
    assert pressed(deeper, "3", "escape").choice == Choice(region=region, window=Window.QUARTER)
    assert pressed(deeper, "1", "escape").choice == Choice(region=region, window=Window.MINUTE)
    home = pressed(deeper, "escape", "escape")
    assert (home.choice, home.panel, home.row, home.trail) == (Choice(), Panel.REGIONS, 2, ())


@pytest.mark.parametrize(
    ("panel", "field"),
    [
        (Panel.PRODUCTS, "product"),
        (Panel.MOVERS, "product"),
        (Panel.STOCK, "product"),
        (Panel.REGIONS, "region"),
        (Panel.CHANNELS, "channel"),
        (Panel.CATEGORIES, "category"),
        (Panel.CUSTOMERS, "customer"),
        (Panel.BASKETS, "text"),
        (Panel.LATEST, "text"),
    ],
)
def test_every_list_opens(panel: Panel, field: str) -> None:
    row = items(BOARD, panel, next(iter(sorts(panel))))[0]
    view = press(View(panel=panel), "enter", BOARD)
    assert getattr(view.choice, field) == key_of(row)
    assert snapshot("small", view.choice).board.sales.placed > 0 or panel is Panel.STOCK


def test_what_is_open_already_does_not_open_again() -> None:
    view = pressed(View(), "enter")
    again = pressed(view, *["backtab"] * list(Panel).index(view.panel), "enter")
    assert again.choice == view.choice
    assert len(again.trail) == 1


def test_rows_that_are_about_to_go_do_not_open() -> None:
    view = press(View(), "enter", BOARD)
    assert press(view, "enter", BOARD) is view


def test_an_empty_list_takes_keys() -> None:
    nothing = snapshot("empty").board
    for key in ("down", "enter", "end", "pagedown"):
        assert press(View(), key, nothing).choice == Choice()
        assert press(View(), key, None) == View()


def test_a_filter_is_typed_and_kept() -> None:
    view = pressed(View(), "/", "k", "n", "i", "x", "backspace", "f", "e")
    assert (view.choice.text, view.typing) == ("knife", "")
    kept = pressed(view, "enter")
    assert (kept.choice.text, kept.typing) == ("knife", None)
    assert pressed(kept, "/", "s", "escape").choice.text == "knife"
    assert pressed(kept, "/", "ctrl-u", "enter").choice.text == ""
    assert pressed(kept, "escape").choice.text == ""


def test_keys_are_letters_while_a_filter_is_typed() -> None:
    view = pressed(View(), "/", *"q?s1 /", "tab", "up")
    assert view.choice.text == "q?s1 /"
    assert not view.done
    assert pressed(view, "ctrl-c").done


def test_a_filter_does_not_grow_for_ever() -> None:
    assert len(pressed(View(), "/", *"x" * 500).choice.text) == 60


def test_s_sorts_by_the_next_column_of_that_list() -> None:
    view, names = View(), []
    for _ in sorts(Panel.PRODUCTS):
        names.append(view.sort(Panel.PRODUCTS))
        view = pressed(view, "s")
    assert names == list(sorts(Panel.PRODUCTS))
    assert view.sort(Panel.PRODUCTS) == names[0]
    assert pressed(View(), "S").sort(Panel.PRODUCTS) == names[-1]
    assert pressed(View(), "s").sort(Panel.REGIONS) == "revenue"


def test_each_order_is_what_it_says() -> None:
    by_orders = [each.sales.orders for each in items(BOARD, Panel.PRODUCTS, "orders")]
    assert by_orders == sorted(by_orders, reverse=True)
    names = [each.name for each in items(BOARD, Panel.CUSTOMERS, "name")]
    assert names == sorted(names, key=str.casefold)
    losses = [each.sales.revenue - each.before.revenue for each in items(BOARD, Panel.MOVERS, "loss")]
    assert losses == sorted(losses)
    left = [shelf.on_hand for shelf in items(BOARD, Panel.STOCK, "left")]
    known = [each for each in left if each is not None]
    assert left == sorted(known) + [None] * (len(left) - len(known))


def test_help_ends_with_any_key() -> None:
    assert pressed(View(), "?", "down") == View()
    assert pressed(View(), "?", "q").done


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q", ["q"]),
        (b"\x1b[A\x1b[B\x1bOC\x1b[D", ["up", "down", "right", "left"]),
        (b"\x1b[5~\x1b[6~\x1b[H\x1bOF\x1b[Z", ["pageup", "pagedown", "home", "end", "backtab"]),
        (b"\r\n\t \x7f\x08", ["enter", "enter", "tab", " ", "backspace", "backspace"]),
        ("é東🎁".encode(), ["é", "東", "🎁"]),
        (b"\x1b\x1b[A", ["escape", "up"]),
        (b"\x1b[1;5Ax", ["x"]),
        (b"\x00\x01x", ["x"]),
        (b"\xff\xfex", ["x"]),
    ],
)
def test_bytes_are_keys(data: bytes, keys: list[str]) -> None:
    decoder = Decoder()
    assert decoder.feed(data) == keys
    pieces = Decoder()
    assert [key for at in range(len(data)) for key in pieces.feed(data[at : at + 1])] == keys


def test_escape_alone_is_told_by_the_time_that_passes() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\x1b") == []
    assert decoder.holds
    assert decoder.flush() == ["escape"]
    assert not decoder.holds
    assert decoder.feed(b"\x1b[") == decoder.flush() == []
    assert decoder.feed(b"A") == ["A"]


@given(st.lists(st.binary(max_size=12), max_size=8))
def test_any_bytes_are_taken_however_they_are_cut(pieces: list[bytes]) -> None:
    whole, cut = Decoder(), Decoder()
    keys = [key for piece in pieces for key in cut.feed(piece)]
    assert whole.feed(b"".join(pieces)) == keys
    assert all(key.isprintable() for key in keys)


@given(st.lists(st.sampled_from([*"12345 q?/sSjkgGhpx", "up", "down", "enter", "escape", "tab", "backtab", "end"])))
def test_any_keys_lead_somewhere(keys: list[str]) -> None:
    view = View()
    for key in keys:
        view = press(view, key, BOARD)
    assert view.panel in Panel
    assert len(view.trail) <= len(keys)
