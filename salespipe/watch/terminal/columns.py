"""What stands in the columns of each list, and which of them give way first where there is little room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from salespipe.view.charts import across
from salespipe.watch.model import Order, Shelf, Slice
from salespipe.watch.terminal import lists, words
from salespipe.watch.terminal.figures import comparable
from salespipe.watch.terminal.lines import Span, clean
from salespipe.watch.terminal.lists import Item, Panel

if TYPE_CHECKING:
    from salespipe.watch.model import Board

_BAR: Final = 8
_MONEY: Final = 9
_GAIN: Final = 10


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its head, its width, and what stands in it; the greater ``rank`` goes first.

    ``width`` of the first, which is of names, is how much of them should be seen before others have room.
    """

    head: str
    width: int
    cell: Callable[[Item], Span]
    rank: int = 0
    to_right: bool = True


def of(board: Board, which: Panel, sort: str, rows: Sequence[Item]) -> list[Column]:
    """The columns of a list of which ``rows`` are seen, from left to right."""
    match which:
        case Panel.MOVERS:
            return _movers(board, rows)
        case Panel.BASKETS:
            return _baskets(board, rows)
        case Panel.LATEST:
            return _latest(board, rows)
        case Panel.STOCK:
            return _stock()
        case _:
            return _sales(board, which, sort, rows)


def _slice(cell: Callable[[Slice], Span]) -> Callable[[Item], Span]:
    return lambda item: cell(item) if isinstance(item, Slice) else ("", "")


def _order(cell: Callable[[Order], Span]) -> Callable[[Item], Span]:
    return lambda item: cell(item) if isinstance(item, Order) else ("", "")


def _shelf(cell: Callable[[Shelf], Span]) -> Callable[[Item], Span]:
    return lambda item: cell(item) if isinstance(item, Shelf) else ("", "")


def _names(width: int) -> Column:
    return Column("", width, _name, to_right=False)


def _name(item: Item) -> Span:
    text = item.product if isinstance(item, Order) else item.name
    return clean(text) or clean(lists.key_of(item)) or "(none)", ""


def _amounts(values: Sequence[Decimal]) -> Callable[[Decimal], str]:
    """How a column of amounts is written: with cents where all of them have room for them."""
    if all(len(words.money(value)) <= _MONEY for value in values):
        return words.money
    return lambda value: words.count(value, _MONEY)


def _sales(board: Board, which: Panel, sort: str, rows: Sequence[Item]) -> list[Column]:
    """Name, bar, revenue, orders (or what it is sorted by), and the change of revenue."""
    slices = [row for row in rows if isinstance(row, Slice)]
    write = _amounts([each.sales.revenue for each in slices])
    greatest = float(max((each.sales.revenue for each in slices), default=Decimal(0)))
    counted = sort if sort in _COUNTS else "orders"
    columns = [
        _names(11 if which in _FEW else 22),
        Column("", _BAR, _slice(lambda each: (across(float(each.sales.revenue), greatest, _BAR), "bar")), 4, False),
        Column("revenue", _MONEY, _slice(lambda each: (write(each.sales.revenue), ""))),
        Column(counted, 6, _slice(_COUNTS[counted]), 1 if sort == counted else 3),
    ]
    if comparable(board):
        columns.append(_change())
    return columns


_FEW: Final = {Panel.REGIONS, Panel.CHANNELS, Panel.CATEGORIES}
_COUNTS: Final[dict[str, Callable[[Slice], Span]]] = {
    "orders": lambda each: (words.count(each.sales.orders, 6), ""),
    "units": lambda each: (words.count(each.sales.units, 6), ""),
    "lost": lambda each: (words.count(each.sales.cancelled + each.sales.returned, 6), ""),
}


def _change() -> Column:
    def cell(each: Slice) -> Span:
        text, style = words.change(each.sales.revenue, each.before.revenue)
        sign, _, number = text.partition(" ")
        return (f"{sign}{number:>5}" if number else text), style  # the signs stand under one another

    return Column("change", 6, _slice(cell), 2)


def _movers(board: Board, rows: Sequence[Item]) -> list[Column]:
    if not comparable(board):
        return _sales(board, Panel.MOVERS, "revenue", rows)
    write = _amounts([each.sales.revenue - each.before.revenue for each in rows if isinstance(each, Slice)])

    def moved(each: Slice) -> Span:
        gain = each.sales.revenue - each.before.revenue
        return ("+" if gain > 0 else "") + write(gain), "good" if gain > 0 else "worse" if gain < 0 else "dim"

    return [_names(22), Column("gain", _GAIN, _slice(moved)), _change()]


def _baskets(board: Board, rows: Sequence[Item]) -> list[Column]:
    units = Column("units", 5, _order(lambda each: (words.count(each.units, 5), "dim")), 2)
    return [*_whose(board), units, _amount(rows), _time(1)]


def _latest(board: Board, rows: Sequence[Item]) -> list[Column]:
    return [*_whose(board), Column("status", 9, _order(_status), 2, False), _amount(rows), _time(1)]


def _whose(board: Board) -> list[Column]:
    """What an order is of, and who bought it where; of one product alone the buyer is what tells orders apart."""
    region = Column("region", 11, _order(lambda each: (clean(each.region), "dim")), 4, False)
    if board.choice.product is not None:
        return [Column("", 16, _order(lambda each: (clean(each.customer) or "(nobody)", "")), 0, False), region]
    return [
        _names(16),
        Column("customer", 17, _order(lambda each: (clean(each.customer), "dim")), 3, False),
        region,
    ]


def _time(rank: int) -> Column:
    return Column("time", 8, _order(lambda each: (f"{each.at:%H:%M:%S}", "dim")), rank)


def _amount(rows: Sequence[Item]) -> Column:
    write = _amounts([each.amount for each in rows if isinstance(each, Order)])
    return Column("amount", _MONEY, _order(lambda each: (write(each.amount), "")))


def _status(order: Order) -> Span:
    return clean(order.status), "warn" if order.status in {"cancelled", "returned"} else "dim"


def _stock() -> list[Column]:
    def level(shelf: Shelf) -> Span:
        return ("-" if shelf.reorder_level is None else words.count(shelf.reorder_level, 7)), "dim"

    return [
        _names(22),
        Column("left", 9, _shelf(_left)),
        Column("sold", 6, _shelf(lambda each: (words.count(each.sold, 6), "")), 1),
        Column("reorder at", 10, _shelf(level), 2),
    ]


def _left(shelf: Shelf) -> Span:
    """What is on hand, and in words where that is nothing, or less than should be."""
    if shelf.on_hand is None:
        return "-", "dim"
    if shelf.on_hand <= 0:
        return "out", "bad"
    if shelf.reorder_level is not None and shelf.on_hand <= shelf.reorder_level:
        return f"low {words.count(shelf.on_hand, 5)}", "warn"
    return words.count(shelf.on_hand, 6), ""
