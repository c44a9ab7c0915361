"""The business: a catalogue, customers, and an order's life. Pure, seeded, the standard library only.

The same code feeds ``salespipe generate`` and the generator Lambda, so nothing here knows AWS.
"""

from salespipe.orders.life import Mix
from salespipe.orders.shop import Change, Item, Kind, Shop, Value
from salespipe.orders.world import Product, World, default_world

__all__ = ["Change", "Item", "Kind", "Mix", "Product", "Shop", "Value", "World", "default_world"]
