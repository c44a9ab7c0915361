"""The business: a catalogue, customers, and an order's life. Pure, seeded, the standard library only.

The same code feeds ``salespipe generate`` and the generator Lambda, so nothing here knows AWS.
"""

from salespipe.orders.life import Mix
from salespipe.orders.profiles import PROFILES, Profile, Rhythm
from salespipe.orders.shop import Change, Item, Kind, Shop
from salespipe.orders.stock import Value
from salespipe.orders.world import Product, World, default_world

__all__ = [
    "PROFILES",
    "Change",
    "Item",
    "Kind",
    "Mix",
    "Product",
    "Profile",
    "Rhythm",
    "Shop",
    "Value",
    "World",
    "default_world",
]
