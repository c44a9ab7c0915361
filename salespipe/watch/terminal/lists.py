"""What can be listed of a board, in which order, and what somebody sees who opens a row of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from salespipe.watch.model import Choice, Order, Shelf, Slice

if TYPE_CHECKING:
    from salespipe.watch.model import Board

Item: TypeAlias = Slice | Order | Shelf


class Panel(StrEnum):
    """The lists, in the order in which Tab goes through them."""

    PRODUCTS = "products"
    MOVERS = "movers"
    REGIONS = "regions"
    CHANNELS = "channels"
    CATEGORIES = "categories"
    CUSTOMERS = "customers"
    BASKETS = "largest baskets"
    LATEST = "latest orders"
    STOCK = "stock"


_SLICE_SORTS: Final[dict[str, Callable[[Any], Any]]] = {
    "revenue": lambda each: -each.sales.revenue,
    "orders": lambda each: -each.sales.orders,
    "units": lambda each: -each.sales.units,
    "lost": lambda each: -(each.sales.cancelled + each.sales.returned),
    "name": lambda each: each.name.casefold(),
}
_MOVER_SORTS: Final[dict[str, Callable[[Any], Any]]] = {
    "size": lambda each: -abs(each.sales.revenue - each.before.revenue),
    "gain": lambda each: each.before.revenue - each.sales.revenue,
    "loss": lambda each: each.sales.revenue - each.before.revenue,
}
_BASKET_SORTS: Final[dict[str, Callable[[Any], Any]]] = {
    "amount": lambda each: -each.amount,
    "units": lambda each: -each.units,
}
_LATEST_SORTS: Final[dict[str, Callable[[Any], Any]]] = {"time": lambda each: -each.at.timestamp()}
# What is not known comes last.
_STOCK_SORTS: Final[dict[str, Callable[[Any], Any]]] = {
    "left": lambda each: (each.on_hand is None, each.on_hand or 0, -each.sold),
    "sold": lambda each: -each.sold,
    "name": lambda each: each.name.casefold(),
}


def sorts(panel: Panel) -> dict[str, Callable[[Any], Any]]:
    """The orders that a list may be in, the usual one first."""
    match panel:
        case Panel.MOVERS:
            return _MOVER_SORTS
        case Panel.BASKETS:
            return _BASKET_SORTS
        case Panel.LATEST:
            return _LATEST_SORTS
        case Panel.STOCK:
            return _STOCK_SORTS
        case _:
            return _SLICE_SORTS


def items(board: Board, panel: Panel, sort: str) -> Sequence[Item]:
    """The rows of a list in an order; items that compare alike stay as the board has them."""
    rows: dict[Panel, Sequence[Item]] = {
        Panel.PRODUCTS: board.products,
        Panel.MOVERS: board.movers,
        Panel.REGIONS: board.regions,
        Panel.CHANNELS: board.channels,
        Panel.CATEGORIES: board.categories,
        Panel.CUSTOMERS: board.top_customers,
        Panel.BASKETS: board.largest,
        Panel.LATEST: board.latest,
        Panel.STOCK: shelves(board),
    }
    return sorted(rows[panel], key=sorts(panel)[sort])


def shelves(board: Board) -> Sequence[Shelf]:
    """What is on hand: of the product that was chosen, or of all."""
    wanted = board.choice.product
    return board.shelves if wanted is None else [each for each in board.shelves if each.product_id == wanted]


def key_of(item: Item) -> str:
    """What tells a row from the others of its list."""
    match item:
        case Slice():
            return item.key
        case Order():
            return item.orderid
        case Shelf():
            return item.product_id


def place(rows: Sequence[Item], at: str | None, row: int) -> int:
    """Where the cursor is: on the row that it was put on, wherever that is now; where that is gone, as far down."""
    if at is not None:
        for number, item in enumerate(rows):
            if key_of(item) == at:
                return number
    return max(0, min(row, len(rows) - 1))


_FIELDS: Final = {
    Panel.PRODUCTS: "product",
    Panel.MOVERS: "product",
    Panel.STOCK: "product",
    Panel.REGIONS: "region",
    Panel.CHANNELS: "channel",
    Panel.CATEGORIES: "category",
    Panel.CUSTOMERS: "customer",
}


def opened(choice: Choice, panel: Panel, item: Item) -> Choice:
    """The choice of what a row stands for, within what is chosen already; of an order it is that order alone."""
    field = _FIELDS.get(panel, "text")
    return msgspec.structs.replace(choice, **{field: key_of(item)})


def inside(choice: Choice) -> Panel:
    """The list to look at first when a choice was opened: its products, or the orders where those say it all."""
    alike = choice.product is not None or choice.customer is not None
    return Panel.LATEST if alike else Panel.PRODUCTS
