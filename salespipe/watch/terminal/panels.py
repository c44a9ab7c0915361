"""The lists of the board, each with a title that names its columns and the order that it is in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from salespipe.watch.terminal import columns as columns_
from salespipe.watch.terminal import lists
from salespipe.watch.terminal.lines import Block, Line, cells, left, right

if TYPE_CHECKING:
    from salespipe.watch.model import Board
    from salespipe.watch.terminal.columns import Column
    from salespipe.watch.terminal.lists import Item, Panel
    from salespipe.watch.terminal.view import View

# Orders that everybody expects of a list, and that its title need not name.
_UNSAID: Final = {"time", "left", "size"}


def panel(board: Board, view: View, which: Panel, width: int, height: int, *, focus: bool) -> Block:
    """A list in exactly ``height`` lines, of which the first is its title; the cursor is there with ``focus``."""
    sort = view.sort(which)
    rows = lists.items(board, which, sort)
    room = height - 1
    focus = focus and not view.done
    here = lists.place(rows, view.at, view.row) if focus else 0
    first = max(0, here - room + 1)
    shown = rows[first : first + room]
    columns = _fitted(columns_.of(board, which, sort, shown), width - 2)
    of = f" {first + 1}-{first + len(shown)} of {len(rows)}" if len(shown) < len(rows) else ""
    made = [_title(which, columns, sort, width, focus=focus, of=of)]
    made += [_row(columns, item, chosen=focus and number == here) for number, item in enumerate(shown, first)]
    if not rows:
        made.append([("  none", "dim")])
    return (made + [[]] * (height - len(made)))[:height]


def natural(board: Board, which: Panel) -> int:
    """How many lines a list takes in full, with its title."""
    return 1 + max(1, len(lists.items(board, which, next(iter(lists.sorts(which))))))


def _fitted(wanted: list[Column], width: int) -> list[Column]:
    """As many of the columns as leave room for names, which is a matter of the width alone: nothing jumps."""
    first, kept = wanted[0], wanted[1:]
    need = min(first.width, width * 4 // 9)
    while len(kept) > 1 and width - sum(column.width + 1 for column in kept) < need:
        kept.remove(max(kept, key=lambda column: column.rank))
    return [replace(first, width=max(1, width - sum(column.width + 1 for column in kept))), *kept]


def _title(which: Panel, columns: list[Column], sort: str, width: int, *, focus: bool, of: str) -> Line:
    heads: Line = []
    shown = sort in _UNSAID
    for column in columns[1:]:
        shown = shown or column.head == sort
        text = column.head + ("▾" if column.head == sort else "")
        heads.append((" " + (right(text, column.width) if column.to_right else left(text, column.width)), "dim"))
    name = f"{'▸' if focus else ' '}{which}{'' if shown else f' by {sort}'}"
    room = width - 1 - sum(cells(text) for text, _ in heads)
    if cells(name + of) > room:
        of = ""
    said = left(name, min(room, cells(name)))
    return [(said, "title" if focus else "bold"), (left(of, room - cells(said)), "dim"), *heads, (" ", "")]


def _row(columns: list[Column], item: Item, *, chosen: bool) -> Line:
    line: Line = [("▸" if chosen else " ", "chosen" if chosen else "")]
    for number, column in enumerate(columns):
        text, style = column.cell(item)
        fitted = right(text, column.width) if column.to_right else left(text, column.width)
        line.append((f" {fitted}" if number else fitted, "chosen" if chosen else style))
    return [*line, (" ", "chosen" if chosen else "")]
