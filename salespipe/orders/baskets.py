"""What customers put into their baskets, where and how they pay: tables of percentages that depend on each other.

Where they buy (channel) decides how they pay and how likely they have a discount; the discount decides how much they
take. A season of trade may change each table, and how much each category is liked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

Shares = tuple[tuple[str, int], ...]

CHANNELS: Final[Shares] = (("web", 52), ("mobile", 33), ("store", 11), ("marketplace", 4))
PAYMENTS: Final[Mapping[str, Shares]] = {
    "web": (("card", 55), ("paypal", 30), ("invoice", 15)),
    "mobile": (("card", 35), ("wallet", 45), ("paypal", 20)),
    "store": (("card", 60), ("cash", 40)),
    "marketplace": (("marketplace", 100),),
}
# The part of the list price that is paid: the app hands out vouchers, a marketplace compares prices.
DISCOUNTS: Final[Mapping[str, Shares]] = {
    "web": (("1.00", 82), ("0.90", 12), ("0.75", 6)),
    "mobile": (("1.00", 75), ("0.90", 18), ("0.75", 7)),
    "store": (("1.00", 92), ("0.90", 5), ("0.75", 3)),
    "marketplace": (("1.00", 66), ("0.90", 22), ("0.75", 12)),
}
# The cheaper, the more of them.
QUANTITIES: Final[Mapping[str, tuple[tuple[int, int], ...]]] = {
    "1.00": ((1, 71), (2, 18), (3, 6), (4, 3), (5, 2)),
    "0.90": ((1, 60), (2, 23), (3, 9), (4, 5), (5, 3)),
    "0.75": ((1, 45), (2, 27), (3, 14), (4, 8), (5, 6)),
    "0.60": ((1, 50), (2, 30), (3, 12), (4, 5), (5, 3)),
}
# Units in a basket on average, roughly: what a shop's buyers reckon with.
UNITS: Final = 1.5

GIFTS: Final[Mapping[str, tuple[tuple[int, int], ...]]] = {
    **QUANTITIES,
    "1.00": ((1, 50), (2, 25), (3, 12), (4, 8), (5, 5)),
    "0.90": ((1, 42), (2, 27), (3, 15), (4, 9), (5, 7)),
    "0.75": ((1, 32), (2, 29), (3, 18), (4, 12), (5, 9)),
}


@dataclass(frozen=True, slots=True)
class Season:
    """How people buy while it lasts.

    ``tastes`` are percentages of a category's usual popularity. In a sale ``featured`` products, others each time, sell
    for ``part`` of their list price only, and ``draw`` percent of the orders are for one of them.
    """

    name: str
    channels: Shares = CHANNELS
    discounts: Mapping[str, Shares] = field(default_factory=lambda: DISCOUNTS)
    quantities: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=lambda: QUANTITIES)
    tastes: Mapping[str, int] = field(default_factory=dict)
    featured: int = 0
    draw: int = 0
    part: str = "0.60"


NORMAL: Final = Season("normal")
# The doors of the store are closed.
NIGHT: Final = Season("night", channels=(("web", 44), ("mobile", 52), ("marketplace", 4)))
EVENING: Final = Season("evening", channels=(("web", 42), ("mobile", 49), ("store", 5), ("marketplace", 4)))
HOLIDAY: Final = Season(
    "holiday",
    channels=(("web", 47), ("mobile", 35), ("store", 14), ("marketplace", 4)),
    quantities=GIFTS,
    tastes={"Toys": 350, "Books": 200, "Electronics": 170, "Kitchen": 130, "Outdoor": 60, "Stationery": 70},
)
SALE: Final = Season(
    "sale", channels=(("web", 38), ("mobile", 57), ("store", 2), ("marketplace", 3)), featured=8, draw=80
)

Basket = tuple[str, str, str, int]


def baskets(season: Season, *, on_sale: bool = False) -> Iterator[tuple[Basket, int]]:
    """Every (channel, payment, part of the list price, quantity) of a season with its weight, in 10^8ths.

    ``on_sale`` is for what a sale features: its price is the sale's.
    """
    for channel, share in season.channels:
        for payment, pays in PAYMENTS[channel]:
            for part, gets in ((season.part, 100),) if on_sale else season.discounts[channel]:
                for quantity, takes in season.quantities[part]:
                    yield (channel, payment, part, quantity), share * pays * gets * takes
