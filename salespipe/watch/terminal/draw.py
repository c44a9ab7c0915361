"""The whole screen, as a pure function of what is known, where somebody is on it, and its size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from salespipe.watch.model import Window
from salespipe.watch.terminal import chain, charts, figures, helping, layout, notes, words
from salespipe.watch.terminal.lines import Block, Line, Picture, cells, clean, ends, fit, picture, wide

if TYPE_CHECKING:
    from salespipe.watch.model import Board, Snapshot
    from salespipe.watch.terminal.view import View

LEAST: Final = (80, 16)
_CHARTS: Final = 34
_LIVELY: Final = {"good", "worse", "bar"}


def draw(
    snapshot: Snapshot | None,
    view: View,
    width: int,
    height: int,
    *,
    age: float = 0.0,
    unicode: bool = True,
) -> Picture:
    """A picture of exactly ``width`` by ``height`` cells.

    ``age`` is for how many seconds there has been nothing newer. Without ``unicode`` it is ASCII. Of a ``view`` that is
    done it is the last picture: as tall as it needs to be, without keys.
    """
    if width < LEAST[0] or height < LEAST[1]:
        told = f"{width}x{height} is too small: {LEAST[0]}x{LEAST[1]} needed"
        return picture([[(fit(told, width), "warn")]], width, height, unicode=unicode)
    if view.help:
        block = _spaced(helping.page(width), height - 1)
        return picture([*block, helping.foot(view, width)], width, height, unicode=unicode)
    if snapshot is None:
        block = _spaced([[("salespipe watch", "title")], [], [("Reading the stream ...", "")]], height - 1)
        return picture([*block, helping.foot(view, width)], width, height, unicode=unicode)
    top = _top(snapshot, view, width, height, age)
    room = height - len(top) - 1
    below = _business(snapshot, view, width, height, room)
    if view.done:
        block = [*top, *below]
        while not block[-1]:
            block.pop()
        return picture(block, width, min(len(block), height - 1), unicode=unicode)
    block = [*_spaced([*top, *below], height - 1), helping.foot(view, width)]
    return picture(block, width, height, unicode=unicode)


def _top(snapshot: Snapshot, view: View, width: int, height: int, age: float) -> Block:
    """The title, the chain of stages, and what has to be known beside it."""
    where: Line = [(snapshot.pipeline, "title"), (f"  {clean(snapshot.where)}", "dim")]
    at: Line = [(f"{snapshot.at:%Y-%m-%d %H:%M:%S} UTC", "")]
    made = [ends(where, at if view.done else _state(snapshot, view, age), width)]
    spacious = height >= _CHARTS
    if spacious:
        made.append([])
    links = _faded(snapshot, chain.chain(snapshot, width, height))
    told = notes.notes(snapshot, width, age, 5 if spacious else 3 if snapshot.failure else 2)
    made += links if links[-1] or (spacious or not told) else links[:-1]
    made += told
    if spacious:
        if told:
            made.append([])
        made += [notes.summary(snapshot, width), []]
    return made


def _state(snapshot: Snapshot, view: View, age: float) -> Line:
    at = f"{snapshot.at:%H:%M:%S} UTC"
    if snapshot.failure is not None:
        return [(at, ""), ("  ", ""), (f" ◌ stale {words.age(age)} " if age else " ◌ stale ", "alarm")]
    if view.paused:
        return [(at, ""), ("  ", ""), (" paused ", "chosen")]
    if snapshot.reading.filling:
        return [(at, ""), ("  ◌ reading back", "warn")]
    return [(at, ""), ("  ◌ waiting" if age >= 5 else "  ● live", "warn" if age >= 5 else "good")]


def _business(snapshot: Snapshot, view: View, width: int, height: int, room: int) -> Block:
    """What was sold: the choice, figures, charts and lists, in ``room`` lines."""
    board = snapshot.board
    made: Block = [_chosen(board, view, width)]
    if not board.sales.placed and not board.before.placed:
        return [*made, [], *_nothing(board, view)]
    shown = figures.tiles(board, width)
    if height >= _CHARTS:
        shown += [[], *charts.charts(board, snapshot.at, width, 8 if height < 50 else 11), []]
    else:
        shown += charts.sparklines(board, snapshot.at, width, before=height >= 22)
    shown += layout.board_of(board, view, width, room - len(made) - len(shown))
    return made + _faded(snapshot, shown)


def _faded(snapshot: Snapshot, block: Block) -> Block:
    """What is no longer true has no colours that say how well it goes."""
    if snapshot.failure is None:
        return block
    return [[(text, "dim" if style in _LIVELY else style) for text, style in line] for line in block]


def _chosen(board: Board, view: View, width: int) -> Line:
    """A rule that says which windows there are, which is on the screen, and of what it is."""
    windows: Line = []
    for window in Window:
        here = window is view.choice.window
        windows.append((f"[{window}]" if here else f" {window} ", "chosen" if here else "dim"))
    of = " > ".join(_crumbs(board, view)) or "all orders"
    named = f"{words.span(view.choice.window)}: {of}"
    asked = "" if view.choice == board.choice else "  ..."
    room = width - wide(windows) - 10
    of = named if cells(named) <= room else fit(of, room)
    start: Line = [("── ", "dim"), (of, "title"), (asked + " ", "warn")]
    return ends(start, [(" ", ""), *windows, (" ──", "dim")], width, fill="─", style="dim")


def _crumbs(board: Board, view: View) -> list[str]:
    choice = view.choice
    names = {each.key: each.name for each in (*board.top_customers, *board.products)}
    names |= {shelf.product_id: shelf.name for shelf in board.shelves}
    made = [
        f"{what} {clean(names.get(key, key))}"
        for what, key in (
            ("region", choice.region),
            ("channel", choice.channel),
            ("category", choice.category),
            ("product", choice.product),
            ("customer", choice.customer),
        )
        if key is not None
    ]
    return [*made, f"with {clean(choice.text)}"] if choice.text else made


def _nothing(board: Board, view: View) -> Block:
    when = words.span(view.choice.window)
    if view.choice.text or view.trail:
        return [
            [(f"  No such orders in the {when}." if when != "today" else "  No such orders today.", "")],
            [("  escape goes back, 1 to 5 choose another window", "dim")],
        ]
    if board.events:
        return [[(f"  No orders in the {when}.", "")], [("  1 to 5 choose another window", "dim")]]
    return [[("  No orders yet.", "")], [("  salespipe generate --rate 50 writes some", "dim")]]


def _spaced(block: Block, height: int) -> Block:
    return [*block[:height], *([[]] * (height - len(block)))]
