"""What a shop has before it opens: products, and the people who might buy them."""

from __future__ import annotations

import json
from bisect import bisect
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from salespipe.orders.chances import Weighted, weighted


@dataclass(frozen=True, slots=True)
class Product:
    """An article of the catalogue: its unit price, its stock when a shop opens, and how many days a delivery takes."""

    product_id: str
    name: str
    category: str
    price: Decimal
    stock: int
    lead_days: int


class Customer(NamedTuple):
    """Someone who buys."""

    customer_id: str
    name: str
    region: str


@dataclass(frozen=True)
class World:
    """A catalogue, most popular product first, and a population.

    Customers are derived from their number, so that a population of any size costs nothing and the same number is
    the same person in every run. ``regions`` are names with their shares of the population, whole numbers.
    """

    products: tuple[Product, ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    regions: tuple[tuple[str, int], ...]
    population: int

    def customer(self, number: int) -> Customer:
        """The customer with a number from 0 to ``population`` - 1."""
        # Neighbouring numbers must not share names: Knuth's multiplicative hash spreads them.
        spread = (number * 2654435761) & 0xFFFFFFFF
        first = self.first_names[spread % len(self.first_names)]
        last = self.last_names[(spread >> 9) % len(self.last_names)]
        bounds, regions = self._places
        return Customer(f"c-{number:07d}", f"{first} {last}", regions[bisect(bounds, spread / 2**32)])

    @cached_property
    def _places(self) -> Weighted[str]:
        return weighted(self.regions)

    def to_json(self) -> dict[str, Any]:
        """The world as plain JSON types, prices as text."""
        return {
            "products": [[p.product_id, p.name, p.category, str(p.price), p.stock, p.lead_days] for p in self.products],
            "first_names": list(self.first_names),
            "last_names": list(self.last_names),
            "regions": [list(region) for region in self.regions],
            "population": self.population,
        }

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> World:
        """A world from what ``to_json`` gave."""
        return cls(
            products=tuple(
                Product(number, name, category, Decimal(price), stock, lead_days)
                for number, name, category, price, stock, lead_days in raw["products"]
            ),
            first_names=tuple(raw["first_names"]),
            last_names=tuple(raw["last_names"]),
            regions=tuple((name, share) for name, share in raw["regions"]),
            population=raw["population"],
        )


@cache
def default_world() -> World:
    """The world that ships with the package: made once by ``salespipe.load.world``, seed 1."""
    text = Path(__file__).with_name("world.json").read_text(encoding="utf-8")
    return World.from_json(json.loads(text))
