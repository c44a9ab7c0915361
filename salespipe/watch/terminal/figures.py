"""The business in figures: what was sold, to whom, what came back, and what is left, each against the window before."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from salespipe.watch.terminal import lists, words
from salespipe.watch.terminal.lines import Block, Span, left

if TYPE_CHECKING:
    from salespipe.watch.model import Board
    from salespipe.watch.terminal.words import Number

_WIDE: Final = 116
_NOTHING: Final[Span] = ("", "")


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure: its label, the value, and what it is compared with, in at least ``width`` cells."""

    label: str
    value: str
    detail: Span
    width: int


def comparable(board: Board) -> bool:
    """Whether there is something to compare with: the window before was read, and anything was ordered in it."""
    return board.filled_since <= board.before_since and board.before.placed > 0


def tiles(board: Board, width: int) -> Block:
    """Three lines: labels, values, and how they have changed."""
    made = _all(board) if width >= _WIDE else _few(board)
    spare, more = divmod(max(0, width - sum(tile.width for tile in made)), len(made))
    widths = [tile.width + spare + (at < more) for at, tile in enumerate(made)]

    def line(spans: list[Span]) -> list[Span]:
        return [(left(text, room - 1) + " ", style) for (text, style), room in zip(spans, widths, strict=True)]

    return [
        line([(tile.label, "dim") for tile in made]),
        line([(tile.value, "bold") for tile in made]),
        line([tile.detail for tile in made]),
    ]


def _few(board: Board) -> tuple[Tile, ...]:
    now, buyers = board.sales, board.customers
    back = (f"{words.count(now.returned, 5)} returned", "warn" if now.returned else "dim")
    return (
        *_sold(board),
        Tile("customers", words.count(buyers.buyers, 9), _share(buyers.new, buyers.buyers, " new"), 11),
        _repeat(board),
        Tile("cancelled", words.count(now.cancelled, 9), back, 15),
        _stock(board),
    )


def _all(board: Board) -> tuple[Tile, ...]:
    now, buyers, before = board.sales, board.customers, board.customers_before
    each = (f"{now.units / now.orders:.1f} an order", "dim") if now.orders else _NOTHING
    return (
        *_sold(board),
        Tile("units", words.count(now.units, 9), each, 13),
        Tile("customers", words.count(buyers.buyers, 9), _against(board, buyers.buyers, before.buyers), 11),
        Tile("new", words.count(buyers.new, 9), _share(buyers.new, buyers.buyers), 10),
        Tile("returning", words.count(buyers.returning, 9), _share(buyers.returning, buyers.buyers), 11),
        _repeat(board),
        Tile("cancelled", words.count(now.cancelled, 9), _share(now.cancelled, now.placed), 11),
        Tile("returned", words.count(now.returned, 9), _share(now.returned, now.placed), 10),
        _stock(board),
    )


def _sold(board: Board) -> tuple[Tile, ...]:
    now, before = board.sales, board.before
    average = now.average
    return (
        Tile("revenue", words.money(now.revenue, 12), _against(board, now.revenue, before.revenue), 13),
        Tile("orders", words.count(now.orders, 8), _against(board, now.orders, before.orders), 9),
        Tile(
            "average",
            "-" if average is None else words.money(average, 9),
            _against(board, average or Decimal(0), before.average or Decimal(0)),
            10,
        ),
    )


def _repeat(board: Board) -> Tile:
    """Those who bought more than once in the window, of all who bought in it."""
    now, before = board.customers, board.customers_before
    value = words.percent(now.repeating, now.buyers)
    if not (comparable(board) and now.buyers and before.buyers):
        return Tile("repeat", value, _NOTHING, 8)
    points = 100 * (now.repeating / now.buyers - before.repeating / before.buyers)
    if abs(points) < 0.5:
        return Tile("repeat", value, ("=", "dim"), 8)
    return Tile(
        "repeat", value, (f"{'▲' if points > 0 else '▼'} {abs(points):.0f} pt", "good" if points > 0 else "worse"), 8
    )


def _stock(board: Board) -> Tile:
    known = [shelf for shelf in lists.shelves(board) if shelf.on_hand is not None]
    if not known:
        return Tile("stock", "-", _NOTHING, 8)
    out = sum(shelf.on_hand is not None and shelf.on_hand <= 0 for shelf in known)
    low = sum(
        shelf.on_hand is not None and shelf.reorder_level is not None and 0 < shelf.on_hand <= shelf.reorder_level
        for shelf in known
    )
    return Tile("stock", f"{out:,} out", (f"{low:,} low", "warn" if low else "dim"), 8)


def _against(board: Board, now: Number, before: Number) -> Span:
    return words.change(now, before) if comparable(board) else _NOTHING


def _share(part: int, whole: int, of: str = "") -> Span:
    return (words.percent(part, whole) + of, "dim") if whole else _NOTHING
