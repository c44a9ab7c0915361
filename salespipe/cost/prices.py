"""List prices, read from ``prices.toml``: a figure, its region, its date and how sure it is."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Price:
    """A list price: ``usd`` for one ``per``. ``as_of`` is the year or month of the source, ISO 8601."""

    name: str
    region: str
    usd: Decimal
    per: str
    as_of: str
    source: str
    certainty: str


def price(name: str, region: str) -> Price | None:
    """The list price of something in a region; None where no source for that region is known.

    Raises ``KeyError`` for a name that has no price anywhere: that is a misspelling, not a gap.
    """
    by_region = _prices()[name]
    return by_region.get(region)


def all_prices() -> tuple[Price, ...]:
    """Every list price there is."""
    return tuple(price for by_region in _prices().values() for price in by_region.values())


@cache
def _prices() -> dict[str, dict[str, Price]]:
    text = resources.files(__package__).joinpath("prices.toml").read_text(encoding="utf-8")
    raw: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    found: dict[str, dict[str, Price]] = {}
    for record in raw["price"]:
        for region in record["regions"]:
            one = Price(
                name=record["name"],
                region=region,
                usd=Decimal(record["usd"]),
                per=record["per"],
                as_of=record["as_of"],
                source=record["source"],
                certainty=record["certainty"],
            )
            if region in found.setdefault(one.name, {}):
                raise ValueError(f"prices.toml gives {one.name} in {region} twice")
            found[one.name][region] = one
    return found
