"""Makes a world with Faker, once: ``python -m salespipe.load.world`` writes the one that ships with ``orders``."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Final

from salespipe.orders import world as shipped
from salespipe.orders.chances import zipf
from salespipe.orders.world import Product, World

LOCALES: Final = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "pl_PL", "sv_SE")
REGIONS: Final = (
    ("Northeast", 17),
    ("Southeast", 19),
    ("Great Lakes", 15),
    ("Plains", 7),
    ("Southwest", 13),
    ("Mountain", 8),
    ("Pacific", 21),
)
STYLES: Final = ("Classic", "Compact", "Everyday", "Nordic", "Studio", "Travel", "Vintage")
# Things sold in a category, and the range of their prices in cents.
CATEGORIES: Final[dict[str, tuple[tuple[str, ...], int, int]]] = {
    "Books": (("Cookbook", "Atlas", "Novel", "Field Guide", "Diary"), 890, 4990),
    "Electronics": (("Headphones", "Speaker", "Keyboard", "Webcam", "Charger", "Monitor"), 1990, 39900),
    "Home": (("Desk Lamp", "Armchair", "Rug", "Clock", "Mirror", "Shelf"), 1490, 24900),
    "Kitchen": (("Kettle", "Skillet", "Mug", "Knife", "Coffee Grinder", "Scale"), 790, 12900),
    "Outdoor": (("Backpack", "Tent", "Bottle", "Headlamp", "Hammock"), 1290, 29900),
    "Sports": (("Yoga Mat", "Football", "Racket", "Jump Rope", "Dumbbell"), 990, 9900),
    "Stationery": (("Notebook", "Fountain Pen", "Pencil Set", "Desk Pad"), 390, 5990),
    "Toys": (("Puzzle", "Kite", "Train Set", "Board Game", "Building Blocks"), 890, 7990),
}
# In stock when a shop opens, all products together: more than a minute's sales at 50 writes a second. Each has 0.3 to
# 2.2 times what its popularity calls for, since buyers err, and no fewer than these.
OPENING: Final = 2000
FEWEST: Final = 8
LEAD_DAYS: Final = (5, 26)


def make_world(seed: int, *, names: int = 150, population: int = 1_000_000) -> World:
    """A world of products, at least ``names`` first and last names from several languages, and seven regions."""
    from faker import Faker

    faker = Faker(list(LOCALES))
    faker.seed_instance(seed)
    chance = Random(seed)  # noqa: S311 (a shop, not a secret)
    things = [
        (category, style, thing)
        for category, (nouns, _, _) in CATEGORIES.items()
        for thing in nouns
        for style in chance.sample(STYLES, 2)
    ]
    chance.shuffle(things)
    popularity = zipf(len(things), 1.0)
    return World(
        products=tuple(
            Product(
                product_id=f"p-{number:04d}",
                name=f"{style} {thing}",
                category=category,
                price=Decimal(chance.randrange(*CATEGORIES[category][1:], 10)).scaleb(-2),
                stock=max(FEWEST, round(chance.randrange(30, 220) * popular / sum(popularity) * OPENING / 100)),
                lead_days=chance.randrange(*LEAD_DAYS),
            )
            for number, ((category, style, thing), popular) in enumerate(zip(things, popularity, strict=True), start=1)
        ),
        first_names=_distinct(faker.first_name, names),
        last_names=_distinct(faker.last_name, names),
        regions=REGIONS,
        population=population,
    )


def _distinct(make: Callable[[], str], count: int) -> tuple[str, ...]:
    found: dict[str, None] = {}
    while len(found) < count:
        found[make()] = None
    return tuple(found)


if __name__ == "__main__":
    keys = (
        f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in make_world(1).to_json().items()
    )
    Path(shipped.__file__).with_name("world.json").write_text("{" + ",\n".join(keys) + "}\n", encoding="utf-8")
