"""What is on hand of each product: the stock after the last delivery less what was ordered since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any, Final

from salespipe.watch.model import Shelf
from salespipe.watch.moments import parsed
from salespipe.watch.orders_kept import Kept, Order

# So many are on a board at most.
_MANY: Final = 1000


class _Place:
    """One product's place. ``since`` is the last delivery; ``known`` says whether all orders since were seen."""

    __slots__ = ("known", "level", "name", "since", "sold", "stock")

    def __init__(self, name: str, stock: int, since: int | None, level: int | None) -> None:
        self.name = name
        self.stock = stock
        self.since = since
        self.level = level
        self.sold = 0
        self.known = True


class Shelves:
    """Sums of units by product: an order that is no longer kept one by one stays in them.

    As in the view ``inventory``, a deleted order counts as it last was.
    """

    def __init__(self) -> None:
        self._places: dict[str | None, _Place] = {}

    @property
    def since(self) -> int | None:
        """The earliest of the last deliveries; orders made before it no shelf asks for."""
        return min((place.since for place in self._places.values() if place.since is not None), default=None)

    def stock(self, rows: Iterable[Mapping[str, Any]], kept: Kept) -> None:
        """Take what the reference data says now. Rows without a product or a stock that is a number are left out."""
        places: dict[str | None, _Place] = {}
        new: dict[str | None, _Place] = {}
        for row in rows:
            product, stock, stocked_at = row.get("product_id"), _whole(row.get("stock")), row.get("stocked_at")
            if not isinstance(product, str) or stock is None:
                continue
            since = parsed(stocked_at) if isinstance(stocked_at, str) else None
            name = str(row.get("product_name") or product)
            place = _Place(name, stock, since, _whole(row.get("reorder_level")))
            old = self._places.get(product)
            if old is not None and old.since == since:
                place.sold, place.known = old.sold, old.known
            elif since is not None:
                place.known = kept.gone_before is None or since >= kept.gone_before
                new[product] = place
            places[product] = place
        self._places = places
        self._recount(new, kept)

    @staticmethod
    def _recount(places: Mapping[str | None, _Place], kept: Kept) -> None:
        since = min((place.since for place in places.values() if place.since is not None), default=None)
        if since is None:
            return
        for order in kept.between(since, 1 << 62):
            place = places.get(order.product.id)
            if place is not None and place.since is not None and order.at is not None and order.at >= place.since:
                place.sold += _units(order)

    def add(self, order: Order) -> None:
        """Count an order's units."""
        self._count(order, 1)

    def take(self, order: Order) -> None:
        """Take them back, before anything of the order changes."""
        self._count(order, -1)

    def _count(self, order: Order, sign: int) -> None:
        place = self._places.get(order.product.id)
        if place is not None and order.at is not None and place.since is not None and order.at >= place.since:
            place.sold += sign * _units(order)

    def board(self, filled_since: int, *, dated: bool) -> tuple[Shelf, ...]:
        """The shelves, those first that are emptiest for what they should hold, those that are not known last.

        Without ``dated`` orders, by the time that they were made at, nothing is known.
        """
        found: list[tuple[float, str, int | None, _Place]] = []
        for product, place in self._places.items():
            known = dated and place.known and (place.since is None or place.since >= filled_since)
            on_hand = place.stock - place.sold if known else None
            empty = inf if on_hand is None else on_hand / max(place.level or 1, 1)
            found.append((empty, str(product), on_hand, place))
        found.sort(key=lambda each: each[:2])
        return tuple(
            Shelf(product_id=product, name=place.name, on_hand=on_hand, sold=place.sold, reorder_level=place.level)
            for _, product, on_hand, place in found[:_MANY]
        )


def _units(order: Order) -> int:
    return 0 if order.status.outcome or order.sequence < 0 else order.units


def _whole(value: object) -> int | None:
    """A whole number, however JSON has it; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number)
